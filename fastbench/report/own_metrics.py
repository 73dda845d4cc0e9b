"""What a script measures beside requests: its own metrics, and the formulas that it names."""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.report.columns import NOTHING, percent, quantity
from fastbench.results import resolution
from fastbench.results.metric_values import PERCENTS, RATES, Metric, is_built_in
from fastbench.results.result import Result

NO_SAMPLES = "no samples"
_TREND = ("avg", "med", "p(95)", "p(99)", "max")


def formulas(result: Result) -> dict[str, str]:
    """Return the formulas of a script by name."""
    named = result.config.get("derived")
    return {str(k): str(v) for k, v in named.items()} if isinstance(named, Mapping) else {}


def rows(result: Result) -> list[tuple[str, str]]:
    """Return the script's own metrics and what they came to, then its formulas."""
    named = formulas(result)
    own = [
        (name, summary(metric))
        for name, metric in result.metrics.items()
        if not is_built_in(name, result.metrics) and name.partition("{")[0] not in named
    ]
    return own + [(f"{name} = {text}", of_formula(result, name)) for name, text in named.items()]


def of_formula(result: Result, name: str) -> str:
    """Return the value of a formula, with its extremes over the seconds of the run."""
    metric = result.metrics.get(name)
    return NO_SAMPLES if metric is None else summary(metric)


def unit(name: str) -> str:
    """Return what stands behind each value of a gauge of the machine, "" where nothing does."""
    base = name.partition("{")[0]
    return "%" if base in PERCENTS else "/s" if base in RATES else ""


def summary(metric: Metric, behind: str = "") -> str:
    """Return the values of a metric in a line; `behind` each of a gauge stands its unit."""
    values, contains = metric.values, metric.contains
    if not values:
        return NO_SAMPLES

    def told(key: str) -> str:
        value = values.get(key)
        return NOTHING if value is None else quantity(value, contains)

    if metric.type == "counter":
        rate = resolution.told_growth(values, contains)
        more = "" if rate is None else f" ({quantity(rate, contains)}/s)"
        return told("count") + more
    if metric.type == "rate":
        passes, fails = values.get("passes", 0), values.get("fails", 0)
        return f"{percent(values.get('rate', 0))} ({passes:,.0f} of {passes + fails:,.0f})"
    if metric.type == "gauge":
        value, least, most = (told(key) + behind for key in ("value", "min", "max"))
        return f"{value} (min {least}, max {most})"
    shown = {key: resolution.told_trend(values, key) for key in _TREND}
    parts = [f"{key} {quantity(v, contains)}" for key, v in shown.items() if v is not None]
    return ", ".join(parts) or NO_SAMPLES
