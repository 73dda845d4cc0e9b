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
    """Pause this VU for no less than that; the others go on."""
    await asyncio.sleep(seconds + EARLY_S if seconds > 0 else 0)


async def think(least_s: float, most_s: float) -> None:
    """Pause this VU for a random time between the two, as people do."""
    await sleep(random.uniform(least_s, most_s))


def random_item(items: Sequence[T]) -> T:
    """Return a member of a list, each one as likely."""
    if not items:
        raise UsageError("random_item() needs at least one item to choose from.")
    return items[int(random.random() * len(items))]


def random_int(least: int, most: int) -> int:
    """Return a whole number from `least` to `most`, both included."""
    if most < least:
        raise UsageError(f"random_int({least}, {most}) has no number; give the smaller one first.")
    return random.randint(least, most)


def uuid() -> str:
    """Return a random UUID (version 4) as text."""
    bits = f"{random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 4 << 76 | 2 << 62:032x}"
    return f"{bits[:8]}-{bits[8:12]}-{bits[12:16]}-{bits[16:20]}-{bits[20:]}"


def weighted(choices: Mapping[T, float]) -> T:
    """Return one of the keys, as often as its share of all weights."""
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
