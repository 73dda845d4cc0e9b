"""A script's gauges over time: each value with the instant at which it was set.

1. A look takes the value that was set last; what was set and replaced between two looks is in the
   gauge's min and max only.
2. Memory is bounded: of a long run every second point is left out, and then every second of these;
   of many sets of tags the first MAX_SERIES are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fastbench.results.metric_values import GaugeRow
from fastbench.run import metric_sums
from fastbench.run.snapshot import Labels, Snapshot

MAX_POINTS = 3600
MAX_SERIES = 100


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
