"""What a file of points tells of a run, as the result of one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import fastbench
from fastbench.foundation import redact
from fastbench.outputs.point import Tags
from fastbench.outputs.replay.point_sums import Counter, Gauge, Rate, Totals, Trend, Wrong
from fastbench.plan.plan import UsageError
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency, latency_ms
from fastbench.results.metric_values import (
    BUILT_IN,
    Check,
    Judgement,
    Kind,
    Metric,
    NamedRow,
    ScenarioRow,
)
from fastbench.results.result import (
    Environment,
    ErrorRow,
    Result,
    SeriesRow,
    Summary,
    Validity,
    Warning_,
)
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Threshold, judge

__all__ = ["PointResult"]

_UNKNOWN = "unknown"
_FAILED, _COUNTER, _TIME = Kind("rate"), Kind("counter"), Kind("trend", "time")
_PARTS = {  # of a second: where it is added up, and the type it must have
    "data_received": ("received", "counter"),
    "dropped": ("dropped", "counter"),
    "http_req_duration": ("times", "trend"),
    "http_req_errors": ("errors", "counter"),
    "http_req_failed": ("sent", "rate"),
    "timeouts": ("timeouts", "counter"),
    "vus": ("users", "gauge"),
}
_RESPONSE = ("http_req_response", "response")  # in scripts, in runs of URLs
_EMPTY = Histogram.empty()
_BROKEN = "(a threshold of this run)"
_TIMED_OUT = "1050"  # k6's error_code of a request timeout
_LEFT_OUT = (
    "read from points: they have no data about the machine, the bottleneck, or requests "
    "without a response at the end"
)


@dataclass(slots=True)
class _Span:
    """What ended in one second."""

    at_s: float
    sent: Rate = field(default_factory=Rate)  # failed of all
    times: Trend = field(default_factory=lambda: Trend(time=True))
    received: Counter = field(default_factory=Counter)
    timeouts: Counter = field(default_factory=Counter)
    dropped: Counter = field(default_factory=Counter)
    users: Gauge = field(default_factory=Gauge)
    errors: dict[str, Counter] = field(default_factory=dict)


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
        self._totals = Totals()
        self._errors_s: dict[tuple[str, str], float] = {}  # when each was first seen
        self._spans: dict[float, _Span] = {}

    @property
    def empty(self) -> bool:
        """Tell whether there was no point."""
        return self._last_s < self._first_s

    def declare(self, name: str, kind: Kind) -> None:
        """Take note of a metric."""
        self._kinds[name] = kind

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
        self._totals.take(name, kind, tags, data)
        self._first_s, self._last_s = min(self._first_s, at_s), max(self._last_s, at_s)
        if kind.contains == "time" and not self._by_second:
            self._begin_s = min(self._begin_s, at_s - max(0.0, float(data["value"])) / 1e3)
        if name in ("http_reqs", "http_req_errors"):
            for tag in tags:
                if tag[0] in ("error", "kind"):
                    self._errors_s.setdefault(tag, at_s)
        if name in _PARTS and kind.type == _PARTS[name][1]:
            key = at_s if self._by_second else math.floor(at_s)
            span = self._spans.setdefault(key, _Span(key))
            part = getattr(span, _PARTS[name][0])
            (
                part.setdefault(dict(tags).get("kind", ""), Counter())
                if part is span.errors
                else part
            ).take(data)

    def result(self, name: str) -> Result:
        """Return the result; `name` is that of the file."""
        span_s = self._span_s()
        named = {"url": "", "script": name} if self._scripted() else {"url": name}
        warnings = tuple(self._warnings())
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
            summary=self._summary(span_s),
            latency=self._latency(),
            status_codes=self._statuses(),
            errors=tuple(self._errors()),
            series=tuple(self._series()),
            validity=Validity(
                "incomplete",
                "unknown",
                (*(each.text for each in warnings if each.code == "points_cut"), _LEFT_OUT),
            ),
            warnings=warnings,
            metrics=self._metrics(span_s),
            thresholds=self._judgements(span_s),
            requests=tuple(self._requests(span_s)),
            scenarios=tuple(self._scenarios(span_s)),
            checks=tuple(self._checks()),
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

    def _span_s(self) -> float:
        return self._last_s - self._start_s()

    def _scripted(self) -> bool:
        found = self._totals.of("iterations", _COUNTER).sum
        return bool(found) or any(True for _ in self._totals.parts("checks", _FAILED))

    def _summary(self, span_s: float) -> Summary:
        sent: Rate = self._totals.of("http_req_failed", _FAILED)
        timeouts = min(round(self._timeouts()), sent.passes)
        cancelled = self._totals.of("http_req_errors", _COUNTER, (("kind", "cancelled"),)).sum
        return Summary(
            duration_s=span_s,
            started=sent.total,
            ok=sent.total - sent.passes,
            failed=sent.passes - timeouts,
            timeouts=timeouts,
            bytes_in=round(self._totals.of("data_received", _COUNTER).sum),
            bytes_out=round(self._totals.of("data_sent", _COUNTER).sum),
            cancelled=round(cancelled),
            dropped=round(self._totals.of("dropped", _COUNTER).sum),
            retried=round(self._totals.of("retried", _COUNTER).sum),
        )

    def _timeouts(self) -> float:
        tags = {"http_req_errors": ("kind", "timeout"), "http_reqs": ("error_code", _TIMED_OUT)}
        sums = [self._totals.of(name, _COUNTER, (tag,)).sum for name, tag in tags.items()]
        return float(max(*sums, self._totals.of("timeouts", _COUNTER).sum))

    def _latency(self) -> Latency:
        responses = (self._totals.of(name, _TIME).histogram() for name in _RESPONSE)
        response = next((each for each in responses if each.count), None)
        return Latency(
            service=self._totals.of("http_req_duration", _TIME).histogram(),
            failed=_EMPTY,
            connect=_EMPTY,
            first_byte=_EMPTY,
            response=response,
        )

    def _statuses(self) -> dict[str, int]:
        found = self._totals.by("http_reqs", _COUNTER, ("status",))
        rows = ((status, round(each.sum)) for (status,), each in found.items())
        return {status: count for status, count in sorted(rows) if count and status != "0"}

    def _errors(self) -> Iterable[ErrorRow]:
        """Yield our errors by kind, and k6's by their text and code."""
        for (kind,), each in self._totals.by("http_req_errors", _COUNTER, ("kind",)).items():
            if each.sum:
                yield ErrorRow.of(kind, "", "", round(each.sum), self._error_s("kind", kind))
        names = ("error_code", "error")
        for (code, text), each in self._totals.by("http_reqs", _COUNTER, names).items():
            if text and each.sum:  # without a text it is an answer with a status of 400 or more
                first_s, hint = self._error_s("error", text), "see k6's page of error codes"
                yield ErrorRow("request", "", code, round(each.sum), first_s, text, hint)

    def _error_s(self, tag: str, value: str) -> float:
        return max(0.0, self._errors_s[tag, value] - self._start_s())

    def _series(self) -> Iterable[SeriesRow]:
        start_s = self._start_s()
        before_s = start_s
        for at_s in sorted(self._spans):
            span, times = self._spans[at_s], self._spans[at_s].times
            begin_s, end_s = before_s, at_s
            if not self._by_second:
                begin_s, end_s = max(start_s, at_s), min(at_s + 1, self._last_s)
            before_s = end_s
            timeouts = min(round(span.timeouts.sum), span.sent.passes)
            yield SeriesRow(
                t_s=max(0.0, begin_s - start_s),
                span_s=max(0.0, end_s - begin_s),
                requests=span.sent.total,
                ok=span.sent.total - span.sent.passes,
                failed=span.sent.passes - timeouts,
                timeouts=timeouts,
                bytes_in=round(span.received.sum),
                p50_ms=times.percentile(50),
                p99_ms=times.percentile(99),
                errors={kind: round(each.sum) for kind, each in span.errors.items() if each.sum},
                connections=round(span.users.value) if not self._scripted() else 0,
                dropped=round(span.dropped.sum),
            )

    def _metrics(self, span_s: float) -> dict[str, Metric]:
        found = {}
        for name, kind in sorted(self._kinds.items()):
            total = self._totals.of(name, kind)
            if total.samples:
                found[name] = Metric(kind.type, kind.contains, total.values(span_s))
        return found

    def _judgements(self, span_s: float) -> dict[str, Judgement]:
        found = {
            each.text: judge(each, self._totals.observe(each, span_s)) for each in self._limits
        }
        if self._failed:
            words = "failed according to the last line; points do not name it"
            found[_BROKEN] = Judgement(False, None, None, "fail", False, words)
        return found

    def _requests(self, span_s: float) -> Iterable[NamedRow]:
        names = ("name", "method", "scenario")
        times = self._totals.by("http_req_duration", _TIME, names)
        sent = self._totals.by("http_req_failed", _FAILED, names)
        for key, each in sorted(sent.items(), key=lambda row: (row[0][2], -row[1].total)):
            if each.total:
                name, method, scenario = key
                yield NamedRow(
                    name=name,
                    method=method,
                    scenario=scenario,
                    requests=each.total,
                    failed=each.passes,
                    requests_per_s=each.total / span_s if span_s > 0 else 0.0,
                    latency=latency_ms(times[key].histogram() if key in times else _EMPTY),
                )

    def _scenarios(self, span_s: float) -> Iterable[ScenarioRow]:
        names = self._totals.by("iterations", _COUNTER, ("scenario",))
        vus = self._totals.of("vus_max", Kind("gauge"))
        for (name,), iterations in sorted(names.items()):
            tags = (("scenario", name),)
            sent: Rate = self._totals.of("http_req_failed", _FAILED, tags)
            response = self._totals.of("http_req_response", _TIME, tags).histogram()
            yield ScenarioRow(
                name=name,
                executor="",
                vus_max=round(vus.max) if vus.samples and len(names) == 1 else 0,
                iterations=round(iterations.sum),
                interrupted=0,
                dropped_iterations=round(self._totals.of("dropped_iterations", _COUNTER, tags).sum),
                requests=sent.total,
                failed=sent.passes,
                duration_s=span_s,
                iteration_duration=self._row("iteration_duration", tags),
                latency=self._row("http_req_duration", tags),
                response=latency_ms(response) if response.count else None,
            )

    def _row(self, name: str, tags: Tags) -> dict[str, float | None]:
        return latency_ms(self._totals.of(name, _TIME, tags).histogram())

    def _checks(self) -> Iterable[Check]:
        found = self._totals.by("checks", _FAILED, ("check", "group", "scenario"))
        for (check, group, scenario), each in sorted(found.items(), key=lambda row: row[0][::-1]):
            yield Check(check, group, scenario, each.passes, each.total - each.passes)

    def _warnings(self) -> Iterable[Warning_]:
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
        if not self._totals.of("http_req_duration", _TIME).whole:
            yield Warning_(
                "no_percentiles",
                "these points have no histograms, so percentiles of the whole run are not known",
                "versions from 0.6.0 on write them; --json FILE has everything",
            )
        for text in self._unread:
            hint = "set it on a run with --threshold"
            yield Warning_("threshold_unread", redact.printable(text), hint)
