"""HdrHistogram's percentile spectrum (.hgrm), as its outputPercentileDistribution prints it.

1. Levels, columns and footer are those of the Java reference.
2. Everything is worked out from the counters, as any HdrHistogram library does from the histogram
   in the document: a value is the highest of its counter, the mean is that of the middles.
3. Values are milliseconds. Titles begin with `#`, which readers of the format leave out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from fastbench.results.histogram import (
    COUNTERS,
    HALF,
    SUB_BUCKETS,
    Histogram,
    highest_ns,
    lowest_ns,
)
from fastbench.results.result import Result

TICKS_PER_HALF_DISTANCE = 5
NS_PER_MS = 1e6
TITLES = {
    "response": "response time in ms, from the planned start to the last byte read",
    "service": "service time in ms, from the first byte sent to the last byte read",
}
OF_OPERATIONS = {"service": "the duration of operations in ms"}


def render(result: Result) -> str:
    """Return the spectrum of each latency that has samples, response time first."""
    result = result.main
    titles = OF_OPERATIONS if result.noun == "operation" else TITLES
    found = [(title, getattr(result.latency, name)) for name, title in titles.items()]
    return "\n".join(
        f"#[Percentile spectrum of {title}]\n{_spectrum(histogram)}"
        for title, histogram in found
        if histogram is not None and histogram.count
    )


def _spectrum(histogram: Histogram) -> str:
    head = f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}\n\n"
    return head + "".join(_rows(histogram)) + _foot(histogram)


def _rows(histogram: Histogram) -> Iterator[str]:
    """Yield a line per level that the counters reach, and the last one at 100 %."""
    level = value = 0.0
    seen = 0
    for counter, n in histogram.counts.items():
        seen += n
        value = highest_ns(counter) / NS_PER_MS
        while level < 100.0 and 100.0 * seen / histogram.count >= level:
            share = level / 100
            yield f"{value:12.3f} {share:2.12f} {seen:10d} {1 / (1 - share):14.2f}\n"
            level = _next(level)
            if seen == histogram.count:
                break
    yield f"{value:12.3f} {1:2.12f} {seen:10d}\n"


def _next(level: float) -> float:
    """Return the next level: five steps to halfway towards 100 %, then five to the next half."""
    halves = int(math.log(100 / (100.0 - level)) / math.log(2))
    return level + 100.0 / (TICKS_PER_HALF_DISTANCE << (halves + 1))


def _foot(histogram: Histogram) -> str:
    middles = [
        ((lowest_ns(counter) + lowest_ns(counter + 1)) // 2, n)
        for counter, n in histogram.counts.items()
    ]
    mean = sum(value * n for value, n in middles) / histogram.count / NS_PER_MS
    stdev = histogram.stdev_ns / NS_PER_MS
    most = highest_ns(max(histogram.counts)) / NS_PER_MS
    buckets = COUNTERS // HALF - 1
    return (
        f"#[Mean    = {mean:12.3f}, StdDeviation   = {stdev:12.3f}]\n"
        f"#[Max     = {most:12.3f}, Total count    = {histogram.count:12d}]\n"
        f"#[Buckets = {buckets:12d}, SubBuckets     = {SUB_BUCKETS:12d}]\n"
    )
