"""A result in the form of `artillery run --output`: counters, rates and summaries by its names.

1. Times are ms. http.response_time is the time to the first byte, as in Artillery; requests of
   `before` and `after` are in it, and in http.codes.
2. `intermediate` has a period for each 10 s, with what is counted every second: requests, answers
   and bytes. What a run does not tell apart is left out: statuses of one endpoint where the run
   has several, times of one class of statuses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result, SeriesRow

PERIOD_S = 10
_AROUND = ("setup", "teardown")
_BY_ENDPOINT = "plugins.metrics-by-endpoint"
_BY_NAME = "vusers_"  # of the counters of a file's scenarios
_PARTS = {
    **{name: name for name in ("min", "max", "count", "mean", "p50")},
    "median": "p50",
    **{name: name for name in ("p75", "p90", "p95", "p99")},
    "p999": "p99_9",
}
_OF_SOCKETS = {
    "ws_msgs_sent": "websocket.messages_sent",
    "ws_msgs_received": "websocket.messages_received",
}


def document(result: Result) -> dict[str, object]:
    """Return the JSON-ready object."""
    periods: dict[int, list[SeriesRow]] = {}
    for row in result.series:
        periods.setdefault(int(row.t_s // PERIOD_S), []).append(row)
    start_ms = _start_ms(result)
    return {
        "aggregate": _aggregate(result, start_ms),
        "intermediate": [_period(rows, start_ms) for _, rows in sorted(periods.items())],
    }


def _aggregate(result: Result, start_ms: int) -> dict[str, object]:
    summaries = _summaries(result)
    rates = {"http.request_rate": round(result.summary.requests_per_s)}
    end_ms = start_ms + round(result.summary.duration_s * 1000)
    return {
        "counters": _counters(result),
        "rates": rates if result.noun == "request" else {},
        **_instants(start_ms, end_ms),
        "period": end_ms // 10_000 * 10_000,
        "summaries": summaries,
        "histograms": summaries,
    }


def _counters(result: Result) -> dict[str, int]:
    found: Counter[str] = Counter()
    s, sent = result.summary, result.noun == "request"
    answers = sum(result.status_codes.values())
    if s.requests and sent:
        found |= {"http.requests": s.requests, "http.responses": answers}
        found["http.downloaded_bytes"] = s.bytes_in
    found.update({f"http.codes.{status}": n for status, n in result.status_codes.items()})
    found.update(_of_users(result))
    emitted = result.metrics.get("socketio_emit")  # of a file's engine socketio
    if emitted is not None:
        found["socketio.emit"] = round(emitted.values["count"])
    for name, theirs in _OF_SOCKETS.items():
        if name in result.metrics and emitted is None:
            found[theirs] = round(result.metrics[name].values["count"])
    for check in result.checks:
        kind = check.name.partition(" ")[0]
        for word, count in (("ok", check.passes), ("failed", check.fails)):
            if count:
                found[f"plugins.expect.{word}"] += count
                found[f"plugins.expect.{word}.{kind}"] += count
    if len(result.status_codes) == 1 and answers == s.requests:
        (status,) = result.status_codes
        for row in _endpoints(result):
            found[f"{_BY_ENDPOINT}.{row.name}.codes.{status}"] += row.requests
    return dict(found)


def _of_users(result: Result) -> dict[str, int]:
    """Return the counters of users: an iteration is one, an exception ends it."""
    found: Counter[str] = Counter()
    names = {row.name for row in result.scenarios}
    threw = [row for row in result.exceptions if row.scenario in names]
    ended = sum(row.iterations for row in result.scenarios)
    failed = min(ended, sum(row.count for row in threw))
    created = ended + sum(row.interrupted for row in result.scenarios)
    found["vusers.created"] = created
    if ended > failed:
        found["vusers.completed"] = ended - failed
    found["vusers.failed"] = failed
    if skipped := sum(row.dropped_iterations for row in result.scenarios):
        found["vusers.skipped"] = skipped
    for row in threw:
        found[f"errors.{row.type}"] += row.count
    for name, count in _by_name(result, created).items():
        if count:  # a scenario of the weight 0 has none
            found[f"vusers.created_by_name.{name}"] = count
    return dict(found)


def _by_name(result: Result, created: int) -> dict[str, int]:
    """Return how many users each scenario of a file had: its names are those of `function`."""
    scenarios = result.config.get("scenarios")
    functions = [
        str(each.get("function", ""))
        for each in (scenarios if isinstance(scenarios, list | tuple) else ())
        if isinstance(each, Mapping)
    ]
    names = list(dict.fromkeys(name for each in functions for name in each.split(" | ") if name))
    if len(names) == 1:
        return {names[0]: created}
    found = {}
    for name in names:
        counter = result.metrics.get(_BY_NAME + re.sub(r"\W+", "_", name, flags=re.ASCII)[:100])
        if counter is not None and counter.type == "counter":
            found[name] = round(counter.values["count"])
    return found


def _summaries(result: Result) -> dict[str, object]:
    found: dict[str, object] = {}
    if result.latency.first_byte.count:
        times = _summary(latency_ms(result.latency.first_byte))
        found["http.response_time"] = times
        classes = {status[0] for status in result.status_codes}
        if len(classes) == 1:
            found[f"http.response_time.{classes.pop()}xx"] = times
    rows = _endpoints(result)
    counts = Counter(row.name for row in rows)
    for row in rows:
        if counts[row.name] == 1 and row.latency.get("count"):
            found[f"{_BY_ENDPOINT}.response_time.{row.name}"] = _summary(row.latency)
    ended = [row for row in result.scenarios if row.iteration_duration.get("count")]
    if len(ended) == 1:
        found["vusers.session_length"] = _summary(ended[0].iteration_duration)
    return found


def _endpoints(result: Result) -> list[NamedRow]:
    return [row for row in result.requests if row.kind == "http" and row.scenario not in _AROUND]


def _summary(row: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: _rounded(row.get(ours)) for name, ours in _PARTS.items()}


def _rounded(value: float | None) -> float | None:
    return value if value is None or isinstance(value, int) else round(value, 3)


def _period(rows: list[SeriesRow], start_ms: int) -> dict[str, object]:
    span_s = sum(row.span_s for row in rows)
    requests = sum(row.requests for row in rows)
    counters = {
        "http.requests": requests,
        "http.responses": sum(row.requests - row.timeouts for row in rows),
        "http.downloaded_bytes": sum(row.bytes_in for row in rows),
    }
    for kind, count in sum((Counter(row.errors) for row in rows), Counter[str]()).items():
        counters[f"errors.{kind}"] = count
    first_ms = start_ms + round(rows[0].t_s * 1000)
    return {
        "counters": counters,
        "rates": {"http.request_rate": round(requests / span_s) if span_s else 0},
        **_instants(first_ms, first_ms + round(span_s * 1000)),
        "period": str(first_ms // 10_000 * 10_000),
        "summaries": {},
        "histograms": {},
    }


def _instants(first_ms: int, last_ms: int) -> dict[str, int]:
    names = ("CounterAt", "HistogramAt", "MetricAt")
    return {f"first{name}": first_ms for name in names} | {f"last{name}": last_ms for name in names}


def _start_ms(result: Result) -> int:
    try:
        return round(datetime.fromisoformat(result.environment.started_at).timestamp() * 1000)
    except ValueError:
        return 0
