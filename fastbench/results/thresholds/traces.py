"""What a threshold observes second by second: for lines through a run, and for extremes of gauges.

A gauge knows its extremes since the start of the run only; those of a window are found here.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, Self

from fastbench.results.thresholds.judging import DRIFTS, RECOVERY, Threshold
from fastbench.results.thresholds.submetric import canonical

if TYPE_CHECKING:
    from fastbench.results.thresholds.drift import Points

MIN_GAP_S = 0.9  # between two points
MAX_POINTS = 7200  # then neighbours are merged
_VALUE_OF = {"counter": "rate", "gauge": "value", "rate": "rate", "trend": "med"}

Time = tuple[float, float, float]  # begin, end, or the length of what is last
WHOLE: Time = (0.0, math.inf, 0.0)


class Source(Protocol):
    """What was measured up to an instant of the run, or between two."""

    @property
    def t_s(self) -> float:
        """The instant, from the start of the run on."""

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value, None without samples; and what it is of, where that is open."""

    def since(self, earlier: Self) -> Self:
        """Return what came after an earlier instant."""

    def kept(self, keys: frozenset[str]) -> Self:
        """Return a copy that later samples do not change, of the metrics with these keys."""


def needed(threshold: Threshold, time: Time) -> bool:
    """Tell whether a threshold is judged by its seconds."""
    extreme = threshold.kind.type == "gauge" and threshold.aggregate in ("min", "max")
    return threshold.aggregate in (*DRIFTS, RECOVERY) or (extreme and time != WHOLE)


class Trace:
    """The points of one threshold: the value at the end of each second, or what came in it."""

    def __init__(self, threshold: Threshold, time: Time) -> None:
        self._seen = replace(threshold, aggregate=_VALUE_OF[threshold.kind.type])
        self._silent = threshold.aggregate == RECOVERY  # a second without samples is a point, nan
        self._extreme = threshold if threshold.aggregate in ("min", "max") else None
        self._begin_s, self._end_s, self._last_s = time
        self._keys = frozenset(canonical(name, threshold.tags) for name in threshold.metrics)
        self._before: Source | None = None
        self._reached: float | None = None  # the extreme of the run so far
        self._points: list[tuple[float, float]] = []

    def look(self, now: Source) -> None:
        """Take a point, where a second has passed."""
        before = self._before
        if before is not None and now.t_s - before.t_s < MIN_GAP_S:
            return
        self._before = now.kept(self._keys)
        part = now if before is None else now.since(before)
        value, _ = part.observe(self._seen)
        if self._extreme is not None:
            value = self._reached_now(now, self._extreme, value)
        if value is None and self._silent:
            value = math.nan
        if value is not None and self._begin_s < now.t_s <= self._end_s + MIN_GAP_S / 2:
            self._points.append((now.t_s, value))
        if len(self._points) > MAX_POINTS:
            self._merge()

    def _reached_now(self, now: Source, threshold: Threshold, value: float | None) -> float | None:
        """Return the extreme since the last look, where it is one of the run, else the value."""
        extreme, _ = now.observe(threshold)
        reached, self._reached = self._reached, extreme
        return extreme if extreme != reached else value

    def _merge(self) -> None:
        pairs = zip(self._points[::2], self._points[1::2], strict=False)
        pick = {"min": min, "max": max}.get(self._extreme.aggregate if self._extreme else "")
        self._points = [
            ((a + b) / 2, pick(x, y) if pick else (x + y) / 2) for (a, x), (b, y) in pairs
        ]

    @property
    def points(self) -> Points:
        """The points of its time so far."""
        if not self._last_s or not self._points:
            return self._points
        since_s = self._points[-1][0] - self._last_s
        return [each for each in self._points if each[0] > since_s]

    @property
    def extreme(self) -> float | None:
        """The least or the greatest of the points, None without any."""
        values = [value for _, value in self.points]
        if not values or self._extreme is None:
            return None
        return min(values) if self._extreme.aggregate == "min" else max(values)
