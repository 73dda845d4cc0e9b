"""Does a server begin a slice slower than it goes on? Its first part is left out then. Pure.

1. What was seen of it is the mean time of the requests that started in each tenth of a slice of the
   pilot, in which every slice follows another server's. In a closed loop that time is the inverse
   of the rate, and it knows nothing of where the last answer fell. Requests of the first wave, sent
   before any answer, do not count there: they meet an idle server, and no queue. Nor do those that
   started in the last tenth, some of which end when others do not start any more.
2. A tenth is out of line when the logarithm of its ratio to the rest after it differs from 0 by
   more than chance (Hodges and Lehmann's estimate, the signed-rank interval at 99 %, over the
   slices of a side), and by more than a quarter of the threshold. As many tenths are left out as
   come before the first one that is in line on all sides, five at most. One in which too few
   requests started is judged as the one after it: the first answers may be that late.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

from fastbench.experiments.compare import statistics
from fastbench.run.turns import SlicePart

TENTHS = 10
CONFIDENCE = 0.99
THRESHOLD_SHARE = 0.25
Profile = Sequence[float | None]  # mean time by tenth, in ns; None where no request started


def profile(part: SlicePart, slice_s: float, *, planned: bool) -> list[float | None]:
    """Return the profile of one slice; `planned`: a rate is, so that there is no first wave."""
    tenth_ns = slice_s * 1e9 / TENTHS
    first_ns = 0 if planned else min(part.ends_ns, default=0)
    times: list[list[int]] = [[] for _ in range(TENTHS)]
    for ended_ns, time_ns in zip(part.ends_ns, part.times_ns, strict=True):
        started_ns = max(0, ended_ns - time_ns)  # a planned one may have been due before
        at = int(started_ns / tenth_ns)
        if started_ns >= first_ns and at < TENTHS:
            times[at].append(time_ns)
    return [fmean(each) if each else None for each in times]


def skipped(sides: Sequence[Sequence[Profile]], threshold: float) -> tuple[int, list[float]]:
    """Return how many tenths are left out, and how much larger each side's times are in the first.

    The latter are logarithms of ratios, 0 where that is no more than chance.
    """
    most = TENTHS // 2
    effects: list[list[float]] = []
    for at in reversed(range(most)):
        later = effects[0] if effects else [0.0] * len(sides)
        effects.insert(
            0, [_effect(*each, at, threshold) for each in zip(sides, later, strict=True)]
        )
    return next((at for at in range(most) if not any(effects[at])), most), effects[0]


def _effect(profiles: Sequence[Profile], later: float, at: int, threshold: float) -> float:
    """Return the effect of a tenth against those after it, 0 within noise or limit.

    It is that of the tenth after it, `later`, where too few requests started to tell.
    """
    effects = []
    for each in profiles:
        time = each[at]
        rest = [other for other in each[at + 1 : TENTHS - 1] if other]
        if time and rest:
            effects.append(math.log(time / fmean(rest)))
    averages = statistics.walsh_averages(effects)
    interval = statistics.signed_rank_interval(averages, len(effects), CONFIDENCE)
    if interval is None:
        return later
    if interval[0] <= 0 <= interval[1]:
        return 0.0
    estimate = statistics.hodges_lehmann(averages)
    return estimate if abs(estimate) > THRESHOLD_SHARE * math.log1p(threshold) else 0.0
