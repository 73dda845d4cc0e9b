"""How values of the arena are added, subtracted and told.

A counter is a number; a gauge (value, min, max, when set: 0 never); a rate (passes, total); times a
Histogram in ns; a trend a Distribution of numbers; requests and named a mapping of counts and
Histograms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.results.metric_values import Kind
from fastbench.results.thresholds.evaluation import Threshold

__all__ = ["ADD", "SINCE", "aggregate", "nothing", "total", "values"]

Gauge = tuple[float, float, float, int]

PERCENTS = (90, 95, 99)  # of a trend, beside the median
NS_PER_MS = 1e6


def total(kind: str, each: Iterable[Any]) -> Any:
    """Return the sum, None of nothing."""
    found = None
    for value in each:
        found = value if found is None else ADD[kind](found, value)
    return found


def _add_times(one: _core.Histogram, other: _core.Histogram) -> _core.Histogram:
    out = _core.Histogram()
    out.add(one)
    out.add(other)
    return out


def _add_trends(one: _client.Distribution, other: _client.Distribution) -> _client.Distribution:
    out = _client.Distribution()
    out.add(one)
    out.add(other)
    return out


def _add_gauges(one: Gauge, other: Gauge) -> Gauge:
    """Keep the value that was set last, and the extremes of both."""
    if not (one[3] and other[3]):
        return one if one[3] else other
    newest = max(one, other, key=lambda gauge: gauge[3])
    return newest[0], min(one[1], other[1]), max(one[2], other[2]), newest[3]


def _add_parts(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value + other[name] if isinstance(value, int) else _add_times(value, other[name])
        for name, value in one.items()
    }


def _parts_since(new: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any]:
    """Subtract what was kept of the past; of the rest there is nothing to tell."""
    return {
        name: value - old[name] if isinstance(value, int) else value.since(old[name])
        for name, value in new.items()
        if name in old
    }


ADD: dict[str, Callable[[Any, Any], Any]] = {
    "counter": lambda one, other: one + other,
    "gauge": _add_gauges,
    "rate": lambda one, other: (one[0] + other[0], one[1] + other[1]),
    "times": _add_times,
    "trend": _add_trends,
    "requests": _add_parts,
    "named": _add_parts,
}
SINCE: dict[str, Callable[[Any, Any], Any]] = {
    "counter": lambda new, old: new - old,
    "errors": lambda new, old: new - old,
    "gauge": lambda new, old: new,
    "rate": lambda new, old: (new[0] - old[0], new[1] - old[1]),
    "times": lambda new, old: new.since(old),
    "trend": lambda new, old: new.since(old),
    "requests": _parts_since,
    "named": _parts_since,
}


def nothing(value: Any) -> bool:
    """Tell whether there are no samples."""
    if value is None:
        return True
    if isinstance(value, tuple):
        return not (value[3] if len(value) == 4 else value[1])
    return not (value if isinstance(value, float) else value.count)


def aggregate(value: Any, threshold: Threshold, span_s: float) -> float | None:
    """Return what a threshold asks of a value, in the metric's own unit; None without samples."""
    if value is None:
        return None
    if threshold.kind.type == "counter":
        if threshold.aggregate == "count":
            return float(value)
        return value / span_s if span_s > 0 else None
    if nothing(value):
        return None
    if threshold.kind.type == "rate" and threshold.aggregate == "count":
        return float(value[0])
    if threshold.kind.type == "trend" and threshold.aggregate == "p":
        return _percentile(value, threshold.percent)
    return values(value, threshold.kind, span_s)[threshold.aggregate]


def values(value: Any, kind: Kind, span_s: float) -> dict[str, float]:
    """Return the values of a metric in k6's names; `value` None is that of no samples."""
    if kind.type == "counter":
        count = value or 0.0
        return {"count": count, "rate": count / span_s if span_s > 0 else 0.0}
    if kind.type == "rate":
        passes, of = value or (0, 0)
        return {"rate": passes / of if of else 0.0, "passes": passes, "fails": of - passes}
    if kind.type == "gauge":
        return dict(zip(("value", "min", "max"), value or (0.0, 0.0, 0.0), strict=False))
    if nothing(value):
        return {"count": 0}
    unit = _unit(value)
    least, most, added = (
        (value.min_ns, value.max_ns, value.sum_ns)
        if isinstance(value, _core.Histogram)
        else (value.min, value.max, value.sum)
    )
    return {
        "avg": added / value.count / unit,
        "min": least / unit,
        "med": _percentile(value, 50),
        "max": most / unit,
        **{f"p({percent})": _percentile(value, percent) for percent in PERCENTS},
        "count": value.count,
    }


def _unit(value: _core.Histogram | _client.Distribution) -> float:
    return NS_PER_MS if isinstance(value, _core.Histogram) else 1.0


def _percentile(value: _core.Histogram | _client.Distribution, percent: float) -> float:
    return value.percentile(percent) / _unit(value)
