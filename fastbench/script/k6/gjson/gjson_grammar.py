"""The grammar of gjson's paths: texts are cut into steps here, no JSON is looked at.

What a path means depends on what it meets: `#` and queries are steps of arrays, wildcards those of
objects. So each step is cut off when the search arrives there, and remembered by its text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

MODIFIERS: Final = frozenset(
    (
        *("dig", "flatten", "fromstr", "group", "join", "keys", "pretty", "reverse", "this"),
        *("tostr", "ugly", "valid", "values"),
    )
)
_OPENING, _CLOSING = "[({", "])}"
_SPACE = " \t\r\n\v\f"
_PLAIN_SIGNS: Final = frozenset("|#*?\\")
_ESCAPED = re.compile(r'\\(?:(["\\/bfnrt])|u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?)')
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class ObjectStep(NamedTuple):
    """A key, or a pattern of keys; `rest` and `pipe` are None where there is none."""

    part: str
    rest: str | None
    pipe: str | None
    wild: bool


class Query(NamedTuple):
    """What an element must be like: `path operator value`."""

    path: str
    operator: str  # "" where it must only exist
    value: str
    all: bool


class ArrayStep(NamedTuple):
    """An index, `#`, `#.rest`, or a query."""

    part: str
    rest: str | None
    pipe: str | None
    hash: bool  # it has a #, so it is no index
    each: str | None  # the path of `#.path`
    query: Query | None


@lru_cache(maxsize=1024)
def plain(path: str) -> tuple[str, ...] | None:
    """Return the keys and indices of a path that has nothing else, else None."""
    parts = tuple(path.split("."))
    if path.startswith(("!", "..")) or not _PLAIN_SIGNS.isdisjoint(path):
        return None
    return None if any(part[:1] in ("@", "[", "{") for part in parts) else parts


@lru_cache(maxsize=1024)
def object_step(path: str) -> ObjectStep:
    """Cut off a step that meets an object."""
    part, wild, at = "", False, 0
    while at < len(path):
        sign = path[at]
        if sign == "|":
            return ObjectStep(part, None, path[at + 1 :], wild)
        if sign == ".":
            rest = path[at + 1 :]
            if _begins_a_pipe(rest):
                return ObjectStep(part, None, rest, wild)
            return ObjectStep(part, rest, None, wild)
        if sign == "\\":
            part += path[at + 1 : at + 2]
            at += 2
            continue
        wild = wild or sign in "*?"
        part += sign
        at += 1
    return ObjectStep(part, None, None, wild)


@lru_cache(maxsize=1024)
def array_step(path: str) -> ArrayStep:
    """Cut off a step that meets an array."""
    hash_there, each, query, at = False, None, None, 0
    while at < len(path):
        sign = path[at]
        if sign == "|":
            return ArrayStep(path[:at], None, path[at + 1 :], hash_there, each, query)
        if sign == ".":
            rest = path[at + 1 :]
            if not hash_there and _begins_a_pipe(rest):
                return ArrayStep(path[:at], None, rest, hash_there, each, query)
            return ArrayStep(path[:at], rest, None, hash_there, each, query)
        if sign == "#":
            hash_there = True
            if at == 0 and path[1:2] == ".":
                each = path[2:]
            elif at == 0 and path[1:2] in ("(", "["):
                query, at = _query(path)
        at += 1
    return ArrayStep(path, None, None, hash_there, each, query)


def _query(path: str) -> tuple[Query, int]:
    """Return the query that a path begins with, and where its last sign stands."""
    at, begin, depth, escapes = 2, 0, 1, False
    while at < len(path):
        sign = path[at]
        if depth == 1 and not begin and sign in "!=<>%":
            begin = at
        elif sign == "\\":
            at += 1
        elif sign in "[(":
            depth += 1
        elif sign in "])":
            depth -= 1
            if not depth:
                break
        elif sign == '"':
            end = _quote_end(path, at)
            escapes = escapes or "\\" in path[at:end]
            at = end
        at += 1
    if depth:  # it has no end: then anything that exists will do
        return Query("", "", "", False), len(path)
    takes_all = path[at + 1 : at + 2] == "#"
    if not begin:
        return Query(path[2:at].strip(_SPACE), "", "", takes_all), at
    operator, value = _operator(path[begin:at].strip(_SPACE))
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = unescaped(value[1:-1]) if escapes else value[1:-1]
    return Query(path[2:begin].strip(_SPACE), operator, value, takes_all), at


def _operator(text: str) -> tuple[str, str]:
    size = 1
    if len(text) > 1:
        if text[:2] in ("!=", "!%", "<=", ">="):
            size = 2
        elif text[:2] == "==":
            text = text[1:]
        elif text[0] == "!":
            size = 0
    return text[:size], text[size:].strip(_SPACE)


def unescaped(text: str) -> str:
    """Undo the escapes of JSON; the text ends before one that is none."""
    found, at = "", 0
    while True:
        sign = text.find("\\", at)
        if sign < 0:
            return found + text[at:]
        found += text[at:sign]
        match = _ESCAPED.match(text, sign)
        if match is None:
            return found
        at = match.end()
        if match[1] is not None:
            found += _SIGNS.get(match[1], match[1])
            continue
        code = int(match[2], 16)
        if 0xD800 <= code < 0xE000:
            pair = match[0].encode("ascii").decode("unicode_escape")
            found += pair.encode("utf-16", "surrogatepass").decode("utf-16", "replace")[:1]
            continue
        found += chr(code)
        at = match.start() + 6


def _begins_a_pipe(path: str) -> bool:
    """Tell whether a step after a point is as one after a pipe."""
    if path[:1] == "@":
        return re.split(r"[.|:]", path[1:], maxsplit=1)[0] in MODIFIERS
    return path[:1] in ("[", "{") and path != ""


@lru_cache(maxsize=1024)
def split_pipe(path: str) -> tuple[str, str] | None:
    """Cut a path at its first pipe that is not within a query."""
    if "|" not in path:
        return None
    if path.startswith("{"):
        end = len(balanced(path))
        return (path[:end], path[end + 1 :]) if path[end : end + 1] == "|" else None
    at = 0
    while at < len(path):
        if path[at] == "\\":
            at += 1
        elif path[at] == "|":
            return path[:at], path[at + 1 :]
        elif path[at : at + 2] == ".#":
            at += 2
            if path[at : at + 1] in ("[", "("):
                at += len(balanced(path[at:])) - 1
        at += 1
    return None


def balanced(text: str) -> str:
    """Return the bracketed or quoted part that a text begins with, all of it without an end."""
    if text[0] == '"':
        return text[: _quote_end(text, 0) + 1]
    depth, at = 1, 1
    while at < len(text):
        if text[at] == '"':
            at = _quote_end(text, at)
        elif text[at] in _OPENING:
            depth += 1
        elif text[at] in _CLOSING:
            depth -= 1
            if not depth:
                return text[: at + 1]
        at += 1
    return text


def _quote_end(text: str, at: int) -> int:
    """Return where the string that begins at `at` has its last sign."""
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" else 1
    return min(at, len(text))


@lru_cache(maxsize=1024)
def multipath(path: str) -> tuple[tuple[tuple[str, str], ...] | None, str]:
    """Return the (name, path) of each part of `[…]` or `{…}`, and what follows it.

    The name is "" where none is given; the parts are None where the brackets have no end.
    """
    found: list[tuple[str, str]] = []
    depth, colon, begin, at, modifier = 1, 0, 1, 1, False
    while at < len(path):
        sign = path[at]
        if sign == "\\":
            at += 1
        elif sign == "@":
            modifier = modifier or path[at - 1] in ".|"
        elif sign == ":":
            if not (modifier or colon) and depth == 1:
                colon = at
        elif sign == '"':
            at = _quote_end(path, at)
        elif sign in _OPENING:
            depth += 1
        elif sign in _CLOSING or (sign == "," and depth == 1):
            depth -= sign != ","
            if not depth or sign == ",":
                name = path[begin:colon] if colon else ""
                found.append((name, path[colon + 1 if colon else begin : at]))
                colon, begin, modifier = 0, at + 1, False
            if not depth:
                return tuple(found), path[at + 1 :]
        at += 1
    return None, ""


def last_name(path: str) -> str:
    """Return the name that a part of a multipath without one has in the object."""
    last = re.split(r"(?<!\\)[.|]", path)[-1]
    return "_" if re.search(r"[\[\]{}()#|!\x00-\x1f]", last) else last


def argument(path: str) -> tuple[str, str, str]:
    """Cut a path that begins with `@` into name, argument and what follows."""
    match = re.match(r"@([^:|.]*)(:?)", path, re.DOTALL)
    assert match is not None
    rest = path[match.end() :]
    if not match[2] or not rest:
        return match[1], "", rest
    if rest[0] in '{["':
        given = balanced(rest)
        return match[1], given, rest[len(given) :]
    at = 0
    while at < len(rest) and rest[at] != "|":
        at += len(balanced(rest[at:])) if rest[at] in '{["(' else 1
    return match[1], rest[:at], rest[at:]
