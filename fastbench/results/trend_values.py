"""A trend of a result with its samples, as far as the document has them."""

from __future__ import annotations

from fastbench.results import latencies, number_counts
from fastbench.results.histogram import Histogram
from fastbench.results.metric_values import Metric
from fastbench.results.number_counts import Numbers


def numbers(metric: Metric) -> Numbers:
    """Return the samples of a trend that is no time."""
    values = metric.values
    total = values["avg"] * values["count"]
    return Numbers.unpacked(metric.histogram, values["min"], values["max"], total).of(
        round(values["count"])
    )


def times(metric: Metric) -> Histogram:
    """Return the samples of a time."""
    row = {name: metric.values[name] for name in ("count", "min", "max")}
    total_ns = metric.values["avg"] * metric.values["count"] * 1e6
    return latencies.unpacked(metric.histogram, {**row, "sum_ns": round(total_ns)})


def percentile(metric: Metric, percent: float) -> float:
    """Return a percentile of a trend, of a time in milliseconds; 0 without samples."""
    if not metric.histogram:
        return 0.0
    if number_counts.is_packed(metric.histogram):
        return numbers(metric).percentile(percent)
    return times(metric).percentile(percent) / 1e6
