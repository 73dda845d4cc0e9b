"""The statistics of paired ratios: pure functions of the pairs' log ratios; nothing else.

1. Every effect is a natural logarithm of candidate / base, so that swapping the two sides only
   turns its sign.
2. Few pairs, up to 32, which are trials of seconds: the estimate is Hodges and Lehmann's, its
   interval the exact inversion of Wilcoxon's signed-rank test, and p is of the sign-flip test of
   the mean, over all signs. Both ends count.
3. Many pairs, which are slices of milliseconds: the median, its interval between two of the ordered
   effects (the inversion of the sign test), and p of the sign test. All are exact by the order that
   was drawn: without a difference the sign of each effect is a coin's, whatever the noise is and
   however it depends on what was before. Bursts of noise have one sign each and no size.
   On recorded noise (bench/slice_statistics.py), 15 s of a closed loop, its half width is 0.06 %
   for a server that busy-waits, 0.7 and 1.3 % for two that were disturbed for a third and for two
   thirds of the time; that of the signed ranks 0.05, 0.9 and 2.0 %, of the mean 0.7, 2.0 and 3.2 %.
   For p99 under a rate it is 3.9 %, of the signed ranks 7.7 %, of all answers pooled 53 %. Where a
   machine was never quiet the ranks are somewhat narrower. A block bootstrap of the median is as
   narrow as the sign test, and its level is not exact.
4. What n pairs can see follows from the normal approximation with the small-sample term z²/2.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist, median, stdev

MIN_PAIRS = 8  # 2/2^8 = 0.0078: the first p below 0.01
FEW_PAIRS = 32  # 2 x 2^16 sums of signed effects, met in the middle: 50 ms
_EXACT_RANKS = 100
_MEDIAN_NOISE = math.sqrt(math.pi / 2)  # of a median, by that of a mean, of normal effects
_MAD_NOISE = 1.4826  # of normal effects, by their median distance from the median
_ROUNDING = 1e-9  # sums that differ by less are the same sum, added up in another order


def estimate(effects: Sequence[float]) -> float:
    """Return the effect of all pairs together."""
    if len(effects) > FEW_PAIRS:
        return median(effects)
    return hodges_lehmann(walsh_averages(effects))


def interval(effects: Sequence[float], confidence: float) -> tuple[float, float] | None:
    """Return the interval of the effect, at least as sure as asked; None with too few pairs."""
    count = len(effects)
    if count <= FEW_PAIRS:
        return signed_rank_interval(walsh_averages(effects), count, confidence)
    outside = _signs_outside(count, (1 - confidence) / 2)
    if outside == 0:
        return None
    ordered = sorted(effects)
    return ordered[outside - 1], ordered[-outside]


def p_of(effects: Sequence[float]) -> float:
    """Return how often effects this far from 0 come about when every sign is a coin's."""
    if len(effects) <= FEW_PAIRS:
        return sign_flip_p(effects)
    fewer = min(sum(each <= 0 for each in effects), sum(each >= 0 for each in effects))
    return p_of_signs(len(effects), fewer)


def p_of_signs(count: int, fewer: int) -> float:
    """Return how often the rarer sign of so many coins comes up at most `fewer` times."""
    return min(1.0, 2 * _coins(count, fewer))


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


def sign_flip_p(effects: Sequence[float]) -> float:
    """Return how often a mean this far from 0 comes about when every sign is a coin's."""
    sizes = [abs(effect) for effect in effects]
    least = abs(math.fsum(effects)) - _ROUNDING * math.fsum(sizes)
    if least <= 0:
        return 1.0
    middle = len(sizes) // 2
    left, right = _signed_sums(sizes[:middle]), sorted(_signed_sums(sizes[middle:]))
    beyond = sum(len(right) - bisect_left(right, least - each) for each in left)
    beyond += sum(bisect_right(right, -least - each) for each in left)
    return beyond / (len(left) * len(right))


def least_p(pairs: int) -> float:
    """Return the smallest p that so many pairs can give."""
    return math.ldexp(2.0, -pairs)


