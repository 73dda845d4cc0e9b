"""What all workers measured, by name: the arena read, added up, and put into k6's words.

1. Base samples stand in the arena per scenario, and the whole is their sum. A sub-metric is an
   entry of its own, named by its canonical expression, except one that names its scenario alone.
2. A snapshot is a copy: what workers count later does not change it. `since` gives a window.
3. Times are kept in ns and told in ms, as k6 does; a script's own trend is told as it was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import (
    BUILT_IN,
    Check,
    Judgement,
    Kind,
    Metric,
    NamedRow,
    ScenarioRow,
)
from fastbench.results.thresholds.evaluation import ANSWERED, Threshold
from fastbench.results.thresholds.submetric import canonical
from fastbench.script.parent import metric_math

__all__ = ["ERRORS", "Reader", "Snapshot", "names", "read_tags"]

ERRORS = "http_req_errors"

Tags = tuple[tuple[str, str], ...]
Key = tuple[str, str, str]  # kind, name and tags of an entry

_COUNTS = {"http_reqs": "reqs", "data_received": "bytes_in", "data_sent": "bytes_out"}
_TIMES = {
    **{name: name for name in _client.TIMES if name != "response"},
    "http_req_response": "response",
}
_OF_REQUESTS = {*_COUNTS, *_TIMES, "http_req_failed"}
_UNANSWERED = ("http_req_blocked", "http_req_connecting", "http_req_tls_handshaking")
_OF_ANSWERS = _TIMES.keys() - {*_UNANSWERED}  # times that only requests with an answer give
_THREW = "script_exceptions"
_AROUND = ("setup", "teardown")  # what runs before and after the scenarios


def names(thresholds: Iterable[Threshold]) -> frozenset[str]:
    """Return the names of entries that these thresholds need: what is read each second."""
    wanted = tuple(thresholds)
    found = {name for each in wanted for name in each.metrics}
    found |= {canonical(name, each.tags) for each in wanted for name in each.metrics}
    found |= {canonical(ANSWERED, each.tags) for each in wanted if each.metric in _OF_ANSWERS}
    found |= {"exceptions", "iterations"} if _THREW in found else set()
    return frozenset(found | ({"requests"} if found & _OF_REQUESTS else set()))


class Reader:
    """Read the arena of a run. `declared` are the script's own metrics."""

    def __init__(self, arena: _client.Arena, declared: Mapping[str, Kind]) -> None:
        self._arena = arena
        self._declared = dict(declared)

    def read(
        self,
        t_s: float,
        *,
        only: frozenset[str] | None = None,
        gauges: Mapping[str, tuple[float, float, float]] | None = None,
        errors: Mapping[str, int] | None = None,
    ) -> Snapshot:
        """Add up all workers at an instant of the run; `only` these names of entries.

        `gauges` are those that the parent knows, (value, min, max): vus and vus_max. `errors` are
        counts by kind, which stand in no arena and in no document's metrics.
        """
        rows: dict[Key, Any] = {}
        for worker in range(self._arena.workers):
            for kind, name, tags, value in self._arena.read(worker, only):
                key = (kind, name, tags)
                rows[key] = metric_math.ADD[kind](rows[key], value) if key in rows else value
        for name, (value, least, most) in (gauges or {}).items():
            rows["gauge", name, ""] = (value, least, most, 1)
        for kind, count in (errors or {}).items():
            rows["errors", ERRORS, json.dumps({"kind": kind})] = count
        return Snapshot(t_s, t_s, rows, self._declared)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything measured up to `t_s`, or in the `span_s` before it."""

    t_s: float
    span_s: float
    rows: Mapping[Key, Any]
    declared: Mapping[str, Kind]

    def since(self, earlier: Snapshot) -> Snapshot:
        """Return what came after an earlier instant."""
        rows = {
            key: metric_math.SINCE[key[0]](value, earlier.rows[key])
            if key in earlier.rows
            else value
            for key, value in self.rows.items()
        }
        return replace(self, span_s=self.t_s - earlier.t_s, rows=rows)

    def kept(self, keys: frozenset[str]) -> Snapshot:
        """Return what is needed to tell metrics with these keys."""
        bases = {key.partition("{")[0] for key in keys}
        bases |= {"exceptions", "iterations"} if _THREW in bases else set()
        answered = f"{ANSWERED}{{"
        fields = {"reqs", "failed", "answered", "bytes_in", "bytes_out", "response"}
        fields |= {_TIMES[name] for name in bases & _TIMES.keys()}
        rows: dict[Key, Any] = {}
        for key, value in self.rows.items():
            if key[0] == "requests":
                rows[key] = {name: part for name, part in value.items() if name in fields}
            elif key[1] in bases or key[1] in keys or key[1].startswith(answered):
                rows[key] = value
        return replace(self, rows=rows)

    @property
    def planned(self) -> bool:
        """Tell whether all scenarios that sent requests had a plan for when; setup has none."""
        sent = [
            value
            for (kind, _, text), value in self.rows.items()
            if kind == "requests"
            and value["reqs"]
            and read_tags(text).get("scenario") not in _AROUND
        ]
        return bool(sent) and all(value["response"].count for value in sent)

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value, None without samples; of a short form also which latency it is."""
        metric = self._meant(threshold)
        what = ""
        if threshold.either:
            what = "response time" if metric == "http_req_response" else metric
        value = self._value(metric, threshold.tags, threshold.kind)
        if value == (0, 0) and metric in self.declared and not threshold.tags:
            return 0.0, "0 samples"
        return metric_math.aggregate(value, threshold, self.span_s), what

    def _meant(self, threshold: Threshold) -> str:
        return "http_req_response" if threshold.either and self.planned else threshold.metric

    def metrics(
        self,
        thresholds: Iterable[Threshold] = (),
        judgements: Mapping[str, Judgement] | None = None,
    ) -> dict[str, Metric]:
        """Return every metric that has samples or a threshold, in k6's form."""
        judged: dict[str, dict[str, Mapping[str, bool]]] = {}
        wanted: dict[str, tuple[str, Tags, Kind]]
        wanted = {name: (name, (), kind) for name, kind in self._kinds().items()}
        for each in thresholds:
            metric = self._meant(each)
            key = canonical(metric, each.tags)
            wanted[key] = (metric, each.tags, each.kind)
            found = (judgements or {}).get(each.text)
            expressions = judged.setdefault(key, {})
            if found is not None:
                expressions[each.expression + each.scope] = {"ok": found.ok}
        metrics = {}
        for key, (name, tags, kind) in sorted(wanted.items()):
            value = self._value(name, tags, kind)
            if key in judged or name in self.declared or not metric_math.nothing(value):
                values = metric_math.values(value, kind, self.span_s)
                metrics[key] = Metric(kind.type, kind.contains, values, judged.get(key, {}))
        return metrics

    def _kinds(self) -> dict[str, Kind]:
        return {**BUILT_IN, **self.declared}

    def requests(self) -> tuple[NamedRow, ...]:
        """Return the requests by name, the most of each scenario first."""
        sums = self._sums("named", "named", ("scenario", "name", "method"))
        rows = [
            NamedRow(
                name=name,
                method=method,
                scenario=scenario,
                requests=value["reqs"],
                failed=value["failed"],
                requests_per_s=value["reqs"] / self.span_s if self.span_s > 0 else 0.0,
                latency=latency_ms(_histogram(value["duration"])),
            )
            for (scenario, name, method), value in sums.items()
            if value["reqs"]
        ]
        return tuple(sorted(rows, key=lambda row: (row.scenario, -row.requests, row.name)))

    def checks(self) -> tuple[Check, ...]:
        """Return the checks, in the order of their groups and names."""
        sums = self._sums("rate", "checks", ("check", "group", "scenario"))
        rows = [
            Check(*where, passes, total - passes)
            for where, (passes, total) in sums.items()
            if total
        ]
        return tuple(sorted(rows, key=lambda row: (row.scenario, row.group, row.name)))

    def _sums(
        self, of_kind: str, of_name: str, by: tuple[str, ...]
    ) -> dict[tuple[str, str, str], Any]:
        """Add up the entries that have the same values of these tags, whatever else they have."""
        sums: dict[tuple[str, str, str], Any] = {}
        for (kind, name, text), value in self.rows.items():
            if kind == of_kind and name == of_name:
                tags = read_tags(text)
                key = (tags[by[0]], tags[by[1]], tags[by[2]])
                sums[key] = metric_math.ADD[kind](sums[key], value) if key in sums else value
        return sums

    def thrown(self) -> list[tuple[str, str, str, int]]:
        """Return type, place, scenario and count of each exception, the most frequent first."""
        rows = []
        for (kind, name, text), count in self.rows.items():
            if (kind, name) == ("counter", "exceptions") and count:
                tags = read_tags(text)
                rows.append((tags["type"], tags["place"], tags["scenario"], round(count)))
        return sorted(rows, key=lambda row: -row[3])

    def scenario(self, name: str, executor: str, vus_max: int, duration_s: float) -> ScenarioRow:
        """Return the row of one scenario; what was not counted there is 0."""
        tags = (("scenario", name),)
        sent: Mapping[str, Any] = next(self._of("requests", "requests", tags), {})
        response = sent.get("response")
        counts = {
            row: round(sum(self._of("counter", metric, tags)))
            for row, metric in (
                ("iterations", "iterations"),
                ("interrupted", "iterations_interrupted"),
                ("dropped_iterations", "dropped_iterations"),
            )
        }
        return ScenarioRow(
            name=name,
            executor=executor,
            vus_max=vus_max,
            requests=sent.get("reqs", 0),
            failed=sent.get("failed", 0),
            duration_s=duration_s,
            iteration_duration=_latency(next(self._of("times", "iteration_duration", tags), None)),
            latency=_latency(sent.get("http_req_duration")),
            response=_latency(response) if response is not None and response.count else None,
            **counts,
        )

    def times(self, name: str) -> Histogram:
        """Return all times of one name, in ns."""
        found = metric_math.total("times", self._of("times", name))
        return _histogram(found) if found is not None else Histogram.empty()

    def _of(self, kind: str, name: str, tags: Tags = ()) -> Iterator[Any]:
        """Yield the values of entries that carry these tags."""
        for (of_kind, of_name, text), value in self.rows.items():
            if of_kind == kind and of_name == name:
                said = read_tags(text)
                if all(said.get(tag) == value_ for tag, value_ in tags):
                    yield value

    def _value(self, metric: str, tags: Tags, kind: Kind) -> Any:
        """Return the sum of a metric or sub-metric, None without an entry.

        A counter is a number, a rate (passes, total), a gauge (value, min, max, at), a trend a
        Histogram in ns or a Distribution.
        """
        if metric == _THREW:
            return self._threw(tags)
        if metric in _OF_ANSWERS and not self._answered(tags):
            return None
        entry = _entry(metric, kind)
        if tags and tuple(name for name, _ in tags) != ("scenario",):
            return metric_math.total(entry, self._of(entry, canonical(metric, tags)))
        if metric in _OF_REQUESTS:
            parts = self._of("requests", "requests", tags)
            found = metric_math.total(entry, [_part(metric, value) for value in parts])
        else:
            found = metric_math.total(entry, self._of(entry, metric, tags))
        if found is None and not tags and (entry == "counter" or metric in self.declared):
            return {"counter": 0.0, "rate": (0, 0)}.get(entry)
        return found

    def _answered(self, tags: Tags) -> float:
        """Return how many of the requests with these tags got an answer, of any status."""
        if tags and tuple(name for name, _ in tags) != ("scenario",):
            return float(sum(self._of("counter", canonical(ANSWERED, tags))))
        return float(sum(value["answered"] for value in self._of("requests", "requests", tags)))

    def _threw(self, tags: Tags) -> tuple[int, int]:
        """Return how many exceptions ended how many iterations; a background task may add some."""
        threw = round(sum(self._of("counter", "exceptions", tags)))
        where = tuple(pair for pair in tags if pair[0] == "scenario")
        return threw, max(threw, round(sum(self._of("counter", "iterations", where))))


def _part(metric: str, value: Mapping[str, Any]) -> Any:
    if metric == "http_req_failed":
        return value["failed"], value["reqs"]
    return float(value[_COUNTS[metric]]) if metric in _COUNTS else value[_TIMES[metric]]


def _entry(metric: str, kind: Kind) -> str:
    """Return the kind of entry that holds a metric: built-in times are kept in ns."""
    return "times" if kind.type == "trend" and metric in BUILT_IN else kind.type


def _histogram(counted: _core.Histogram) -> Histogram:
    return Histogram(counted.counts(), counted.min_ns, counted.max_ns, counted.sum_ns)


def _latency(counted: _core.Histogram | None) -> dict[str, float | None]:
    return latency_ms(Histogram.empty() if counted is None else _histogram(counted))


@lru_cache(maxsize=8192)
def read_tags(text: str) -> Mapping[str, str]:
    """Return the tags of an entry."""
    found: dict[str, str] = json.loads(text) if text else {}
    return found
