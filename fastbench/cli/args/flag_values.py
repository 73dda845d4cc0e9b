"""What the value of a flag says, and the sentence that refuses it: numbers, durations, rates.

A flag that was not given is None, and so is what it says. All of them raise UsageError.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TypeVar

from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError

MAX_FACTOR = 1_000_000.0
EVERY_LEAST_S, EVERY_MOST_S = 0.1, 86_400.0
T = TypeVar("T")


def count(flag: str, text: str | None, least: int = 0, most: int | None = None) -> int | None:
    """Read a whole number: 1000, 10k, 1M. Without `most`, the plan has the limits."""
    found = _read(units.parse_count, flag, text)
    if found is not None and most is not None and not least <= found <= most:
        limits = f"between {least} and" if least else "at most"
        raise UsageError(f"{flag} must be {limits} {most:,}, not {found}.")
    return found


def duration_s(
    flag: str, text: str | None, most_s: float = math.inf, *, or_none: bool = False
) -> float | None:
    """Read 30s, 2m, 1m30s or seconds. With `most_s`, 0 is refused unless there may be none."""
    found_s = _read(units.parse_duration_s, flag, text)
    if found_s is None or most_s == math.inf:
        return found_s
    if not (found_s >= 0 if or_none else found_s > 0) or found_s > most_s:
        least = "0 or longer" if or_none else "longer than 0"
        raise UsageError(
            f"{flag} must be {least} and at most {units.format_s(most_s)}, not {text}."
        )
    return found_s


def every_s(flag: str, text: str | None) -> float | None:
    """Read how often something is told: 10s, 500ms; 0 and off are never."""
    if text is None or text.lower() == "off":
        return None if text is None else 0.0
    try:
        found_s = units.parse_duration_s(text)
    except ValueError:
        found_s = -1.0
    if found_s and not EVERY_LEAST_S <= found_s <= EVERY_MOST_S:
        raise UsageError(
            f"{flag} takes a time from {units.format_s(EVERY_LEAST_S)} to "
            f"{units.format_s(EVERY_MOST_S)}, as in {flag} 30s, or off."
        )
    return found_s


def is_duration(text: str) -> bool:
    """Tell whether a text is a duration."""
    try:
        units.parse_duration_s(text)
    except ValueError:
        return False
    return True


def rate(flag: str, text: str | None) -> float | None:
    """Read requests per second: 1000, 1k, 0.5, 100/1m."""
    return _read(units.parse_rate, flag, text)


def size(flag: str, text: str | None) -> int | None:
    """Read a number of bytes: 512, 10kB, 4MiB."""
    return _read(units.parse_bytes, flag, text)


def stage(text: str) -> tuple[float, float] | None:
    """Read DURATION:TARGET, as seconds and the target; None if the text is something else."""
    length, colon, target = text.strip().partition(":")
    try:
        return (units.parse_duration_s(length), units.parse_rate(target)) if colon else None
    except ValueError:
        return None


def share(flag: str, text: str | None) -> float | None:
    """Read a percentage: `5%` is 0.05."""
    if text is None:
        return None
    number, percent = text.strip(), text.strip().endswith("%")
    found = _float(number.removesuffix("%").strip()) / 100 if percent else math.nan
    if not 0 < found < 1:
        raise UsageError(
            f"{flag} takes a percentage above 0% and below 100%, for example {flag} 5%."
        )
    return found


def factor(flag: str, text: str | None) -> float:
    """Read a factor: 0.1, 2 or 50%; 1 where there is none."""
    if text is None:
        return 1.0
    found = _float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    if not 0 < found <= MAX_FACTOR:
        raise UsageError(f"{flag} takes a factor above 0: 0.1, 2 or 50%.")
    return found


def choice(flag: str, text: str | None, names: Collection[str]) -> str | None:
    """Read one of these names."""
    if text is not None and text not in names:
        listed = " or ".join(names) if len(names) == 2 else f"one of {', '.join(names)}"
        raise UsageError(f"{flag} takes {listed}.")
    return text


def _read(parse: Callable[[str], T], flag: str, text: str | None) -> T | None:
    try:
        return None if text is None else parse(text)
    except ValueError as error:
        raise UsageError(f"{flag}: {redact.text(str(error))}") from None


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
