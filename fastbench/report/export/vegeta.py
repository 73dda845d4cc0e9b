"""A result in the shape of `vegeta report -type=json`: nanoseconds, status 0 for no answer.

`rate` is that of requests, `throughput` that of successful ones, `wait` how long the last answer
took beyond the end: what was still in flight then is not waited for here, so that it is 0.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fastbench.foundation.redact import printable
from fastbench.results.result import Result

PERCENTILES = {"50th": 50.0, "90th": 90.0, "95th": 95.0, "99th": 99.0}


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object. Latencies are those of good answers and timeouts."""
    s, service = result.summary, result.latency.service
    count = s.requests
    silent = max(0, count - sum(result.status_codes.values()))
    times = {
        "total": service.sum_ns,
        "mean": round(service.mean_ns) if service.count else 0,
        **{k: service.percentile(p) if service.count else 0 for k, p in PERCENTILES.items()},
        "max": service.max_ns if service.count else 0,
        "min": service.min_ns if service.count else 0,
    }
    first, last = _instants(result)
    return {
        "latencies": times,
        "bytes_in": {"total": s.bytes_in, "mean": s.bytes_in / count if count else 0.0},
        "bytes_out": {"total": s.bytes_out, "mean": s.bytes_out / count if count else 0.0},
        "earliest": first,
        "latest": last,
        "end": last,
        "duration": round(s.duration_s * 1e9),
        "wait": 0,
        "requests": count,
        "rate": s.requests_per_s,
        "throughput": s.ok / s.duration_s if s.duration_s > 0 else 0.0,
        "success": s.ok / count if count else 0.0,
        "status_codes": {**({"0": silent} if silent else {}), **result.status_codes},
        "errors": [printable(row.message) for row in result.errors],
    }


def _instants(result: Result) -> tuple[str, str]:
    """Return start and end in RFC 3339, as far as the document's start tells."""
    started = result.environment.started_at
    try:
        first = datetime.fromisoformat(started)
    except ValueError:
        return "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"  # Go's zero time
    return first.isoformat(), (first + timedelta(seconds=result.summary.duration_s)).isoformat()
