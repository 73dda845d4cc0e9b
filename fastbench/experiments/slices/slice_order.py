"""Which side each slice is for: blocks in which a drift hits both alike, drawn from the seed."""

from __future__ import annotations

import random

BLOCK = 4  # slices
TURN = ((0, 1, 1, 0), (1, 0, 0, 1))


def order_of(seed: int, slices: int) -> bytes:
    """Return the side of each slice: blocks of four in an order drawn from the seed."""
    chance = random.Random(seed)
    order = bytearray()
    while len(order) < slices:
        order += bytes(chance.choice(TURN))
    return bytes(order)
