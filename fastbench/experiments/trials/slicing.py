"""Measure two servers that are both alive, in slices of some milliseconds that take turns.

1. Slices come in blocks of four, base candidate candidate base or the other way round, drawn from
   the seed: a drift of the machine over a block hits both sides alike. A pair is one or more
   blocks: the figures of the base's slices in it, and of the candidate's.
2. A pilot of a second finds how long a slice must be for enough requests of the slower side, how
   many blocks make a pair, and the common rate where latencies are compared.
3. A pair that has no answers, too many failures, or a worker that was busy all the time does not
   count. Nothing is measured anew: there are many pairs, and the next one is a moment away.
4. It is one run, in a process of its own: see trial.py.
"""

from __future__ import annotations

import math
import random
import socket
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from fastbench.experiments.compare.compare_document import ORDERS, Figures, Pair
from fastbench.experiments.compare.figures import ERRORS_SHARE_MAX
from fastbench.experiments.trials import pairing, trial
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import Measured, Phase, Standing
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.foundation.units import format_rate
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.results.assessment.verdict import BUSY
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import packed, unpacked
from fastbench.run.turns import SlicePart, Turns, TurnsRun

SHORTEST_S = 0.02
LONGEST_S = 2.0
PILOT_SLICE_S = 0.05
PILOT_S = 1.0
REQUESTS = 50  # of the slower side in a slice, at least
P99_SAMPLES = 100  # of a pair and side, for its 99th percentile
MIN_PAIRS = 16
MAX_SLICES = 65_000  # the engine has room for 65,536
UNSENT_SHARE_MAX = 0.05  # of planned requests: the slowest answers would be missing
BLIND = (
    "slices do not see what differs from start to start of a server (place in memory, compiled "
    "code, caches); compare fresh starts by --run-base and --run-candidate before a release"
)
TURN = ((0, 1, 1, 0), (1, 0, 0, 1))


@dataclass(frozen=True, slots=True)
class SliceTerms:
    """What was asked for. `slice_s` None: the pilot finds it. `time_s`: of all slices.

    `find_rate`: latencies are compared, at a rate that both sides can carry.
    """

    seed: int
    time_s: float
    slice_s: float | None = None
    find_rate: bool = False
    primary: str = "requests_per_s"


@dataclass(frozen=True, slots=True)
class _Course:
    """How it is measured: the length of a slice, and blocks of four that make a pair."""

    slice_s: float
    blocks: int


def run(
    base: Side,
    candidate: Side,
    terms: SliceTerms,
    tell: Callable[[Standing], None],
    kept: Kept,
) -> Measured:
    """Measure pairs of slices until the time is over; `tell` is called with each new pair.

    `kept` takes the times. The first signal ends it in order, the second is KeyboardInterrupt.
    Raises what refuses a run.
    """
    begun_s = time.monotonic()
    pairs: list[Pair] = []
    notes = [BLIND]
    rate: float | None = None

    def show(phase: Phase, new: Sequence[Pair]) -> None:
        pairs.extend(new)
        elapsed_s = time.monotonic() - begun_s
        tell(Standing(phase, tuple(pairs), "base", len(pairs), 0, "running", None, elapsed_s))

    with Interrupts() as stop:
        try:
            plans = [_plan(each) for each in (base, candidate)]
            show("pilot", ())
            course, rate = _pilot(plans, terms, stop)
            if rate is not None:
                plans = [pairing.at_rate(plan, rate) for plan in plans]
                notes.append(
                    f"every slice asks for {format_rate(rate)}, {pairing.PILOT_SHARE:.0%} of what "
                    "the slower side carried in a closed loop"
                )
            _measure(plans, terms, course, lambda new: show("pairs", new), kept, stop)
            ended = "complete"
        except Interrupted:
            ended = "interrupted"
    nothing = not any(each.base and each.base.samples for each in pairs)
    nothing = nothing or not any(each.candidate and each.candidate.samples for each in pairs)
    if ended == "complete" and nothing:
        ended = "nothing_succeeded"
    return Measured(tuple(pairs), ended, rate, tuple(notes))


def _plan(side: Side) -> Plan:
    job = side.make(None)
    assert isinstance(job, Plan) and side.command is None  # others are refused with their flags
    return job


def order_of(seed: int, slices: int) -> bytes:
    """Return the side of each slice: blocks of four in an order drawn from the seed."""
    chance = random.Random(seed)
    order = bytearray()
    while len(order) < slices:
        order += bytes(chance.choice(TURN))
    return bytes(order)


def _pilot(
    plans: Sequence[Plan], terms: SliceTerms, stop: Interrupts
) -> tuple[_Course, float | None]:
    """Find how long slices must be, how many make a pair, and the common rate if one is wanted."""
    slices = round(PILOT_S / PILOT_SLICE_S / 4) * 4
    order = order_of(terms.seed, slices)
    found: list[tuple[int, float]] = []
    turns = Turns(tuple(plans), order, PILOT_SLICE_S, 4 * PILOT_S)
    _apart(turns, lambda parts: [(each.side, each.rate) for each in parts], found.extend, stop)
    rates = [[rate for side, rate in found if side == which] for which in (0, 1)]
    slower = min(median(each) if each else 0.0 for each in rates)
    rate = (
        pairing.rounded_down(pairing.PILOT_SHARE * slower) if terms.find_rate and slower else None
    )
    per_s = rate or slower
    slice_s = terms.slice_s
    if slice_s is None:
        slice_s = _rounded_up(REQUESTS / per_s if per_s else 1.0)
        slice_s = max(SHORTEST_S, min(LONGEST_S, slice_s), terms.time_s / MAX_SLICES)
    blocks = 1
    if terms.primary == "p99" and per_s:
        blocks = math.ceil(P99_SAMPLES / (2 * slice_s * per_s))
    blocks = max(1, min(blocks, int(terms.time_s / (4 * slice_s) / MIN_PAIRS)))
    return _Course(slice_s, blocks), rate


