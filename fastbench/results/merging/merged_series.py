"""The series of several runs as one, by the second of the wall clock.

Each run's rows are put on the nearest whole second from the first begin, so that a row is off by
half a second at most. Where one series has longer rows, as that of a long run, all get those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastbench.results.counts import OperationsRow, SeriesRow
from fastbench.results.merging.merged_rows import known, sums
from fastbench.results.merging.run_times import TimedRun

_EARLY_S = 0.25  # a row may begin a little before its second


def series(runs: Sequence[TimedRun]) -> tuple[SeriesRow, ...]:
    """Add rows up by second; percentiles are those of a second in which one run alone was."""
    first_s = min(run.begun_s for run in runs)
    every = [row for run in runs for row in run.result.series]
    step_s = max(1, round(max((row.span_s for row in every), default=1.0)))
    seconds: dict[int, dict[int, list[SeriesRow]]] = {}
    for number, run in enumerate(runs):
        shift_s = round(run.begun_s - first_s)
        for row in run.result.series:
            at = int((row.t_s + shift_s + _EARLY_S) // step_s)
            seconds.setdefault(at, {}).setdefault(number, []).append(row)
    return tuple(_second(float(at * step_s), seconds[at]) for at in sorted(seconds))


def _second(t_s: float, by_run: dict[int, list[SeriesRow]]) -> SeriesRow:
    rows = [row for each in by_run.values() for row in each]
    span_s = max(sum(row.span_s for row in each) for each in by_run.values())
    if len(rows) == 1:
        return replace(rows[0], t_s=t_s)
    added = ("requests", "ok", "failed", "timeouts", "bytes_in", "dropped")
    return SeriesRow(
        t_s=t_s,
        span_s=span_s,
        **{name: sum(getattr(row, name) for row in rows) for name in added},
        p50_ms=None,
        p99_ms=None,
        errors=sums(row.errors for row in rows),
        statuses=sums(row.statuses for row in rows),
        vus=_known([each[-1].vus for each in by_run.values()]),
        iterations=_known([row.iterations for row in rows]),
        dropped_iterations=_known([row.dropped_iterations for row in rows]),
        connections=sum(each[-1].connections for each in by_run.values()),
        scheduled=known(row.scheduled for row in rows),
        operations=_operations(rows),
        streams=_known([each[-1].streams for each in by_run.values()]),
    )


def _known(counts: Sequence[int | None]) -> int | None:
    told = [each for each in counts if each is not None]
    return sum(told) if told else None


def _operations(rows: Sequence[SeriesRow]) -> OperationsRow | None:
    timed = [row.operations for row in rows if row.operations is not None]
    if len(timed) < 2:
        return timed[0] if timed else None
    ended, failed = sum(each.ended for each in timed), sum(each.failed for each in timed)
    return OperationsRow(ended, failed, None, None)
