"""The flags of `fastbench compare` for slices: --slice, --time and --stop-when."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.compare.sequential import LOOKS, StopWhen
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
    when = _stop_when(typed.stop_when)
    return SliceTerms(seed(typed), time_s, slice_s, find_rate, primary, threshold, when)


def asked(typed: SimpleNamespace) -> bool:
    """Tell whether slices are asked for."""
    return any(each is not None for each in (typed.slice, typed.time, typed.stop_when))


def looks(terms: SliceTerms) -> dict[str, object]:
    """Return what the document says of the looks; nothing where there is one alone."""
    when = terms.stop_when
    if when is None:
        return {}
    return {"stop_when": {"sure": when.sure, "half_width": when.half_width}, "looks": LOOKS}


def _stop_when(text: str | None) -> StopWhen | None:
    """Read what ends a comparison early: `sure`, `0.5%`, or both with a comma."""
    if text is None:
        return None
    sure, half_width = False, None
    for word in map(str.strip, text.split(",")):
        if word == "sure":
            sure = True
        elif half_width is None and word.endswith("%"):
            half_width = values.share("--stop-when", word)
        else:
            raise UsageError(
                "--stop-when takes sure, the half width of the interval, or both: "
                "--stop-when sure,0.5%."
            )
    return StopWhen(sure, half_width)


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
