"""Thresholds against an earlier run: `errors <= errors[baseline]`, `p95 <= 1.1 * p95[baseline]`.

1. The earlier run is that of --baseline, else the last complete one of the same name in --history.
   Its values come from its document, so before the load begins: a term that the document cannot
   answer is refused, not guessed.
2. Where --history has no such run yet, the thresholds that need it are left out, and it is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import target_of
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import OF_METRIC
from fastbench.results.metric_values import MACHINE, NamedRow
from fastbench.results.result import Result
from fastbench.results.thresholds.judging import Threshold

_OF_HTTP = ("http_req_duration", "http_req_failed", "http_reqs")
_OF_TIMES = ("http_req_response", "http_req_waiting", "service", "response", "first_byte", "lag")
_OF_OTHERS = ("operation_duration", "operation_failed", "operations")
_OF_TARGETS = {  # fields of a process in a second
    "target_connections": "connections",
    "target_cpu": "cpu_percent",
    "target_fds": "fds",
    "target_rss": "rss_bytes",
    "target_threads": "threads",
}
_OF_URLS = {name: name for name in ("service", "response", "connect", "first_byte", "lag")}

Earlier = Callable[[], Result | None]


def known(
    found: Sequence[Threshold], earlier: Earlier | None, *, messages: bool = False
) -> tuple[tuple[Threshold, ...], tuple[str, ...]]:
    """Put in what terms with [baseline] were; return the thresholds, and sentences for people.

    `earlier` gives the run before, None if there is none yet; it is called if a threshold needs it.
    `messages`: this is a run of WebSockets without a script.
    Raises UsageError for a threshold that needs one where none was named, or whose term the
    document does not hold.
    """
    needing = [each for each in found if any(term.baseline for term in each.terms)]
    if not needing:
        return tuple(found), ()
    if earlier is None:
        _refuse(needing[0], "[baseline] is an earlier run; add --baseline NAME or --history FILE")
    before = earlier()
    if before is None:
        left = tuple(each for each in found if each not in needing)
        why = "there is no run before; not judged"
        return left, tuple(f"Threshold `{each.text}`: {why}." for each in needing)
    if messages is (before.sockets is None):
        one, other = ("requests", "messages") if messages else ("messages", "requests")
        for each in needing:
            if any(part.metric in (*_OF_HTTP, *_OF_TIMES) for part in each.terms if part.baseline):
                _refuse(each, f"the run before sent {one}, this one {other}; name another run")
    return tuple(_filled(each, before) for each in found), ()


def _filled(threshold: Threshold, before: Result) -> Threshold:
    terms = tuple(
        replace(term, was=_value(term, threshold, before)) if term.baseline else term
        for term in threshold.terms
    )
    return replace(threshold, terms=terms) if terms else threshold


def _value(term: Threshold, whole: Threshold, before: Result) -> float:
    """Return what a term was; refuse it if the document does not hold it."""
    metric = before.metrics.get(term.key)
    if metric is not None:
        value = _of_values(term, metric.values)
    elif term.metric in MACHINE:
        value = _of_machine(term, before)
    elif term.tags:
        value = _of_rows(term, whole, before)
    else:
        value = None
    if value is None and not term.tags:
        value = _of_whole(term, before)
    if value is None:
        _refuse(whole, f"the document of the run before does not hold {_bare(term)}")
    return value


def _bare(term: Threshold) -> str:
    return term.text.replace(" [baseline]", "")


def _of_values(term: Threshold, values: Mapping[str, float]) -> float | None:
    """Return an aggregate of a metric of a script's run."""
    name = f"p({term.percent:g})" if term.aggregate == "p" else term.aggregate
    if term.kind.type == "rate" and term.aggregate == "count":
        return values.get("passes")
    return values.get(name)


def _of_whole(term: Threshold, before: Result) -> float | None:
    """Return a figure of the run as a whole."""
    times = _times(term, before)
    if times is not None:
        return _of_histogram(term, times)
    summary = before.summary
    counts: dict[str, float | None] = {
        "http_reqs": summary.requests,
        "http_req_failed": summary.not_ok,
        "data_received": summary.bytes_in,
        "data_sent": summary.bytes_out,
        "dropped": summary.dropped,
        "retried": summary.retried,
        "timeouts": summary.timeouts,
    }
    if before.sockets is not None:
        counts["ws_msgs_sent"] = before.sockets.messages_sent
        counts["ws_msgs_received"] = before.sockets.messages_received
        counts["ws_sessions"] = before.sockets.opened
        counts["ws_msgs_lost"] = summary.not_ok if before.noun == "message" else None
        counts["ws_errors"] = sum(row.count for row in before.errors)
    count = counts.get(term.metric)
    if count is None or term.aggregate == "count":
        return count
    if term.kind.type == "rate":
        return count / summary.requests if summary.requests else None
    return count / summary.duration_s if summary.duration_s > 0 else None


