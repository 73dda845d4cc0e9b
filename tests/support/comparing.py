"""Pairs and comparisons for tests: trials with given ratios, and the noise of shared machines."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from samples import ENVIRONMENT
from shapes import lognormal

from fastbench.experiments.compare.compare_document import Comparison, Figures, Latencies, Pair
from fastbench.experiments.compare.decision import Rules, Subject, judge

__all__ = [
    "LATENCIES",
    "SUBJECT",
    "failing",
    "figures",
    "judged",
    "limited",
    "noisy_pairs",
    "pair",
    "pairs_of",
    "scattered",
    "sliced",
    "swapped",
]

SUBJECT = Subject(
    version="0.3.0",
    base="http://127.0.0.1:8001/",
    candidate="http://127.0.0.1:8002/",
    environment=ENVIRONMENT,
    seed=7,
    pairs_planned=12,
    config={"connections": 10},
)

LATENCIES = Latencies(
    "service", lognormal(486_000, 0.3, 20_000), lognormal(466_000, 0.3, 21_000, seed=2)
)


def figures(speed: float, *, latency: float | None = None, cpu: float | None = None) -> Figures:
    """A valid trial to a server of that speed; latency and CPU follow unless they are given."""
    slow = 1 / speed if latency is None else latency
    used = 1 / speed if cpu is None else cpu
    return Figures(10_000 * speed, 1.0 * slow, 4.0 * slow, 1.2 * slow, 90 * used, 0.0, "ok", "host")


def pair(base: Figures, candidate: Figures, order: str = "base first") -> Pair:
    """A pair that counts."""
    return Pair(base, candidate, order)


def pairs_of(speeds: Sequence[float]) -> list[Pair]:
    """One pair for each ratio of speeds, in turn the base and the candidate first."""
    orders = ("base first", "candidate first")
    return [pair(figures(1.0), figures(speed), orders[at % 2]) for at, speed in enumerate(speeds)]


def scattered(count: int, effect: float, noise: float = 0.01, seed: int = 1) -> list[Pair]:
    """Pairs around an effect (log ratio of speeds), their metrics independent of each other."""
    chance = random.Random(seed)

    def near(speed: float) -> float:
        return speed * math.exp(chance.gauss(0, noise))

    speed = math.exp(effect)
    return [
        pair(
            figures(1.0, latency=1.0, cpu=1.0),
            figures(near(speed), latency=near(1 / speed), cpu=near(1 / speed)),
        )
        for _ in range(count)
    ]


def sliced(count: int, effect: float, noise: float = 0.01, *, burst: bool = False) -> list[Pair]:
    """Pairs of slices, four of 20 ms each, in turn; a burst ruins one in sixteen of them."""
    found = []
    for at, each in enumerate(scattered(count, effect, noise)):
        assert each.candidate is not None
        if burst and at % 16 == 5:
            hit = replace(each.candidate, requests_per_s=each.candidate.requests_per_s / 3)
            each = replace(each, candidate=hit)
        order = ("base first", "candidate first")[at % 2]
        found.append(replace(each, order=order, at_s=round(0.08 * at, 3)))
    return found


def limited(one: Pair) -> Pair:
    """The pair with a trial that the client limited."""
    assert one.base is not None
    base = replace(one.base, verdict="client-limited", limit="client")
    return replace(
        one, base=base, valid=False, reasons=("the load generator was saturated",), redone=2
    )


def failing(one: Pair, share: float = 0.02) -> Pair:
    """The pair with a candidate that fails requests."""
    assert one.candidate is not None
    candidate = replace(one.candidate, errors_share=share)
    return replace(one, candidate=candidate, valid=False, reasons=("requests failed",), redone=2)


def swapped(pairs: Sequence[Pair]) -> list[Pair]:
    """The same trials with the sides exchanged."""
    other = {"base first": "candidate first", "candidate first": "base first"}
    return [
        replace(each, base=each.candidate, candidate=each.base, order=other[each.order])
        for each in pairs
    ]


def judged(pairs: Sequence[Pair], primary: str = "requests_per_s", **rules: Any) -> Comparison:
    """Judge pairs as those of one comparison."""
    return judge(pairs, primary, SUBJECT, Rules(**rules))


def noisy_pairs(pairs: int, generator: np.random.Generator, effect: float = 0.0) -> list[Pair]:
    """Trials one after another on a machine that drifts, with heavy tails and bursts.

    Slow drift (AR(1), 0.9, 3 %), noise of t3 with 1.5 %, and now and then a burst that takes 10 to
    40 % for one to five trials.
    """
    logs = _machine(2 * pairs, generator)
    found = []
    for at in range(pairs):
        first, second = logs[2 * at], logs[2 * at + 1]
        if generator.random() < 0.5:
            speeds, order = (first, second + effect), "base first"
        else:
            speeds, order = (second, first + effect), "candidate first"
        base, candidate = (_speed_only(math.exp(each)) for each in speeds)
        found.append(Pair(base, candidate, order))
    return found


def _machine(trials: int, generator: np.random.Generator) -> Any:
    """Return the log speeds of trials one after another."""
    logs = 0.015 * generator.standard_t(3, trials)
    level = generator.normal(0, 0.03)
    for at in range(trials):
        logs[at] += level
        level = 0.9 * level + generator.normal(0, 0.03 * math.sqrt(1 - 0.9**2))
    for at in map(int, np.flatnonzero(generator.random(trials) < 0.05)):
        logs[at : at + generator.integers(1, 6)] -= generator.uniform(0.1, 0.4)
    return logs


def _speed_only(speed: float) -> Figures:
    return Figures(10_000 * speed, None, None, None, None, 0.0, "ok", "host")
