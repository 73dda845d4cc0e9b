"""What all workers of a script measured: the arena and the block read into one snapshot.

1. Base samples stand in the arena per scenario, and the whole is their sum. Of what requests are
   counted by, rows are the sums of those by name, where these are read: two places that are
   written one after another are never read at one instant.
2. How many requests ended, and how many of them failed, is what the arena says, for the series,
   too. The block adds what it alone knows: connections, errors by kind, times of good answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import ANSWERED, SUCCEEDED, Check, Kind, ScenarioRow
from fastbench.results.thresholds.judging import Threshold, leaves
from fastbench.results.thresholds.submetric import canonical
from fastbench.run.metric_sums import (
    CounterValue,
    GaugeValue,
    RateValue,
    TrendValue,
    Value,
    packed_each,
    total,
)
from fastbench.run.snapshot import (
    BY_NAME,
    BYTES_IN,
    BYTES_OUT,
    EXCEPTIONS,
    STARTED,
    Labels,
    Rows,
    Snapshot,
)
from fastbench.run.url_snapshot import of_block
from fastbench.script.api.recorder import GROUPS

_BYTES = {"data_received": "bytes_in", "data_sent": "bytes_out"}
_COUNTS = {"http_reqs": "reqs", ANSWERED: "answered", **_BYTES}
_OPERATIONS = {"operations": "reqs", STARTED: "started", SUCCEEDED: "answered"}
_BYTES_BY_NAME = {BYTES_IN: "bytes_in", BYTES_OUT: "bytes_out"}
_TIMES = {name: name for name in _client.TIMES if name != "response"}
_VALUES: Mapping[str, Callable[[Any], Value]] = {
    "counter": CounterValue,
    "gauge": lambda value: GaugeValue(*value),
    "rate": lambda value: RateValue(*value),
    "times": TrendValue,
    "trend": TrendValue,
}


def names(
    thresholds: Iterable[Threshold], declared: Mapping[str, Kind] | None = None
) -> frozenset[str]:
    """Return the names of entries that the series and these thresholds need.

    Of the `declared` metrics these are the gauges.
    """
    wanted = tuple(leaves(thresholds))
    found = {name for each in wanted for name in each.metrics}
    found |= {"dropped_iterations", "iterations", "operations", "requests"}
    found |= {canonical(name, each.tags) for each in wanted for name in each.metrics}
    found |= {canonical(name, each.tags) for each in wanted for name in (ANSWERED, SUCCEEDED)}
    found |= {canonical(each.metric, each.part_of) for each in wanted if each.part_of}
    found |= {EXCEPTIONS} if "script_exceptions" in found else set()
    gauges = {name for name, kind in (declared or {}).items() if kind.type == "gauge"}
    return frozenset(found | gauges)


class Reader:
    """Read arena and block of a run. `declared` are the script's own metrics."""

    def __init__(
        self, arena: _client.Arena, block: _core.Block, declared: Mapping[str, Kind]
    ) -> None:
        self.arena = arena
        self.block = block
        self._declared = dict(declared)

    def read(
        self,
        t_s: float,
        *,
        only: frozenset[str] | None = None,
        gauges: Mapping[str, GaugeValue] | None = None,
    ) -> Snapshot:
        """Add up all workers at an instant of the run; `only` these names of entries.

        `gauges` are those that the parent knows: vus and vus_max.
        """
        counters, rows = of_block(self.block, planned=False, full=only is None)
        named: Rows = {}
        for (kind, name, text), value in self.arena.sums(only).items():
            into, labels = named if kind == name == "named" else rows, labels_of(text)
            for metric, found in _split(kind, name, value, labels):
                held = into.setdefault(metric, {})  # of bytes both kinds have some
                held[labels] = held[labels] + found if labels in held else found
        rows |= {name: {(): gauge} for name, gauge in (gauges or {}).items()}
        _sum_up(rows, named)
        _count(counters, rows)
        return Snapshot(t_s, t_s, counters, rows, named, self._declared)


def _split(kind: str, name: str, value: Any, labels: Labels) -> Iterator[tuple[str, Value]]:
    """Yield the metrics of an entry: what is known of requests, or operations, stands in one."""
    if kind not in ("requests", "named"):
        yield name, _VALUES[kind](value)
        return
    if name == "operations" or (kind == "named" and "method" not in dict(labels)):
        yield "operation_failed", RateValue(value["failed"], value["reqs"])
        yield "operation_duration", TrendValue(value["duration"])
        more = _BYTES if name == "operations" else _BYTES_BY_NAME
        for metric, part in (_OPERATIONS | more).items():
            yield metric, CounterValue(value[part])
        return
    yield "http_req_failed", RateValue(value["failed"], value["reqs"])
    if kind == "named":
        yield "http_reqs", CounterValue(value["reqs"])
        yield "http_req_duration", TrendValue(value["duration"])
        for metric, part in _BYTES.items():
            yield metric, CounterValue(value[part])
        return
    for metric, part in _COUNTS.items():
        yield metric, CounterValue(value[part])
    for metric, part in _TIMES.items():
        yield metric, TrendValue(value[part])
    if value["response"].count:  # only of what is planned
        yield "http_req_response", TrendValue(value["response"])


