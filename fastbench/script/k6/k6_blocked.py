"""options.blockHostnames: names that a script is never to ask."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from fastbench.plan.plan import UsageError
from fastbench.script.k6.k6_calls import K6Error


def names(given: object) -> frozenset[str]:
    """Return the patterns in small letters; raises UsageError for what is none."""
    several = given if isinstance(given, list) else [given]
    found = set()
    for each in several:
        if not isinstance(each, str) or not each or "*" in each.removeprefix("*"):
            raise UsageError(
                f"blockHostnames has {each}; a pattern is a name, or one that begins with *."
            )
        found.add(each.lower())
    return frozenset(found)


def check(patterns: Collection[str], url: str) -> None:
    """Refuse a URL of a name that is blocked; raises K6Error."""
    if not patterns:
        return
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return  # the client says what is wrong with it
    for pattern in patterns:
        tail = pattern.removeprefix("*")
        if host == pattern or (tail != pattern and host.endswith(tail)):
            raise K6Error(f"hostname ({host}) is in a blocked pattern ({pattern})")
