"""What a run is long enough to tell: the resolution of each figure, with its reason, in one place.

Documents keep raw figures; reports and the verdict ask here before they state one. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = [
    "TOO_SHORT",
    "carries",
    "samples_needed",
    "tells_shares",
    "tells_spread",
    "told_ms",
]

TOO_SHORT = "too short to tell"
SHARE_SPAN_S = 0.2  # proc(5) counts in ticks of 10 ms: a share is known to one in twenty from here
SPREAD_LEAST = 2  # a single sample has no spread

_PERCENTS = {"p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}
_PERCENTS |= {"p99_9": 99.9, "p99_99": 99.99}


def tells_shares(span_s: float) -> bool:
    """Tell whether shares of the processor, and who was the limit, are known after `span_s`."""
    return span_s >= SHARE_SPAN_S


def tells_spread(count: int) -> bool:
    """Tell whether `count` samples have a standard deviation."""
    return count >= SPREAD_LEAST


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
