"""How the interval shrank: what the first pairs of a comparison said, and the first few more.

A look changes nothing: the verdict is that of all pairs together, fixed in advance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.compare import statistics, walsh_ranks
from fastbench.experiments.compare.compare_document import Comparison, Interval, Pair

MAX_LOOKS = 40  # of a picture: more lines would touch
MANY = 200  # pairs, from which on their averages are not all made


@dataclass(frozen=True, slots=True)
class Look:
    """What the primary metric said up to a pair, which is numbered from 1 as all are."""

    pair: int
    counted: int
    ratio: float
    interval: Interval | None


def looks(found: Comparison) -> list[Look]:
    """Return the looks after every pair that counts; of many pairs every few."""
    if not found.interleaved:
        return []
    if len(found.pairs) > MANY:
        counts = _counts(len(found.pairs))
        each = (look(found.pairs[:count], found.primary, found.confidence) for count in counts)
        return [one for one in each if one is not None]
    numbers = [at for at, each in enumerate(found.pairs, 1) if ratio_of(each, found.primary)]
    effects = [math.log(ratio) for each in found.pairs if (ratio := ratio_of(each, found.primary))]
    seen: list[Look] = []
    averages: list[float] = []
    before = 0
    for count in _counts(len(effects)):
        averages = _with_more(averages, effects, before, count)
        before = count
        interval = statistics.signed_rank_interval(averages, count, found.confidence)
        ratio = math.exp(statistics.hodges_lehmann(averages))
        ends = None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))
        seen.append(Look(numbers[count - 1], count, ratio, ends))
    return seen


def look(pairs: Sequence[Pair], primary: str, confidence: float) -> Look | None:
    """Return what so many pairs say, quickly; None where none counts."""
    effects = sorted(math.log(ratio) for each in pairs if (ratio := ratio_of(each, primary)))
    if not effects:
        return None
    outside = statistics.rank_outside(len(effects), confidence)
    ends = None
    if outside:
        averages = len(effects) * (len(effects) + 1) // 2
        ranks = (outside, averages + 1 - outside)
        low, high = (math.exp(walsh_ranks.at_rank(effects, rank)) for rank in ranks)
        ends = (low, high)
    return Look(len(pairs), len(effects), math.exp(walsh_ranks.middle(effects)), ends)


def ratio_of(pair: Pair, metric: str) -> float | None:
    """Return candidate / base of a pair that counts."""
    if not pair.valid or pair.base is None or pair.candidate is None:
        return None
    base, candidate = pair.base.of(metric), pair.candidate.of(metric)
    return candidate / base if base and candidate else None


def _counts(pairs: int) -> list[int]:
    """Return after how many pairs to look: the last always."""
    step = max(1, math.ceil(pairs / MAX_LOOKS))
    return list(range(pairs, 0, -step))[::-1]


def _with_more(
    averages: list[float], effects: Sequence[float], before: int, count: int
) -> list[float]:
    """Add the Walsh averages of the effects from `before` on; both runs are sorted already."""
    more = [(effects[at] + other) / 2 for at in range(before, count) for other in effects[: at + 1]]
    return sorted([*averages, *sorted(more)])
