"""How `fastbench compare` measures: in slices, or by visits; the flags of both, and --pin.

Slices are for all that they can measure, visits for the rest and for whoever asks for them: by
--visits, or by a flag that has a meaning there alone.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.cli.args.varied_args import MAX_SEED
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
from fastbench.experiments.trials.pairing import Terms
from fastbench.experiments.trials.trial_servers import PORT
from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import pinning
from fastbench.machine.pinning import Pinning
from fastbench.plan import workload
from fastbench.plan.plan import Plan
from fastbench.script.run_request import RunRequest

DEFAULT_PAIRS = 12
MAX_PAIRS = 1000
DEFAULT_VISIT_S = 3.0
DEFAULT_WARMUP_S = 1.0
DEFAULT_TIME_S = 15.0
DEFAULT_RESTARTS = 10  # of servers that are started here: secondary metrics can be different, too
DEFAULT_START_S = 4.0  # of the slices of each start
MAX_RESTARTS = 1000


_VISITS = {"pairs": "--pairs", "visit": "--visit", "max_time": "--max-time"}
_TWO_SIDES = {"restarts": "--restarts", "stop_when": "--stop-when", "pin": "--pin"}
_TWO_SIDES |= {"save_baseline": "--save-baseline"}
_SLICES = {
    "slice": "--slice",
    "time": "--time",
    "stop_when": "--stop-when",
    "restarts": "--restarts",
}


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long it takes, as the words say. `given` is what -d had, `warmed`: -W was there."""

    visit_s: float | None
    warmup_s: float
    given: str | None
    warmed: bool


def lengths(typed: SimpleNamespace, *, scripted: bool) -> Lengths:
    """Put the length of a visit and its warm-up where a run has them. Raises UsageError."""
    given = typed.duration if scripted else typed.durations
    last = given if scripted else (given or [None])[-1]
    warmed = typed.warmup is not None
    if typed.visit is not None and given:
        raise UsageError("--visit and -d mean the same here; give only one of them.")
    if not given and typed.visit is not None:
        if typed.stages:
            raise UsageError("--stages set the length of a trial; leave out --visit.")
        values.duration_s("--visit", typed.visit, workload.MAX_DURATION_S)
        given = typed.visit if scripted else [typed.visit]
    counted = scripted and typed.iterations is not None
    if not given and not typed.stages and not counted:
        default = units.format_s(DEFAULT_VISIT_S)
        given = default if scripted else [default]
    if scripted:
        typed.duration = given
    else:
        typed.durations = given
    typed.warmup = typed.warmup or units.format_s(DEFAULT_WARMUP_S)
    visit = given if scripted else (given or [None])[-1]
    visit_s = values.duration_s("--visit", visit or None, workload.MAX_DURATION_S)
    warmup_s = values.duration_s("-W", typed.warmup, workload.MAX_DURATION_S, or_none=True)
    return Lengths(visit_s, warmup_s or 0.0, last or None, warmed)


def visits(typed: SimpleNamespace, *, find_rate: bool) -> Terms:
    """Return how visits are measured. Raises UsageError."""
    pairs = values.count("--pairs", typed.pairs, 0, MAX_PAIRS)
    pairs = DEFAULT_PAIRS if pairs is None else pairs
    if pairs < statistics.MIN_PAIRS:
        raise UsageError(
            f"--pairs must be at least {statistics.MIN_PAIRS}: with fewer, no difference can reach "
            "99 % confidence."
        )
    max_time_s = values.duration_s("--max-time", typed.max_time, workload.MAX_DURATION_S)
    return Terms(pairs=pairs, seed=seed(typed), max_time_s=max_time_s, find_rate=find_rate)