def holm(values: Sequence[float]) -> list[float]:
    """Correct the p of several tests so that one false alarm among them stays as rare as asked."""
    corrected = [1.0] * len(values)
    most = 0.0
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        most = max(most, min(1.0, (len(values) - rank) * values[at]))
        corrected[at] = most
    return corrected


def scatter(effects: Sequence[float]) -> float | None:
    """Return the standard deviation of the effects, the noise floor; None below two pairs.

    Of many pairs that of most of them: their median distance from the median, scaled.
    """
    if len(effects) <= FEW_PAIRS:
        return stdev(effects) if len(effects) > 1 else None
    middle = median(effects)
    return _MAD_NOISE * median(abs(effect - middle) for effect in effects)


def pairs_for_difference(noise: float, effect: float, confidence: float, power: float) -> int:
    """Return how many pairs find a difference of `effect` with that power."""
    sure = _quantile((1 + confidence) / 2)
    ratio = (sure + _quantile(power)) * noise / abs(effect)
    return _pairs(ratio, sure)


def pairs_for_equivalence(
    noise: float, effect: float, bound: float, confidence: float, power: float
) -> int:
    """Return how many pairs show that an effect is within the bound, with that power.

    The power is that of both one-sided tests together, so each has half the rest to lose.
    """
    sure = _quantile((1 + confidence) / 2)
    ratio = (sure + _quantile((1 + power) / 2)) * noise / (bound - abs(effect))
    return _pairs(ratio, sure)


def smallest_difference(noise: float, pairs: int, confidence: float, power: float) -> float | None:
    """Return the effect that so many pairs find with that power; None with too few pairs."""
    sure = _quantile((1 + confidence) / 2)
    if pairs > FEW_PAIRS:
        noise *= _MEDIAN_NOISE
        outside = _signs_outside(pairs, (1 - confidence) / 2)
    else:
        outside = _ranks_outside(pairs, (1 - confidence) / 2)
    if outside == 0 or pairs <= sure**2 / 2:
        return None
    return (sure + _quantile(power)) * noise / math.sqrt(pairs - sure**2 / 2)


def difference_of_width(interval: tuple[float, float], confidence: float, power: float) -> float:
    """Return the effect that is found with that power where the interval is so wide.

    Bursts widen the tails of many pairs and leave their middle narrow: no deviation of the pairs
    tells as well as the interval itself how well their median is known.
    """
    sure = _quantile((1 + confidence) / 2)
    return (sure + _quantile(power)) * (interval[1] - interval[0]) / 2 / sure


def noise_of_width(interval: tuple[float, float], pairs: int, confidence: float) -> float:
    """Return the deviation of normal effects whose median has an interval so wide."""
    sure = _quantile((1 + confidence) / 2)
    half = (interval[1] - interval[0]) / 2
    return half / sure * math.sqrt(pairs - sure**2 / 2) / _MEDIAN_NOISE


def _pairs(ratio: float, sure: float) -> int:
    """Return how many pairs make the noise of the estimate `ratio` times smaller than a pair's."""
    pairs = max(MIN_PAIRS, round(ratio**2 + sure**2 / 2))
    if pairs <= FEW_PAIRS:
        return pairs
    return round((_MEDIAN_NOISE * ratio) ** 2 + sure**2 / 2)


def _quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _coins(coins: int, most: int) -> float:
    """Return how often at most so many of `coins` fair coins show heads, for less than half."""
    logs = math.lgamma(coins + 1) - math.lgamma(most + 1) - math.lgamma(coins - most + 1)
    share = term = math.exp(logs - coins * math.log(2))
    for heads in range(most, 0, -1):
        term *= heads / (coins - heads + 1)
        share += term
        if term < share * _ROUNDING:
            break
    return share


@lru_cache(maxsize=256)
def _signs_outside(pairs: int, tail: float) -> int:
    """Return the place, from either end, of the effect that bounds the interval; 0 if none.

    That is the largest c with P(fewer than c heads of so many coins) <= tail.
    """
    places = range(1, pairs // 2 + 1)
    return bisect_right(places, tail, key=lambda place: _coins(pairs, place - 1))


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
