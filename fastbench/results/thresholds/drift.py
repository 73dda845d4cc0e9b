"""Did it grow? A line through the seconds of a run, with an interval, so that noise is no leak.

1. The line is that of Theil and Sen (Sen 1968), the median of the slopes between all pairs of
   points; its interval is Sen's, from the variance of Kendall's S, of 99 %.
2. Seconds are neighbours, and like each other: the points are means of at most BLOCKS pieces of the
   run, and the interval is wider by what is left of their correlation (Hamed and Rao 1998).
3. A threshold fails only if all of the interval is beyond its limit. Of 200 runs that are stable,
   at most 2 fail `drift<=0` (tests/results/test_drift.py: white and correlated noise, saw teeth);
   50 MB in 10 minutes under noise of 10 MB are found in at least 95 of 100.
4. A change that is no line (a step, a leak that gets faster) leaves neighbours alike, and so the
   interval open. All of the last third above all of the first is no noise either: the change is at
   least what lies between them. Nor is all of the last eighth far above all of the first two
   thirds, by more than half of what these vary: so a leak that begins late is found.
5. A run of fewer than MIN_POINTS seconds tells nothing. A server that warms up grows, too: look at
   what comes after it, with [last=10m] or [stage=2].
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.foundation import units
from fastbench.results.metric_values import Judgement
from fastbench.results.thresholds.judging import NEAR, Threshold

BLOCKS = 24
MIN_POINTS = 20
LATE_BLOCKS = 3  # that must all be far from what was before
LATE_SPREAD = 0.5  # of what was before
_Z = 2.5758  # of 99 %, both sides
_MAX_CORRELATION = 0.95

Points = Sequence[tuple[float, float]]  # s from the start line, value


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points: per second, with the ends of its 99 % interval; where it starts."""

    per_s: float
    low_per_s: float
    high_per_s: float
    start: float
    span_s: float


def line(points: Points) -> Line:
    """Fit a line; of fewer than MIN_POINTS points the interval says little."""
    means = _blocks(points)
    slopes = sorted(
        (y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(means, 2)
    )
    per_s = statistics.median(slopes)
    n = len(means)
    wider = _wider([y - per_s * x for x, y in means])
    half = _Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18 * wider)
    low, high = int((len(slopes) - half) / 2), math.ceil((len(slopes) + half) / 2)
    span_s = points[-1][0] - points[0][0]
    n = len(means)
    thirds = _between(means, n // 3, n // 3, 0.0)
    late = _between(means, 2 * n // 3, max(LATE_BLOCKS, n // 8), LATE_SPREAD)
    least, most = max(thirds[0], late[0]) / span_s, min(thirds[1], late[1]) / span_s
    return Line(
        per_s=per_s,
        low_per_s=max(slopes[low - 1] if low >= 1 else -math.inf, least),
        high_per_s=min(slopes[high] if high < len(slopes) else math.inf, most),
        start=statistics.median(y - per_s * x for x, y in means) + per_s * points[0][0],
        span_s=span_s,
    )


def _blocks(points: Points) -> list[tuple[float, float]]:
    n = min(BLOCKS, len(points))
    parts = [points[i * len(points) // n : (i + 1) * len(points) // n] for i in range(n)]
    return [
        (statistics.fmean(x for x, _ in part), statistics.fmean(y for _, y in part))
        for part in parts
    ]


def _between(means: Points, first: int, last: int, spread: float) -> tuple[float, float]:
    """Return the least and the most that changed from the first blocks to the last ones.

    Less `spread` times what the first ones vary. Of the two the one that would be a sure change
    counts; the other leaves its end open.
    """
    begin, end = [y for _, y in means[:first]], [y for _, y in means[-last:]]
    less = spread * (max(begin) - min(begin))
    least, most = min(end) - max(begin) - less, max(end) - min(begin) + less
    return least if least > 0 else -math.inf, most if most < 0 else math.inf


def _wider(rest: Sequence[float]) -> float:
    """Return how much wider the variance is for what neighbours have in common, at least 1."""
    mean = statistics.fmean(rest)
    off = [each - mean for each in rest]
    squares = sum(each * each for each in off)
    if not squares:
        return 1.0
    found = sum(a * b for a, b in itertools.pairwise(off)) / squares
    found += (1 + 4 * found) / len(off)  # what a fitted line takes away (Marriott and Pope 1954)
    found = min(max(found, 0.0), _MAX_CORRELATION)
    return (1 + found) / (1 - found)


def judge_drift(threshold: Threshold, limit: str, *, points: Points) -> Judgement:
    """Hold the change over a run, or per time, against its limit, which is called `limit`."""
    if len(points) < MIN_POINTS:
        text = f"no samples: it takes {MIN_POINTS} s to tell"
        return Judgement(False, None, None, threshold.level, False, text)
    found = line(points)
    factor = threshold.per_s or found.span_s
    if threshold.relative:
        if not found.start:
            text = "it began at 0, so there is no share of it"
            return Judgement(False, None, None, threshold.level, False, text)
        factor /= abs(found.start)
    value, low, high = (each * factor for each in (found.per_s, found.low_per_s, found.high_per_s))
    sure = threshold.holds(low if threshold.operator.startswith("<") else high)
    margin = threshold.margin(value)
    near = sure and (not threshold.holds(value) or (margin is not None and margin < NEAR))
    text = f"{_signed(threshold, value)} (99% interval {_signed(threshold, low)} to "
    text += f"{_signed(threshold, high)})"
    if sure and not threshold.holds(value):
        text += f", beyond the {limit}, which may be noise"
    return Judgement(sure, value, margin, threshold.level, near, text)


def _signed(threshold: Threshold, value: float) -> str:
    """Format a change in the unit of the limit, with its sign."""
    if math.isinf(value):
        return "unknown"
    size = abs(value)
    per = threshold.per
    if threshold.relative:
        text = f"{100 * size:.3g}%"
    elif threshold.kind.contains == "time":
        text = units.format_ms(size)
    elif threshold.kind.contains == "data":
        text = units.format_bytes(size)
    elif threshold.kind.type == "rate":
        text = f"{100 * size:.3g} points"
    else:
        text = f"{size:,.4g}"
    return f"{'-' if value < 0 else '+'}{text}{per}"
