"""Frozen dataclasses to JSON-ready values and back; what does not fit is named by its path.

The types are the description: int, float, str, bool, `X | None`, tuple[X, ...], tuple[X, Y],
Literal, Any, Mapping[str, X],
nested dataclasses, and Annotated[str, choices] or Annotated[str, choices, {old: new}], where
an older writer used another word. Numbers are at most GREATEST and, but for `Signed`, not
negative; every field must be there but those marked LATER or SPARSE, which have a default: older
writers did not know them. Names we do not know are ignored: a newer writer may add some.
"""

from __future__ import annotations

import json
import math
import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, partial
from typing import Annotated, Any, Literal

_SIGNED = "signed"
Signed = Annotated[float, _SIGNED]  # a number that may be negative

LATER = {"later": True}  # metadata of a field that came after the first version of a document
SPARSE = {**LATER, "sparse": True}  # and that is not written where it is empty

GREATEST = 1e100  # nothing that is measured; in another unit, or squared, it is finite still

_Reader = Callable[[Any, str], Any]  # of a value and its path; raises DocumentError
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
        return json.loads(data, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(error.doc.rstrip())
        cut = cut or error.msg.startswith("Unterminated string")
        how = "it is cut off" if cut else "it is not JSON"
        raise DocumentError(f"{how} in line {error.lineno}, column {error.colno}") from None
    except UnicodeDecodeError:
        raise DocumentError("it is not JSON, not even text") from None
    except DocumentError:
        raise
    except (RecursionError, ValueError):
        raise DocumentError("it is not a result: nested too deeply, or a number too long") from None


def _no_number(word: str) -> None:
    """Refuse what is no JSON: Python reads NaN and Infinity (json.loads)."""
    raise DocumentError(f"it is not JSON: {word} is no number")


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
    return _reader(kind)(value, path)


def _reader(kind: Any) -> _Reader:
    """Return what reads values of a type, as `read` does: to look at a type takes the most time."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated and inner[1] == _SIGNED:
        return partial(_scalar, inner[0], least=-math.inf)
    if origin is Annotated:
        return partial(_chosen, inner[0], inner[1], inner[2] if len(inner) > 2 else {})
    if origin is Literal:
        return lambda value, path: value if value in inner else _scalar(kind, value, path)
    if origin in (types.UnionType, typing.Union):
        some = _reader(inner[0])
        return lambda value, path: None if value is None else some(value, path)
    if origin is Mapping:
        return partial(_mapping, _reader(inner[1]))
    if origin is tuple:
        readers = [_reader(each) for each in inner if each is not ...]
        return partial(_items, readers, inner[-1] is not ...)
    return partial(_fields if is_dataclass(kind) else _scalar, kind)


def _chosen(
    kind: Any, choices: Collection[str], older: Mapping[str, str], value: object, path: str
) -> Any:
    text = _scalar(kind, value, path)
    text = older.get(text, text)
    if text not in choices:
        raise DocumentError(f"{path}: {_shown(text)} is none of {', '.join(choices)}")
    return text


def _mapping(reader: _Reader, value: object, path: str) -> dict[str, Any]:
    return {key: reader(item, _join(path, key)) for key, item in members(value, path).items()}


def _items(readers: list[_Reader], fixed: bool, value: object, path: str) -> Any:
    if not isinstance(value, list):
        return _scalar(tuple, value, path)  # which refuses it
    # One of another length than it should have is its reader's business.
    whole = fixed and len(readers) == len(value)
    pairs = enumerate(zip(readers if whole else readers[:1] * len(value), value, strict=True))
    return tuple(reader(item, f"{path}[{at}]") for at, (reader, item) in pairs)


def due_in(kind: Any, value: object, path: str = "") -> list[str]:
    """Return the fields of a dataclass that are to be read: all but LATER ones that are missing."""
    there = members(value, path)
    return [name for name, later in _names(kind) if not later or name in there]


@cache
def _names(kind: Any) -> list[tuple[str, bool]]:
    """Return the names of the fields of a dataclass, and whether each came later."""
    return [(part.name, part.metadata in (LATER, SPARSE)) for part in fields(kind)]


def _fields(kind: Any, value: object, path: str) -> Any:
    readers = _readers(kind)
    names = due_in(kind, value, path)
    return kind(
        **{name: readers[name](member(value, name, path), _join(path, name)) for name in names}
    )


@cache
def _readers(kind: Any) -> dict[str, _Reader]:
    """Return what reads each field of a dataclass."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return {part.name: _reader(hints[part.name]) for part in fields(kind)}


def _scalar(kind: Any, value: Any, path: str, *, least: float = 0) -> Any:
    if kind in (object, Any) or (kind in (str, bool) and isinstance(value, kind)):
        return value
    if kind in (int, float) and not isinstance(value, bool):
        number = isinstance(value, int) or (kind is float and isinstance(value, float))
        if number and not max(least, -GREATEST) <= value <= GREATEST:  # NaN neither
            raise DocumentError(f"{path}: {value} is out of range")
        if number:
            return kind(value)
    raise DocumentError(f"{path}: expected {_EXPECTED.get(kind, 'a list')}, got {_shown(value)}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
