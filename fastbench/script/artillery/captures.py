"""capture and match: values taken out of an answer by JSONPath, header or regular expression.

1. A value that is not there fails the user, unless the capture says `strict: false`; then nothing
   of that answer is captured. Of several values one is taken by chance, as in Artillery.
2. A match compares a value with another one, strictly.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from fastbench.foundation import redact
from fastbench.script.artillery import json_path, known_keys
from fastbench.script.artillery.templates import UNDEFINED, Template, Vars
from fastbench.script.artillery.yaml_tree import Map, Refusal

FAILED = "Failed capture or match"
NO_JSON = object()  # instead of a document that is none

_KEYS = ("as", "flags", "group", "header", "json", "multiple", "regexp", "strict", "value")
_REFUSED = {
    "xpath": "is not supported; capture by json, header or regexp",
    "selector": "is not supported; capture by json, header or regexp",
    "attr": "goes with selector, which is not supported",
    "index": "goes with selector, which is not supported",
    "transform": "is code in JavaScript, which is not supported",
}
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "u": 0, "g": 0}


class Answer(Protocol):
    """What values are taken out of."""

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def text(self) -> str: ...

    @property
    def document(self) -> Any:
        """The answer read as JSON; NO_JSON where it is none."""


Extract = Callable[[Answer, Vars], Any]


@dataclass(frozen=True, slots=True)
class Take:
    """One capture, or one match: then `expected` is what the value must be."""

    line: int
    shown: str
    extract: Extract
    into: str = ""
    strict: bool = True
    expected: Template | None = None


def read(given: Map, default_strict: bool) -> tuple[Take, ...]:
    """Read capture and match of a request, or of a message."""
    found = []
    for key in ("capture", "match"):
        several = known_keys.one_or_more(given, key)
        for each, line in zip(several, several.lines, strict=True):
            if not isinstance(each, Map):
                raise Refusal(line, f"{key} takes a mapping, not {known_keys.said(each)}.")
            found.append(_take(each, key, default_strict))
    return tuple(found)


def _take(given: Map, key: str, default_strict: bool) -> Take:
    what = f"a {key}"
    known_keys.refuse_unknown(given, _KEYS, what, _REFUSED)
    ways = [each for each in ("json", "header", "regexp") if each in given]
    if len(ways) != 1:
        raise Refusal(given.line, f"{what} needs one of json, header and regexp.")
    name, line = ways[0], given.lines[ways[0]]
    expression = known_keys.text(given, name, what) or ""
    strict = known_keys.flag(given, "strict", what, default_strict or key == "match")
    extract = _EXTRACTS[name](given, expression, line)
    shown = f"{name} {redact.printable(expression)}"
    if "value" in given:
        expected = Template(given["value"], given.lines["value"])
        return Take(given.line, shown, extract, strict=strict, expected=expected)
    into = known_keys.text(given, "as", what)
    if key == "match":
        raise Refusal(given.line, "a match needs value, with which it compares.")
    if not into:
        raise Refusal(given.line, "a capture needs as, the name of its variable.")
    return Take(given.line, shown, extract, into, strict)


def _by_json(given: Map, expression: str, line: int) -> Extract:
    multiple = known_keys.flag(given, "multiple", "a capture", True)
    template = Template(expression, line)
    if template.constant:
        select = json_path.compiled(expression, line)
        return lambda answer, vars: _chosen(answer.document, select, multiple)

    def extract(answer: Answer, vars: Vars) -> Any:
        return _chosen(answer.document, json_path.compiled(template.text(vars), line), multiple)

    return extract


def _chosen(document: Any, select: Callable[[Any], list[Any]], multiple: bool) -> Any:
    if document is NO_JSON or not isinstance(document, dict | list):
        return "" if document is not NO_JSON else UNDEFINED
    found = select(document)
    if not multiple and len(found) > 1:
        return found
    return random.choice(found) if found else UNDEFINED


def _by_header(given: Map, expression: str, line: int) -> Extract:
    template = Template(expression, line)
    return lambda answer, vars: answer.headers.get(template.text(vars), "")


def _by_regexp(given: Map, expression: str, line: int) -> Extract:
    flags = 0
    for letter in known_keys.text(given, "flags", "a capture") or "":
        if letter not in _FLAGS:
            raise Refusal(given.lines["flags"], f"the flag {letter} is not supported.")
        flags |= _FLAGS[letter]
    group = given.get("group")
    template = Template(expression, line) if "{{" in expression else None
    fixed = None if template else pattern(expression, line, flags)

    def extract(answer: Answer, vars: Vars) -> Any:
        used = fixed or pattern(template.text(vars) if template else "", line, flags)
        match = used.search(answer.text)
        if match is None:
            return ""
        if group:
            known = match.groupdict()
            if isinstance(group, str) and group in known:
                return known[group] if known[group] is not None else UNDEFINED
            if str(group).isdecimal() and int(group) <= (match.re.groups or 0):
                return match[int(group)] or match[0]
        return match[0]

    return extract


_EXTRACTS = {"json": _by_json, "header": _by_header, "regexp": _by_regexp}


def pattern(text: str, line: int, flags: int = 0) -> re.Pattern[str]:
    """Return a regular expression of JavaScript as one of Python's; raises Refusal."""
    ours = re.sub(r"\(\?<(?![=!])", "(?P<", text)
    ours = re.sub(r"\\k<(\w+)>", r"(?P=\1)", ours)
    try:
        return re.compile(ours, flags)
    except (re.error, OverflowError, RecursionError) as error:
        shown = redact.printable(text)[:80]
        raise Refusal(line, f"the regular expression {shown} cannot be used: {error}.") from None


def taken(takes: tuple[Take, ...], answer: Answer, vars: Vars) -> Take | None:
    """Put what is captured into `vars`; return what failed, and capture nothing then."""
    found: dict[str, Any] = {}
    failed: Take | None = None
    for each in takes:
        value = each.extract(answer, vars)
        if each.expected is None:
            if each.strict and (value is UNDEFINED or value == ""):
                failed = failed or each
            found[each.into] = value
        elif each.strict and not _same(value, each.expected.render(vars)):
            failed = failed or each
    if failed is None:
        for name, value in found.items():
            _put(vars, name, value)
    return failed


def _put(vars: Vars, name: str, value: Any) -> None:
    """Set a variable; `user.id` is the member of an object."""
    *outer, last = name.split(".")
    for each in outer:
        inner = vars.get(each)
        if not isinstance(inner, dict):
            inner = vars[each] = {}
        vars = inner
    vars[last] = value


def _same(value: Any, expected: Any) -> bool:
    """Compare as === does: 1 is 1.0, but not "1" and not true."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    if isinstance(value, dict | list):
        return False  # two objects are never the same one
    return (type(value) is type(expected) and bool(value == expected)) or (
        isinstance(value, int | float) and isinstance(expected, int | float) and value == expected
    )
