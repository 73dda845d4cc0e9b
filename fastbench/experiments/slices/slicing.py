"""Measure two servers that are both alive, in slices of some milliseconds that take turns.

1. Slices come in blocks of two, base candidate or the other way round, drawn from the seed: see
   slice_order.py. A pair is one or more blocks: the figures of the base's slices in it, and of the
   candidate's.
2. A pilot finds the course before: see slice_pilot.py.
3. It is one run, in a process of its own: see sliced_run.py. With several fresh starts of the
   servers it is one run for each.
4. A start whose server dies does not count: its pairs stay in the document, and it is made again,
   at most twice. A server that never was ready ends it all.
5. Whether it matters which side a slice follows is tested: see order_effect.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastbench.experiments.compare.compare_document import SIDES, Pair
from fastbench.experiments.compare.sequential import Levels
from fastbench.experiments.slices import (
    client_limit,
    host_noise,
    order_effect,
    slice_looks,
    slice_pilot,
    sliced_run,
    start_order,
)
from fastbench.experiments.slices.order_effect import BREAK, Level
from fastbench.experiments.slices.slice_looks import Looks
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.experiments.slices.slice_servers import Running, ServerDied, Servers
from fastbench.experiments.slices.slice_terms import Course, SliceTerms
from fastbench.experiments.slices.start_order import Start
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import REDO, Measured, Phase, Stage_, Standing
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.experiments.trials.trial_servers import ServerError
from fastbench.foundation.units import format_rate
from fastbench.machine import limits
from fastbench.machine.programs import Program
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.results.usage import HostUse
from fastbench.run.turns import SlicePart, Turns, workers_of

WARMUP_SLICE_S = 0.05

BLIND = (
    "slices do not see what differs from start to start of a server (place in memory, compiled "
    "code, caches); compare fresh starts by --run-base, --run-candidate and --restarts before a "
    "release"
)


def run(
    base: Side,
    candidate: Side,
    terms: SliceTerms,
    tell: Callable[[Standing], None],
    kept: Kept,
) -> Measured:
    """Measure pairs of slices until the time is over; `tell` is called with each new pair.

    `kept` takes the times. It ends early where `terms.stop_when` says so. The first signal
    ends it in order, the second is KeyboardInterrupt. Raises what refuses a run, and ServerError
    where a server has never been ready.
    """

    with Interrupts() as stop:
        return _Sliced((base, candidate), SIDES, terms, tell, kept, stop).run()


@dataclass(slots=True)
class _Sliced:
    """The state of one comparison's measurements."""

    sides: Sequence[Side]
    names: Sequence[str]
    terms: SliceTerms
    tell: Callable[[Standing], None]
    kept: Kept
    stop: Interrupts
    begun_s: float = field(default_factory=lambda: time.monotonic())
    servers: Servers = field(init=False)
    pairs: list[Pair] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    hosts: list[HostUse] = field(default_factory=list)
    rate: float | None = None
    course: Course | None = None
    last: Levels | None = None  # of the looks
    programs: tuple[Program | None, ...] = ()
    workers: int = 1

    def run(self) -> Measured:
        """Measure until the time is over, or something else ends it."""
        self.servers = Servers(self.sides, self.names)
        if self.terms.restarts == 1:
            self.notes.append(BLIND)
        try:
            self._all_starts()
            answered = all(any(map(self._samples(at), self.pairs)) for at in range(len(self.sides)))
            self.notes += slice_looks.ending(self.terms, self.pairs, self.last)
            ended = "complete" if answered else "nothing_succeeded"
        except Interrupted:
            ended = "interrupted"
        course = self.course
        slice_s = self.terms.slice_s if course is None else course.slice_s
        skip_s = 0.0 if course is None else course.skip_s
        warnings, more = order_effect.told(self.levels, self.terms.primary, self.terms.threshold)
        saturated = client_limit.told(self.pairs, self.workers, limits.usable_cores())
        warnings = (*saturated, *host_noise.told(self.hosts), *warnings)
        notes = tuple(dict.fromkeys((*self.notes, *more)))
        return Measured(
            *(tuple(self.pairs), ended, self.rate, notes, slice_s, warnings),
            *(skip_s, self.last, self.programs),
        )

    def _samples(self, side: int) -> Callable[[Pair], bool]:
        def answered(pair: Pair) -> bool:
            figures = (pair.base, pair.candidate)[side]
            return bool(figures is not None and figures.samples)

        return answered

    def _all_starts(self) -> None:
        terms = self.terms
        for start in start_order.starts(terms.seed, terms.restarts, len(self.sides)):
            if why := self._made(start):
                if terms.restarts > 1:
                    many = f"{start.number - 1} of {terms.restarts} starts"
                    self.notes.append(f"the comparison ended after {many}: {why}")
                return

    def _made(self, start: Start) -> str:
        """Measure a start, and again while a server dies; say why it could not be measured."""
        why = ""
        for _ in range(REDO + 1 if self.servers.starts_any else 1):
            first = len(self.pairs)
            try:
                self._show("pairs", "starting")
                with self.servers.started(start.order, self.stop) as running:
                    self._one_start(start, running)
                return ""
            except ServerError as error:
                if not self.servers.all_were_ready:
                    raise
                why = str(error)
            except ServerDied as error:
                why = str(error)
            self.notes.append(why if self.terms.restarts == 1 else f"start {start.number}: {why}")
            self.pairs[first:] = [_lost(pair, why) for pair in self.pairs[first:]]
        return why

    def _one_start(self, start: Start, running: Running) -> None:
        """Warm up, find the course if that is not known, measure."""
        if not self.programs:
            self.programs = running.programs()
        plans = [_plan(job) for job in running.jobs]
        if self.rate is not None:
            plans = [pairing.at_rate(plan, self.rate) for plan in plans]
        if self.terms.warmup_s:
            self._show("pilot" if self.course is None else "pairs", "starting")
            self._warm_up(plans, start)
            running.check()
        if self.course is None:
            self._show("pilot")
            pilot = slice_pilot.find(plans, self.terms, self.stop)
            running.check()
            self.course, self.rate = pilot.course, pilot.rate
            self.notes += pilot.notes
            plans = self._at_found_rate(plans)
        self._measure(plans, start, self.course, running)
        running.check()

    def _at_found_rate(self, plans: Sequence[Plan]) -> list[Plan]:
        if self.rate is None:
            return list(plans)
        self.notes.append(
            f"every slice asks for {format_rate(self.rate)}, {pairing.PILOT_SHARE:.0%} of what "
            "the slower side carried in a closed loop"
        )
        return [pairing.at_rate(plan, self.rate) for plan in plans]

    def _warm_up(self, plans: Sequence[Plan], start: Start) -> None:
        """Load each side for as long as was asked, in turns; nothing of it counts."""
        whole_s = self.terms.warmup_s * len(plans)
        slices = math.ceil(whole_s / WARMUP_SLICE_S / BLOCK) * BLOCK
        turns = Turns(tuple(plans), order_of(start.seed, slices), WARMUP_SLICE_S, whole_s)
        sliced_run.apart(turns, lambda parts: (), lambda told: None, self.stop)

    def _measure(
        self, plans: Sequence[Plan], start: Start, course: Course, running: Running
    ) -> None:
        start_s, several = self.terms.start_s, self.terms.restarts > 1
        slices = math.ceil(start_s / course.slice_s / BLOCK) * BLOCK
        order = order_of(start.seed, slices)
        turns = Turns(tuple(plans), order, course.slice_s, start_s, course.skip_s)
        planned, self.workers = plans[0].load.planned, workers_of(plans[0])
        grouped = Pairs(BLOCK * course.blocks, primary=self.terms.primary, planned=planned)
        looks = Looks(self.terms, slices // (BLOCK * course.blocks))
        last: list[Any] = [json_codec.plain(looks.levels)]

        def told(parts: Sequence[SlicePart]) -> list[Any]:
            if looks.reached:  # these came after the look that ended it
                return [[], [], json_codec.plain(looks.levels)]
            new = [json_codec.plain(pair) for pair in looks.take(list(grouped.take(parts)))]
            of_slices = [order_effect.level(each, self.terms.primary) for each in parts]
            return [new, of_slices, json_codec.plain(looks.levels)]

        def heard(told: Sequence[Any]) -> None:
            plain, of_slices, last[0] = told
            self.levels.extend((side, value) for side, value in of_slices)
            new = [json_codec.read(Pair, each, "pair") for each in plain]
            if several:
                new = [_of_start(pair, start.number, start_s) for pair in new]
            self.pairs.extend(new)
            self._show("pairs")
            running.check()

        times = "response" if planned else "service"
        how = (self.stop, times, lambda: looks.reached, self.hosts.append)
        self.kept.add_slices(times, sliced_run.apart(turns, told, heard, *how))
        self.levels.append(BREAK)  # what a next start's first slice follows is none of these
        self.last = slice_looks.read(last[0])

    def _show(self, phase: Phase, stage: Stage_ = "running") -> None:
        elapsed_s = time.monotonic() - self.begun_s
        pairs = tuple(self.pairs)
        self.tell(Standing(phase, pairs, "base", len(pairs), 0, stage, None, elapsed_s))


def _plan(job: object) -> Plan:
    assert isinstance(job, Plan)  # others are refused with their flags
    return job


def _of_start(pair: Pair, number: int, start_s: float) -> Pair:
    """Return a pair with its start, and the time it began in the slices of all starts."""
    at_s = (pair.at_s or 0.0) + (number - 1) * start_s
    return replace(pair, start=number, at_s=round(at_s, 3))


def _lost(pair: Pair, why: str) -> Pair:
    return replace(pair, valid=False, reasons=(*pair.reasons, why))
