"""Measure two servers in slices under a script: see slicing.py, which does it for URLs.

The pilot is part of the same two runs, so that setup() runs once a side. It says how long a slice
must be: enough requests, and several times an iteration, for a slice ends when its iterations have
come home. Iterations that take too long for that are for visits.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from typing import Any

from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.slices import client_limit, order_effect, slice_looks, slice_pilot
from fastbench.experiments.slices.order_effect import Level
from fastbench.experiments.slices.script_turns import (
    FarFromHomeError,
    ScriptPart,
    ScriptTurns,
    StoppedError,
)
from fastbench.experiments.slices.slice_looks import Looks
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.experiments.slices.slice_pairs import Pairs, answered
from fastbench.experiments.slices.slice_pilot import PILOT_S, PILOT_SLICE_S
from fastbench.experiments.slices.slice_terms import MIN_PAIRS, SHORTEST_S, Course, SliceTerms
from fastbench.experiments.slices.slicing import BLIND
from fastbench.experiments.trials import trial
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import Measured, Phase, Standing
from fastbench.experiments.trials.trial import Side
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.foundation import units
from fastbench.machine import limits
from fastbench.results import json_codec
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import packed, unpacked
from fastbench.run.child import QUIET_NICE
from fastbench.script.exceptions import ScriptError
from fastbench.script.run_request import RunRequest

ITERATIONS = 10  # mean ones, in a slice at least: its way home is about half of one
LONGEST_S = 0.2  # of an iteration in slices
PILOT_HOME_S = 1.0
SLOW_SLICES = 8  # of a pilot, until iterations that take too long end it
SPARE_S = 86_400.0  # of the load of one side, which waits for the other's setup


class UnfitError(Exception):
    """The script cannot be measured in slices; the text says why."""


def run(
    sides: Sequence[Side],
    terms: SliceTerms,
    tell: Callable[[Standing], None],
    kept: Kept,
    *,
    notice: Callable[[str], None] = lambda sentence: None,
    echo: Callable[[str], None] = lambda lines: None,
) -> Measured:
    """Measure pairs of slices until the time is over; `tell` is called with each new pair.

    The first signal ends it in order, the second is KeyboardInterrupt. Raises what refuses a
    script, ScriptError when a side ends early, UnfitError.
    """
    begun_s = time.monotonic()
    pairs: list[Pair] = []
    notes = [BLIND]
    levels: list[Level] = []
    told: dict[str, Any] = {}

    def show(phase: Phase, new: Sequence[Pair]) -> None:
        pairs.extend(new)
        elapsed_s = time.monotonic() - begun_s
        tell(Standing(phase, tuple(pairs), "base", len(pairs), 0, "running", None, elapsed_s))

    def hear(kind: str, body: Any) -> None:
        if kind == "pairs":
            levels.append((body["side"], body["figure"]))
            show("pairs", [json_codec.read(Pair, each, "pair") for each in body["pairs"]])
        elif kind == "notice":
            notice(body)
        elif kind == "echo":
            echo(body)
        else:
            told[kind] = body

    requests = [_request(each) for each in sides]
    with Interrupts() as stop:
        show("pilot", ())
        try:
            trial.run_apart(partial(_work, requests, terms), hear, stop)
            ended = "complete"
        except Interrupted:
            ended = "interrupted"
    if "unfit" in told:
        raise UnfitError(told["unfit"])
    if "times" in told:
        kind, of_sides = told["times"]["kind"], told["times"]["sides"]
        kept.add_slices(kind, [unpacked(each) for each in of_sides])
    last = slice_looks.read(told.get("levels"))
    notes += (*slice_looks.ending(terms, pairs, last), *told.get("notes", ()))
    if ended == "complete" and not answered(pairs):
        ended = "nothing_succeeded"
    slice_s = told.get("slice_s", terms.slice_s)
    warnings, more = order_effect.told(levels, terms.primary, terms.threshold)
    saturated = client_limit.told(pairs, told.get("workers", 1), limits.usable_cores())
    warnings = (*saturated, *warnings)
    blocks = told.get("blocks", 1)
    asked = (tuple(pairs), ended, None, (*notes, *more), slice_s, warnings)
    return Measured(*asked, slices_per_pair=blocks, levels=last)


def _request(side: Side) -> RunRequest:
    job = side.make(None)
    assert isinstance(job, RunRequest) and side.command is None  # others are refused
    return job


def _work(requests: Sequence[RunRequest], terms: SliceTerms, channel: socket.socket) -> None:
    """Carry out both runs; the process of it is one of its own."""
    say = partial(trial.say, channel)
    with ScriptTurns(requests, terms.time_s + SPARE_S, say) as turns:
        try:
            turns.await_ready()
            os.nice(QUIET_NICE)
            say("workers", turns.workers)
            course = _pilot(turns, terms)
            say("slice_s", course.slice_s)
            say("blocks", course.blocks)
            times = _measure(turns, terms, course, say)
            say("notes", turns.end())
            kind = "response" if turns.planned else "service"
            say("times", {"kind": kind, "sides": [packed(each) for each in times]})
        except StoppedError:
            pass  # who sent the signal knows
        except UnfitError as error:
            turns.stop()
            say("unfit", str(error))
        except FarFromHomeError:
            turns.stop()
            raise ScriptError("an iteration did not end after its slice") from None
        except ScriptError:
            turns.stop()
            raise


def _pilot(turns: ScriptTurns, terms: SliceTerms) -> Course:
    """Return the course; raises UnfitError."""
    order = order_of(terms.seed, round(PILOT_S / PILOT_SLICE_S))
    until_s = time.monotonic() + 4 * PILOT_S
    parts: list[ScriptPart] = []
    try:
        for each in turns.slices(order, PILOT_SLICE_S, until_s, PILOT_HOME_S):
            parts.append(each)
            if len(parts) == SLOW_SLICES:
                _refuse_long(parts)
    except FarFromHomeError:
        longer = units.format_s(PILOT_HOME_S)
        raise UnfitError(f"an iteration takes more than {longer}") from None
    return course_of(parts, terms, planned=turns.planned)


def course_of(parts: Sequence[ScriptPart], terms: SliceTerms, *, planned: bool = False) -> Course:
    """Return how slices are measured after those of a pilot; raises UnfitError."""
    sides = [[each for each in parts if each.part.side == side] for side in (0, 1)]
    if not any(each.part.ok + each.part.failed for each in parts):
        raise UnfitError("its iterations send no requests")
    _refuse_long(parts)
    per_s = min(median(_per_s(each, planned) for each in of) for of in sides)
    if planned and not per_s:
        raise UnfitError("its rate is too low for slices")
    iteration_s = max(median(each.iteration_s for each in of) for of in sides)
    least_s = max(SHORTEST_S, _short(ITERATIONS * iteration_s))
    if terms.slice_s is None and per_s:
        needed_s = slice_pilot.needed_s(per_s, least_s)
        if (whole_s := MIN_PAIRS * BLOCK * needed_s) > terms.time_s:
            raise UnfitError(
                f"a slice must last {units.format_s(_short(needed_s))} (for "
                f"{slice_pilot.REQUESTS} requests and {ITERATIONS} iterations), which needs "
                f"--time {math.ceil(whole_s)}s"
            )
    return slice_pilot.course(terms, per_s, least_s)


def _refuse_long(parts: Sequence[ScriptPart]) -> None:
    """Raise UnfitError where most slices of a side have an iteration that takes too long."""
    for side in {each.part.side for each in parts}:
        longest_s = median(each.longest_s for each in parts if each.part.side == side)
        if longest_s > LONGEST_S:
            raise UnfitError(f"an iteration takes {units.format_s(_short(longest_s))}")


def _per_s(each: ScriptPart, planned: bool) -> float:
    """Return how many times a slice of the pilot has per s.

    A plan begins anew in each slice, with an iteration at once: what is left of the last
    interval makes it look quicker than it is.
    """
    if not planned:
        return each.part.rate
    whole = max(0, each.iterations - 1) / max(1, each.iterations)
    return len(each.part.times_ns) * whole / PILOT_SLICE_S


def _short(length_s: float) -> float:
    """Return a length as people say it."""
    return float(f"{length_s:.2g}")


def _measure(
    turns: ScriptTurns, terms: SliceTerms, course: Course, say: Callable[[str, Any], None]
) -> list[Histogram]:
    """Say the pairs as they come; return the times of each side."""
    slices = math.ceil(terms.time_s / course.slice_s / BLOCK) * BLOCK
    until_s = time.monotonic() + terms.time_s
    sums = [Histogram.empty(), Histogram.empty()]
    grouped = Pairs(BLOCK * course.blocks, primary=terms.primary, planned=turns.planned)
    looks = Looks(terms, slices // (BLOCK * course.blocks))
    for each in turns.slices(order_of(terms.seed, slices), course.slice_s, until_s):
        side = each.part.side
        sums[side] = sums[side].merge(Histogram.from_values(each.part.times_ns))
        new = [json_codec.plain(pair) for pair in looks.take(list(grouped.take([each.part])))]
        _, figure = order_effect.level(each.part, terms.primary)
        say("pairs", {"side": side, "figure": figure, "pairs": new})
        if looks.reached:
            break
    say("levels", json_codec.plain(looks.levels))
    return sums
