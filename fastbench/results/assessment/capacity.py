"""How much load a server carried: the highest stage that met its goals, and what failed above it.

The load of a stage is what was asked in it on average: of a ramp from 0 to 50 users that is 25, as
its rate and its latencies are of all of it. Where a load has both VUs and rates, each counts as a
share of the most that any stage asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastbench.results.load_stages import Level, StageRow


@dataclass(frozen=True, slots=True)
class Capacity:
    """What stages show. `highest` is None if none met its goals.

    `next_failed` is the stage with the least load above it, or of all, that failed; `lower_failed`
    those that failed though they asked for no more.
    """

    highest: StageRow | None
    next_failed: StageRow | None
    lower_failed: tuple[StageRow, ...] = ()


def capacity(rows: Sequence[StageRow]) -> Capacity | None:
    """Return what the stages of a load show of its limit; None where none met or failed goals."""
    if not any(row.met or row.failed for row in rows):
        return None
    load = _load(rows)
    # Of two that ask for the same, the one that got more done.
    highest = max(
        (row for row in rows if row.met),
        key=lambda row: (load(row), row.requests_per_s),
        default=None,
    )
    failed = sorted((row for row in rows if row.failed), key=load)
    if highest is None:
        return Capacity(None, failed[0] if failed else None)
    above = [row for row in failed if load(row) > load(highest)]
    below = tuple(row for row in failed if load(row) <= load(highest))
    return Capacity(highest, above[0] if above else None, below)


def _load(rows: Sequence[StageRow]) -> Callable[[StageRow], float]:
    """Return what orders stages by how much they ask for."""
    users = max(_mean(row.asked_users) for row in rows) or 1.0
    per_s = max(_mean(row.asked_per_s) for row in rows) or 1.0
    return lambda row: round(_mean(row.asked_users) / users + _mean(row.asked_per_s) / per_s, 9)


def _mean(level: Level | None) -> float:
    return 0.0 if level is None else level.mean
