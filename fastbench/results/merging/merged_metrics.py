"""Metrics of several runs as one set, by kind: counted, rated and extremes are exact.

The percentiles of a trend are those of the sum of its histograms. A document of before 0.7.0 holds
none: then they are told where the run as a whole has a histogram of the same samples, or where one
run alone has some, and else left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from fastbench.results import latencies, number_counts, trend_values
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import OF_METRIC, Latency
from fastbench.results.merging.run_times import TimedRun
from fastbench.results.metric_values import Metric
from fastbench.results.number_counts import Numbers

# Each run has VUs of its own. The least and the most of all at once no document tells: the sums are
# those if the runs had theirs at the same time, else a bound.
_ADDED_GAUGES = ("vus", "vus_max")
_PERCENTILES = {"med": 50.0, "p(90)": 90.0, "p(95)": 95.0, "p(99)": 99.0}
Values = Mapping[str, float]
Percentile = Callable[[float], float]


class MixedMetric(ValueError):
    """A metric that is not of one type in all runs."""


def metrics(runs: Sequence[TimedRun], latency: Latency, duration_s: float) -> dict[str, Metric]:
    """Merge metrics by name. Raises MixedMetric for one that two runs mean differently."""
    found: dict[str, list[tuple[TimedRun, Metric]]] = {}
    untold: set[str] = set()  # what runs compute: no document tells it of the sum
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
    packed = ""
    if first.type == "counter":
        merged = _counter(values, duration_s)
    elif first.type == "gauge":
        there = [pair for pair in each if pair[1].values] or each  # without those never set
        last = max(there, key=lambda pair: pair[0].ended_s)[1].values
        merged = _gauge(name, values, last)
    elif first.type == "rate":
        merged = _rate(values)
    else:
        whole = getattr(latency, OF_METRIC.get(name, ""), None)
        merged, packed = _trend(name, [metric for _, metric in each], whole)
    return replace(first, values=merged, thresholds=thresholds, histogram=packed)


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


def _trend(name: str, each: Sequence[Metric], histogram: Histogram | None) -> tuple[Values, str]:
    samples = [metric for metric in each if metric.values.get("count")]
    if len(samples) < 2:
        one = samples[0] if samples else each[0]
        return one.values, one.histogram
    there = [metric.values for metric in samples]
    count = sum(each["count"] for each in there)
    merged = {
        "avg": sum(each["avg"] * each["count"] for each in there) / count,
        "min": min(each["min"] for each in there),
        "max": max(each["max"] for each in there),
        "count": count,
    }
    packed, whole = "", _times(histogram) if histogram and histogram.count == count else None
    if all(metric.histogram for metric in samples):
        try:
            packed, whole = _summed(samples)
        except ValueError as error:
            raise MixedMetric(
                f"the histogram of the metric {name} is damaged ({error}); see whether its "
                "document was edited"
            ) from None
    if whole is not None:
        merged |= {key: whole(percent) for key, percent in _PERCENTILES.items()}
    return merged, packed


def _times(histogram: Histogram) -> Percentile:
    return lambda percent: histogram.percentile(percent) / 1e6


def _summed(samples: Sequence[Metric]) -> tuple[str, Percentile | None]:
    """Return the sum of histograms, packed, and its percentiles; nothing of two sorts of them.

    Raises ValueError for one that is damaged.
    """
    kinds = {number_counts.is_packed(metric.histogram) for metric in samples}
    if len(kinds) > 1:  # a metric of times that became one of numbers
        return "", None
    if True in kinds:
        numbers = reduce(Numbers.merge, map(trend_values.numbers, samples))
        return numbers.packed(), numbers.percentile
    times = reduce(Histogram.merge, map(trend_values.times, samples))
    return latencies.packed(times), _times(times)
