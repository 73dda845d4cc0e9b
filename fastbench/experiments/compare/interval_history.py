"""How the interval shrank: what the first pairs of a comparison said, and the first few more.

A look changes nothing: the verdict is that of all pairs together, fixed in advance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.compare import start_effects, statistics
from fastbench.experiments.compare.compare_document import Comparison, Interval, Pair

MAX_LOOKS = 40  # of a picture: more lines would touch


@dataclass(frozen=True, slots=True)
class Look:
    """What the primary metric said up to a pair, which is numbered from 1 as all are.

    `counted` are the pairs it stands on; of several starts of the servers, the starts.
    """

    pair: int
    counted: int
    ratio: float
    interval: Interval | None


def looks(found: Comparison) -> list[Look]:
    """Return the looks after every pair that counts; of many pairs every few."""
    if not found.interleaved:
        return []
    numbers = [at for at, each in enumerate(found.pairs, 1) if ratio_of(each, found.primary)]
    counted = [found.pairs[number - 1] for number in numbers]
    if start_effects.numbers(counted):  # a look after the last pair of each start
        ends = {pair.start: number for number, pair in zip(numbers, counted, strict=True)}
        numbers = list(ends.values())
    effects = _effects(found.pairs, found.primary)
    confidence = interval_confidence(found)
    return [
        _look(numbers[count - 1], effects[:count], confidence) for count in _counts(len(effects))
    ]


def interval_confidence(found: Comparison) -> float:
    """Return that of the interval: more than what is told where looks or candidates share it."""
    named = ("look_confidence", "interval_confidence")  # of the last look; of one candidate
    levels = [found.config.get(name) for name in named]
    return next((each for each in levels if isinstance(each, float)), found.confidence)


def look(pairs: Sequence[Pair], primary: str, confidence: float) -> Look | None:
    """Return what so many pairs say; None where none counts."""
    effects = _effects(pairs, primary)
    return _look(len(pairs), effects, confidence) if effects else None


def _effects(pairs: Sequence[Pair], primary: str) -> list[float]:
    """Return the effects of pairs, or of starts."""
    both = [(each, ratio) for each in pairs if (ratio := ratio_of(each, primary))]
    return start_effects.by_start([pair for pair, _ in both], [math.log(each) for _, each in both])


def _look(pair: int, effects: Sequence[float], confidence: float) -> Look:
    interval = statistics.interval(effects, confidence)
    ends = None if interval is None else (math.exp(interval[0]), math.exp(interval[1]))
    return Look(pair, len(effects), math.exp(statistics.estimate(effects)), ends)


def ratio_of(pair: Pair, metric: str) -> float | None:
    """Return candidate / base of a pair that counts."""
    if not pair.valid or pair.base is None or pair.candidate is None:
        return None
    base, candidate = pair.base.of(metric), pair.candidate.of(metric)
    return candidate / base if base and candidate else None


def _counts(pairs: int) -> list[int]:
    """Return after how many pairs to look: the last always."""
    step = max(1, math.ceil(pairs / MAX_LOOKS))
    return list(range(pairs, 0, -step))[::-1]
