"""Several starts of both servers: the start is the sample, its pairs of slices only measure it.

What differs from start to start of a server (place in memory, compiled code, caches) is the same in
all slices of a start, so that these say nothing about it, however many they are. The effect of a
start is the estimate of its pairs; estimate, interval and p of the comparison are over the starts.
See Kalibera and Jones, "Rigorous benchmarking in reasonable time" (ISMM 2013).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import median, stdev

from fastbench.experiments.compare import statistics
from fastbench.experiments.compare.compare_document import SIDES, Pair


def numbers(pairs: Iterable[Pair]) -> list[int]:
    """Return the starts that pairs are of, in order; none where all are of one."""
    return sorted({pair.start for pair in pairs if pair.start is not None})


def by_start(pairs: Sequence[Pair], effects: Sequence[float]) -> list[float]:
    """Return the effect of each start; the effects themselves where all are of one."""
    starts = numbers(pairs)
    if not starts:
        return list(effects)
    of: dict[int, list[float]] = {number: [] for number in starts}
    for pair, effect in zip(pairs, effects, strict=True):
        if pair.start is not None:
            of[pair.start].append(effect)
    return [statistics.estimate(each) for each in of.values()]


def as_one(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs as if all were of one start."""
    return [replace(pair, start=None) for pair in pairs]


def differences(pairs: Sequence[Pair], metric: str) -> list[float | None]:
    """Return how much the starts of each side differ: a standard deviation, as a share.

    Of the logarithms of the median figure of each start; None below two starts with the figure.
    """
    return [_difference(pairs, side, metric) for side in SIDES]


def _difference(pairs: Sequence[Pair], side: str, metric: str) -> float | None:
    logs = []
    for number in numbers(pairs):
        figures = [getattr(pair, side) for pair in pairs if pair.start == number and pair.valid]
        values = [value for each in figures if each is not None and (value := each.of(metric))]
        if values:
            logs.append(math.log(median(values)))
    return math.expm1(stdev(logs)) if len(logs) > 1 else None
