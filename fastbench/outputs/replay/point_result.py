"""What a file of points tells of a run, as the result of one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import fastbench
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.point import Tags
from fastbench.outputs.replay.point_sums import Wrong, blank, take
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency
from fastbench.results.metric_values import (
    BUILT_IN,
    Judgement,
    Kind,
    ScenarioRow,
)
from fastbench.results.result import (
    Environment,
    ErrorRow,
    Operations,
    Result,
    SeriesRow,
    Summary,
    Validity,
    Warning_,
)
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.judging import Threshold, judge
from fastbench.run.metric_sums import CounterValue, RateValue, TrendValue
from fastbench.run.sampling import series_row
from fastbench.run.snapshot import BY_NAME, ERRORS, SERVICE, Rows, Snapshot
from fastbench.script.parent import metric_snapshot

_UNKNOWN = "unknown"
_TIME = Kind("trend", "time")
_PARTS = {  # what the series is made of, and the type it must have
    "data_received": "counter",
    "dropped": "counter",
    "http_req_duration": "trend",
    "http_req_errors": "counter",
    "http_req_failed": "rate",
    "operation_duration": "trend",
    "operation_failed": "rate",
    "timeouts": "counter",
    "vus": "gauge",
}
_RESPONSE = ("http_req_response", "response")  # in scripts, in runs of URLs
_OURS = {  # by these names nothing else is meant; a script may have a metric of its own by one
    **BUILT_IN,
    **dict.fromkeys(("dropped", "http_req_errors", "retried", "timeouts"), Kind("counter")),
    "response": _TIME,
}
_BROKEN = "(a threshold of this run)"
_TIMED_OUT = "1050"  # k6's error_code of a request timeout
_LEFT_OUT = (
    "read from points: they have no data about the machine, the bottleneck, or requests "
    "without a response at the end"
)


class PointResult:
    """Take the lines of a file of points one after another, then tell the result.

    `by_second` says that a point stands for the second before it, as ours do; else for a sample.
    """

    def __init__(self, *, by_second: bool) -> None:
        self.cut = False
        self._by_second = by_second
        self._first_s, self._begin_s, self._last_s = math.inf, math.inf, -math.inf
        self._failed: bool | None = None  # a threshold did, as the last line says
        self._kinds: dict[str, Kind] = {}
        self._limits: list[Threshold] = []
        self._unread: list[str] = []
        self._rows: Rows = {}
        self._errors_s: dict[tuple[str, str], float] = {}  # when each was first seen
        self._spans: dict[float, Rows] = {}

    @property
    def empty(self) -> bool:
        """Tell whether there was no point."""
        return self._last_s < self._first_s

    def declare(self, name: str, kind: Kind) -> None:
        """Take note of a metric."""
        self._kinds.setdefault(name, kind)

    def kind(self, name: str) -> Kind:
        """Return what a metric was declared as. Raises Wrong where it was not."""
        if name not in self._kinds:
            raise Wrong(f"the metric {name} was not declared before its first point")
        return self._kinds[name]

    def limit(self, key: str, expressions: object) -> None:
        """Take the thresholds of a metric; what cannot be read is told in a warning."""
        if not isinstance(expressions, list):
            return
        for each in expressions:
            try:
                self._limits += grammar.read({key: each}, (), {**BUILT_IN, **self._kinds})
            except UsageError as error:
                self._unread.append(str(error))

    def started(self, at_s: float) -> None:
        """Take the first line: the Unix time in seconds at which the load began."""
        self._begin_s = at_s

    def ended(self, *, failed: bool) -> None:
        """Take the last line."""
        self._failed = failed

    def take(self, name: str, tags: Tags, at_s: float, data: Mapping[str, Any]) -> None:
        """Take a point at a Unix time in seconds. Raises Wrong."""
        kind = self.kind(name)
        _take(self._rows, name, kind, tags, data, at_s)
        self._first_s, self._last_s = min(self._first_s, at_s), max(self._last_s, at_s)
        if kind.contains == "time" and not self._by_second:
            self._begin_s = min(self._begin_s, at_s - max(0.0, float(data["value"])) / 1e3)
        if name in ("http_reqs", "http_req_errors"):
            for tag in tags:
                if tag[0] in ("error", "kind"):
                    self._errors_s.setdefault(tag, at_s)
        if _PARTS.get(name) == kind.type:
            span = self._spans.setdefault(at_s if self._by_second else math.floor(at_s), {})
            labels = tuple(tag for tag in tags if tag[0] == "kind" and name == ERRORS)
            _take(span, name, kind, labels, data, at_s)

    def result(self, name: str) -> Result:
        """Return the result; `name` is that of the file."""
        span_s = self._last_s - self._start_s()
        kinds = {each: self._kinds[each] for each in self._rows}
        whole = Snapshot(span_s, span_s, {}, self._rows, declared=kinds)
        ours = whole.only({each for each, kind in kinds.items() if _is_ours(each, kind)})
        named = {"url": "", "script": name} if _scripted(ours) else {"url": name}
        warnings = tuple(self._warnings(ours))
        return Result(
            version=fastbench.__version__,
            config={
                **named,
                "points": name,
                "points_cut": self._is_cut(),
                "connections": 0,
                "duration_s": round(span_s, 3),
            },
            environment=Environment(
                *(_UNKNOWN, _UNKNOWN, 0, _UNKNOWN, _UNKNOWN),
                datetime.fromtimestamp(self._start_s(), UTC).isoformat(timespec="seconds"),
            ),
            summary=_summary(ours),
            latency=_latency(ours),
            status_codes=_statuses(ours),
            errors=tuple(self._errors(ours)),
            series=tuple(self._series(scripted=_scripted(ours))),
            validity=Validity(
                "incomplete",
                "unknown",
                (*(each.text for each in warnings if each.code == "points_cut"), _LEFT_OUT),
            ),
            warnings=warnings,
            metrics=whole.metrics(),
            thresholds=self._judgements(whole),
            requests=replace(ours, named=_named(ours)).requests(packed=True),
            scenarios=tuple(_scenarios(ours)),
            checks=metric_snapshot.checks(ours),
            operations=_operations(ours),
        )

    def _is_cut(self) -> bool:
        """Tell whether the end of the run is missing; k6 writes no last line."""
        return self.cut or (self._by_second and self._failed is None)

    def _start_s(self) -> float:
        """Return when the first request began, or the first second did."""
        if self._by_second and self._begin_s > self._first_s:  # as versions before 0.6.0 wrote it
            steps = [later - at for at, later in pairwise(sorted(self._spans))]
            return self._first_s - (statistics.median(steps) if steps else 1.0)
        return min(self._begin_s, self._first_s)

    def _errors(self, ours: Snapshot) -> Iterable[ErrorRow]:
        """Yield our errors by kind, and k6's by their text and code."""
        for (kind,), each in ours.by(ERRORS, ("kind",)).items():
            if kind and each.count:
                yield ErrorRow.of(kind, "", "", round(each.count), self._error_s("kind", kind))
        for (code, text), each in ours.by("http_reqs", ("error_code", "error")).items():
            if text and each.count:  # without a text it is an answer with a status of 400 or more
                first_s, hint = self._error_s("error", text), "see k6's page of error codes"
                yield ErrorRow("request", "", code, round(each.count), first_s, text, hint)

    def _error_s(self, tag: str, value: str) -> float:
        return max(0.0, self._errors_s[tag, value] - self._start_s())

    def _series(self, *, scripted: bool) -> Iterable[SeriesRow]:
        start_s = self._start_s()
        before_s = start_s
        for at_s in sorted(self._spans):
            rows = self._spans[at_s]
            begin_s, end_s = before_s, at_s
            if not self._by_second:
                begin_s, end_s = max(start_s, at_s), min(at_s + 1, self._last_s)
            before_s = end_s
            span = Snapshot(end_s - start_s, max(0.0, end_s - begin_s), {}, rows)
            sent = span.sum("http_req_failed") or RateValue()
            timeouts = min(round(span.counted("timeouts")), sent.passes)
            counters = {
                "ok": sent.total - sent.passes,
                "failed": sent.passes - timeouts,
                "timeouts": timeouts,
                "bytes_in": round(span.counted("data_received")),
                "dropped": round(span.counted("dropped")),
            }
            times = rows.get("http_req_duration") or {(): TrendValue()}
            timed = {name: rows[name] for name in BY_NAME[1] if name in rows}
            rows = {SERVICE: times, ERRORS: rows.get(ERRORS, {}), **timed}
            vus = span.sum("vus")
            connections = 0 if scripted or vus is None else round(vus.value)
            yield series_row(replace(span, counters=counters, rows=rows), connections)

    def _judgements(self, whole: Snapshot) -> dict[str, Judgement]:
        found = {each.text: judge(each, *whole.observe(each)) for each in self._limits}
        if self._failed:
            words = "failed according to the last line; points do not name it"
            found[_BROKEN] = Judgement(False, None, None, "fail", False, words)
        return found

    def _warnings(self, ours: Snapshot) -> Iterable[Warning_]:
        if self.cut:
            yield Warning_(
                "points_cut",
                "the file is cut off within its last line",
                "anything after it is not in this report",
            )
        elif self._is_cut():
            yield Warning_(
                "points_cut",
                "the last line, which tells how the run ended, is missing",
                "what came after it, and whether a threshold failed, is not in this report",
            )
        if not getattr(ours.sum("http_req_duration"), "whole", True):
            yield Warning_(
                "no_percentiles",
                "these points have no histograms, so percentiles of the whole run are not known",
                "versions from 0.6.0 on write them; --json FILE has everything",
            )
        for text in self._unread:
            hint = "set it on a run with --threshold"
            yield Warning_("threshold_unread", redact.printable(text), hint)


