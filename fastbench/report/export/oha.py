"""A result in the shape of `oha --output-format json`: seconds, and `metrics` in milliseconds.

What fastbench does not measure is left out: oha's look-up times stand for one connection each.
"""

from __future__ import annotations

import statistics

from fastbench.foundation.redact import printable
from fastbench.results import resolution
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result

BARS = 11
PERCENTILES = {
    **{f"p{percent}": float(percent) for percent in (10, 25, 50, 75, 90, 95, 99)},
    "p99.9": 99.9,
    "p99.99": 99.99,
}


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object; numbers without samples are null, as in oha's."""
    s, service = result.summary, result.latency.service
    return {
        "summary": _summary(result),
        "metrics": {
            "success_rate": _share(s.ok, s.requests),
            "requests_per_sec": s.requests_per_s,
            "latency_ms": _milliseconds(service),
        },
        "responseTimeHistogram": _bars(service),
        "latencyPercentiles": _percentiles(service),
        "firstBytePercentiles": _percentiles(result.latency.first_byte),
        "rps": _rates(result),
        "details": {
            "DNSDialup": _spread(result.latency.connect),
            "firstByte": _spread(result.latency.first_byte),
        },
        "statusCodeDistribution": dict(result.status_codes),
        "errorDistribution": _errors(result),
    }


def _summary(result: Result) -> dict[str, float | None]:
    s, spread = result.summary, _spread(result.latency.service)
    return {
        "successRate": _share(s.ok, s.requests),
        "total": s.duration_s,
        **spread,
        "requestsPerSec": s.requests_per_s,
        "totalData": s.bytes_in,
        "sizePerRequest": s.bytes_in // s.requests if s.requests else None,
        "sizePerSec": s.bytes_in_per_s,
    }


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _spread(times: Histogram) -> dict[str, float | None]:
    if not times.count:
        return {"slowest": None, "fastest": None, "average": None}
    slowest, fastest, average = times.max_ns, times.min_ns, times.mean_ns
    return {"slowest": slowest / 1e9, "fastest": fastest / 1e9, "average": average / 1e9}


def _milliseconds(times: Histogram) -> dict[str, float | None]:
    if not times.count:
        return dict.fromkeys(("min", "mean", "p50", "p95", "p99", "max"))
    percents = {f"p{percent}": _told(times, float(percent), 1e6) for percent in (50, 95, 99)}
    ends = {"min": times.min_ns / 1e6, "mean": times.mean_ns / 1e6}
    return {**ends, **percents, "max": times.max_ns / 1e6}


def _percentiles(times: Histogram) -> dict[str, float | None]:
    return {name: _told(times, percent, 1e9) for name, percent in PERCENTILES.items()}


def _told(times: Histogram, percent: float, unit_ns: float) -> float | None:
    """Return a percentile, null where too few samples carry it, as oha has it without any."""
    value_ns = resolution.told_ns(times, percent)
    return None if value_ns is None else value_ns / unit_ns


def _bars(times: Histogram) -> dict[str, int]:
    """Count in bars of one width, named by their lower ends; every sample is in one."""
    if not times.count:
        return {}
    step_ns = (times.max_ns - times.min_ns) / BARS
    ends = [round(times.min_ns + step_ns * at) for at in range(1, BARS)] if step_ns else []
    below = [0, *(times.count_below(end) for end in ends), times.count]
    starts = [times.min_ns, *ends]
    bars: dict[str, int] = {}
    for at, start in enumerate(starts):
        name = str(start / 1e9)
        bars[name] = bars.get(name, 0) + below[at + 1] - below[at]
    return bars


def _rates(result: Result) -> dict[str, object]:
    rates = sorted(row.requests / row.span_s for row in result.series if row.span_s > 0)
    if not rates:
        return {"mean": None, "stddev": None, "max": None, "min": None, "percentiles": {}}
    most = len(rates) - 1
    at = {name: rates[min(most, int(len(rates) * p / 100))] for name, p in PERCENTILES.items()}
    return {
        "mean": statistics.fmean(rates),
        "stddev": statistics.pstdev(rates),
        "max": rates[-1],
        "min": rates[0],
        "percentiles": at,
    }


def _errors(result: Result) -> dict[str, int]:
    """Sum the errors by their words: two phases may say the same."""
    found: dict[str, int] = {}
    for row in result.errors:
        message = printable(row.message)
        found[message] = found.get(message, 0) + row.count
    return found
