"""The embedded server for users within this process, and what of their sockets was counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from vus import Run, User, run

T = TypeVar("T")


def using(url: str, story: Callable[[User], Awaitable[T]]) -> tuple[T, Run]:
    """Run a story of one user with this server as its base URL."""
    return run(story, base_url=url)


def counted(made: Run, name: str) -> float:
    """Give the count of a counter, or of the samples of times."""
    values = [*made.rows("counter", name).values(), *made.rows("times", name).values()]
    return sum(each if isinstance(each, float | int) else each.count for each in values)


def operations(made: Run) -> Counter[tuple[str, bool]]:
    """Give how many operations of each name there were, and how many of them failed."""
    found: Counter[tuple[str, bool]] = Counter()
    for tags, value in made.rows("named", "named").items():
        name = json.loads(tags)["name"]
        found[name, False] += value["reqs"] - value["failed"]
        found[name, True] += value["failed"]
    return +found


def reasons(made: Run) -> dict[str, Any]:
    """Give why operations failed, by name."""
    rows = made.rows("counter", "operation_errors")
    return {json.loads(tags)["name"]: json.loads(tags)["reason"] for tags in rows}
