"""Metrics of several runs as one set, by kind: counted, rated and extremes are exact.

A trend holds no histogram in a document: its percentiles are told where the run as a whole has a
histogram of the same samples, or where one run alone has some; else they are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastbench.results.histogram import Histogram
from fastbench.results.latencies import OF_METRIC, Latency
from fastbench.results.merging.run_times import TimedRun
from fastbench.results.metric_values import Metric

_ADDED_GAUGES = ("vus_max",)  # each run has VUs of its own
_UNTOLD = ("vus",)  # how many of them were there at once, of all runs, no document tells
_PERCENTILES = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
Values = Mapping[str, float]


class MixedMetric(ValueError):
    """A metric that is not of one type in all runs."""


def metrics(runs: Sequence[TimedRun], latency: Latency, duration_s: float) -> dict[str, Metric]:
    """Merge metrics by name. Raises MixedMetric for one that two runs mean differently."""
    found: dict[str, list[tuple[TimedRun, Metric]]] = {}
    untold = set(_UNTOLD)
    for run in runs:
        named = run.result.config.get("derived")
        untold |= set(named) if isinstance(named, Mapping) else set()
        for name, metric in run.result.metrics.items():
            found.setdefault(name, []).append((run, metric))
    return {
        name: _metric(name, each, latency, duration_s)
        for name, each in found.items()
        if len(each) < 2 or name not in untold
    }


def _metric(
    name: str, each: Sequence[tuple[TimedRun, Metric]], latency: Latency, duration_s: float
) -> Metric:
    run, first = each[0]
    for other, metric in each:
        if (metric.type, metric.contains) != (first.type, first.contains):
            raise MixedMetric(
                f"the metric {name} is a {first.type} ({first.contains}) in {run.name} and a "
                f"{metric.type} ({metric.contains}) in {other.name}; give one of them another name"
            )
    thresholds = {
        f"{of.name}: {text}": held
        for of, metric in each
        for text, held in metric.thresholds.items()
    }
    values = [metric.values for _, metric in each]
    if first.type == "counter":
        merged = _counter(values, duration_s)
    elif first.type == "gauge":
        last = max(each, key=lambda pair: pair[0].ended_s)[1].values
        merged = _gauge(name, values, last)
    elif first.type == "rate":
        merged = _rate(values)
    else:
        merged = _trend(values, getattr(latency, OF_METRIC.get(name, ""), None))
    return replace(first, values=merged, thresholds=thresholds)


def _counter(values: Sequence[Values], duration_s: float) -> Values:
    count = sum(each.get("count", 0) for each in values)
    return {"count": count, "rate": count / duration_s if duration_s > 0 else 0.0}


def _gauge(name: str, values: Sequence[Values], last: Values) -> Values:
    keys = {key for each in values for key in each}
    if name in _ADDED_GAUGES:
        return {key: sum(each.get(key, 0) for each in values) for key in sorted(keys)}
    merged = dict(last)
    for key, pick in (("min", min), ("max", max)):
        there = [each[key] for each in values if key in each]
        if there:
            merged[key] = pick(there)
    return merged


def _rate(values: Sequence[Values]) -> Values:
    passes, fails = (sum(each.get(key, 0) for each in values) for key in ("passes", "fails"))
    total = passes + fails
    return {"rate": passes / total if total else 0.0, "passes": passes, "fails": fails}


def _trend(values: Sequence[Values], histogram: Histogram | None) -> Values:
    there = [each for each in values if each.get("count")]
    if len(there) < 2:
        return there[0] if there else values[0]
    count = sum(each["count"] for each in there)
    merged = {
        "avg": sum(each["avg"] * each["count"] for each in there) / count,
        "min": min(each["min"] for each in there),
        "max": max(each["max"] for each in there),
        "count": count,
    }
    if histogram is not None and histogram.count == count:
        for name, percent in _PERCENTILES.items():
            merged[name] = histogram.percentile(percent) / 1e6
    return merged
