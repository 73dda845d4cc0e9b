"""A comparison in words: what a ratio of candidate / base means for its reader.

A ratio of 1.042 of a rate is "4.2 % faster", of a percentile "4.2 % higher". An interval is told in
the direction of its ratio, "3.1 to 5.4 %", and with signs where it holds 1 or stands in a table.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from fastbench.experiments.compare.compare_document import (
    Comparison,
    Figures,
    Interval,
    Metric,
    Pair,
)
from fastbench.foundation.units import format_s
from fastbench.results import resolution

_NAMES = {  # of a metric, in a table and in a sentence
    "requests_per_s": "requests/s",
    "p50": "p50",
    "p90": "p90",
    "p99": "p99",
    "mean": "mean",
    "cpu_per_request": "CPU/request",
}
_PERCENTS = {"p50": 50.0, "p90": 90.0, "p99": 99.0}
_POSSESSIVE = {"cpu_per_request": "CPU per request"}
_NOTHING = 0.0005  # of a ratio: below, a tenth of a percent would read 0.0


def share(value: float) -> str:
    """Write a share as percent: 0.042 is `4.2 %`, 0.31 is `31 %`."""
    percent = 100 * abs(value)
    return f"{percent:.1f} %" if percent < 9.95 else f"{percent:,.0f} %"


def change(ratio: float) -> str:
    """Write a ratio as a change with its sign: 0.958 is `-4.2 %`, nothing is `0.0 %`."""
    sign = "" if abs(ratio - 1) < _NOTHING else "-" if ratio < 1 else "+"
    return f"{sign}{share(ratio - 1)}"


def direction(name: str, ratio: float) -> str:
    """Return the word for where a metric went."""
    if name == "requests_per_s":
        return "faster" if ratio > 1 else "slower"
    return "higher" if ratio > 1 else "lower"


def interval_of(interval: Interval, ratio: float) -> str:
    """Write an interval without 1 in the direction of its ratio, nearer end first."""
    low, high = interval
    near, far = (low, high) if ratio > 1 else (high, low)
    return f"{share(near - 1).removesuffix(' %')} to {share(far - 1)}"


def signed_interval(interval: Interval) -> str:
    """Write an interval with both signs, low end first."""
    low, high = interval
    return f"{change(low).removesuffix(' %')} to {change(high)}"


def verdict_word(metric: Metric) -> str:
    """Return what a metric's row in the table says."""
    if metric.verdict == "equivalent":
        return "same"
    if metric.verdict == "inconclusive":
        return "inconclusive"
    return "worse" if _worse(metric) else "better"


def name_of(found: Comparison, name: str) -> str:
    """Return what a metric is called: a rate is of operations where no run sent a request."""
    timed = found.latency is not None and found.latency.times == "operation"
    return "operations/s" if timed and name == "requests_per_s" else _NAMES.get(name, name)


def told(trial: Figures, name: str) -> float | None:
    """Return a figure of a trial, None where it has too few answers for it."""
    samples, percent = trial.samples, _PERCENTS.get(name)
    if samples is not None and percent is not None and not resolution.carries(samples, percent):
        return None
    return trial.of(name)


def shown_pairs(found: Comparison) -> Sequence[Pair]:
    """Return the pairs that a report's figures are of: those that count, all where none does."""
    return [pair for pair in found.pairs if pair.valid] or found.pairs


def told_metrics(found: Comparison) -> Mapping[str, Metric]:
    """Return the metrics that every trial has answers for, and the one that was to decide."""
    trials = [each for pair in shown_pairs(found) for each in (pair.base, pair.candidate)]
    return {
        name: metric
        for name, metric in found.metrics.items()
        if name == found.primary or all(told(each, name) is not None for each in trials if each)
    }


def untold(found: Comparison) -> str:
    """Say which metrics are left out of a report, and why; "" where none is."""
    left = [name for name in found.metrics if name not in told_metrics(found) and name in _PERCENTS]
    why = [f"{name} needs {resolution.samples_needed(_PERCENTS[name])} responses" for name in left]
    each = "pair of slices" if in_slices(found) else "trial"
    return f"{resolution.TOO_SHORT}: {', '.join(why)} in each {each}" if why else ""


def in_slices(found: Comparison) -> bool:
    """Tell whether servers that were both alive took turns: pairs of slices, not of trials."""
    if found.pairs:
        return found.pairs[0].at_s is not None
    return isinstance(found.config.get("time_s"), int | float)


