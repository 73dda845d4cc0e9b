"""Arguments of a language without many types, as the parameters of PostgreSQL's queries have them.

A driver of Go sends them as text, so that `5` may stand for a text and `"5"` for a number; asyncpg
takes values of the very type alone.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any


def converted(args: Sequence[object], types: Sequence[str]) -> tuple[object, ...]:
    """Return arguments for parameters of these types of pg_type; raises ValueError.

    None stays, and so does what belongs to a type that is not known here.
    """
    return tuple(
        value if value is None or at >= len(types) else _one(value, types[at])
        for at, value in enumerate(args)
    )


def text_of(value: object) -> str:
    """Return a value as JavaScript and Go write it: 1.0 is 1, True is true."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _one(value: object, name: str) -> object:
    if name in _WHOLE:
        return _whole(value)
    if isinstance(value, str) and name in _READS:
        return _READS[name](value)
    if name in _TEXTS:
        return text_of(value)
    if name in ("float4", "float8") and isinstance(value, int):
        return float(value)
    if name == "numeric" and isinstance(value, int | float):
        return Decimal(text_of(value))
    if name == "bytea" and isinstance(value, list):
        return bytes(value)
    return value


def _whole(value: object) -> object:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return int(value) if isinstance(value, str) else value


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word in ("t", "true", "y", "yes", "on", "1"):
        return True
    if word in ("f", "false", "n", "no", "off", "0"):
        return False
    raise ValueError(f"invalid input syntax for type boolean: {text!r}")


_WHOLE = frozenset(("int2", "int4", "int8", "oid"))
_TEXTS = frozenset(
    ("text", "varchar", "bpchar", "name", "citext", "json", "jsonb", "uuid", "unknown")
)
_READS: Mapping[str, Callable[[str], Any]] = {
    "bool": _truth,
    "float4": float,
    "float8": float,
    "numeric": Decimal,
    "bytea": str.encode,
    "date": lambda text: datetime.date.fromisoformat(text[:10]),
    "time": datetime.time.fromisoformat,
    "timestamp": lambda text: datetime.datetime.fromisoformat(text).replace(tzinfo=None),
    "timestamptz": datetime.datetime.fromisoformat,
}
