"""The statistics of paired ratios: pure functions of the pairs' log ratios; nothing else.

1. Every effect is a natural logarithm of candidate / base, so that swapping the two sides only
   turns its sign.
2. The estimate is Hodges and Lehmann's, its interval the exact inversion of Wilcoxon's signed-rank
   test (normal beyond 100 pairs, where the difference is below the width of a hair).
3. p is of the sign-flip test of the mean: exact up to 32 pairs, beyond that over 100,000 draws
   from the seed. Both ends count.
4. What n pairs can see follows from the normal approximation with the small-sample term z²/2.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, median, stdev

MIN_PAIRS = 8  # 2/2^8 = 0.0078: the first p below 0.01
DRAWS = 100_000
_EXACT_FLIPS = 32  # 2 x 2^16 sums, met in the middle: 50 ms
_EXACT_RANKS = 100
_DRAWN_BITS = 8  # signs looked up at once when they are drawn: one random byte
_ROUNDING = 1e-9  # sums that differ by less are the same sum, added up in another order


def walsh_averages(effects: Sequence[float]) -> list[float]:
    """Return the means of all pairs of effects, each with itself too, in order."""
    return sorted(
        (one + other) / 2 for at, one in enumerate(effects) for other in effects[: at + 1]
    )


def hodges_lehmann(averages: Sequence[float]) -> float:
    """Return the estimate: the median of the Walsh averages."""
    return median(averages)


def signed_rank_interval(
    averages: Sequence[float], pairs: int, confidence: float
) -> tuple[float, float] | None:
    """Return the interval of the effect, at least as sure as asked; None with too few pairs."""
    outside = _ranks_outside(pairs, (1 - confidence) / 2)
    if outside == 0:
        return None
    return averages[outside - 1], averages[-outside]


def rank_outside(pairs: int, confidence: float) -> int:
    """Return the place, from either end, of the Walsh average that bounds the interval; 0: none."""
    return _ranks_outside(pairs, (1 - confidence) / 2)


def sign_flip_p(effects: Sequence[float], seed: int) -> float:
    """Return how often a mean this far from 0 comes about when every sign is a coin's."""
    sizes = [abs(effect) for effect in effects]
    least = abs(math.fsum(effects)) - _ROUNDING * math.fsum(sizes)
    if least <= 0:
        return 1.0
    if len(sizes) <= _EXACT_FLIPS:
        middle = len(sizes) // 2
        left, right = _signed_sums(sizes[:middle]), sorted(_signed_sums(sizes[middle:]))
        beyond = sum(len(right) - bisect_left(right, least - each) for each in left)
        beyond += sum(bisect_right(right, -least - each) for each in left)
        return beyond / (len(left) * len(right))
    return (1 + _drawn_beyond(sizes, least, seed)) / (1 + DRAWS)


def least_p(pairs: int) -> float:
    """Return the smallest p that so many pairs can give."""
    return max(2.0 ** (1 - pairs), 0.0 if pairs <= _EXACT_FLIPS else 1 / (1 + DRAWS))


def holm(values: Sequence[float]) -> list[float]:
    """Correct the p of several tests so that one false alarm among them stays as rare as asked."""
    corrected = [1.0] * len(values)
    most = 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        most = max(most, min(1.0, (len(values) - rank) * values[at]))
        corrected[at] = most
    return corrected


def scatter(effects: Sequence[float]) -> float | None:
    """Return the standard deviation of the effects, the noise floor; None below two pairs."""
    return stdev(effects) if len(effects) > 1 else None


def pairs_for_difference(noise: float, effect: float, confidence: float, power: float) -> int:
    """Return how many pairs find a difference of `effect` with that power."""
    sure = _quantile((1 + confidence) / 2)
    ratio = (sure + _quantile(power)) * noise / abs(effect)
    return max(MIN_PAIRS, round(ratio**2 + sure**2 / 2))


def pairs_for_equivalence(
    noise: float, effect: float, bound: float, confidence: float, power: float
) -> int:
    """Return how many pairs show that an effect is within the bound, with that power.

    The power is that of both one-sided tests together, so each has half the rest to lose.
    """
    sure = _quantile((1 + confidence) / 2)
    ratio = (sure + _quantile((1 + power) / 2)) * noise / (bound - abs(effect))
    return max(MIN_PAIRS, round(ratio**2 + sure**2 / 2))


def smallest_difference(noise: float, pairs: int, confidence: float, power: float) -> float | None:
    """Return the effect that so many pairs find with that power; None with too few pairs."""
    sure = _quantile((1 + confidence) / 2)
    if _ranks_outside(pairs, (1 - confidence) / 2) == 0 or pairs <= sure**2 / 2:
        return None
    return (sure + _quantile(power)) * noise / math.sqrt(pairs - sure**2 / 2)


def _quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


@lru_cache(maxsize=256)
def _ranks_outside(pairs: int, tail: float) -> int:
    """Return the place, from either end, of the Walsh average that bounds the interval; 0 if none.

    That is the largest c with P(T < c) <= tail, T being the signed-rank statistic without effect.
    """
    if pairs > _EXACT_RANKS:
        mean = pairs * (pairs + 1) / 4
        deviation = math.sqrt(pairs * (pairs + 1) * (2 * pairs + 1) / 24)
        return max(0, math.floor(mean + 0.5 + _quantile(tail) * deviation))
    ways = _rank_sum_ways(pairs)
    allowed, below = tail * 2**pairs, 0
    for count, each in enumerate(ways):
        below += each
        if below > allowed:
            return count
    return len(ways)


@lru_cache(maxsize=256)
def _rank_sum_ways(pairs: int) -> tuple[int, ...]:
    """Return in how many ways ranks 1 to `pairs` add up to 0, 1, 2, ..., of 2^pairs."""
    ways = [1]
    for rank in range(1, pairs + 1):
        longer = ways + [0] * rank
        for total, count in enumerate(ways):
            longer[total + rank] += count
        ways = longer
    return tuple(ways)


def _signed_sums(sizes: Sequence[float]) -> list[float]:
    sums = [0.0]
    for size in sizes:
        sums = [each + size for each in sums] + [each - size for each in sums]
    return sums


def _drawn_beyond(sizes: Sequence[float], least: float, seed: int) -> int:
    """Count the draws of signs whose sum is as far out as `least`."""
    chance = random.Random(seed)
    columns = []
    for at in range(0, len(sizes), _DRAWN_BITS):
        sums = _signed_sums(sizes[at : at + _DRAWN_BITS])
        table = sums * (2**_DRAWN_BITS // len(sums))  # the last chunk may be shorter
        columns.append(map(table.__getitem__, chance.randbytes(DRAWS)))
    return sum(abs(total) >= least for total in map(sum, zip(*columns, strict=True)))
