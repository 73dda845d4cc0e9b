"""Thresholds as lines of charts: those on latency, on rates and on errors, where they are judged.

What has no line, as a threshold on a metric that is not drawn, stands in the table alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.report.html.charts.chart import Limit
from fastbench.results.metric_values import BUILT_IN, Judgement, Kind
from fastbench.results.result import Result
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.judging import Threshold

_LATENCIES = ("http_req_duration", "http_req_response", "service", "response")
_OF_TIMES = ("p", "avg", "med", "max", "min")
_COUNTED = ("http_reqs", "operations")
_FAILED = ("http_req_failed", "operation_failed")
_UPPER = ("<", "<=")


@dataclass(frozen=True, slots=True)
class Limits:
    """The lines of all charts; `of` chart and tags."""

    found: tuple[tuple[str, Mapping[str, str], Threshold, Judgement], ...]
    stages: Mapping[str, tuple[float, float]]

    def of(self, chart: str, per_s: Sequence[float] = (), **tags: str) -> tuple[Limit, ...]:
        """Return the lines of a chart of what has these tags; none: those of the whole run.

        `per_s` is how much ended per second in each row, which a share of errors is a share of.
        """
        return tuple(
            each
            for of, asked, threshold, judged in self.found
            if of == chart and (asked.items() <= tags.items() if asked else not tags)
            for each in self._line(threshold, judged, per_s)
        )

    def _line(
        self, threshold: Threshold, judged: Judgement, per_s: Sequence[float]
    ) -> Iterator[Limit]:
        kind = "bad" if not judged.ok and judged.level == "fail" else "good"
        kind = "warn" if kind == "good" and (not judged.ok or judged.near) else kind
        begin_s, end_s = self.stages.get(threshold.stage, (None, None))
        values = tuple(threshold.limit * each for each in per_s)
        yield Limit(
            printable(_short(threshold)),
            kind,
            None if values else threshold.limit,
            values,
            begin_s,
            end_s,
        )


def limits_of(result: Result) -> Limits:
    """Return the thresholds that have a line in a chart."""
    known: dict[str, Kind] = dict(BUILT_IN)
    for name, metric in result.metrics.items():
        known.setdefault(name, Kind(metric.type, metric.contains))
    timed = result.noun == "operation"
    found = []
    for text, judged in result.thresholds.items():
        threshold = _read(text, known)
        if threshold is not None and (chart := _chart(threshold, timed=timed)):
            found.append((chart, dict(threshold.tags), threshold, judged))
    stages = {each.name: (each.begin_s, each.end_s) for each in result.stages}
    return Limits(tuple(found), stages)


def _read(text: str, known: Mapping[str, Kind]) -> Threshold | None:
    """Return a threshold of a document; None for one that this version cannot read."""
    try:
        return grammar.parse(text, known)
    except UsageError:
        return None


def _chart(threshold: Threshold, *, timed: bool) -> str:
    """Return the chart that a threshold is a line of, "" of one that is none."""
    plain = not (threshold.terms or threshold.last_s or threshold.per or threshold.baseline)
    if not plain:
        return ""
    metric, upper = threshold.metric, threshold.operator in _UPPER
    if threshold.aggregate in _OF_TIMES and upper:
        if metric == "operation_duration":
            return "latency" if timed else "operation_times"
        return "latency" if metric in _LATENCIES and not timed else ""
    if threshold.aggregate == "rate" and metric in _COUNTED:
        if (metric == "operations") == timed:
            return "rate"
        return "operations" if metric == "operations" else ""
    if threshold.aggregate == "rate" and metric in _FAILED and upper:
        return "errors" if (metric == "operation_failed") == timed else ""
    return ""


def _short(threshold: Threshold) -> str:
    """Return how a threshold is called beside its line: without a metric that the chart tells."""
    rest = threshold.text.rpartition(": ")[2]
    told = threshold.metric in (*_LATENCIES, "operation_duration")
    return rest if told else threshold.text