def _sum_up(rows: Rows, named: Rows) -> None:
    """Make what is counted by scenario the sums of it by name, unless some found no room there."""
    for first, *others in BY_NAME:
        parts: dict[str, dict[Labels, list[Any]]] = {}
        for name in (first, *others):
            for labels, value in named.get(name, {}).items():
                where = tuple(pair for pair in labels if pair[0] == "scenario")
                parts.setdefault(name, {}).setdefault(where, []).append(value)
        for where, counts in parts.get(first, {}).items():
            if sum(each.count for each in counts) >= rows[first][where].count:
                for name in (first, *others):
                    rows[name][where] = total(parts[name][where])


def _count(counters: dict[str, int], rows: Rows) -> None:
    """Take what ended, and how, from the requests of the arena."""
    sent = total(rows.get("http_req_failed", {}).values()) or RateValue()
    counters["timeouts"] = min(counters["timeouts"], sent.passes)
    counters["failed"] = sent.passes - counters["timeouts"]
    counters["ok"] = sent.total - sent.passes


def checks(snapshot: Snapshot) -> tuple[Check, ...]:
    """Return the checks, by scenario in the order in which they came first."""
    sums = snapshot.by("checks", ("check", "group", "scenario"))
    rows = [
        Check(check, group, of, rate.passes, rate.total - rate.passes)
        for (check, group, of), rate in sums.items()
        if rate.total
    ]
    return tuple(sorted(rows, key=lambda row: row.scenario))


def groups(arena: _client.Arena) -> tuple[str, ...]:
    """Return the paths of groups in the order in which they came first, in whichever worker."""
    first_ns: dict[str, int] = {}
    for worker in arena.indices:
        for _, _, text, (*_, at_ns) in arena.read(worker, {GROUPS}):
            path = dict(labels_of(text))["group"]
            first_ns[path] = min(at_ns, first_ns.get(path, at_ns))
    return tuple(sorted(first_ns, key=first_ns.__getitem__))


def thrown(snapshot: Snapshot) -> list[tuple[str, str, str, int]]:
    """Return type, place, scenario and count of each exception, the most frequent first."""
    sums = snapshot.by(EXCEPTIONS, ("type", "place", "scenario"))
    rows = [(*key, round(each.count)) for key, each in sums.items() if each.count]
    return sorted(rows, key=lambda row: -row[3])


def scenario(
    snapshot: Snapshot, name: str, executor: str, vus_max: int, duration_s: float
) -> ScenarioRow:
    """Return the row of one scenario; what was not counted there is 0."""
    tags = (("scenario", name),)
    sent = snapshot.sum("http_req_failed", tags) or RateValue()
    response = snapshot.sum("http_req_response", tags)
    timed = snapshot.sum("operation_failed", tags) or RateValue()
    times = snapshot.sum("operation_duration", tags)
    lasted = snapshot.sum("iteration_duration", tags)
    took = snapshot.sum("http_req_duration", tags)
    each = {
        "iteration_duration": lasted,
        "latency": took,
        "response": response,
        "operation_latency": times,
    }
    return ScenarioRow(
        name=name,
        executor=executor,
        vus_max=vus_max,
        iterations=round(snapshot.counted("iterations", tags)),
        interrupted=round(snapshot.counted("iterations.interrupted", tags)),
        dropped_iterations=round(snapshot.counted("dropped_iterations", tags)),
        requests=sent.total,
        failed=sent.passes,
        duration_s=duration_s,
        iteration_duration=_latency(lasted),
        latency=_latency(took),
        response=None if response is None else _latency(response),
        operations=timed.total,
        operations_failed=timed.passes,
        operation_latency=None if times is None else _latency(times),
        hdr=packed_each(each),
    )


def _latency(times: TrendValue | None) -> dict[str, float | None]:
    return latency_ms(Histogram.empty() if times is None else times.histogram())


@lru_cache(maxsize=8192)
def labels_of(text: str) -> Labels:
    """Return the labels of an entry, which holds them as JSON, sorted."""
    return tuple(json.loads(text).items()) if text else ()
