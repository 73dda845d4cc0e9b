"""Two neighbouring rows of a series as one: counts add up, of percentiles the higher one stays.

No percentile of both exceeds the higher one of the two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from fastbench.results.counts import OperationsRow, SeriesRow
from fastbench.results.usage import HostSample, Use


def merged(a: SeriesRow, b: SeriesRow) -> SeriesRow:
    """Return one row for two neighbours."""
    return replace(
        a,
        span_s=round(a.span_s + b.span_s, 3),
        requests=a.requests + b.requests,
        ok=a.ok + b.ok,
        failed=a.failed + b.failed,
        timeouts=a.timeouts + b.timeouts,
        bytes_in=a.bytes_in + b.bytes_in,
        p50_ms=_higher(a.p50_ms, b.p50_ms),
        p99_ms=_higher(a.p99_ms, b.p99_ms),
        errors=dict(Counter(a.errors) + Counter(b.errors)),
        connections=b.connections,
        scheduled=None if b.scheduled is None else (a.scheduled or 0) + b.scheduled,
        dropped=a.dropped + b.dropped,
        response_p50_ms=_higher(a.response_p50_ms, b.response_p50_ms),
        response_p99_ms=_higher(a.response_p99_ms, b.response_p99_ms),
        use=_merged_use(a.use, b.use),
        operations=_merged_operations(a.operations, b.operations),
        streams=a.streams if b.streams is None else b.streams,
        p95_ms=_higher(a.p95_ms, b.p95_ms),
        response_p95_ms=_higher(a.response_p95_ms, b.response_p95_ms),
        statuses=dict(Counter(a.statuses) + Counter(b.statuses)),
        vus=a.vus if b.vus is None else b.vus,
        iterations=_added(a.iterations, b.iterations),
        dropped_iterations=_added(a.dropped_iterations, b.dropped_iterations),
    )


def last_merged(a: SeriesRow, b: SeriesRow) -> SeriesRow:
    """Return one row for the last two, of which `b` is short and ends with the load.

    Levels are those of `a`: users and connections may have ended already when `b` was counted.
    """
    most = max(a.connections, b.connections)
    return replace(merged(a, b), connections=most, vus=a.vus, streams=a.streams)


def _merged_operations(a: OperationsRow | None, b: OperationsRow | None) -> OperationsRow | None:
    if a is None or b is None:
        return a or b
    return OperationsRow(
        ended=a.ended + b.ended,
        failed=a.failed + b.failed,
        p50_ms=_higher(a.p50_ms, b.p50_ms),
        p99_ms=_higher(a.p99_ms, b.p99_ms),
        p95_ms=_higher(a.p95_ms, b.p95_ms),
    )


def _merged_use(a: Use | None, b: Use | None) -> Use | None:
    """Return the mean of two neighbours' rates; memory, files and threads are the later one's."""
    if a is None or b is None:
        return a or b
    before = {sample.pid: sample.cpu_percent for sample in a.targets}
    cores = zip(a.host.core_percents, b.host.core_percents, strict=False)
    names = [name for name in HostSample.__dataclass_fields__ if name.endswith("_per_s")]
    rates: dict[str, Any] = {n: _mean(getattr(a.host, n), getattr(b.host, n)) for n in names}
    host = replace(
        b.host,
        core_percents=tuple((one + other) / 2 for one, other in cores),
        **rates,
    )
    targets = tuple(
        replace(s, cpu_percent=(before.get(s.pid, s.cpu_percent) + s.cpu_percent) / 2)
        for s in b.targets
    )
    percent = _mean(a.client_cpu_percent, b.client_cpu_percent)
    rss = [each for each in (a.client_rss_bytes, b.client_rss_bytes) if each is not None]
    return Use(percent, max(rss, default=None), host, targets)


def _mean(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else (one + other) / 2


def _higher(a: float | None, b: float | None) -> float | None:
    known = [value for value in (a, b) if value is not None]
    return max(known) if known else None


def _added(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)
