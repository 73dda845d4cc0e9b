"""Pictures in characters: the distribution of a histogram, a bar, a line over time.

Everything comes twice: in block elements (Unicode U+2581 to U+258F) and in plain ASCII.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.results.histogram import Histogram

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = "▁▂▃▄▅▆▇█"
_LEVELS_ASCII = "_.-:=+*#"
_MIN_STEP = 1.02  # below this, neighbouring labels of three digits would read the same


@dataclass(frozen=True, slots=True)
class Bin:
    """Samples from `low_ns` up to the next bin's `low_ns`."""

    low_ns: int
    count: int


def bins(histogram: Histogram, rows: int) -> list[Bin]:
    """Split the samples into at most `rows` log-spaced bins; every sample is in one of them.

    The edges lie between p0.1 and p99.9, so that one outlier does not squeeze the picture; the
    first bin starts at the minimum and the last reaches to the maximum.
    """
    if not histogram.count:
        return []
    low = max(1, histogram.percentile(0.1))
    span = histogram.percentile(99.9) / low
    rows = max(1, min(rows, int(math.log(span) / math.log(_MIN_STEP))))
    edges = sorted({round(low * span ** (step / rows)) for step in range(rows)})
    below = [0, *(histogram.count_below(edge) for edge in edges[1:]), histogram.count]
    edges[0] = histogram.min_ns
    return [Bin(edge, below[at + 1] - below[at]) for at, edge in enumerate(edges)]


def bar(share: float, width: int, *, unicode: bool) -> str:
    """Return a bar of `share` (0 to 1) of `width` columns; what is not nothing shows."""
    if share <= 0:
        return ""
    if not unicode:
        return "#" * max(1, round(share * width))
    whole, eighths = divmod(max(1, round(share * width * 8)), 8)
    return "█" * whole + (_EIGHTHS[eighths] if eighths else "")


def sparkline(values: Sequence[float], width: int, *, unicode: bool) -> str:
    """Return one character per value, at most `width`: neighbours are averaged above that.

    Heights count from zero, so a small wobble looks small.
    """
    levels = _LEVELS if unicode else _LEVELS_ASCII
    count = min(len(values), width)
    starts = [at * len(values) // count for at in range(count)] + [len(values)] if count else []
    means = [
        math.fsum(values[start:end]) / (end - start) for start, end in itertools.pairwise(starts)
    ]
    most = max(means, default=0.0)
    if most <= 0:
        return levels[0] * count
    return "".join(levels[min(len(levels) - 1, int(mean / most * len(levels)))] for mean in means)
