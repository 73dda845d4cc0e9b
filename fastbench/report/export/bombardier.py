"""A result in the shape of `bombardier --format=json`: microseconds, bytes, requests per second."""

from __future__ import annotations

import statistics

from fastbench.foundation.redact import printable
from fastbench.report.load_heading import load_of
from fastbench.results.result import Result

PERCENTILES = ("50", "75", "90", "95", "99")


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object. What no status tells is under `others`."""
    return {"spec": _spec(result), "result": {**_counts(result), **_distributions(result)}}


def _spec(result: Result) -> dict[str, object]:
    load = load_of(result)
    kind = "number-of-requests" if load.requests else "timed"
    spec: dict[str, object] = {
        "numberOfConnections": load.connections or load.vus,
        "testType": kind,
        "method": load.method or "GET",
        "url": load.url,
        "client": "fastbench",
    }
    if load.requests:
        spec["numberOfRequests"] = load.requests
    else:
        spec["testDurationSeconds"] = load.duration_s or result.summary.duration_s
    if load.rate is not None:
        spec["rate"] = load.rate
    return spec


def _counts(result: Result) -> dict[str, object]:
    s, codes = result.summary, result.status_codes
    classes = {
        f"req{first}xx": sum(n for code, n in codes.items() if code.startswith(first))
        for first in "12345"
    }
    return {
        "bytesRead": s.bytes_in,
        "bytesWritten": s.bytes_out,
        "timeTakenSeconds": s.duration_s,
        **classes,
        "others": max(0, s.requests - sum(classes.values())),
        "errors": [
            {"description": printable(row.message), "count": row.count} for row in result.errors
        ],
    }


def _distributions(result: Result) -> dict[str, object]:
    service = result.latency.service
    rates = sorted(row.requests / row.span_s for row in result.series if row.span_s > 0)
    found: dict[str, object] = {}
    if service.count:
        found["latency"] = {
            "mean": service.mean_ns / 1e3,
            "stddev": service.stdev_ns / 1e3,
            "max": service.max_ns / 1e3,
            "percentiles": {p: service.percentile(float(p)) / 1e3 for p in PERCENTILES},
        }
    if rates:
        at = {p: rates[min(len(rates) - 1, int(len(rates) * float(p) / 100))] for p in PERCENTILES}
        found["rps"] = {
            "mean": result.summary.requests_per_s,
            "stddev": statistics.pstdev(rates),
            "max": rates[-1],
            "percentiles": at,
        }
    return found
