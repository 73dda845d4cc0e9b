"""Keys of an Artillery file, by name and kind; one that is not known is refused by its line."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from fastbench.foundation import redact
from fastbench.foundation.nearest import nearest
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq, finite

T = TypeVar("T", bound=Map | Seq)

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_UNITS = {  # the words that Artillery takes for them
    **dict.fromkeys(("ms", "msec", "msecs", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("", "s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_TIME = re.compile(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*")


def refuse_unknown(
    given: Map, known: Collection[str], what: str, refused: Mapping[str, str] | None = None
) -> None:
    """Refuse a key that is not known, and one that is but not supported, with the reason."""
    for key, line in given.lines.items():
        shown = redact.printable(key)
        if refused and key in refused:
            raise Refusal(line, f"{what}: {shown} {refused[key]}.")
        if key not in known:
            near = nearest(key, known)
            cure = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(known))}."
            raise Refusal(line, f"{what} has no {shown}; {cure}")


def mapping(given: Map, key: str, what: str) -> Map:
    """Return a mapping, an empty one where the key is not there."""
    return _of_kind(given, key, what, Map, "a mapping")


def listing(given: Map, key: str, what: str) -> Seq:
    """Return a list, an empty one where the key is not there."""
    return _of_kind(given, key, what, Seq, "a list")


def one_or_more(given: Map, key: str) -> Seq:
    """Return a list; what is no list is its only member."""
    value = given.get(key)
    if isinstance(value, Seq):
        return value
    found = Seq(given.lines.get(key, given.line))
    if value is not None:
        found.put(value, value.line if isinstance(value, Map) else found.line)
    return found


def _of_kind(given: Map, key: str, what: str, kind: type[T], noun: str) -> T:
    value = given.get(key)
    if value is None:
        return kind(given.lines.get(key, given.line))
    if not isinstance(value, kind):
        raise Refusal(given.lines[key], f"{key} of {what} is {noun}, not {said(value)}.")
    return value


def text(given: Map, key: str, what: str) -> str | None:
    """Return a text, None where the key is not there; numbers are texts, too."""
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, bool | Map | Seq):
        raise Refusal(given.lines[key], f"{key} of {what} is a text, not {said(value)}.")
    return str(value)


def flag(given: Map, key: str, what: str, default: bool = False) -> bool:
    """Return true or false, also from the text of it, as an environment variable has it."""
    value = given.get(key)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise Refusal(given.lines[key], f"{key} of {what} is true or false, not {said(value)}.")


def number(given: Map, key: str, what: str) -> float | None:
    """Return a number, also from the text of it; None where the key is not there."""
    value = given.get(key)
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            value = given[key]
    if not finite(value):
        raise Refusal(given.lines[key], f"{key} of {what} is a number, not {said(given[key])}.")
    return float(value)


def time_s(given: Map, key: str, what: str) -> float | None:
    """Return a time in seconds: a number is seconds, a text may have a unit; None without key."""
    value = given.get(key)
    if value is None:
        return None
    found = parse_time_s(value)
    if found is None:
        line = given.lines[key]
        raise Refusal(
            line, f'{key} of {what} is a time such as 30, "30s" or "5m", not {said(value)}.'
        )
    return found


def parse_time_s(value: object) -> float | None:
    """Read a time: seconds, or a text with a unit; None for what is no time."""
    if isinstance(value, str):
        match = _TIME.fullmatch(value)
        unit = _UNITS.get(match[2].lower()) if match else None
        return float(match[1]) * _UNIT_S[unit] if match and unit else None
    return float(value) if finite(value) and value >= 0 else None  # type: ignore[operator, arg-type]


def said(value: object) -> str:
    """Say what a value is, in the words of YAML."""
    if isinstance(value, Map):
        return "a mapping"
    if isinstance(value, Seq):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"`{redact.printable(redact.text(str(value)))[:60]}`"
