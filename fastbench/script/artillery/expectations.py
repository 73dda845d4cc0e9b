"""expect: what an answer should be, each a check of ours with its kind as first word.

A failed one never ends its user, unless the plugin says reportFailuresAsErrors; it breaks the
threshold on checks, as Artillery's exit code does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fastbench.foundation import redact
from fastbench.script.artillery import captures, known_keys
from fastbench.script.artillery.captures import NO_JSON, Answer
from fastbench.script.artillery.templates import UNDEFINED, Template, Vars, as_text, get, path
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_JSON_TYPES = ("application/json", "application/problem+json", "application/ld+json")
_CACHES = ("cf-cache-status", "x-cache", "x-vercel-cache")
_KINDS = (
    *("cdnHit", "contentType", "equals", "hasHeader", "hasProperty", "headerEquals"),
    *("matchesRegexp", "notHasProperty", "notStatusCode", "statusCode"),
)
_REFUSED = dict.fromkeys(("jmespath", "jpath"), "is not supported; use hasProperty or a capture")


class Received(Answer, Protocol):
    """An answer with its status."""

    @property
    def status(self) -> int: ...


class Expectation:
    """One of them; `kind` is Artillery's name."""

    __slots__ = ("_holds", "_value", "kind", "line", "name")

    def __init__(self, kind: str, value: Any, line: int, request: str) -> None:
        self.kind = kind
        self.line = line
        self._value = Template(value, line)
        self._holds = _HOLDS[kind]
        shown = value if not isinstance(value, list) else ", ".join(map(as_text, value))
        self.name = redact.printable(f"{kind} {as_text(shown)}: {request}")

    def holds(self, answer: Received, vars: Vars) -> bool:
        """Tell whether an answer is as expected."""
        return bool(self._holds(self._value.render(vars), answer, vars))


def read(given: Map, request: str) -> tuple[Expectation, ...]:
    """Read what a request expects: a mapping, or a list of them."""
    found = []
    several = known_keys.one_or_more(given, "expect")
    for each, line in zip(several, several.lines, strict=True):
        if not isinstance(each, Map):
            raise Refusal(line, f"expect takes mappings, not {known_keys.said(each)}.")
        known_keys.refuse_unknown(each, _KINDS, "expect", _REFUSED)
        for kind, value in each.items():
            at = each.lines[kind]
            _check(kind, value, at)
            found.append(Expectation(kind, value, at, request))
    return tuple(found)


def default(request: str) -> tuple[Expectation, ...]:
    """Return what expectDefault200 expects of requests that say nothing."""
    return (Expectation("statusCode", 200, 0, request),)


def _check(kind: str, value: Any, line: int) -> None:
    """Refuse a value of the wrong kind."""
    if kind in ("equals", "headerEquals") and not isinstance(value, Seq):
        raise Refusal(line, f"{kind} takes a list, not {known_keys.said(value)}.")
    if kind == "headerEquals" and len(value) != 2:
        raise Refusal(line, "headerEquals takes the name of a header, and its value.")
    if kind == "matchesRegexp" and isinstance(value, str) and "{{" not in value:
        captures.pattern(value, line)


def _status(wanted: Any, answer: Received, vars: Vars) -> bool:
    several = wanted if isinstance(wanted, list) else [wanted]
    return any(as_text(each).strip() == str(answer.status) for each in several)


def _content_type(wanted: Any, answer: Received, vars: Vars) -> bool:
    there = answer.headers.get("content-type", "")
    if wanted == "json":
        return isinstance(_body(answer), dict | list)
    return there.lower() == as_text(wanted).lower()


def _body(answer: Received) -> Any:
    """Return the body as JSON if its type says so, else None."""
    there = answer.headers.get("content-type", "")
    if not any(each in there for each in _JSON_TYPES):
        return None
    return None if answer.document is NO_JSON else answer.document


def _has(name: Any, answer: Received) -> bool | None:
    body = _body(answer)
    if not isinstance(body, dict | list):
        return None
    text = as_text(name)
    if isinstance(body, dict) and text in body:
        return True
    return get(body, path(text)) is not UNDEFINED


def _header_equals(pair: Any, answer: Received, vars: Vars) -> bool:
    name, value = pair
    there = answer.headers.get(as_text(name), "")
    return bool(there) and there == as_text(value)


def _cdn_hit(wanted: Any, answer: Received, vars: Vars) -> bool:
    starts = ("hit", "stale") if wanted else ("miss",)
    return any(answer.headers.get(name, "").lower().startswith(starts) for name in _CACHES)


def _equal(values: Any, answer: Received, vars: Vars) -> bool:
    return len({as_text(each) for each in values}) == 1


def _matches(pattern: Any, answer: Received, vars: Vars) -> bool:
    try:
        return captures.pattern(as_text(pattern), 0).search(answer.text) is not None
    except (Refusal, re.error):
        return False


_HOLDS: Mapping[str, Callable[[Any, Received, Vars], object]] = {
    "cdnHit": _cdn_hit,
    "contentType": _content_type,
    "equals": _equal,
    "hasHeader": lambda name, answer, vars: bool(answer.headers.get(as_text(name), "")),
    "hasProperty": lambda name, answer, vars: _has(name, answer) is True,
    "headerEquals": _header_equals,
    "matchesRegexp": _matches,
    "notHasProperty": lambda name, answer, vars: _has(name, answer) is False,
    "notStatusCode": lambda status, answer, vars: not _status(status, answer, vars),
    "statusCode": _status,
}
