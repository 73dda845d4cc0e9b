"""When runs took place, by the wall clock: whether they did at the same time, and how far apart.

Documents before 0.7.0 tell the end of their run, to a second: their begin is that less its length.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from fastbench.foundation.units import format_s, plural
from fastbench.results.result import Result
from fastbench.results.run_parts import RunPart

CLOSE = 0.9  # of the whole time all runs were under way: what is less is told
COARSE_S = 1.0  # how well an older document tells when it began
_TWICE = "{} and {} are the same run, which would count twice; leave one out"


class Unmergeable(ValueError):
    """Results that are not one; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class TimedRun:
    """One result with its name. `begun_s` is when its load began, of the Unix epoch.

    `slack_s` is how far off that may be.
    """

    name: str
    result: Result
    begun_s: float
    slack_s: float = 0.0

    @property
    def ended_s(self) -> float:
        """When its load ended, of the Unix epoch."""
        return self.begun_s + self.result.summary.duration_s

    @property
    def started_at(self) -> str:
        """When its load began, in ISO 8601."""
        return datetime.fromtimestamp(self.begun_s, UTC).isoformat(timespec="milliseconds")


def timed(name: str, result: Result) -> TimedRun:
    """Return a result with the time of its load; raises Unmergeable where it tells none."""
    told = result.environment.started_at
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        raise Unmergeable(
            f"{name} does not tell when it began (environment.started_at is {told!r}); "
            "merge documents that --json wrote"
        ) from None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    coarse = "." not in told and "," not in told
    if coarse:
        at -= timedelta(seconds=result.summary.duration_s)
    return TimedRun(name, result, at.timestamp(), COARSE_S if coarse else 0.0)


def whole_s(runs: Sequence[TimedRun]) -> float:
    """Return how long it took from the first begin to the last end, in s."""
    return max(run.ended_s for run in runs) - min(run.begun_s for run in runs)


def common_s(runs: Sequence[TimedRun]) -> float:
    """Return how long all runs were under way, in s."""
    return max(0.0, min(run.ended_s for run in runs) - max(run.begun_s for run in runs))


def check(runs: Sequence[TimedRun]) -> None:
    """Refuse runs that did not take place at the same time, and one that is there twice."""
    if len(runs) < 2:
        raise Unmergeable("give the documents of two runs at least")
    for run in runs:
        if not run.result.summary.duration_s:
            raise Unmergeable(f"{run.name} ended before its load began; merge those that had one")
    for at, run in enumerate(runs):
        for other in runs[:at]:
            if run.begun_s == other.begun_s and run.result == other.result:
                raise Unmergeable(_TWICE.format(other.name, run.name))
        others = [other for other in runs if other is not run]
        if not any(_meet(run, other) for other in others):
            gap_s = min(max(o.begun_s - run.ended_s, run.begun_s - o.ended_s) for o in others)
            raise Unmergeable(
                f"{run.name} did not run at the same time as another ({format_s(round(gap_s, 3))} "
                "lie between them): start them together, or see one beside the other "
                "with `fastbench compare`"
            )


def check_parts(each: Sequence[tuple[TimedRun, Sequence[RunPart]]]) -> None:
    """Refuse a run that is also a part of a merged one beside it."""
    seen: list[tuple[TimedRun, RunPart]] = []
    for run, parts in each:
        for part in parts:
            for other, known in seen:
                merged = run.result.parts or other.result.parts
                same = replace(known, name=part.name, offset_s=part.offset_s)
                if merged and other is not run and same == part:
                    raise Unmergeable(_TWICE.format(known.name, part.name))
            seen.append((run, part))


def notices(runs: Sequence[TimedRun]) -> list[str]:
    """Say what is to be known of the times: an overlap in part, begins that are not exact."""
    found = []
    common, whole = common_s(runs), whole_s(runs)
    if common < CLOSE * whole:
        found.append(
            f"the {plural(len(runs), 'run')} were all under way for {format_s(round(common, 3))} "
            f"of {format_s(round(whole, 3))}: rates of the whole are over all that time; "
            "see the series for those while all ran"
        )
    coarse = [run.name for run in runs if run.slack_s]
    if coarse:
        found.append(
            f"{', '.join(coarse)} of an older version tells its begin to a second only; "
            "the series may be off by one"
        )
    return found


def _meet(one: TimedRun, other: TimedRun) -> bool:
    slack_s = one.slack_s + other.slack_s
    return one.begun_s < other.ended_s + slack_s and other.begun_s < one.ended_s + slack_s
