"""What sample results are made of: latencies, and seconds of a run."""

from __future__ import annotations

import math
import random
from functools import cache

from fastbench.results.histogram import Histogram
from fastbench.results.result import SeriesRow
from fastbench.results.usage import HostSample, ProcessSample, Use

MIB = 1 << 20
GIB = 1 << 30


def scaled(histogram: Histogram, count: int) -> Histogram:
    """Return the same shape with about `count` samples."""
    factor = max(1, count // histogram.count)
    counts = {at: n * factor for at, n in histogram.counts.items()}
    return Histogram(counts, histogram.min_ns, histogram.max_ns, histogram.sum_ns * factor)


@cache
def lognormal(median_ns: int, sigma: float, count: int, seed: int = 1) -> Histogram:
    """Return latencies with the long right tail that servers have."""
    drawn = random.Random(seed)
    middle = math.log(median_ns)
    shape = Histogram.from_values([int(drawn.lognormvariate(middle, sigma)) for _ in range(2000)])
    return scaled(shape, count)


def series(seconds: int, rate: int, errors: dict[str, int] | None = None) -> tuple[SeriesRow, ...]:
    """Return one row per second around a rate, with a dip in the middle."""
    drawn = random.Random(2)
    rows = []
    for at in range(seconds):
        requests = int(rate * (0.6 if at == seconds // 2 else drawn.uniform(0.93, 1.0)))
        failed = sum((errors or {}).values())
        rows.append(
            SeriesRow(
                t_s=float(at),
                span_s=1.0,
                requests=requests,
                ok=requests - failed,
                failed=failed,
                timeouts=0,
                bytes_in=requests * 127,
                p50_ms=0.486,
                p99_ms=1.2,
                errors=errors or {},
            )
        )
    return tuple(rows)


def use(at: int) -> Use:
    """Return what one second of a run used, with a server of two processes."""
    host = HostSample((91.0, 87.0 + at % 5), 3 * GIB, 26e6, 12e6, 0.0, 4096.0, 31_000.0)
    processes = (
        ProcessSample(321, 93.0 + at % 3, 12 * MIB + at * 4096, 120, 1),
        ProcessSample(322, 41.5, 13 * MIB, 64, 4),
    )
    return Use(24.0 + at % 4, 48 * MIB, host, processes)
