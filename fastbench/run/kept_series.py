"""What is kept of a run over time beside the rows of its seconds: gauges, names and scenarios.

1. Of a script's gauge each value is kept with the instant at which it was set. A look takes the
   value that was set last; what was set and replaced between two looks is in the gauge's min and
   max only. Of a long run every second point is left out, and then every second of these; of many
   sets of tags the first MAX_SERIES are kept.
2. Names, URLs and scenarios are counted step by step. A step is a second until there are MAX_STEPS
   of them; then neighbours are joined, and steps become twice as long. Followed are the TRACKED
   names that were counted most so far: one that comes among them later has nothing to show of the
   time before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

from fastbench.results.metric_values import GaugeRow
from fastbench.results.part_series import (
    MAX_NAMES,
    MAX_SCENARIOS,
    PartSeries,
    PartsOverTime,
    joined_counts,
    joined_percentiles,
)
from fastbench.run import metric_sums
from fastbench.run.metric_sums import RateValue, TrendValue
from fastbench.run.snapshot import AROUND, BY_NAME, Labels, Snapshot

MAX_POINTS = 3600
MAX_SERIES = 100
MAX_STEPS = 300
TRACKED = 3 * MAX_NAMES
MIN_STEP = 0.5  # of a step: what is left at the end is a step of its own, or joins the last one
PERCENTS = (50, 95, 99)

_Key = tuple[str, str, str, str]  # kind, name, method, scenario
_Sums = tuple[RateValue, TrendValue, bool]  # failed of ended, times, whether from planned instants


@dataclass(slots=True)
class _Points:
    """The values of one gauge with one set of tags."""

    at_ns: int = 0  # when the last one was set
    step: int = 1
    seen: int = 0
    points: list[tuple[float, float]] = field(default_factory=list)

    def add(self, t_s: float, value: float) -> None:
        self.seen += 1
        if self.seen % self.step:
            return
        self.points.append((round(t_s, 3), value))
        if len(self.points) >= MAX_POINTS:
            self.points = self.points[1::2]
            self.step *= 2


class GaugeSeries:
    """The series of one run, which starts at `start_ns` of CLOCK_MONOTONIC."""

    def __init__(self, start_ns: int) -> None:
        self._start_ns = start_ns
        self._series: dict[tuple[str, Labels], _Points] = {}

    def take(self, now: Snapshot) -> None:
        """Take what was set since the last look; what setup set stands at 0."""
        for name, kind in now.declared.items():
            if kind.type != "gauge":
                continue
            parts: dict[Labels, list[metric_sums.GaugeValue]] = {}
            for labels, value in now.rows.get(name, {}).items():
                tags = tuple(pair for pair in labels if pair[0] != "scenario")
                parts.setdefault(tags, []).append(value)
            for tags, values in parts.items():
                self._add((name, tags), metric_sums.total(values))

    def _add(self, key: tuple[str, Labels], value: metric_sums.GaugeValue) -> None:
        series = self._series.get(key)
        if series is None:
            if len(self._series) >= MAX_SERIES:
                return
            series = self._series[key] = _Points()
        if value.at_ns > series.at_ns:
            series.at_ns = value.at_ns
            series.add(max(0, value.at_ns - self._start_ns) / 1e9, value.value)

    def rows(self) -> tuple[GaugeRow, ...]:
        """Return the series that have a point, by name and tags."""
        return tuple(
            GaugeRow(name, dict(tags), *zip(*series.points, strict=True))
            for (name, tags), series in sorted(self._series.items())
            if series.points
        )


@dataclass(slots=True)
class _Columns:
    """What was found of one part; `before` is what was counted when its last step ended."""

    before: _Sums
    planned: bool = False
    ended: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    times: list[list[float | None]] = field(default_factory=lambda: [[], [], []])

    def skip(self, steps: int) -> None:
        """Fill up steps in which it was not followed."""
        missing = steps - len(self.ended)
        self.ended += [0] * missing
        self.failed += [0] * missing
        for column in self.times:
            column += [None] * missing

    def add(self, now: _Sums) -> None:
        rate, times, self.planned = now
        was_rate, was_times, _ = self.before
        window = times.since(was_times)
        self.ended.append(rate.total - was_rate.total)
        self.failed.append(rate.passes - was_rate.passes)
        for column, percent in zip(self.times, PERCENTS, strict=True):
            column.append(window.percentile(percent) if window.samples else None)
        self.before = now

    def join_all(self) -> None:
        self.ended, self.failed = joined_counts(self.ended), joined_counts(self.failed)
        self.times = [joined_percentiles(column) for column in self.times]

    def join_last(self) -> None:
        self.ended[-2:] = joined_counts(self.ended[-2:])
        self.failed[-2:] = joined_counts(self.failed[-2:])
        for column in self.times:
            column[-2:] = joined_percentiles(column[-2:])


class PartLooks:
    """The parts of one run, which starts at 0 s."""

    def __init__(self) -> None:
        self._t_s: list[float] = []
        self._span_s: list[float] = []
        self._step_s = 1.0
        self._columns: dict[_Key, _Columns] = {}

    @property
    def due_s(self) -> float:
        """When the next step is complete."""
        return self._ended_s + self._step_s

    @property
    def _ended_s(self) -> float:
        return self._t_s[-1] + self._span_s[-1] if self._t_s else 0.0

    def take(self, now: Snapshot, *, last: bool = False) -> None:
        """Take what was counted up to now, by name; the `last` step may be short."""
        span_s = now.t_s - self._ended_s
        if span_s <= 0:
            return
        self._t_s.append(self._ended_s)
        self._span_s.append(span_s)
        for key, sums in _followed(now).items():
            columns = self._columns.get(key)
            if columns is None:
                if sums[0].total == 0:
                    continue
                columns = self._columns[key] = _Columns((RateValue(), sums[1].blank(), False))
            columns.skip(len(self._t_s) - 1)
            columns.add(sums)
        for columns in self._columns.values():
            columns.skip(len(self._t_s))
        if last and len(self._t_s) > 1 and span_s < MIN_STEP * self._step_s:
            self._join_last()
        if len(self._t_s) >= MAX_STEPS:
            self._join_all()

    def _join_last(self) -> None:
        self._t_s.pop()
        self._span_s[-2:] = [sum(self._span_s[-2:])]
        for columns in self._columns.values():
            columns.join_last()

    def _join_all(self) -> None:
        self._step_s *= 2
        self._t_s = self._t_s[::2]
        spans = self._span_s
        self._span_s = [one + other for one, other in zip(spans[::2], spans[1::2], strict=True)]
        for columns in self._columns.values():
            columns.join_all()

    def result(self) -> PartsOverTime | None:
        """Return the parts, those that were counted most first; None where one part is all."""
        found = sorted(self._columns.items(), key=lambda item: -sum(item[1].ended))
        names = [(key, each) for key, each in found if key[0] != "scenario"][:MAX_NAMES]
        scenarios = [(key, each) for key, each in found if key[0] == "scenario"][:MAX_SCENARIOS]
        shown = [*(names if len(names) > 1 else ()), *(scenarios if len(scenarios) > 1 else ())]
        if not shown:
            return None
        return PartsOverTime(
            t_s=tuple(round(each, 3) for each in self._t_s),
            span_s=tuple(round(each, 3) or float(f"{each:.3g}") for each in self._span_s),
            parts=tuple(_series(key, each) for key, each in shown),
        )


def _series(key: _Key, found: _Columns) -> PartSeries:
    kind, name, method, scenario = key
    p50_ms, p95_ms, p99_ms = (tuple(map(_seen, column)) for column in found.times)
    return PartSeries(
        kind=kind,
        name=name,
        ended=tuple(found.ended),
        failed=tuple(found.failed),
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        method=method,
        scenario=scenario,
        latency="response" if found.planned else "service",
    )


def _seen(value: float | None) -> float | None:
    """Round to what can be seen."""
    return None if value is None else float(f"{value:.4g}")


def _followed(now: Snapshot) -> Mapping[_Key, _Sums]:
    """Return the names that were counted most, and all scenarios that were counted."""
    names = nlargest(TRACKED, _named(now), key=lambda item: item[1][0].total)
    return dict([*names, *_scenarios(now)])


def _named(now: Snapshot) -> Iterator[tuple[_Key, _Sums]]:
    for (_, failed, duration), label in zip(BY_NAME, ("method", "kind"), strict=True):
        labels = ("name", label, "scenario")
        rates = now.by(failed, labels, now.named)
        times = now.by(duration, labels, now.named)
        planned = now.by("response", labels, now.named) if label == "method" else {}
        for at, rate in rates.items():
            name, told, scenario = at
            if scenario in AROUND:
                continue
            kind, method = ("http", told) if label == "method" else (told, "")
            key = (kind, name, method, scenario)
            yield key, (rate, planned.get(at) or times[at], at in planned)


def _scenarios(now: Snapshot) -> Iterator[tuple[_Key, _Sums]]:
    """Yield scenarios; one that sends no requests shows what it timed itself."""
    sums: dict[str, tuple[Any, Any]] = {}
    for _, failed, duration in BY_NAME:
        times = now.by(duration, ("scenario",))
        for (name,), rate in now.by(failed, ("scenario",)).items():
            if name and name not in AROUND and rate.total and name not in sums:
                sums[name] = (rate, times.get((name,), TrendValue()))
    for name, (rate, times_of) in sums.items():
        yield ("scenario", name, "", ""), (rate, times_of, False)
