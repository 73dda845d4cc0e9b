"""The pilot of a comparison in slices: a second of all sides before what counts.

It finds how long a slice must be for enough requests of the slowest side, how many blocks make a
pair, the common rate where latencies are compared, and what is left out at the begin of a slice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from fastbench.experiments.compare.compare_document import SIDES
from fastbench.experiments.compare.decision import percent
from fastbench.experiments.slices import slice_trend, sliced_run
from fastbench.experiments.slices.slice_order import BLOCK
from fastbench.experiments.slices.slice_pairs import P99_SAMPLES
from fastbench.experiments.slices.slice_terms import (
    LONGEST_S,
    MAX_PAIRS,
    MAX_SLICES,
    SHORTEST_S,
    Course,
    SliceTerms,
)
from fastbench.experiments.slices.slice_trend import Profile
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation.units import format_s
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.run.turns import SlicePart, Turns

PILOT_SLICE_S = 0.05
PILOT_S = 1.0
LONGEST_PILOT_S = 2.0  # of each side
PILOT_ROUNDS = 10  # of all sides, at least: enough slices of each for its trend
CPU_PAIR_S = 0.5  # at least: what a server does now and then, such as GC, is in both halves of it
P99_ROOM = 1.2  # for pairs that get fewer requests than most
REQUESTS = 50  # of the slowest side in a slice, at least


@dataclass(frozen=True, slots=True)
class Found:
    """What the pilot found. `rate` is a common one, None if none is wanted.

    `silent` are the sides without any successful response.
    """

    course: Course
    rate: float | None = None
    notes: tuple[str, ...] = ()
    silent: tuple[int, ...] = ()


def find(
    plans: Sequence[Plan], terms: SliceTerms, stop: Interrupts, names: Sequence[str] = SIDES
) -> Found:
    """Load the sides one after the other, so that every slice follows another side's.

    Raises as `sliced_run.apart`, and UsageError where the primary metric cannot be measured.
    """
    rounds = round(PILOT_S / PILOT_SLICE_S / len(plans))
    order = bytes(range(len(plans))) * max(rounds, PILOT_ROUNDS)
    planned = plans[0].load.planned
    found: list[tuple[int, float, bool, Profile]] = []

    def told(parts: Sequence[SlicePart]) -> list[Any]:
        shapes = [slice_trend.profile(each, PILOT_SLICE_S, planned=planned) for each in parts]
        return [
            (each.side, each.rate, each.cpu_s is not None, shape)
            for each, shape in zip(parts, shapes, strict=True)
        ]

    turns = Turns(tuple(plans), order, PILOT_SLICE_S, len(plans) * LONGEST_PILOT_S)
    sliced_run.apart(turns, told, found.extend, stop)
    if terms.primary == "cpu_per_request":
        _check_seen({side for side, _, seen, _ in found if not seen}, names)
    sides = [[each for each in found if each[0] == side] for side in range(len(plans))]
    slowest = min(median(row[1] for row in rows) if rows else 0.0 for rows in sides)
    rate = None
    if terms.find_rate and slowest:
        rate = pairing.rounded_down(pairing.PILOT_SHARE * slowest)
    profiles = [[row[3] for row in rows] for rows in sides]
    tenths, effects = slice_trend.skipped(profiles, terms.threshold)
    if terms.primary == "cpu_per_request":  # whose clocks are read at the ends of a slice
        tenths = 0
    skip_s = tenths * PILOT_SLICE_S / slice_trend.TENTHS
    chosen = course(terms, rate or slowest, skip_s=skip_s, sides=len(plans))
    notes = (_skip_note(chosen.skip_s, effects, names),) if chosen.skip_s else ()
    silent = (at for at, rows in enumerate(sides) if rows and not any(row[1] for row in rows))
    return Found(chosen, rate, notes, tuple(silent))


def _skip_note(skip_s: float, effects: Sequence[float], names: Sequence[str]) -> str:
    """Say what is left out, and why."""
    largest = max(effects, key=abs)
    way = "longer" if largest > 0 else "shorter"
    return (
        f"the first {format_s(skip_s)} of each slice are left out of the figures: in the pilot the "
        f"times of the {names[effects.index(largest)]} were {percent(abs(math.expm1(largest)))} "
        f"{way} there than later"
    )


def _check_seen(hidden: set[int], names: Sequence[str]) -> None:
    if not hidden:
        return
    whose = " and ".join(names[side] for side in sorted(hidden))
    raise UsageError(
        f"cpu_per_request cannot be compared: the processes that serve {whose} cannot be seen; "
        "run compare on the servers' machine, as their user or root, or use another --primary."
    )


def course(
    terms: SliceTerms,
    per_s: float,
    least_s: float = SHORTEST_S,
    *,
    skip_s: float = 0.0,
    sides: int = BLOCK,
) -> Course:
    """Return the course for so many requests per s of the slowest side; see `needed_s`.

    `skip_s` of each slice is left out, half of it at most.
    """
    slice_s = terms.slice_s
    if slice_s is None:
        slice_s = needed_s(per_s, least_s, skip_s)
        # fewer requests in a slice are noise; fewer pairs are no verdict
        longest_s = min(LONGEST_S, terms.time_s / (sides * terms.least_pairs))
        shortest_s = max(SHORTEST_S, terms.start_s / MAX_SLICES)
        slice_s = max(shortest_s, min(longest_s, slice_s), 2 * skip_s)
    skip_s = min(skip_s, slice_s / 2)
    kept_s = slice_s - skip_s
    blocks = 1
    if terms.primary == "p99" and per_s:
        blocks = math.ceil(P99_ROOM * P99_SAMPLES / (kept_s * per_s))
    if terms.primary == "cpu_per_request":
        blocks = math.ceil(CPU_PAIR_S / (BLOCK * slice_s))
    room = terms.time_s / (sides * slice_s)  # of the time, in blocks
    blocks = max(1, math.ceil(room / MAX_PAIRS), min(blocks, int(room / terms.least_pairs)))
    return Course(slice_s, blocks, skip_s)


def needed_s(per_s: float, least_s: float = SHORTEST_S, skip_s: float = 0.0) -> float:
    """Return how long a slice must be for enough requests after `skip_s`: `least_s` at least."""
    return max(_rounded_up((REQUESTS / per_s if per_s else 1.0) + skip_s), least_s)


def _rounded_up(length_s: float) -> float:
    """Return a length with two digits."""
    step = 10.0 ** (math.floor(math.log10(length_s)) - 1)
    return math.ceil(length_s / step) * step
