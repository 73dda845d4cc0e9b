"""Chance and think time: random members, weighted choices, ids, and pauses between requests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import TypeVar

from fastbench.foundation.usage_error import UsageError

T = TypeVar("T")

EARLY_S = 0.001  # uvloop counts time in whole milliseconds, and may wake by as much too soon


async def sleep(seconds: float) -> None:
    """Pause this user; the others go on. Use it instead of `time.sleep`, which stops all of them.

    Args:
        seconds: For how long, s.

    Example::

        await vu.get("/api/health")
        await sleep(0.2)
    """
    await asyncio.sleep(seconds + EARLY_S if seconds > 0 else 0)


async def think(least_s: float, most_s: float) -> None:
    """Pause this user for a random time, as people do between two requests.

    Args:
        least_s: The shortest time, s.
        most_s: The longest time, s; all times between are as likely.

    Example::

        await vu.get("/api/health")
        await think(0.1, 0.3)
    """
    await sleep(random.uniform(least_s, most_s))


def random_item(items: Sequence[T]) -> T:
    """Choose a member of a list, each one as likely.

    Args:
        items: A list or another sequence.

    Returns:
        The member.

    Raises:
        UsageError: There is none.

    Example::

        city = random_item(["Bonn", "Graz", "Lyon"])
        await vu.get("/echo", params={"city": city})
    """
    if not items:
        raise UsageError("random_item() needs at least one item to choose from.")
    return items[int(random.random() * len(items))]


def random_int(least: int, most: int) -> int:
    """Choose a whole number, each one as likely.

    Args:
        least: The smallest one.
        most: The greatest one; it may come, too.

    Returns:
        The number.

    Raises:
        UsageError: `most` is smaller than `least`.

    Example::

        await vu.get("/echo", params={"page": random_int(1, 20)}, name="page")
    """
    if most < least:
        raise UsageError(f"random_int({least}, {most}) has no number; give the smaller one first.")
    return random.randint(least, most)


def uuid() -> str:
    """Make a random UUID (RFC 9562, version 4).

    Returns:
        Its text, such as "2f1f9c3a-5f0e-4c1e-9d3a-7a1f0f3b8f10".

    Example::

        await vu.post("/echo", headers={"Idempotency-Key": uuid()}, json={"amount": 5})
    """
    bits = f"{random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 4 << 76 | 2 << 62:032x}"
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def weighted(choices: Mapping[T, float]) -> T:
    """Choose a key, as often as its share of all weights says.

    Args:
        choices: Weights by key; they need not add up to 1 or 100.

    Returns:
        The key.

    Raises:
        UsageError: There are no keys, a weight is below 0, or all are 0.

    Example::

        path = weighted({"/api/health": 80, "/echo": 20})
        await vu.get(path)
    """
    total = sum(choices.values())
    if not choices or total <= 0 or min(choices.values()) < 0:
        raise UsageError(
            "weighted() needs keys with weights, such as {read: 80, write: 20}; none is below 0 "
            "and not all are 0."
        )
    left = random.random() * total
    for key, weight in choices.items():
        left -= weight
        if left < 0:
            return key
    return max(choices, key=lambda each: choices[each])  # what rounding left over
