"""Frozen dataclasses to JSON-ready values and back; what does not fit is named by its path.

The types are the description: int, float, str, bool, `X | None`, tuple[X, ...], tuple[X, Y],
Literal, Any, Mapping[str, X],
nested dataclasses, and Annotated[str, choices] or Annotated[str, choices, {old: new}], where
an older writer used another word. Numbers are finite and, but for `Signed`, not
negative; every field must be there but those marked LATER or SPARSE, which have a default: older
writers did not know them. Names we do not know are ignored: a newer writer may add some.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Annotated, Any

_SIGNED = "signed"
Signed = Annotated[float, _SIGNED]  # a number that may be negative

LATER = {"later": True}  # metadata of a field that came after the first version of a document
SPARSE = {**LATER, "sparse": True}  # and that is not written where it is empty

_EMPTY: tuple[object, ...] = (None, "", {})  # a 0 is something
_EXPECTED = {str: "a text", bool: "true or false", int: "a whole number", float: "a number"}


class DocumentError(ValueError):
    """A document that is not what it says; the sentence names the field."""


def parsed(data: bytes) -> object:
    """Return the value of JSON in UTF-8, with or without a mark, or UTF-16 or UTF-32 (RFC 8259).

    Raises DocumentError that says where it is broken.
    """
    if not data.strip():
        raise DocumentError("the file is empty")
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip())
        cut = cut or error.msg.startswith("Unterminated string")
        how = "it is cut off" if cut else "it is not JSON"
        raise DocumentError(f"{how} in line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise DocumentError("it is not JSON, not even text") from None
    except (RecursionError, ValueError):
        raise DocumentError("it is not a result: nested too deeply, or a number too long") from None


def plain(value: Any) -> Any:
    """Turn dataclasses, tuples and mappings into what JSON knows."""
    if is_dataclass(value):
        return {
            part.name: plain(found)
            for part in fields(value)
            if (found := getattr(value, part.name)) not in _EMPTY or part.metadata != SPARSE
        }
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return value


def members(value: object, path: str) -> dict[str, Any]:
    """Return the members of a JSON object. Raises DocumentError for anything else."""
    if not isinstance(value, dict):
        raise DocumentError(f"{path or 'document'}: expected an object, got {_shown(value)}")
    return value


def member(value: object, name: str, path: str = "") -> Any:
    """Return one member of the object at `path`. Raises DocumentError if it is missing."""
    found = members(value, path)
    if name not in found:
        raise DocumentError(f"{_join(path, name)} is missing")
    return found[name]


def read(kind: Any, value: object, path: str) -> Any:
    """Check a value against a type and build it. Raises DocumentError."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated and inner[1] == _SIGNED:
        return _scalar(inner[0], value, path, least=-math.inf)
    if origin is typing.Annotated:
        text = read(inner[0], value, path)
        text = inner[2].get(text, text) if len(inner) > 2 else text
        if text not in inner[1]:
            raise DocumentError(f"{path}: {_shown(text)} is none of {', '.join(inner[1])}")
        return text
    if origin is typing.Literal and value in inner:
        return value
    if origin in (types.UnionType, typing.Union):
        return None if value is None else read(inner[0], value, path)
    if origin is Mapping:
        return {key: read(inner[1], v, _join(path, key)) for key, v in members(value, path).items()}
    if origin is tuple and isinstance(value, list):
        # One of another length than it should have is its reader's business.
        whole = inner[-1] is not ... and len(inner) == len(value)
        pairs = enumerate(zip(inner if whole else inner[:1] * len(value), value, strict=True))
        return tuple(read(each, item, f"{path}[{at}]") for at, (each, item) in pairs)
    if is_dataclass(kind):
        return _fields(kind, value, path)
    return _scalar(kind, value, path)


def due_in(kind: Any, value: object, path: str = "") -> list[str]:
    """Return the fields of a dataclass that are to be read: all but LATER ones that are missing."""
    there = members(value, path)
    return [
        part.name
        for part in fields(kind)
        if part.metadata not in (LATER, SPARSE) or part.name in there
    ]


def _fields(kind: Any, value: object, path: str) -> Any:
    hints = typing.get_type_hints(kind, include_extras=True)
    names = due_in(kind, value, path)
    return kind(
        **{name: read(hints[name], member(value, name, path), _join(path, name)) for name in names}
    )


def _scalar(kind: Any, value: Any, path: str, *, least: float = 0) -> Any:
    if kind in (object, Any) or (kind in (str, bool) and isinstance(value, kind)):
        return value
    if kind in (int, float) and not isinstance(value, bool):
        number = isinstance(value, int) or (kind is float and isinstance(value, float))
        if number and not (math.isfinite(value) and value >= least):
            raise DocumentError(f"{path}: {value} is out of range")
        if number:
            return kind(value)
    raise DocumentError(f"{path}: expected {_EXPECTED.get(kind, 'a list')}, got {_shown(value)}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