def _measure(
    plans: Sequence[Plan],
    terms: SliceTerms,
    course: _Course,
    show: Callable[[Sequence[Pair]], None],
    kept: Kept,
    stop: Interrupts,
) -> None:
    slices = math.ceil(terms.time_s / course.slice_s / 4) * 4
    turns = Turns(tuple(plans), order_of(terms.seed, slices), course.slice_s, terms.time_s)
    grouped = Pairs(4 * course.blocks)
    planned = plans[0].load.planned

    def told(parts: Sequence[SlicePart]) -> list[Any]:
        return [json_codec.plain(pair) for pair in grouped.take(parts)]

    def heard(told: Sequence[Any]) -> None:
        show([json_codec.read(Pair, each, "pair") for each in told])

    times = "response" if planned else "service"
    kept.add_slices(times, _apart(turns, told, heard, stop, times))


def _apart(
    turns: Turns,
    told: Callable[[Sequence[SlicePart]], Sequence[Any]],
    heard: Callable[[Sequence[Any]], None],
    stop: Interrupts,
    times: str = "service",
) -> list[Histogram]:
    """Load in turns in a process of its own; return the times of each side.

    `heard` gets, here, what `told` makes there of the slices.
    """
    found: list[Histogram] = []

    def work(channel: socket.socket) -> None:
        def tell(parts: Sequence[SlicePart]) -> None:
            trial.say(channel, "slices", list(told(parts)))

        run = TurnsRun(turns)
        run.carry_out(tell)
        sums = [block.histogram(times) for block in run.blocks]
        sides = [Histogram(each.counts(), each.min_ns, each.max_ns, each.sum_ns) for each in sums]
        trial.say(channel, "times", [packed(each) for each in sides])

    def hear(kind: str, body: Any) -> None:
        if kind == "slices":
            heard(body)
        else:
            found.extend(unpacked(each) for each in body)

    trial.run_apart(work, hear, stop)
    return found


class Pairs:
    """Make pairs of slices as they come."""

    def __init__(self, slices: int) -> None:
        self._slices = slices
        self._waiting: list[SlicePart] = []

    def take(self, parts: Sequence[SlicePart]) -> Iterator[Pair]:
        """Give the pairs that are complete now."""
        self._waiting.extend(parts)
        while len(self._waiting) >= self._slices:
            group, self._waiting = self._waiting[: self._slices], self._waiting[self._slices :]
            yield self._pair(group)

    def _pair(self, group: Sequence[SlicePart]) -> Pair:
        sides = [[each for each in group if each.side == side] for side in (0, 1)]
        figures = [_figures(each) for each in sides]
        reasons = [
            f"{name}: {each}"
            for name, parts, found in zip(("base", "candidate"), sides, figures, strict=True)
            for each in _reasons(parts, found)
        ]
        order = ORDERS[group[0].side]
        return Pair(figures[0], figures[1], order, not reasons, tuple(reasons))


def _figures(parts: Sequence[SlicePart]) -> Figures:
    """Return the figures of some slices of one side."""
    times = array("I")
    for each in parts:
        times.extend(each.times_ns)
    ordered = sorted(times)
    ended = sum(each.ok + each.failed for each in parts)
    busy = max(each.busy for each in parts)
    return Figures(
        requests_per_s=sum(each.rate for each in parts) / len(parts),
        p50_ms=_at(ordered, 50),
        p99_ms=_at(ordered, 99) if len(ordered) >= P99_SAMPLES else None,
        mean_ms=sum(ordered) / len(ordered) / 1e6 if ordered else None,
        cpu_us_per_request=None,
        errors_share=sum(each.failed for each in parts) / ended if ended else 1.0,
        verdict="client-limited" if busy > BUSY else "ok",
        limit="client" if busy > BUSY else "unknown",
        samples=len(ordered),
    )


def _reasons(parts: Sequence[SlicePart], found: Figures) -> Iterator[str]:
    if not found.samples:
        yield "no response was received"
    elif found.errors_share > ERRORS_SHARE_MAX:
        yield f"{100 * found.errors_share:.3g} % of its requests failed"
    elif sum(each.unsent for each in parts) > UNSENT_SHARE_MAX * (found.samples or 0):
        yield "it did not carry the planned rate"
    elif found.verdict != "ok":
        yield "the load generator was saturated"


def _at(ordered: Sequence[int], percent: int) -> float | None:
    """Return a percentile in ms, by nearest rank."""
    if not ordered:
        return None
    return ordered[max(1, -(-percent * len(ordered) // 100)) - 1] / 1e6


def _rounded_up(length_s: float) -> float:
    """Return a length with two digits."""
    step = 10.0 ** (math.floor(math.log10(length_s)) - 1)
    return math.ceil(length_s / step) * step
