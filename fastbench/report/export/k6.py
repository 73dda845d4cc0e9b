"""A result in the shape that k6 hands to handleSummary, for parsers that know it.

A script's run has k6's metrics already. For a plain run those that it measured are worked out from
its histograms; what it did not measure is left out, not filled with zeros.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict

from fastbench.results.histogram import Histogram
from fastbench.results.metric_values import Check
from fastbench.results.result import Result

STATS = ("avg", "min", "med", "max", "p(90)", "p(95)", "p(99)")


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object."""
    metrics: dict[str, object] = {
        name: {part: value for part, value in asdict(each).items() if part != "histogram"}
        for name, each in result.metrics.items()
    }
    return {
        "root_group": _group("", [(each.group, each) for each in result.checks]),
        "options": {
            "summaryTrendStats": list(STATS),
            "summaryTimeUnit": "",
            "noColor": True,
        },
        "state": {
            "isStdOutTTY": False,
            "isStdErrTTY": False,
            "testRunDurationMs": result.summary.duration_s * 1000,
        },
        "metrics": metrics or _plain_metrics(result),
    }


def _group(path: str, checks: list[tuple[str, Check]]) -> dict[str, object]:
    """Return the group of that path, with its checks and those of the groups in it."""
    inner = dict.fromkeys(
        path + "::" + group[len(path) + 2 :].split("::")[0]
        for group, _ in checks
        if group.startswith(path + "::")
    )
    return {
        "name": path.rpartition("::")[2],
        "path": path,
        "id": _id(path),
        "groups": [
            _group(one, [c for c in checks if c[0] == one or c[0].startswith(one + "::")])
            for one in inner
        ],
        "checks": _checks(path, [check for group, check in checks if group == path]),
    }


def _checks(path: str, checks: list[Check]) -> list[dict[str, object]]:
    """Sum the checks of one name over scenarios: k6 does not tell them apart."""
    sums: dict[str, tuple[int, int]] = {}
    for check in checks:
        passes, fails = sums.get(check.name, (0, 0))
        sums[check.name] = (passes + check.passes, fails + check.fails)
    return [
        {
            "name": name,
            "path": f"{path}::{name}",
            "id": _id(f"{path}::{name}"),
            "passes": passes,
            "fails": fails,
        }
        for name, (passes, fails) in sums.items()
    ]


def _id(path: str) -> str:
    # k6 names groups and checks by the MD5 of their path; nothing here is secret.
    return hashlib.md5(path.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _plain_metrics(result: Result) -> dict[str, object]:
    s, latency = result.summary, result.latency
    failed = s.failed + s.timeouts
    share = failed / s.requests if s.requests else 0.0
    passes_fails = {"rate": share, "passes": failed, "fails": s.requests - failed}
    found: dict[str, object] = {
        "http_reqs": _metric("counter", "default", _counter(s.requests, s.duration_s)),
        "http_req_failed": _metric("rate", "default", passes_fails),
        "data_received": _metric("counter", "data", _counter(s.bytes_in, s.duration_s)),
        "data_sent": _metric("counter", "data", _counter(s.bytes_out, s.duration_s)),
    }
    times = {
        "http_req_duration": latency.service,
        "http_req_connecting": latency.connect,
        "http_req_waiting": latency.first_byte,
    }
    for name, histogram in times.items():
        if histogram.count:
            found[name] = _metric("trend", "time", _trend(histogram))
    return found


def _metric(kind: str, contains: str, values: Mapping[str, float]) -> dict[str, object]:
    return {"type": kind, "contains": contains, "values": dict(values)}


def _counter(count: int, span_s: float) -> dict[str, float]:
    return {"count": count, "rate": count / span_s if span_s > 0 else 0.0}


def _trend(histogram: Histogram) -> dict[str, float]:
    percents = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
    values = {
        "avg": histogram.mean_ns,
        "min": histogram.min_ns,
        "max": histogram.max_ns,
        **{name: histogram.percentile(percent) for name, percent in percents.items()},
    }
    return {name: round(values[name] / 1e6, 6) for name in STATS}