def headline(found: Comparison) -> str:
    """Return the one sentence of a comparison."""
    metric = found.metrics.get(found.primary)
    if metric is None:
        what = "slices" if in_slices(found) else "trials"
        return f"no valid pair of {what}, so there is no result"
    parts = [_primary(found, metric)]
    parts += [_beside(found, name) for name in _worth_telling(found)]
    return ", ".join(parts)


def explained(found: Comparison) -> str:
    """Return what it would take to settle an inconclusive comparison, "" if that is not known."""
    if found.verdict != "inconclusive" or not found.pairs_needed or not found.interleaved:
        return ""
    total = found.metrics[found.primary].pairs + found.pairs_needed
    more = f"{found.pairs_needed:,} more pair" + ("" if found.pairs_needed == 1 else "s")
    time_s = found.config.get("time_s")
    if isinstance(time_s, float) and found.pairs:  # in slices, pairs follow from the time
        time_s = math.ceil(time_s * total / len(found.pairs))
        return f"about {more} needed: --time {format_s(time_s)}"
    return f"about {more} needed: --pairs {max(total, found.pairs_planned)}"


def regression(found: Comparison) -> str:
    """Return why a comparison is a regression, and its limit; "" if it is none."""
    if found.regression_limit is None or not found.regressed:
        return ""
    metric = found.metrics.get(found.primary)
    why = "the candidate fails requests that the base did not fail"
    if metric is not None and _worse(metric) and abs(metric.ratio - 1) >= found.regression_limit:
        name = name_of(found, found.primary)
        why = f"{name} {share(metric.ratio - 1)} {direction(found.primary, metric.ratio)}"
    return f"{why}, the limit is {100 * found.regression_limit:g} %"


def _primary(found: Comparison, metric: Metric) -> str:
    said = _said(found.primary, metric.ratio)
    interval = metric.interval
    sure = f"{_round(found.confidence)} interval "
    if found.verdict == "equivalent" and metric.equivalence_interval is not None:
        within = f"90 % interval {signed_interval(metric.equivalence_interval)}"
        return f"no difference beyond {_round(found.threshold)}: {said} ({within})"
    if not found.interleaved:
        within = f"{sure}{signed_interval(interval)} within the runs" if interval else "no interval"
        return f"{said}, one run each ({within})"
    if interval is None:
        return said
    if not interval[0] <= 1 <= interval[1]:
        return f"{said} ({sure}{interval_of(interval, metric.ratio)})"
    return f"{said}, but the difference could be zero ({sure}{signed_interval(interval)})"


def _said(name: str, ratio: float) -> str:
    """Return "candidate is 4.2 % faster", "candidate's p99 is 4.2 % lower"."""
    if name == "requests_per_s":
        subject, equal = "candidate", "as fast as base"
    else:
        subject, equal = f"candidate's {_POSSESSIVE.get(name, name)}", "as base's"
    if abs(ratio - 1) < _NOTHING:
        return f"{subject} is {equal}"
    return f"{subject} is {share(ratio - 1)} {direction(name, ratio)}"


def _worth_telling(found: Comparison) -> list[str]:
    """Name the metrics of the sentence beside the primary one.

    These are the tail, the processor time if it changed, and whatever got worse all alone: in a
    closed loop p50 and mean only mirror the rate.
    """
    tail = "p99" if found.primary != "p99" else "p50"
    alone = found.primary in found.metrics and not _worse(found.metrics[found.primary])
    return [
        name
        for name, metric in told_metrics(found).items()
        if name != found.primary
        and (
            name == tail
            or (metric.verdict == "different" and name == "cpu_per_request")
            or (metric.verdict == "different" and alone and _worse(metric))
        )
    ]


def _worse(metric: Metric) -> bool:
    return (metric.ratio < 1) == (metric.better == "higher")


def _beside(found: Comparison, name: str) -> str:
    metric = found.metrics[name]
    shown = _POSSESSIVE.get(name) or name_of(found, name)
    if metric.verdict == "different":
        return f"{shown} {share(metric.ratio - 1)} {_lower_or_higher(metric.ratio)}"
    if metric.verdict == "equivalent":
        return f"{shown} unchanged within {_round(found.threshold)}"
    if metric.interval is None and not found.interleaved:
        return f"{shown} {change(metric.ratio)}"
    return f"{shown} inconclusive"


def _lower_or_higher(ratio: float) -> str:
    return "higher" if ratio > 1 else "lower"


def _round(value: float) -> str:
    """Write a share that somebody chose: 0.02 is `2 %`, 0.005 is `0.5 %`."""
    return f"{100 * value:g} %"
