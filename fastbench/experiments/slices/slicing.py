"""Measure two servers that are both alive, in slices of some milliseconds that take turns.

1. Slices come in blocks of two, base candidate or the other way round, drawn from the seed: see
   slice_order.py. A pair is one or more blocks: the figures of the base's slices in it, and of the
   candidate's.
2. A pilot finds the course before: see slice_pilot.py.
3. It is one run, in a process of its own: see sliced_run.py.
4. Whether it matters which side a slice follows is tested: see order_effect.py.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.compare.sequential import Levels
from fastbench.experiments.slices import (
    host_noise,
    order_effect,
    slice_looks,
    slice_pilot,
    sliced_run,
)
from fastbench.experiments.slices.order_effect import Level
from fastbench.experiments.slices.slice_looks import Looks
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.experiments.slices.slice_pairs import Pairs
from fastbench.experiments.slices.slice_terms import Course, SliceTerms
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import Measured, Phase, Standing
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.foundation.units import format_rate
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.results.usage import HostUse
from fastbench.run.turns import SlicePart, Turns

BLIND = (
    "slices do not see what differs from start to start of a server (place in memory, compiled "
    "code, caches); compare fresh starts by --run-base and --run-candidate before a release"
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
    ends it in order, the second is KeyboardInterrupt. Raises what refuses a run.
    """
    begun_s = time.monotonic()
    pairs: list[Pair] = []
    notes = [BLIND]
    levels: list[Level] = []
    hosts: list[HostUse] = []
    rate: float | None = None
    slice_s, skip_s = terms.slice_s, 0.0
    last: Levels | None = None

    def show(phase: Phase, new: Sequence[Pair]) -> None:
        pairs.extend(new)
        elapsed_s = time.monotonic() - begun_s
        tell(Standing(phase, tuple(pairs), "base", len(pairs), 0, "running", None, elapsed_s))

    with Interrupts() as stop:
        try:
            plans = [_plan(each) for each in (base, candidate)]
            show("pilot", ())
            pilot = slice_pilot.find(plans, terms, stop)
            course, rate = pilot.course, pilot.rate
            slice_s, skip_s = course.slice_s, course.skip_s
            notes.extend(pilot.notes)
            if rate is not None:
                plans = [pairing.at_rate(plan, rate) for plan in plans]
                notes.append(
                    f"every slice asks for {format_rate(rate)}, {pairing.PILOT_SHARE:.0%} of what "
                    "the slower side carried in a closed loop"
                )
            heard = _Heard(lambda new: show("pairs", new), levels, hosts)
            last = _measure(plans, terms, course, heard, kept, stop)
            notes += slice_looks.ending(terms, pairs, last)
            ended = "complete"
        except Interrupted:
            ended = "interrupted"
    nothing = not any(each.base and each.base.samples for each in pairs)
    nothing = nothing or not any(each.candidate and each.candidate.samples for each in pairs)
    if ended == "complete" and nothing:
        ended = "nothing_succeeded"
    warnings, more = order_effect.told(levels, terms.primary, terms.threshold)
    warnings = (*host_noise.told(hosts), *warnings)
    told = (*notes, *more)
    return Measured(tuple(pairs), ended, rate, told, slice_s, warnings, skip_s, last)


@dataclass(frozen=True, slots=True)
class _Heard:
    """Where goes what the process that measures tells."""

    show: Callable[[Sequence[Pair]], None]
    levels: list[Level]
    hosts: list[HostUse]


def _plan(side: Side) -> Plan:
    job = side.make(None)
    assert isinstance(job, Plan) and side.command is None  # others are refused with their flags
    return job


def _measure(
    plans: Sequence[Plan],
    terms: SliceTerms,
    course: Course,
    to: _Heard,
    kept: Kept,
    stop: Interrupts,
) -> Levels | None:
    slices = math.ceil(terms.time_s / course.slice_s / BLOCK) * BLOCK
    turns = Turns(
        tuple(plans), order_of(terms.seed, slices), course.slice_s, terms.time_s, course.skip_s
    )
    grouped = Pairs(BLOCK * course.blocks)
    planned = plans[0].load.planned
    looks = Looks(terms, slices // (BLOCK * course.blocks))
    last: list[Any] = [json_codec.plain(looks.levels)]

    def told(parts: Sequence[SlicePart]) -> list[Any]:
        if looks.reached:  # these came after the look that ended it
            return [[], [], json_codec.plain(looks.levels)]
        new = [json_codec.plain(pair) for pair in looks.take(list(grouped.take(parts)))]
        of_slices = [order_effect.level(each, terms.primary) for each in parts]
        return [new, of_slices, json_codec.plain(looks.levels)]

    def heard(told: Sequence[Any]) -> None:
        new, of_slices, last[0] = told
        to.levels.extend((side, value) for side, value in of_slices)
        to.show([json_codec.read(Pair, each, "pair") for each in new])

    times = "response" if planned else "service"
    kept.add_slices(
        times,
        sliced_run.apart(turns, told, heard, stop, times, lambda: looks.reached, to.hosts.append),
    )
    return slice_looks.read(last[0])