def _times(term: Threshold, before: Result) -> Histogram | None:
    """Return the histogram of a metric of times."""
    latency = before.latency
    if term.either and before.planned is not None:
        return before.planned
    sockets = {"ws_connecting": "connect"} if before.sockets is not None else {}
    sockets |= {"ws_msg_rtt": "service"} if before.noun == "message" else {}
    name = {**_OF_URLS, **OF_METRIC, **sockets}.get(term.metric, "")
    found: Histogram | None = getattr(latency, name, None)
    return found


def _of_histogram(term: Threshold, times: Histogram) -> float | None:
    """Return a time in ms; None without samples."""
    if term.aggregate == "count":
        return float(times.count)
    if not times.count:
        return None
    percent = 50.0 if term.aggregate == "med" else term.percent
    found = {"avg": times.mean_ns, "min": times.min_ns, "max": times.max_ns}.get(term.aggregate)
    return float(times.percentile(percent) if found is None else found) / 1e6


def _of_rows(term: Threshold, whole: Threshold, before: Result) -> float | None:
    """Return a figure of the operations that the tags mean; a percentile only of a single row."""
    if term.metric not in (*_OF_HTTP, *_OF_OTHERS):
        return None
    http = term.metric in _OF_HTTP
    rows = [row for row in before.requests if (row.kind == "http") == http and _meant(row, term)]
    count, failed = sum(row.requests for row in rows), sum(row.failed for row in rows)
    if not rows:
        return None
    if term.kind.type == "counter":
        return float(count) if term.aggregate == "count" else sum(r.requests_per_s for r in rows)
    if term.kind.type == "rate":
        return float(failed) if term.aggregate == "count" else failed / count if count else None
    if len(rows) > 1:
        _refuse(whole, f"{_bare(term)} means several rows of the run before; name a single one")
    named = {"avg": "mean", "med": "p50"}.get(term.aggregate, term.aggregate)
    if term.aggregate == "p":
        named = f"p{term.percent:g}".replace(".", "_")
    return rows[0].latency.get(named)


def _meant(row: NamedRow, term: Threshold) -> bool:
    """Tell whether a row has the tags of a term."""
    own = {"method": row.method, "scenario": row.scenario, "kind": row.kind}
    for name, value in term.tags:
        if name in ("name", "url"):  # of a run of several URLs the name is a path
            target = target_of(value)
            if row.name not in (value, target, target.removeprefix("/")):
                return False
        elif own.get(name) != value:
            return False
    return True


def _of_machine(term: Threshold, before: Result) -> float | None:
    """Return what processes of the server, or the machine, used: of the seconds of the series."""
    process = dict(term.tags).get("process")
    pids = {each.pid for each in before.resources.targets if process in (None, each.name)}
    uses = [row.use for row in before.series if row.use is not None]
    found: list[float] = []
    for use in uses:
        if term.metric in _OF_TARGETS:
            samples = [each for each in use.targets if each.pid in pids]
            values = [getattr(each, _OF_TARGETS[term.metric]) for each in samples]
            found += [sum(values)] if values and None not in values else []
        elif term.metric == "host_cpu" and use.host.core_percents:
            found.append(sum(use.host.core_percents) / len(use.host.core_percents))
        elif term.metric == "host_memory" and use.host.memory_used_bytes is not None:
            found.append(use.host.memory_used_bytes)
    if not found:
        return None
    return float({"min": min(found), "max": max(found)}.get(term.aggregate, found[-1]))


def refuse(found: Iterable[Threshold]) -> None:
    """Refuse thresholds with [baseline] where several runs are judged by them."""
    for each in found:
        if any(term.baseline for term in each.terms):
            _refuse(each, "[baseline] is for a run of its own; leave it out here")


def _refuse(threshold: Threshold, why: str) -> NoReturn:
    raise UsageError(f"Threshold `{threshold.text}`: {why}.")
