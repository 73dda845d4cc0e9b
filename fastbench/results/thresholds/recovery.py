"""How long a stage was felt: `http_req_duration: recovery<30s [stage=spike]`.

1. A second is good if it is at most TOLERANCE worse than the median second before the stage, or no
   worse than the worst of them. Of times, gauges and shares of failures more is worse, of rates of
   requests and of other shares less is.
2. It has recovered with the first good second from which on GOOD_SHARE of all that follow are good:
   a single bad one later is noise.
3. Seconds without samples are bad where more of them follow each other than before the stage, and
   than one: a server that answers nothing has not recovered. Fewer tell nothing.
4. It takes MIN_BEFORE seconds before the stage, and one after it.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

from fastbench.foundation import units
from fastbench.results.metric_values import Judgement
from fastbench.results.thresholds.drift import Points
from fastbench.results.thresholds.judging import Threshold

TOLERANCE = 0.2
GOOD_SHARE = 0.9
MIN_BEFORE = 3


def judge_recovery(
    threshold: Threshold, limit: str, *, points: Points, stage: tuple[float, float]
) -> Judgement:
    """Hold the time from the end of `stage` to the recovery against the limit, in s."""
    begin_s, end_s = stage
    earlier = [point for point in points if point[0] <= begin_s]
    before = [value for _, value in earlier if not math.isnan(value)]
    usual = max((len(run) for run in _silences(earlier)), default=0)
    after = [point for point in points if point[0] > end_s]
    unusual = {t_s for run in _silences(after) if len(run) > max(usual, 1) for t_s in run}
    after = [each for each in after if not math.isnan(each[1]) or each[0] in unusual]
    if len(before) < MIN_BEFORE or all(math.isnan(value) for _, value in after):
        side = "after" if len(before) >= MIN_BEFORE else f"before (it takes {MIN_BEFORE} s)"
        text = f"no samples {side} the stage {threshold.stage}"
        return Judgement(False, None, None, threshold.level, False, text)
    took_s = _took(after, _good(threshold, before), end_s)
    if math.isinf(took_s):
        lasted = units.format_s(round(after[-1][0] - end_s, 1))
        text = f"it had not recovered {lasted} after the stage"
        answered = [value for _, value in after if not math.isnan(value)]
        median, base = (threshold.shown(statistics.median(each)) for each in (answered, before))
        text += f" (median second {median}, before the stage {base})"
        return Judgement(False, after[-1][0] - end_s, None, threshold.level, False, text)
    ok, margin = threshold.holds(took_s), threshold.margin(took_s)
    text = f"recovered {units.format_s(round(took_s, 1)) if took_s else '0s'} after the stage"
    if not ok:
        text += f", the {limit} is {units.format_s(threshold.limit)}"
    return Judgement(ok, took_s, margin, threshold.level, False, text)


def _silences(points: Points) -> list[list[float]]:
    """Return the instants of seconds without samples that follow each other."""
    parts = itertools.groupby(points, lambda point: math.isnan(point[1]))
    return [[t_s for t_s, _ in run] for silent, run in parts if silent]


def _good(threshold: Threshold, before: list[float]) -> Callable[[float], bool]:
    base = statistics.median(before)
    share = threshold.kind.type == "rate"
    less_is_worse = threshold.kind.type == "counter" or (
        share and not threshold.metric.endswith(("failed", "exceptions"))
    )
    room = TOLERANCE * (abs(base) if not share else max(base, 1 - base) * 0.05)
    if less_is_worse:
        least = min(base - room, *before)
        return lambda value: value >= least
    most = max(base + room, *before)
    return lambda value: value <= most


def _took(after: Points, good: Callable[[float], bool], end_s: float) -> float:
    """Return s from the end of the stage to the first second from which on it is good."""
    goods = [good(value) for _, value in after]
    left = sum(goods)
    for at in range(len(after)):
        if goods[at] and left >= GOOD_SHARE * (len(goods) - at):
            return after[at - 1][0] - end_s if at else 0.0
        left -= goods[at]
    return math.inf
