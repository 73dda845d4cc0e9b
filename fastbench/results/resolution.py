"""What a run is long enough to tell: the resolution of each figure, with its reason, in one place.

Documents keep raw figures; reports and the verdict ask here before they state one. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

TOO_SHORT = "too short to tell"
SHARE_SPAN_S = 0.2  # proc(5) counts in ticks of 10 ms: a share is known to one in twenty from here
COST_CPU_S = 0.1  # ten of these ticks: the processor time of a request is known to a tenth
MIN_SPREAD_SAMPLES = 2  # a single sample has no spread
MIN_RATE_REQUESTS = (
    10  # one request more or less, as chance has it, changes a rate by a tenth at most
)
RATE_SPAN_S = 0.1  # so do the 10 ms that a scheduler may hold either side back

_PERCENTS = {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}
_PERCENTS |= {"p99_9": 99.9, "p99_99": 99.99}
_TREND = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}


class _Samples(Protocol):
    """What has percentiles: a histogram."""

    @property
    def count(self) -> int: ...

    def percentile(self, percent: float) -> float: ...


def tells_shares(span_s: float) -> bool:
    """Tell whether shares of the processor, and who was the limit, are known after `span_s`."""
    return span_s >= SHARE_SPAN_S


def tells_cost(cpu_s: float) -> bool:
    """Tell whether what a request costs is known from so much processor time."""
    return cpu_s >= COST_CPU_S


def tells_spread(count: int) -> bool:
    """Tell whether `count` samples have a standard deviation."""
    return count >= MIN_SPREAD_SAMPLES


def tells_rate(count: int, span_s: float) -> bool:
    """Tell whether `count` events in `span_s` are a rate; that there was none is known at once."""
    return span_s >= RATE_SPAN_S and (not count or count >= MIN_RATE_REQUESTS)


def told_per_s(count: int, per_s: float) -> float | None:
    """Return a rate of `count` events, None where they are too few, or came in too short a time."""
    return None if per_s > 0 and not tells_rate(count, count / per_s) else per_s


def samples_needed(percent: float) -> int:
    """Return how many samples a percentile needs: so many that one of them lies above it."""
    if percent >= 100:
        return 1  # the maximum, which is a sample itself
    return math.ceil(round(100 / (100 - percent), 6))


def carries(count: int, percent: float) -> bool:
    """Tell whether `count` samples carry a percentile; of fewer it only repeats the maximum."""
    return count >= samples_needed(percent)


def told_ms(row: Mapping[str, float | None], name: str) -> float | None:
    """Return a percentile of a row of `latency_ms` in ms, None where its samples carry none.

    A row without a count, as older documents have, is believed.
    """
    count, percent = row.get("count"), _PERCENTS.get(name)
    if count is not None and percent is not None and not carries(int(count), percent):
        return None
    return row.get(name)


def told_ns(histogram: _Samples, percent: float) -> float | None:
    """Return a percentile of a histogram in its unit, None where its samples carry none."""
    return histogram.percentile(percent) if carries(histogram.count, percent) else None


def told_trend(values: Mapping[str, float], name: str) -> float | None:
    """Return a value of a trend by its name in k6 (`p(95)`), None where its samples carry none."""
    count, percent = values.get("count"), _TREND.get(name)
    if count is not None and percent is not None and not carries(int(count), percent):
        return None
    return values.get(name)


def told_growth(values: Mapping[str, float], contains: str) -> float | None:
    """Return the rate of a counter, None where that is too short to tell.

    Bytes come many at once, so that their number says nothing: only the time does.
    """
    count, per_s = abs(values.get("count", 0.0)), values.get("rate", 0.0)
    if contains == "data":
        return None if per_s and count / abs(per_s) < RATE_SPAN_S else per_s
    return None if told_per_s(round(count), abs(per_s)) is None else per_s


def tail(count: int | None) -> str:
    """Name a p99 of `count` samples, None if unknown: fewer than it needs have only a maximum."""
    return "p99" if count is None or carries(count, 99) else "max"
