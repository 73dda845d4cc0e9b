"""Values of JSON, with the text they were written as where a path asks for that (`@tostr`).

A value is a dict, list, str, bool, None, int or float, or MISSING. What `exact()` reads knows its
own text; of what is put together the text is written without spaces, as gjson does.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

MISSING: Final = object()

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
      ([{}\[\],:])
    | "((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*)"
    | (-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    | (true|false|null)
    )""",
    re.VERBOSE,
)
_CONSTANTS = {"true": True, "false": False, "null": None}
_AS_GO = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


class RawObject(dict[str, Any]):
    """An object that knows its text, and its pairs with those whose key is there twice."""

    __slots__ = ("pairs", "raw")
    raw: str
    pairs: list[tuple[str, Any]]


class RawList(list[Any]):
    """An array that knows its text."""

    __slots__ = ("raw",)
    raw: str


class RawText(str):
    """A string that knows its text."""

    __slots__ = ("raw",)
    raw: str


class RawNumber(float):
    """A number that knows its text."""

    __slots__ = ("raw",)
    raw: str


def object_of(pairs: list[tuple[str, Any]], raw: str | None = None) -> RawObject:
    """Make an object in which the first of several values of a key counts."""
    found = RawObject()
    for name, value in pairs:
        found.setdefault(name, value)
    found.pairs = pairs
    found.raw = object_text(pairs) if raw is None else raw
    return found


def pairs_of(value: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return the pairs of an object, in their order."""
    return value.pairs if isinstance(value, RawObject) else list(value.items())


def exact(text: str) -> Any:
    """Read JSON; the value knows its text. Raises ValueError, also for one nested too deeply."""
    try:
        value, end = _read(text, 0)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None
    if text[end:].strip(" \t\r\n"):
        raise ValueError(f"something follows the JSON at character {end}")
    if isinstance(value, RawObject | RawList | RawText | RawNumber):
        value.raw = text
    return value


def _read(text: str, at: int) -> tuple[Any, int]:
    match = _TOKEN.match(text, at)
    if match is None:
        raise ValueError(f"no JSON at character {at}")
    sign, string, number, constant = match.groups()
    end = match.end()
    if string is not None:
        return _text(string), end
    if number is not None:
        value = RawNumber(number)
        value.raw = number
        return value, end
    if constant is not None:
        return _CONSTANTS[constant], end
    if sign == "[":
        return _read_list(text, end)
    if sign == "{":
        return _read_object(text, end)
    raise ValueError(f"no value at character {match.start(1)}")


def _text(string: str) -> RawText:
    raw = f'"{string}"'
    said = json.loads(raw) if "\\" in string else string
    value = RawText(said.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    value.raw = raw
    return value


def _next(text: str, at: int, *signs: str) -> tuple[str, int]:
    match = _TOKEN.match(text, at)
    if match is None or match[1] not in signs:
        raise ValueError(f"none of {' '.join(signs)} at character {at}")
    return match[1], match.end()


def _ends(text: str, at: int, sign: str) -> int:
    """Return where an empty array or object ends, 0 where it has something in it."""
    match = _TOKEN.match(text, at)
    return match.end() if match is not None and match[1] == sign else 0


def _read_list(text: str, begin: int) -> tuple[RawList, int]:
    found = RawList()
    at, sign = _ends(text, begin, "]"), ""
    if not at:
        at = begin
        while sign != "]":
            value, at = _read(text, at)
            found.append(value)
            sign, at = _next(text, at, ",", "]")
    found.raw = text[begin - 1 : at]
    return found, at


def _read_object(text: str, begin: int) -> tuple[RawObject, int]:
    pairs: list[tuple[str, Any]] = []
    at, sign = _ends(text, begin, "}"), ""
    if not at:
        at = begin
        while sign != "}":
            key, at = _read(text, at)
            if not isinstance(key, RawText):
                raise ValueError(f"no key at character {at}")
            _, at = _next(text, at, ":")
            value, at = _read(text, at)
            pairs.append((key, value))
            sign, at = _next(text, at, ",", "}")
    return object_of(pairs, text[begin - 1 : at]), at


def text_of(value: Any) -> str:
    """Return the text of a value, "" of one that is missing."""
    if isinstance(value, RawObject | RawList | RawText | RawNumber):
        return value.raw
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).translate(_AS_GO)
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return object_text(pairs_of(value))
    return json.dumps(value)


def object_text(pairs: list[tuple[str, Any]]) -> str:
    """Return the text of an object."""
    return f"{{{','.join(f'{text_of(name)}:{text_of(value)}' for name, value in pairs)}}}"
