"""Was the server warm? Compare the first seconds of a run with the rest.

The rest is steady when it repeats itself: its median rate, and how far rows stray from it (median
absolute deviation). First rows that stray further are named, at most a third of the run: a server
that compiles, fills caches or opens its pool does so at the start (U26 asks for it everywhere).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.results.result import Result, SeriesRow, Warning_

MIN_ROWS = 6
MIN_SHARE = 0.15  # of the median: a smaller difference changes no conclusion
DEVIATIONS = 5.0
MIN_MS = 0.2

Measure = Callable[[SeriesRow], float | None]


def unsteady_rows(values: list[float]) -> int:
    """Return how many of the first values differ from the rest; 0 if the rest is not steady."""
    if len(values) < MIN_ROWS:
        return 0
    rest = values[len(values) // 3 :]
    middle = _median(rest)
    if middle <= 0:
        return 0  # nothing is no state that a server warms up to
    stray = max(MIN_SHARE * middle, DEVIATIONS * _median(abs(value - middle) for value in rest))
    if stray > middle:
        return 0
    count = 0
    while count < len(values) // 3 and abs(values[count] - middle) > stray:
        count += 1
    return count


def notices(result: Result) -> list[Warning_]:
    """Return the notice that the first seconds were unlike the rest, if they were."""
    if any(each.code == "silent" for each in result.outcome.reasons):
        return []  # the rest is no steady state, but a server that is gone
    rows = [row for row in result.series if row.span_s >= 0.5]
    if not rows or not _median(row.ok for row in rows[len(rows) // 3 :]):
        return []
    planned = result.summary.scheduled is not None
    count, what = 0, ""
    if not planned:  # a plan holds the rate, whatever the server does
        rates = [row.requests / row.span_s for row in rows]
        count = unsteady_rows(rates)
        what = (
            f"{format_count(_median(rates[:count]))} req/s against {_rest(rates)}" if count else ""
        )
    slow = [row.p50_ms for row in rows if row.p50_ms is not None]
    late = unsteady_rows(slow) if len(slow) == len(rows) else 0
    if late > count and abs(slow[0] - _median(slow[late:])) > MIN_MS:
        count = late
        first, rest = _median(slow[:late]), _median(slow[late:])
        what = f"p50 {format_ms(first)} against {format_ms(rest)}"
    if not count:
        return []
    seconds = sum(row.span_s for row in rows[:count])
    text = f"the first {format_s(round(seconds))} differ from the rest: {what}"
    return [Warning_("warming_up", text, f"leave them out with -W {format_s(round(seconds) + 1)}")]


def _median(values: Iterable[float]) -> float:
    """Return the middle of some values; `statistics` costs every run 4 ms to import."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2


def _rest(rates: list[float]) -> str:
    return format_count(_median(rates[unsteady_rows(rates) :]))