def by_visits(typed: SimpleNamespace, job: Plan | RunRequest) -> str | None:
    """Tell whether it is measured by visits: None for slices, else why, "" if they are asked for.

    Raises UsageError where slices are asked for and cannot be.
    """
    wanted = [flag for name, flag in _SLICES.items() if getattr(typed, name) is not None]
    against = ["--visits"] if typed.visits else []
    against += [flag for name, flag in _VISITS.items() if getattr(typed, name) is not None]
    if wanted and against:
        raise UsageError(
            f"{against[0]} is for visits and {wanted[0]} for slices; leave one of them out."
        )
    if against:
        return ""
    why = _unfit(typed, job)
    if why and wanted:
        raise UsageError(f"Slices cannot have {why}; leave out {wanted[0]}.")
    return f"Measured by visits: slices cannot have {why}." if why else None


def refuse_several(typed: SimpleNamespace, visits: str | None, *, scripted: bool) -> None:
    """Refuse what only two sides can have; `visits` is what `by_visits` says. Raises UsageError."""
    has = [flag for name, flag in _TWO_SIDES.items() if getattr(typed, name) is not None]
    if scripted:
        has = ["--script"]
    elif visits is not None:
        given = [flag for name, flag in _VISITS.items() if getattr(typed, name) is not None]
        has = given or ["--visits"]
        if visits:  # a load that slices cannot have
            why = visits.partition(": ")[2].removesuffix(".")
            raise UsageError(
                f"Several candidates are measured in slices, and {why}; compare two at a time."
            )
    if has:
        raise UsageError(
            f"{has[0]} is for two sides; compare two at a time, or leave it out: several "
            "candidates are URLs, measured in slices."
        )


def _unfit(typed: SimpleNamespace, job: Plan | RunRequest) -> str:
    """Name what slices cannot measure, "" if they can."""
    if not isinstance(job, Plan):
        if typed.run_base is not None:
            return "a script and servers that compare starts"
        return "a number of iterations" if typed.iterations is not None else ""
    if job.websocket is not None:
        return "WebSockets"
    if job.lua is not None:
        return "a Lua script with functions"
    if job.load.requests is not None:
        return "a number of requests (-n)"
    if job.load.pace is not None and not job.load.planned:
        return "stages of connections"
    if job.load.pace is not None and job.load.pace.burst:
        return "bursts"
    if job.load.pace is not None and job.load.pace.changes:
        return "a rate that changes"
    addresses = [typed.server_url or "", *typed.sockets]
    alike = len(set(typed.sockets)) < 2 and PORT not in "".join(addresses)
    if typed.run_base is not None and alike:
        return "two servers at one address: write {port} in both commands and in --url (or --unix)"
    return ""


def terms(
    typed: SimpleNamespace,
    job: Plan | RunRequest,
    primary: str | None,
    length: Lengths,
    *,
    find_rate: bool,
    sides: int = BLOCK,
) -> SliceTerms:
    """Return how slices are measured; `--slice auto` leaves their length to a pilot.

    Raises UsageError.
    """
    restarts = _restarts(typed)
    slice_s = None
    if typed.slice not in (None, "auto"):
        slice_s = values.duration_s("--slice", typed.slice, LONGEST_S)
        if slice_s is not None and slice_s < SHORTEST_S:
            raise UsageError(f"--slice must be at least {units.format_s(SHORTEST_S)}.")
    default_s = restarts * DEFAULT_START_S if restarts > 1 else DEFAULT_TIME_S
    given_s = values.duration_s("-d", length.given, workload.MAX_DURATION_S)
    time_s = (
        values.duration_s("--time", typed.time, workload.MAX_DURATION_S) or given_s or default_s
    )
    if given_s not in (None, time_s):
        raise UsageError("-d and --time mean the same here; give only one of them.")
    least = max(MIN_PAIRS, PAIRS_PER_START * restarts)
    if time_s < (least_s := sides * least * (slice_s or SHORTEST_S)):
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
    warmup_s = job.load.warmup_s if isinstance(job, Plan) and (started or length.warmed) else 0.0
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
                "--stop-when takes the word sure, half of the interval's width, such as 0.5%, or "
                "both: --stop-when sure,0.5%."
            )
    return StopWhen(sure, half_width)


def seed(typed: SimpleNamespace) -> int:
    """Return the seed of the order, drawn where none is given."""
    given = values.count("--seed", typed.seed, 0, MAX_SEED)
    return secrets.randbelow(2**32) if given is None else given
