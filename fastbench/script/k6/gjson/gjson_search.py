"""Look for what a path of gjson points at in a value of JSON.

A search goes on behind a key that leads nowhere, as gjson's does: `a*.id` is the first `id` in any
object whose key begins with a. What stands behind a pipe is looked for in the result as a whole,
so a search hands on the pipe that it met on its way.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fastbench.script.k6.gjson import gjson_grammar, gjson_modifiers
from fastbench.script.k6.gjson.gjson_grammar import ArrayStep, Query
from fastbench.script.k6.gjson.gjson_values import MISSING, RawText, exact, object_of, pairs_of

_TRUE = frozenset(("1", "t", "true"))
_FALSE = frozenset(("0", "f", "false"))
_CONSTANTS: dict[str, Any] = {"true": True, "false": False, "null": None}


def select(value: Any, path: str) -> Any:
    """Return what the path points at, or MISSING."""
    steps = gjson_grammar.plain(path)
    return get(value, path) if steps is None else follow(value, steps)


def follow(value: Any, steps: tuple[str, ...]) -> Any:
    """Return what keys and indices lead to, or MISSING."""
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step, MISSING)
        elif isinstance(value, list) and step.isdecimal() and step.isascii():
            index = int(step)
            value = value[index] if index < len(value) else MISSING
        else:
            return MISSING
    return value


def get(value: Any, path: str) -> Any:
    """Return what a path of any kind points at, or MISSING."""
    if len(path) > 1:
        if path[0] in "@!":
            changed = _modified(value, path) if path[0] == "@" else _literal(path)
            if changed is not None:
                value, rest = changed
                return get(value, rest[1:]) if rest[:1] in ("|", ".") and rest else value
        elif path[0] in "[{":
            parts, rest = gjson_grammar.multipath(path)
            if parts is not None and (not rest or rest[0] in "|."):
                made = _joined(value, parts, path[0] == "{")
                return get(made, rest[1:]) if rest else made
            path = rest
    search = _Search()
    if path.startswith(".."):
        search.in_array([] if value is MISSING else [value], path[2:])
    else:
        search.within(value, path)
    return search.value if search.pipe is None else get(search.value, search.pipe)


def _modified(value: Any, path: str) -> tuple[Any, str] | None:
    name, given, rest = gjson_grammar.argument(path)
    if name not in gjson_grammar.MODIFIERS:
        return None
    return gjson_modifiers.modified(value, name, given, get), rest


def _joined(value: Any, parts: tuple[tuple[str, str], ...], is_object: bool) -> Any:
    found = [(name, path, get(value, path)) for name, path in parts]
    there = [each for each in found if each[2] is not MISSING]
    if not is_object:
        return [_finite(each) for _, _, each in there]
    return object_of(
        [
            (_name(name) if name else gjson_grammar.last_name(path), _finite(each))
            for name, path, each in there
        ]
    )


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity; within what is put together they are null."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _name(name: str) -> str:
    if name[0] == '"':
        try:
            read = exact(name)
        except ValueError:
            return name
        return read if isinstance(read, RawText) else name
    return name


def _literal(path: str) -> tuple[Any, str] | None:
    """Return the value after a `!`, and what follows it; None where it is none."""
    text = path[1:]
    if text[0] in "{[":
        said = gjson_grammar.balanced(text)
        try:
            return exact(said), text[len(said) :]
        except ValueError:
            return MISSING, text[len(said) :]
    if text[0] == '"':
        said = gjson_grammar.balanced(text)
        return gjson_grammar.unescaped(said[1:].removesuffix('"')), ""
    if text[0] in "+-0123456789":
        return number(re.split(r"[\x00- ,\]}]", text, maxsplit=1)[0]), ""
    end = re.search(r"[|.]", text)
    word, rest = (text, "") if end is None else (text[: end.start()], text[end.start() :])
    if word in _CONSTANTS:
        return _CONSTANTS[word], rest
    return (float(word), rest) if word.lower() in ("nan", "inf") else None


def number(text: str) -> float:
    """Return the number that a text is, 0 where it is none."""
    try:
        return 0.0 if "_" in text or text != text.strip() else float(text)
    except ValueError:
        return 0.0


class _Search:
    """One way through a value: what was found so far, and the pipe that follows it."""

    __slots__ = ("pipe", "value")

    def __init__(self) -> None:
        self.value: Any = MISSING
        self.pipe: str | None = None

    def within(self, value: Any, path: str) -> bool:
        """Search an object or an array; tell whether the search has ended."""
        if isinstance(value, dict):
            return self.in_object(value, path)
        return isinstance(value, list) and self.in_array(value, path)

    def in_object(self, value: dict[str, Any], path: str) -> bool:
        step = gjson_grammar.object_step(path)
        if step.pipe is not None:
            self.pipe = step.pipe
        if step.wild:
            matches = pattern(step.part)
            found = [each for name, each in pairs_of(value) if matches(name)]
        else:
            found = [value[step.part]] if step.part in value else []
        if step.rest is None:
            if found:
                self.value = found[0]
            return bool(found)
        return any(self.within(each, step.rest) for each in found)

    def in_array(self, values: list[Any], path: str) -> bool:
        step = gjson_grammar.array_step(path)
        if step.pipe is not None:
            self.pipe = step.pipe
        if step.query is not None:
            return self.in_query(values, step, step.query)
        if step.hash:
            if step.part != "#":
                return False
            self.value = len(values) if step.each is None else self.of_each(values, step.each)
            return True
        found = follow(values, (step.part,))
        if found is MISSING:
            return False
        if step.rest is not None:
            return self.within(found, step.rest)
        self.value = found
        return True

    def of_each(self, values: list[Any], path: str) -> list[Any]:
        if (split := gjson_grammar.split_pipe(path)) is not None:
            path, self.pipe = split
        return [found for each in values if (found := get(each, path)) is not MISSING]

    def in_query(self, values: list[Any], step: ArrayStep, query: Query) -> bool:
        found, rest = [], step.rest
        for each in values:
            target = each
            if isinstance(each, dict | list):
                target = get(each, query.path)
            elif query.path:
                continue
            if not matches(query, target):
                continue
            if rest is not None:
                if (split := gjson_grammar.split_pipe(rest)) is not None:
                    rest, self.pipe = split
                each = get(each, rest)
            if not query.all:
                self.value = each
                return True
            if each is not MISSING:
                found.append(each)
        if query.all and self.value is MISSING:
            self.value = found
        return False


@lru_cache(maxsize=256)
def pattern(text: str) -> Callable[[str], object]:
    """Return what tells whether a whole text is like a pattern with `*`, `?` and `\\`."""
    signs = re.findall(r"\\.|.", text, re.DOTALL)
    shell = "".join(
        f"[{sign[1]}]" if sign in (r"\*", r"\?", r"\[") else "[[]" if sign == "[" else sign[-1]
        for sign in signs
    )
    return re.compile(fnmatch.translate(shell)).match


def matches(query: Query, value: Any) -> bool:
    """Tell whether a value is as a query has it."""
    said = query.value
    if said[:1] == "~":
        value, said = _as_bool(said[1:], value)
    if value is MISSING:
        return False
    if not query.operator:
        return True
    if isinstance(value, bool):
        return _bool_compared(query.operator, value, said)
    if isinstance(value, str):
        if query.operator in ("%", "!%"):
            return bool(pattern(said)(value)) == (query.operator == "%")
        return _compared(query.operator, value, said)
    if isinstance(value, int | float):
        return _compared(query.operator, value, number(said))
    return False


def _bool_compared(operator: str, left: bool, right: str) -> bool:
    """Compare as gjson does: no text but these two has a place in the order."""
    if operator in ("=", "!="):
        return (right == ("true" if left else "false")) == (operator == "=")
    if left:
        return operator == ">=" or (operator == ">" and right == "false")
    return operator == "<=" or (operator == "<" and right == "true")


def _compared(operator: str, left: Any, right: Any) -> bool:
    if operator == "=":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    if operator == "<":
        return bool(left < right)
    if operator == "<=":
        return bool(left <= right)
    if operator == ">":
        return bool(left > right)
    return operator == ">=" and bool(left >= right)


def _as_bool(kind: str, value: Any) -> tuple[Any, str]:
    """Make true or false of a value, as `~kind` asks."""
    if kind == "*":
        return value is not MISSING, "true"
    if kind == "null":
        return value is None or value is MISSING, "true"
    if kind in ("true", "false"):
        return truth(value, kind == "true"), "true"
    return MISSING, ""


def truth(value: Any, wanted: bool = True) -> bool:
    """Tell whether a value is as good as true, or as false; a list is neither."""
    if value is None or value is MISSING:
        return not wanted
    if isinstance(value, str):
        return value.lower() in (_TRUE if wanted else _FALSE)
    if isinstance(value, bool | int | float):
        return bool(value) == wanted
    return False