def _take(
    rows: Rows, name: str, kind: Kind, labels: Tags, data: Mapping[str, Any], at_s: float
) -> None:
    """Add a point to the sums of its metric. Raises Wrong."""
    of = rows.setdefault(name, {})
    if labels not in of:
        of[labels] = blank(kind)
    take(of[labels], data, at_s)


def _is_ours(name: str, kind: Kind) -> bool:
    meant = _OURS.get(name, kind)
    return kind.type == meant.type and (kind.type != "trend" or kind.contains == meant.contains)


def _scripted(ours: Snapshot) -> bool:
    return bool(ours.counted("iterations")) or "checks" in ours.rows


def _summary(ours: Snapshot) -> Summary:
    sent = ours.sum("http_req_failed") or RateValue()
    tags = {ERRORS: ("kind", "timeout"), "http_reqs": ("error_code", _TIMED_OUT)}
    sums = [ours.counted(name, (tag,)) for name, tag in tags.items()]
    timeouts = min(round(max(*sums, ours.counted("timeouts"))), sent.passes)
    return Summary(
        duration_s=ours.span_s,
        started=sent.total,
        ok=sent.total - sent.passes,
        failed=sent.passes - timeouts,
        timeouts=timeouts,
        bytes_in=round(ours.counted("data_received")),
        bytes_out=round(ours.counted("data_sent")),
        cancelled=round(ours.counted(ERRORS, (("kind", "cancelled"),))),
        dropped=round(ours.counted("dropped")),
        retried=round(ours.counted("retried")),
    )


