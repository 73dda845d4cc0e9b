"""The flags of `fastbench compare` for slices: --slice, --time, --restarts, --stop-when; --pin."""

from __future__ import annotations

import secrets
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.experiments.compare import statistics
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.compare.sequential import LOOKS, StopWhen
from fastbench.experiments.slices.slice_order import BLOCK
from fastbench.experiments.slices.slice_terms import (
    LONGEST_S,
    MAX_SLICES,
    MIN_PAIRS,
    PAIRS_PER_START,
    SHORTEST_S,
    SliceTerms,
)
from fastbench.experiments.trials.trial_servers import PORT
from fastbench.foundation import units
from fastbench.machine import pinning
from fastbench.machine.pinning import Pinning
from fastbench.plan import plan
from fastbench.plan.plan import Plan, UsageError
from fastbench.script.run_request import RunRequest

DEFAULT_TIME_S = 15.0
DEFAULT_RESTARTS = 8  # of servers that are started here
DEFAULT_START_S = 4.0  # of the slices of each start
MAX_RESTARTS = 1000
MAX_SEED = 2**63 - 1


def terms(
    typed: SimpleNamespace,
    job: Plan | RunRequest,
    primary: str | None,
    *,
    find_rate: bool,
    visit: str,
    warmed: bool,
) -> SliceTerms:
    """Return how slices are measured; `--slice auto` leaves their length to a pilot.

    `visit` is the length of a visit where nobody has given one; `warmed` tells whether -W was
    given. Raises UsageError.
    """
    _refuse(typed, job, visit)
    restarts = _restarts(typed)
    slice_s = None
    if typed.slice not in (None, "auto"):
        slice_s = values.duration_s("--slice", typed.slice, LONGEST_S)
        if slice_s is not None and slice_s < SHORTEST_S:
            raise UsageError(f"--slice must be at least {units.format_s(SHORTEST_S)}.")
    default_s = restarts * DEFAULT_START_S if restarts > 1 else DEFAULT_TIME_S
    time_s = values.duration_s("--time", typed.time, plan.MAX_DURATION_S) or default_s
    least = max(MIN_PAIRS, PAIRS_PER_START * restarts)
    if time_s < (least_s := BLOCK * least * (slice_s or SHORTEST_S)):
        raise UsageError(
            f"--time must be at least {units.format_s(least_s)}: {least} pairs of slices."
        )
    if slice_s is not None and time_s > (most_s := MAX_SLICES * slice_s * restarts):
        raise UsageError(
            f"--time must be at most {units.format_s(most_s)} with such slices; make them longer."
        )
    threshold = values.share("--threshold-effect", typed.effect) or Rules().threshold
    # Servers that run already are warm, and the pilot loads both sides.
    started = typed.run_base is not None
    warmup_s = job.load.warmup_s if isinstance(job, Plan) and (started or warmed) else 0.0
    return SliceTerms(
        *(seed(typed), time_s, slice_s, find_rate, primary or "requests_per_s"),
        threshold=threshold,
        stop_when=_stop_when(typed.stop_when),
        restarts=restarts,
        warmup_s=warmup_s,
    )


def _restarts(typed: SimpleNamespace) -> int:
    if typed.run_base is None:
        if typed.restarts is not None:
            raise UsageError(
                "--restarts starts both servers anew; name them by --run-base, --run-candidate and "
                "--url, or leave it out."
            )
        return 1
    given = values.count("--restarts", typed.restarts, 1, MAX_RESTARTS)
    if given is not None and 1 < given < statistics.MIN_PAIRS:
        raise UsageError(
            f"--restarts must be 1, or at least {statistics.MIN_PAIRS}: with fewer, no difference "
            "can reach 99 % confidence."
        )
    if typed.stop_when is None:
        return given or DEFAULT_RESTARTS
    if given is not None and given > 1:
        raise UsageError("--stop-when looks at the slices of one start; leave out --restarts.")
    return 1


def pinned(typed: SimpleNamespace) -> Pinning | None:
    """Return the processors of servers and load, None where --pin is not given."""
    if typed.pin is None:
        return None
    if typed.run_base is None:
        raise UsageError(
            "--pin is for servers that compare starts (--run-base); pin those that run already by "
            "`taskset -apc CORES PID`, and compare by `taskset -c CORES fastbench compare`."
        )
    return pinning.pinning(typed.pin)


def asked(typed: SimpleNamespace) -> bool:
    """Tell whether slices are asked for."""
    return any(
        each is not None for each in (typed.slice, typed.time, typed.restarts, typed.stop_when)
    )


def described(terms: SliceTerms) -> dict[str, object]:
    """Return what the document says of all this."""
    said: dict[str, object] = {"slice_s": terms.slice_s, "time_s": terms.time_s}
    said |= {"restarts": terms.restarts, "warmup_s": terms.warmup_s}
    when = terms.stop_when
    if when is None:
        return said
    return {**said, "stop_when": {"sure": when.sure, "half_width": when.half_width}, "looks": LOOKS}


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
    if typed.run_base is not None and not isinstance(job, Plan):
        raise UsageError(
            "--slice and --time with --script are for servers that run already; leave them out, or "
            "start both and give their URLs."
        )
    if typed.run_base is not None and PORT not in (typed.server_url or "") + (typed.unix or ""):
        raise UsageError(
            "In slices both servers are alive at once, each at an address of its own; write {port} "
            "in both commands and in --url (or --unix), or leave out --slice and --time."
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
