"""What the view of a comparison shows, kept as the pairs come.

1. A look at the pairs is what `decision.measured` says of them: what decides at the end, at the
   confidence that the end has. A look changes nothing.
2. There is a look a second at most, and 150 times as long as one took passes before the next.
3. Of all looks those are kept that have a twentieth more pairs than the one before: an interval
   shrinks with the root of their number, so that many looks would be rows that are alike.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from fastbench.experiments.compare import decision
from fastbench.experiments.compare.compare_document import Comparison, Interval, Metric, Pair
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.compare.sequential import LOOKS, Levels
from fastbench.experiments.trials.pairing import Standing
from fastbench.report import compared
from fastbench.report.change import name_of
from fastbench.run.sampling import Progress

LOOK_S = 1.0  # between two looks
COST = 150  # of a look: that many times as long passes before the next
GROWTH = 1.05  # of the pairs of two looks that are kept
MAX_RATES = 120  # of a picture


@dataclass(frozen=True, slots=True)
class PairFacts:
    """What is compared; `common` has what all candidates share: metric, confidence, threshold.

    `pairs` are planned, or as many as there are in `time_s`. `early`: it may end at a look.
    """

    common: Comparison
    rules: Rules
    candidates: tuple[str, ...]
    pairs: int = 0
    time_s: float = 0.0
    early: bool = False

    @property
    def metric(self) -> str:
        """What the metric is called that decides."""
        return name_of(self.common, self.common.primary)


@dataclass(frozen=True, slots=True)
class Seen:
    """What so many pairs said."""

    pairs: int
    ratio: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class CandidateFigures:
    """One candidate: the looks so far, the newest last, and what it would be now."""

    label: str
    seen: tuple[Seen, ...] = ()
    metric: Metric | None = None


@dataclass(frozen=True, slots=True)
class SideFigures:
    """One side: its rates over time, requests per second, and its usual figure of the metric."""

    label: str
    rates: tuple[float, ...] = ()
    typical: str = ""


@dataclass(frozen=True, slots=True)
class PairFigures:
    """Everything of a frame. `done_s` are measured, `look` is the last that was made, 0: none."""

    facts: PairFacts
    state: str
    elapsed_s: float
    done_s: float = 0.0
    share: float = 0.0
    left_s: float | None = None
    pairs: int = 0
    counted: int = 0
    candidates: tuple[CandidateFigures, ...] = ()
    sides: tuple[SideFigures, ...] = ()
    trial: Progress | None = None
    visit: str = ""
    look: int = 0
    confidence: float = 0.99
    printed: tuple[str, ...] = ()


@dataclass(slots=True)
class PairKeeper:
    """Keep the looks; `begun_s` is when the comparison began, on CLOCK_MONOTONIC."""

    facts: PairFacts
    begun_s: float = field(default_factory=time.monotonic)
    _seen: list[list[Seen]] = field(init=False)
    _metrics: list[Metric | None] = field(init=False)
    _sides: tuple[SideFigures, ...] = ()
    _looked: int = 0  # pairs
    _counted: int = 0
    _next_s: float = 0.0

    def __post_init__(self) -> None:
        self._seen = [[] for _ in self.facts.candidates]
        self._metrics = [None for _ in self.facts.candidates]

    def figures(self, now: Standing, printed: tuple[str, ...] = ()) -> PairFigures:
        """Return what a frame shows now."""
        now_s = time.monotonic()
        rules = self.facts.rules.at(now.levels)
        if len(now.pairs) > self._looked and now_s >= self._next_s:
            self._look(now, rules)
            ended_s = time.monotonic()
            pause_s = LOOK_S if self.facts.time_s else 0.0
            self._next_s = ended_s + max(pause_s, COST * (ended_s - now_s))
        elapsed_s = now_s - self.begun_s
        done_s, share, left_s = self._left(now, elapsed_s)
        last = [each.seen for each in self._candidates()]
        assert len(last) == len(self.facts.candidates)
        return PairFigures(
            self.facts,
            self._state(now),
            elapsed_s,
            done_s,
            share,
            left_s,
            pairs=len(now.pairs),
            counted=self._counted,
            candidates=self._candidates(),
            sides=self._sides or tuple(SideFigures(each) for each in self._labels),
            trial=now.progress if now.stage == "running" else None,
            visit=self._visit(now),
            look=_last_look(now.levels, len(now.pairs), share) if self.facts.early else 0,
            confidence=rules.interval_confidence,
            printed=printed,
        )

    @property
    def _labels(self) -> tuple[str, ...]:
        return (self.facts.common.base, *self.facts.candidates)

    def _candidates(self) -> tuple[CandidateFigures, ...]:
        each = zip(self.facts.candidates, self._seen, self._metrics, strict=True)
        return tuple(CandidateFigures(name, tuple(seen), metric) for name, seen, metric in each)

    def _look(self, now: Standing, rules: Rules) -> None:
        primary, every = self.facts.common.primary, (now.pairs, *now.others)
        self._looked = len(now.pairs)
        for at, pairs in enumerate(every):
            metric = self._metrics[at] = decision.measured(pairs, primary, rules)
            if metric is not None:
                _keep(self._seen[at], Seen(len(pairs), metric.ratio, metric.interval))
        self._counted = sum(pair.valid for pair in now.pairs)
        sides = [("base", now.pairs), *(("candidate", pairs) for pairs in every)]
        self._sides = tuple(
            SideFigures(label, _rates(pairs, side), _typical(pairs, side, primary))
            for label, (side, pairs) in zip(self._labels, sides, strict=True)
        )

    def _state(self, now: Standing) -> str:
        if now.phase == "pilot":
            sought = "a length of slices" if self.facts.time_s else "a rate both sides can carry"
            return f"pilot: looking for {sought}"
        if now.stage == "starting" and self.facts.time_s:
            return "starting the servers" if not now.pairs else "starting the servers again"
        return "measuring"

    def _visit(self, now: Standing) -> str:
        """Say which trial is under way, of a comparison by visits."""
        if self.facts.time_s or now.phase == "pilot":
            return ""
        again = f", again ({now.redone}x)" if now.redone else ""
        return f"pair {now.pair} of {self.facts.pairs}: {now.visiting} {now.stage}{again}"

    def _left(self, now: Standing, elapsed_s: float) -> tuple[float, float, float | None]:
        """Return the measured time, how much of all is done, and about how long the rest takes."""
        facts = self.facts
        if facts.time_s:
            done_s = min(measured_s(now.pairs), facts.time_s)
            return done_s, done_s / facts.time_s, facts.time_s - done_s if now.pairs else None
        done = len(now.pairs)
        left_s = None if not done else elapsed_s * (facts.pairs - done) / done
        return elapsed_s, done / max(1, facts.pairs), left_s


def measured_s(pairs: Sequence[Pair]) -> float:
    """Return the time of the slices so far, about."""
    return (pairs[-1].at_s or 0.0) - (pairs[0].at_s or 0.0) if pairs else 0.0


def _keep(seen: list[Seen], new: Seen) -> None:
    """Add the newest look; the one before it stays where it has enough more than its own before."""
    if len(seen) > 1 and seen[-1].pairs < GROWTH * seen[-2].pairs:
        seen[-1] = new
    else:
        seen.append(new)


def _rates(pairs: Sequence[Pair], side: str) -> tuple[float, ...]:
    """Return the rates over time, of many pairs the mean of a few each."""
    rates = [
        trial.of("requests_per_s") or 0.0
        for pair in pairs
        if (trial := pair.base if side == "base" else pair.candidate) is not None
    ]
    group = -(-len(rates) // MAX_RATES) or 1
    parts = [rates[at : at + group] for at in range(0, len(rates), group)]
    return tuple(sum(part) / len(part) for part in parts)


def _typical(pairs: Sequence[Pair], side: str, primary: str) -> str:
    counted = [pair for pair in pairs if pair.valid]
    return compared.typical_of(counted, side, primary) if counted else ""


def _last_look(levels: Levels | None, pairs: int, share: float) -> int:
    """Return the number of the last look: they are made at tenths of the plan."""
    return 0 if levels is None or not pairs else min(LOOKS - 1, int(share * LOOKS))
