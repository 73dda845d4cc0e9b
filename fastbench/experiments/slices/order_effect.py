"""Is a server worse in a slice that follows another server's? Tested for each side, and told. Pure.

1. Where two slices of one side come in a row, the first follows another side's and the second its
   own. The logarithm of their ratio is one effect: neighbours, so that a slow drift has no say.
2. The estimate of a side is Hodges and Lehmann's, its interval that of the signed ranks at 99 %.
   Neighbours are put together (their median), so that there are at most as many as are exact.
3. A slice follows another side's as often for one side as for the other: of two sides the second of
   a block always, the first in one case of two, 3 of 4 in all; of more sides more often. What hits
   both alike leaves the ratio as it is. An asymmetric effect moves the logarithm of the mean ratio
   by that share of the difference of the two effects; that of a median by all of it where nothing
   else scatters.
4. It is a warning when that difference is more than chance and moves the ratio by a tenth of the
   threshold or more; a note when both sides are worse by more than 1 %, which is only in the way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from fastbench.experiments.compare import statistics
from fastbench.experiments.compare.compare_document import SIDES
from fastbench.experiments.compare.decision import HIGHER_IS_BETTER, percent
from fastbench.results.result import Warning_
from fastbench.run.turns import SlicePart

CONFIDENCE = 0.99
GROUPS = 100  # effects of a side, at most
BIAS_SHARE = 0.1  # of the threshold
BOTH_HURT = 0.01
REMEDY = "longer slices show less of it (--slice)"

Level = tuple[int, float | None]  # the side of a slice, its figure; None where there is none
BREAK: Level = (-1, None)  # between slices that do not follow each other
_FIGURES = {
    "requests_per_s": "rate",
    "p50": "median time",
    "p90": "mean time",  # a slice has too few answers for more
    "p99": "mean time",
    "mean": "mean time",
    "cpu_per_request": "processor time per request",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """Logarithm of the ratio of slices after another side's and after the same side's."""

    estimate: float
    low: float
    high: float

    @property
    def sure(self) -> bool:
        """Whether it is more than chance."""
        return not self.low <= 0 <= self.high


def level(part: SlicePart, primary: str) -> Level:
    """Return the figure of one slice that stands for the primary metric."""
    value: float | None = None
    if primary == "requests_per_s":
        value = part.rate
    elif primary == "cpu_per_request":
        ended = part.ok + part.failed
        value = part.cpu_s / ended if part.cpu_s and ended else None
    elif part.times_ns:
        value = median(part.times_ns) if primary == "p50" else fmean(part.times_ns)
    return part.side, value or None


def told(
    levels: Sequence[Level], primary: str, threshold: float, candidate: int = 1
) -> tuple[tuple[Warning_, ...], tuple[str, ...]]:
    """Return warnings and notes on the base and a candidate, which is the side of that number."""
    effects = [_grouped(list(_effects(levels, side))) for side in (0, candidate)]
    base, other = map(_effect, effects)
    difference = _difference(*effects)
    if base is None or other is None or difference is None:
        return (), ()
    worse = -1 if primary in HIGHER_IS_BETTER else 1
    bias = share_after_another(levels) * difference.estimate
    figure = _FIGURES[primary]
    if difference.sure and abs(bias) >= BIAS_SHARE * math.log1p(threshold):
        text = (
            f"order effect: in a slice that follows another server's, the {figure} of "
            f"the {SIDES[1]} is {_changed(other)}, that of the {SIDES[0]} {_changed(base)}; this "
            f"moves the ratio by about {100 * math.expm1(bias):+.2g} %"
        )
        return (Warning_("order_effect", text, REMEDY),), ()
    if all(each.sure and worse * each.estimate > BOTH_HURT for each in (base, other)):
        note = (
            f"in a slice that follows another server's, the {figure} of the {SIDES[0]} is "
            f"{_changed(base)}, that of the {SIDES[1]} {_changed(other)}; that hits both alike, "
            f"and {REMEDY}"
        )
        return (), (note,)
    return (), ()


def share_after_another(levels: Sequence[Level]) -> float:
    """Return the share of slices that follow another side's."""
    steps = [(one[0], other[0]) for one, other in pairwise(levels) if -1 not in (one[0], other[0])]
    return sum(one != other for one, other in steps) / len(steps) if steps else 0.0


def _effects(levels: Sequence[Level], side: int) -> Iterator[float]:
    """Give the effects of a side, in their order."""
    for before, first, second in zip(levels, levels[1:], levels[2:], strict=False):
        if before[0] not in (side, -1) and first[0] == second[0] == side and first[1] and second[1]:
            yield math.log(first[1] / second[1])


def _grouped(effects: Sequence[float], groups: int = GROUPS) -> list[float]:
    """Put neighbours together until there are at most so many."""
    groups = min(groups, len(effects))
    ends = [at * len(effects) // groups for at in range(groups + 1)] if groups else []
    return [median(effects[begin:end]) for begin, end in pairwise(ends)]


def _effect(effects: Sequence[float]) -> Effect | None:
    averages = statistics.walsh_averages(effects)
    interval = statistics.signed_rank_interval(averages, len(effects), CONFIDENCE)
    if interval is None:
        return None
    return Effect(statistics.hodges_lehmann(averages), *interval)


def _difference(one: Sequence[float], other: Sequence[float]) -> Effect | None:
    """Return how much larger the other effect is: of neighbours in time."""
    count = min(len(one), len(other))
    both = zip(_grouped(one, count), _grouped(other, count), strict=True)
    return _effect([after - before for before, after in both])


def _changed(effect: Effect) -> str:
    """Say by how much, and which way."""
    if not effect.sure:
        return "the same within noise"
    way = "higher" if effect.estimate > 0 else "lower"
    return f"{percent(abs(math.expm1(effect.estimate)))} {way}"
