"""Fresh starts of all servers: in which order, and the order of the slices within each."""

from __future__ import annotations

import random
from dataclasses import dataclass

SEEDS = 2**32


@dataclass(frozen=True, slots=True)
class Start:
    """One start. `number` counts from 1; `order` is that in which the sides are started.

    `seed` is of the order of its slices.
    """

    number: int
    order: tuple[int, ...]
    seed: int


def starts(seed: int, restarts: int, sides: int) -> list[Start]:
    """Draw the starts from the seed; the slices of a single one have the seed itself."""
    chance = random.Random(seed)
    found = []
    for number in range(1, restarts + 1):
        order = tuple(chance.sample(range(sides), sides))
        own = seed if restarts == 1 else chance.randrange(SEEDS)
        found.append(Start(number, order, own))
    return found
