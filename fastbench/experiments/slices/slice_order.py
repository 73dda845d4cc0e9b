"""Which side each slice is for: one of each in a block, in an order drawn from the seed.

The draw makes the test exact: without a difference the sign of a block is a coin's. So it is for
each of several candidates: in a random order of all sides, base and candidate may change places.
Blocks of two are the finest. With blocks of four, base candidate candidate base or the other way
round, the interval is 5 to 80 % wider on recorded noise: there are half as many, a burst hits
more of them, and what drifts over some 20 ms is little. bench/slice_statistics.py measures both.
"""

from __future__ import annotations

import random

BLOCK = 2  # slices, of two sides
TURN = ((0, 1), (1, 0))


def order_of(seed: int, slices: int, sides: int = BLOCK) -> bytes:
    """Return the side of each slice: blocks of all sides, each in an order drawn from the seed."""
    chance = random.Random(seed)
    order = bytearray()
    while len(order) < slices:
        turn = chance.choice(TURN) if sides == BLOCK else chance.sample(range(sides), sides)
        order += bytes(turn)
    return bytes(order)
