"""The flags of `fastbench compare` for slices: --slice and --time."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.slices.slice_order import BLOCK
from fastbench.experiments.slices.slice_terms import (
    LONGEST_S,
    MAX_SLICES,
    MIN_PAIRS,
    SHORTEST_S,
    SliceTerms,
)
from fastbench.foundation import units
from fastbench.plan import plan
from fastbench.plan.plan import Plan, UsageError
from fastbench.script.run_request import RunRequest

DEFAULT_TIME_S = 15.0
MAX_SEED = 2**63 - 1


def terms(
    typed: SimpleNamespace,
    job: Plan | RunRequest,
    primary: str | None,
    *,
    find_rate: bool,
    visit: str,
) -> SliceTerms:
    """Return how slices are measured; `--slice auto` leaves their length to a pilot.

    `visit` is the length of a visit where nobody has given one. Raises UsageError.
    """
    _refuse(typed, job, visit)
    slice_s = None
    if typed.slice not in (None, "auto"):
        slice_s = values.duration_s("--slice", typed.slice, LONGEST_S)
        if slice_s is not None and slice_s < SHORTEST_S:
            raise UsageError(f"--slice must be at least {units.format_s(SHORTEST_S)}.")
    time_s = values.duration_s("--time", typed.time, plan.MAX_DURATION_S) or DEFAULT_TIME_S
    if time_s < (least_s := BLOCK * MIN_PAIRS * (slice_s or SHORTEST_S)):
        raise UsageError(
            f"--time must be at least {units.format_s(least_s)}: {MIN_PAIRS} pairs of slices."
        )
    if slice_s is not None and time_s > (most_s := MAX_SLICES * slice_s):
        raise UsageError(
            f"--time must be at most {units.format_s(most_s)} with such slices; make them longer."
        )
    threshold = values.share("--threshold-effect", typed.effect) or Rules().threshold
    primary = primary or "requests_per_s"
    return SliceTerms(seed(typed), time_s, slice_s, find_rate, primary, threshold)


def _refuse(typed: SimpleNamespace, job: Plan | RunRequest, visit: str) -> None:
    """Refuse what goes with visits alone."""
    if isinstance(job, Plan) and job.websocket is not None:
        raise UsageError("--slice and --time are for HTTP; leave them out for ws:// and wss://.")
    if typed.run_base is not None:
        raise UsageError(
            "--slice and --time are for servers that run already; leave them out, or start both "
            "and give their URLs."
        )
    given = typed.durations if isinstance(job, Plan) else [typed.duration]
    if typed.pairs is not None or typed.visit is not None or given != [visit]:
        raise UsageError("--slice and --time say how long it takes; leave out --pairs and --visit.")
    if isinstance(job, Plan) and job.load.pace is not None and not job.load.planned:
        raise UsageError("Stages of connections are for visits; leave out --slice and --time.")


def seed(typed: SimpleNamespace) -> int:
    """Return the seed of the order, drawn where none is given."""
    given = values.count("--seed", typed.seed, 0, MAX_SEED)
    return secrets.randbelow(2**32) if given is None else given
