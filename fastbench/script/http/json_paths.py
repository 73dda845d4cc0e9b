"""Selectors into JSON, as in k6's `response.json(selector)`: `a.b[0].id`.

Parts are separated by points. `[0]` and `0` index a list, negative numbers from its end; `#` is
its length, `#.id` is the list of the ids of its members. A key with points stands in brackets and
quotes, `["a.b"]`, or has them escaped, `a\\.b`. What is not there gives None.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from fastbench.foundation.usage_error import UsageError

EACH = "#"

_STEP = re.compile(
    r"""
      \[ \s* (?P<index>-?[0-9]+) \s* \]
    | \[ \s* (?P<quote>["']) (?P<quoted>.*?) (?P=quote) \s* \]
    | \.? (?P<key>(?:[^.\[\]\\]|\\.)+)
    """,
    re.VERBOSE | re.DOTALL,
)


def select(value: Any, selector: str) -> Any:
    """Return what the selector points at, or None."""
    return _follow(value, parse(selector))


@lru_cache(maxsize=1024)
def parse(selector: str) -> tuple[str | int, ...]:
    """Cut a selector into keys and indices."""
    steps: list[str | int] = []
    at = 0
    while at < len(selector):
        match = _STEP.match(selector, at)
        if match is None or (at == 0 and selector[0] == "."):
            raise UsageError(
                f"The JSON selector `{selector}` cannot be read from character {at + 1} on; "
                "write it as in `items[0].id`."
            )
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> str | int:
    if match["index"] is not None:
        return int(match["index"])
    if match["quoted"] is not None:
        return match["quoted"]
    return re.sub(r"\\(.)", r"\1", match["key"])


def _follow(value: Any, steps: tuple[str | int, ...]) -> Any:
    for number, step in enumerate(steps):
        if isinstance(value, list):
            if step == EACH:
                rest = steps[number + 1 :]
                return [_follow(each, rest) for each in value] if rest else len(value)
            value = _member(value, step)
        elif isinstance(value, dict):
            value = value.get(str(step))
        else:
            return None
    return value


def _member(values: list[Any], step: str | int) -> Any:
    if isinstance(step, str):
        if not re.fullmatch(r"-?[0-9]+", step, re.ASCII):
            return None
        step = int(step)
    return values[step] if -len(values) <= step < len(values) else None
