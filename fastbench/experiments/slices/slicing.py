"""Measure servers that are all alive, in slices of some milliseconds that take turns.

1. Slices come in blocks of one for each side, in an order drawn from the seed: see slice_order.py.
   A pair is one or more blocks: the figures of the base's slices in it, and of the candidate's.
   Several candidates have pairs of the same blocks, and share the base's slices.
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

from fastbench.experiments.compare import spoken
from fastbench.experiments.compare.compare_document import SIDES, Pair
from fastbench.experiments.compare.sequential import Levels
from fastbench.experiments.compare.spoken import Spoken
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
from fastbench.experiments.slices.slice_order import order_of
from fastbench.experiments.slices.slice_pairs import Pairs, answered
from fastbench.experiments.slices.slice_servers import Running, ServerDied, Servers
from fastbench.experiments.slices.slice_terms import Course, SliceTerms
from fastbench.experiments.slices.start_order import Start
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import REDO, Measured, Phase, Stage_, Standing
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.experiments.trials.trial_servers import Address, ServerError
from fastbench.foundation.units import format_rate
from fastbench.machine import limits
from fastbench.machine.programs import Program
from fastbench.plan.network import followed_urls
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.results.counts import Http2
from fastbench.results.usage import HostUse
from fastbench.run.turns import SlicePart, Turns, workers_of

WARMUP_SLICE_S = 0.05

BLIND = (
    "slices do not see what differs from start to start of a server (place in memory, compiled "
    "code, caches); before a release, compare fresh starts by --run-base and --run-candidate"
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
    (measured,) = run_several((base, candidate), terms, tell, kept)
    return measured


def run_several(
    sides: Sequence[Side], terms: SliceTerms, tell: Callable[[Standing], None], kept: Kept
) -> list[Measured]:
    """Do the same for the base and one or more candidates; return what came of each candidate."""
    names = side_names(len(sides))
    with Interrupts() as stop:
        return _Sliced(sides, names, terms, tell, kept, stop).run()


def side_names(sides: int) -> tuple[str, ...]:
    """Return what the sides are called: several candidates are numbered from 1."""
    return SIDES if sides == len(SIDES) else ("base", *(f"candidate {n}" for n in range(1, sides)))


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
    rows: list[tuple[Pair, ...]] = field(default_factory=list)  # a pair of each candidate
    notes: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    hosts: list[HostUse] = field(default_factory=list)
    rate: float | None = None
    course: Course | None = None
    last: Levels | None = None  # of the looks
    programs: tuple[Program | None, ...] = ()
    workers: int = 1
    spoken: list[Spoken] = field(default_factory=list)  # of each side

    def run(self) -> list[Measured]:
        """Measure until the time is over, or something else ends it."""
        self.servers = Servers(self.sides, self.names)
        interrupted = False
        try:
            self._all_starts()
            self.notes += slice_looks.ending(self.terms, self._pairs(0), self.last)
        except Interrupted:
            interrupted = True
        if self.terms.restarts == 1 and self.rows:
            self.notes.append(BLIND)
        return [self._measured(at, interrupted) for at in range(len(self.sides) - 1)]

    def _measured(self, candidate: int, interrupted: bool) -> Measured:
        """Return what came of a candidate, counted from 0."""
        pairs, course, terms = self._pairs(candidate), self.course, self.terms
        ended = "complete" if answered(pairs) else "nothing_succeeded"
        warnings, more = order_effect.told(
            self.levels, terms.primary, terms.threshold, candidate + 1
        )
        saturated = client_limit.told(pairs, self.workers, limits.usable_cores())
        sides = self.spoken and [self.spoken[0], self.spoken[candidate + 1]]
        programs = self.programs and (self.programs[0], self.programs[candidate + 1])
        return Measured(
            pairs=pairs,
            ended="interrupted" if interrupted else ended,
            rate=self.rate,
            notes=tuple(dict.fromkeys((*self.notes, *more, *spoken.notes(sides)))),
            slice_s=terms.slice_s if course is None else course.slice_s,
            warnings=(
                *saturated,
                *host_noise.told(self.hosts),
                *spoken.warnings(sides),
                *warnings,
            ),
            skip_s=0.0 if course is None else course.skip_s,
            slices_per_pair=1 if course is None else course.blocks,
            levels=self.last,
            programs=programs,
        )

    def _pairs(self, candidate: int) -> tuple[Pair, ...]:
        return tuple(row[candidate] for row in self.rows)

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
            first = len(self.rows)
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
            lost = [tuple(_lost(pair, why) for pair in row) for row in self.rows[first:]]
            self.rows[first:] = lost
        return why

    def _one_start(self, start: Start, running: Running) -> None:
        """Warm up, find the course if that is not known, measure."""
        if not self.programs:
            self.programs = running.programs()
        plans = [_plan(job) for job in running.jobs]
        self.notes += [said for plan in plans for said in followed_urls.told(plan)]
        if self.rate is not None:
            plans = [pairing.at_rate(plan, self.rate) for plan in plans]
        if self.terms.warmup_s:
            self._show("pilot" if self.course is None else "pairs", "starting")
            self._warm_up(plans, start)
            running.check()
        if self.course is None:
            self._show("pilot")
            pilot = slice_pilot.find(plans, self.terms, self.stop, self.names)
            running.check()
            self._check_reached(plans, pilot.silent)
            self.course, self.rate = pilot.course, pilot.rate
            self.notes += pilot.notes
            plans = self._at_found_rate(plans)
        self._measure(plans, start, self.course, running)
        running.check()

    def _check_reached(self, plans: Sequence[Plan], silent: Sequence[int]) -> None:
        """Raise ServerError where nothing can be compared, as nobody listens on the other side.

        A server that answers with errors is measured: that may be the regression.
        """
        gone = [at for at in silent if not _accepts(plans[at])]
        if 0 not in gone and len(gone) < len(plans) - 1:
            return
        whose = " and ".join(f"the {self.names[at]} ({self.sides[at].label})" for at in gone)
        them = "them" if len(gone) > 1 else "it"
        raise ServerError(f"{whose} cannot be connected to: start {them}, or check the URL")

    def _at_found_rate(self, plans: Sequence[Plan]) -> list[Plan]:
        if self.rate is None:
            return list(plans)
        which = "slower" if len(plans) == len(SIDES) else "slowest"
        self.notes.append(
            f"every slice asks for {format_rate(self.rate)}, {pairing.PILOT_SHARE:.0%} of what "
            f"the {which} side carried in a closed loop"
        )
        return [pairing.at_rate(plan, self.rate) for plan in plans]

    def _warm_up(self, plans: Sequence[Plan], start: Start) -> None:
        """Load each side for as long as was asked, in turns; nothing of it counts."""
        whole_s = self.terms.warmup_s * len(plans)
        slices = _whole_blocks(whole_s / WARMUP_SLICE_S, len(plans))
        order = order_of(start.seed, slices, len(plans))
        turns = Turns(tuple(plans), order, WARMUP_SLICE_S, whole_s)
        sliced_run.apart(turns, lambda parts: (), lambda told: None, self.stop)

    def _measure(
        self, plans: Sequence[Plan], start: Start, course: Course, running: Running
    ) -> None:
        start_s, several = self.terms.start_s, self.terms.restarts > 1
        sides = len(plans)
        slices, group = _whole_blocks(start_s / course.slice_s, sides), sides * course.blocks
        order = order_of(start.seed, slices, sides)
        turns = Turns(tuple(plans), order, course.slice_s, start_s, course.skip_s)
        planned, self.workers = plans[0].load.planned, workers_of(plans[0])
        grouped = Pairs(group, primary=self.terms.primary, planned=planned, sides=sides)
        looks = Looks(self.terms, slices // group)
        last: list[Any] = [json_codec.plain(looks.levels)]

        def told(parts: Sequence[SlicePart]) -> list[Any]:
            if looks.reached:  # these came after the look that ended it
                return [[], [], json_codec.plain(looks.levels)]
            rows = list(grouped.rows(parts))
            rows = rows[: len(looks.take([row[0] for row in rows]))]
            new = [json_codec.plain(row) for row in rows]
            of_slices = [order_effect.level(each, self.terms.primary) for each in parts]
            return [new, of_slices, json_codec.plain(looks.levels)]

        def heard(told: Sequence[Any]) -> None:
            plain, of_slices, last[0] = told
            self.last = slice_looks.read(last[0])
            self.levels.extend((side, value) for side, value in of_slices)
            new = [tuple(json_codec.read(Pair, each, "pair") for each in row) for row in plain]
            if several:
                new = [tuple(_of_start(each, start.number, start_s) for each in row) for row in new]
            self.rows.extend(new)
            self._show("pairs")
            running.check()

        times = "response" if planned else "service"

        def spoke(sides: list[Http2]) -> None:
            chosen = [plan.protocols == "h2,http/1.1" for plan in plans]
            self.spoken = [Spoken(*each) for each in zip(sides, chosen, strict=True)]

        how = (self.stop, times, lambda: looks.reached, self.hosts.append, self._worker_lost)
        self.kept.add_slices(times, sliced_run.apart(turns, told, heard, *how, spoke))
        self.levels.append(BREAK)  # what a next start's first slice follows is none of these
        self.last = slice_looks.read(last[0])

    def _worker_lost(self) -> None:
        self.notes.append(
            f"a worker of the load generator died: only {len(self.rows)} pairs were measured"
        )

    def _show(self, phase: Phase, stage: Stage_ = "running") -> None:
        elapsed_s = time.monotonic() - self.begun_s
        pairs, *others = (self._pairs(at) for at in range(len(self.sides) - 1))
        now = Standing(phase, pairs, "base", len(pairs), 0, stage, None, elapsed_s)
        self.tell(replace(now, others=tuple(others), levels=self.last))


def _whole_blocks(slices: float, sides: int) -> int:
    return math.ceil(slices / sides) * sides


def _plan(job: object) -> Plan:
    assert isinstance(job, Plan)  # others are refused with their flags
    return followed_urls.followed(job)


def _accepts(plan: Plan) -> bool:
    """Tell whether somebody listens at the address; True where another one stands for it."""
    target = plan.target
    elsewhere = bool(plan.connect_to) or plan.proxy is not None
    return elsewhere or Address(target.host, target.port, target.unix_path).accepts()


def _of_start(pair: Pair, number: int, start_s: float) -> Pair:
    """Return a pair with its start, and the time it began in the slices of all starts."""
    at_s = (pair.at_s or 0.0) + (number - 1) * start_s
    return replace(pair, start=number, at_s=round(at_s, 3))


def _lost(pair: Pair, why: str) -> Pair:
    return replace(pair, valid=False, reasons=(*pair.reasons, why))