def _operations(ours: Snapshot) -> Operations | None:
    """Return what was timed and is no request; its bytes are among those of the summary."""
    timed = ours.sum("operation_failed")
    if timed is None or not timed.total:
        return None
    return Operations(timed.total, timed.total - timed.passes, timed.passes, 0, 0)


def _latency(ours: Snapshot) -> Latency:
    found = (ours.sum(name) for name in _RESPONSE)
    responses = (each.histogram() for each in found if each is not None)
    service, operation = ours.sum("http_req_duration"), ours.sum("operation_duration")
    empty = Histogram.empty()
    return Latency(
        service=empty if service is None else service.histogram(),
        failed=empty,
        connect=empty,
        first_byte=empty,
        response=next((each for each in responses if each.count), None),
        operation=None if operation is None else operation.histogram(),
    )


def _statuses(ours: Snapshot) -> dict[str, int]:
    found = ours.by("http_reqs", ("status",))
    rows = ((status, round(each.count)) for (status,), each in found.items())
    return {status: count for status, count in sorted(rows) if count and status not in ("", "0")}


def _named(ours: Snapshot) -> Rows:
    """Return what requests and operations are counted by, of those with a name."""
    named: Rows = {}
    for first, failed, times in BY_NAME:
        for name in (failed, times):
            rows = ours.rows.get(name, {}).items()
            named[name] = {labels: each for labels, each in rows if "name" in dict(labels)}
        of = named[failed].items()
        named[first] = {labels: CounterValue(each.total) for labels, each in of}
    return named


def _scenarios(ours: Snapshot) -> Iterable[ScenarioRow]:
    names = sorted(name for (name,) in ours.by("iterations", ("scenario",)) if name)
    vus = ours.sum("vus_max")
    vus_max = round(vus.max) if vus is not None and len(names) == 1 else 0
    for name in names:
        yield metric_snapshot.scenario(ours, name, "", vus_max, ours.span_s)
