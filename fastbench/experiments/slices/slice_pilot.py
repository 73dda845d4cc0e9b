"""The pilot of a comparison in slices: a second of both sides before what counts.

It finds how long a slice must be for enough requests of the slower side, how many blocks make a
pair, and the common rate where latencies are compared.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

from fastbench.experiments.slices import sliced_run
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.experiments.slices.slice_pairs import P99_SAMPLES
from fastbench.experiments.slices.slice_terms import (
    LONGEST_S,
    MAX_PAIRS,
    MAX_SLICES,
    MIN_PAIRS,
    SHORTEST_S,
    Course,
    SliceTerms,
)
from fastbench.experiments.trials import pairing
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.plan.plan import Plan, UsageError
from fastbench.run.turns import Turns

PILOT_SLICE_S = 0.05
PILOT_S = 1.0
CPU_PAIR_S = 0.5  # at least: what a server does now and then, such as GC, is in both halves of it
P99_ROOM = 1.2  # for pairs that get fewer requests than most
REQUESTS = 50  # of the slower side in a slice, at least


def find(plans: Sequence[Plan], terms: SliceTerms, stop: Interrupts) -> tuple[Course, float | None]:
    """Return the course, and the common rate if one is wanted.

    Raises as `sliced_run.apart`, and UsageError where the primary metric cannot be measured.
    """
    slices = round(PILOT_S / PILOT_SLICE_S / BLOCK) * BLOCK
    order = order_of(terms.seed, slices)
    found: list[tuple[int, float, bool]] = []
    turns = Turns(tuple(plans), order, PILOT_SLICE_S, 4 * PILOT_S)
    sliced_run.apart(
        turns,
        lambda parts: [(each.side, each.rate, each.cpu_s is not None) for each in parts],
        found.extend,
        stop,
    )
    if terms.primary == "cpu_per_request":
        _check_seen({side for side, _, seen in found if not seen})
    rates = [[rate for side, rate, _ in found if side == which] for which in range(len(plans))]
    slower = min(median(each) if each else 0.0 for each in rates)
    rate = (
        pairing.rounded_down(pairing.PILOT_SHARE * slower) if terms.find_rate and slower else None
    )
    return course(terms, rate or slower), rate


def _check_seen(hidden: set[int]) -> None:
    if not hidden:
        return
    whose = " and ".join(("base", "candidate")[side] for side in sorted(hidden))
    raise UsageError(
        f"cpu_per_request cannot be compared: the processes that serve {whose} cannot be seen; "
        "run compare on the servers' machine, as their user or root, or use another --primary."
    )


def course(terms: SliceTerms, per_s: float, least_s: float = SHORTEST_S) -> Course:
    """Return the course for so many requests per s of the slower side; see `needed_s`."""
    slice_s = terms.slice_s
    if slice_s is None:
        slice_s = needed_s(per_s, least_s)
        slice_s = max(SHORTEST_S, min(LONGEST_S, slice_s), terms.time_s / MAX_SLICES)
    blocks = 1
    if terms.primary == "p99" and per_s:
        blocks = math.ceil(P99_ROOM * P99_SAMPLES / (slice_s * per_s))
    if terms.primary == "cpu_per_request":
        blocks = math.ceil(CPU_PAIR_S / (BLOCK * slice_s))
    room = terms.time_s / (BLOCK * slice_s)  # of the time, in blocks
    blocks = max(1, math.ceil(room / MAX_PAIRS), min(blocks, int(room / MIN_PAIRS)))
    return Course(slice_s, blocks)


def needed_s(per_s: float, least_s: float = SHORTEST_S) -> float:
    """Return how long a slice must be for enough requests, and `least_s` at least."""
    return max(_rounded_up(REQUESTS / per_s if per_s else 1.0), least_s)


def _rounded_up(length_s: float) -> float:
    """Return a length with two digits."""
    step = 10.0 ** (math.floor(math.log10(length_s)) - 1)
    return math.ceil(length_s / step) * step
