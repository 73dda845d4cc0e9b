"""The stages of runs that took place at the same time, as stages of all of them together.

They are added where they coincide: where all runs have the same stages, and began apart by no more
than a tenth of the shortest of them. Else none is told: what one run asked in its stage says
nothing of the load of all. A goal holds or fails in the stage with the name of its run before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fastbench.results.load_stages import Level, StageRow
from fastbench.results.merging.run_times import TimedRun

APART = 0.1  # of the shortest stage


def stages(runs: Sequence[TimedRun]) -> tuple[StageRow, ...]:
    """Return the stages of all runs together; none where they do not coincide."""
    if not coincide(runs):
        return ()
    names = [run.name for run in runs]
    return tuple(
        _added(names, rows) for rows in zip(*(run.result.stages for run in runs), strict=True)
    )


def coincide(runs: Sequence[TimedRun]) -> bool:
    """Tell whether all runs have stages, the same ones at about the same time."""
    first = runs[0].result.stages
    if not first or any(_plan(run.result.stages) != _plan(first) for run in runs):
        return False
    begun = [run.begun_s for run in runs]
    return max(begun) - min(begun) <= APART * min(row.measured_s for row in first)


def _plan(rows: Iterable[StageRow]) -> list[tuple[str, float]]:
    return [(row.name, round(row.begin_s, 3)) for row in rows]


def _added(names: Sequence[str], rows: Sequence[StageRow]) -> StageRow:
    counts = ("requests", "not_ok", "operations", "operations_failed")
    return replace(
        rows[0],
        end_s=max(row.end_s for row in rows),
        measured_s=max(row.measured_s for row in rows),
        complete=all(row.complete for row in rows),
        asked_users=_level(row.asked_users for row in rows),
        asked_per_s=_level(row.asked_per_s for row in rows),
        users=_sum(row.users for row in rows),
        sockets=_sum(row.sockets for row in rows),
        p95_ms=None,
        operation_p95_ms=None,
        **{name: sum(getattr(row, name) for row in rows) for name in counts},
        held=_named(names, [row.held for row in rows]),
        failed=_told(names, [row.failed for row in rows]),
        warned=_told(names, [row.warned for row in rows]),
        no_samples=_named(names, [row.no_samples for row in rows]),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _level(levels: Iterable[Level | None]) -> Level | None:
    known = [level for level in levels if level is not None]
    if not known:
        return None
    return Level(
        *(sum(getattr(each, name) for each in known) for name in ("first", "last", "mean"))
    )


def _named(names: Sequence[str], texts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    return tuple(
        f"{name}: {text}" for name, each in zip(names, texts, strict=True) for text in each
    )


def _told(names: Sequence[str], by: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {
        f"{name}: {text}": observed
        for name, each in zip(names, by, strict=True)
        for text, observed in each.items()
    }
