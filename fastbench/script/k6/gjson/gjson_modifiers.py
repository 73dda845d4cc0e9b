"""The modifiers that gjson has built in: `@name` or `@name:argument`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastbench.script.k6.gjson import gjson_pretty
from fastbench.script.k6.gjson.gjson_values import (
    MISSING,
    RawNumber,
    exact,
    object_of,
    pairs_of,
    text_of,
)

Get = Callable[[Any, str], Any]


def modified(value: Any, name: str, given: str, get: Get) -> Any:
    """Return what a modifier makes of a value, which may be MISSING."""
    if name == "dig":
        return _dug(value, given, get)
    if name == "tostr":
        return text_of(value)
    if name == "fromstr":
        return _from_text(value)
    if name in ("pretty", "ugly"):
        return _written(value, name, given)
    change = _CHANGES.get(name)
    return value if change is None else change(value, given)


def _dug(value: Any, path: str, get: Get) -> list[Any]:
    """Collect what a path points at, from here and from everywhere below."""
    found = [] if value is MISSING or (here := get(value, path)) is MISSING else [here]
    if isinstance(value, dict | list):
        below = [each for _, each in pairs_of(value)] if isinstance(value, dict) else value
        for each in below:
            found += _dug(each, path, get)
    return found


def _from_text(value: Any) -> Any:
    """Read the JSON that a string holds; other values are as they are, null is nothing."""
    if not isinstance(value, str):
        return MISSING if value is None else value
    try:
        return exact(value)
    except ValueError:
        return MISSING


def _written(value: Any, name: str, given: str) -> Any:
    if value is MISSING:
        return MISSING
    if name == "ugly":
        return exact(gjson_pretty.without_spaces(value))
    options = {} if not given else _options(given)
    return exact(gjson_pretty.pretty(value, options))


def _options(given: str) -> dict[str, Any]:
    try:
        read = exact(given)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _set(given: str, name: str) -> bool:
    value = _options(given).get(name)
    if isinstance(value, str):
        return value.lower() in ("1", "t", "true")
    return bool(value) and isinstance(value, bool | RawNumber)


def _reversed(value: Any, _: str) -> Any:
    if isinstance(value, list):
        return value[::-1]
    return object_of(pairs_of(value)[::-1]) if isinstance(value, dict) else value


def _flattened(value: Any, given: str) -> Any:
    if not isinstance(value, list):
        return value
    deep = _set(given, "deep")
    found: list[Any] = []
    for each in value:
        if isinstance(each, list):
            found += _flattened(each, given) if deep else each
        else:
            found.append(each)
    return found


def _joined(value: Any, given: str) -> Any:
    if not isinstance(value, list):
        return value
    pairs = [pair for each in value if isinstance(each, dict) for pair in pairs_of(each)]
    return object_of(pairs if _set(given, "preserve") else list(dict(pairs).items()))


def _keys(value: Any, _: str) -> list[Any]:
    if isinstance(value, dict):
        return [name for name, _ in pairs_of(value)]
    if value is MISSING:
        return []
    return [None] * (len(value) if isinstance(value, list) else 1)


def _values(value: Any, _: str) -> list[Any]:
    if isinstance(value, dict):
        return [each for _, each in pairs_of(value)]
    if value is MISSING:
        return []
    return value if isinstance(value, list) else [value]


def _grouped(value: Any, _: str) -> Any:
    """Make a list of objects of an object of lists."""
    if not isinstance(value, dict):
        return MISSING
    rows: list[list[tuple[str, Any]]] = []
    for name, column in pairs_of(value):
        for number, each in enumerate(column if isinstance(column, list) else ()):
            if number == len(rows):
                rows.append([])
            rows[number].append((name, each))
    return [object_of(row) for row in rows]


_CHANGES: dict[str, Callable[[Any, str], Any]] = {
    "flatten": _flattened,
    "group": _grouped,
    "join": _joined,
    "keys": _keys,
    "reverse": _reversed,
    "values": _values,
}
