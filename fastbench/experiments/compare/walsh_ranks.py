"""The Walsh average of a rank without making them all: hundreds of pairs have a million of them.

Averages up to a value are counted in one walk over the effects in order, and the value is found by
bisection. Source of the counting: Johnson and Mizoguchi 1978, Selecting the Kth element in X + Y.
"""

from __future__ import annotations

from collections.abc import Sequence

HALVINGS = 60  # of the span of all: beyond what a float holds


def at_rank(ordered: Sequence[float], rank: int) -> float:
    """Return the average that is the `rank`-th from below, from 1 to n (n + 1) / 2.

    `ordered` are the n effects in order. It is exact to a millionth of a millionth of their span.
    """
    low, high = ordered[0], ordered[-1]
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if _up_to(ordered, middle) >= rank:
            high = middle
        else:
            low = middle
    return high if _up_to(ordered, low) < rank else low


def middle(ordered: Sequence[float]) -> float:
    """Return the median of all averages, Hodges and Lehmann's estimate."""
    count = len(ordered) * (len(ordered) + 1) // 2
    lower, upper = (count + 1) // 2, count // 2 + 1
    found = at_rank(ordered, lower)
    return found if lower == upper else (found + at_rank(ordered, upper)) / 2


def _up_to(ordered: Sequence[float], value: float) -> int:
    """Count the averages up to a value, each effect's with itself among them."""
    found, twice = 0, 2 * value
    last = len(ordered) - 1
    for first, effect in enumerate(ordered):
        while last >= first and effect + ordered[last] > twice:
            last -= 1
        if last < first:
            break
        found += last - first + 1
    return found
