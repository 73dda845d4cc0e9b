"""What a run was asked for, second by second: users or connections, and iterations per second."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastbench.report.html.charts.chart import Values
from fastbench.results.load_stages import Level, StageRow
from fastbench.results.result import Result, SeriesRow

_HELD = "constant-vus"
_RATE = "constant-arrival-rate"


def users(result: Result, rows: Sequence[SeriesRow]) -> Values:
    """Return how many users, or connections, were asked for at the end of each row.

    Nothing of a load that plans rates: how many users it takes is up to the server.
    """
    if result.stages:
        if any(each.asked_per_s for each in result.stages) and result.scripted:
            return []
        if any(each.asked_users for each in result.stages):
            return _along(result.stages, rows, lambda each: each.asked_users, at=1.0)
    if not result.scripted:
        asked = result.config.get("connections")
        return [float(asked)] * len(rows) if isinstance(asked, int) else []
    return _held(result, rows, _HELD, lambda each: each.get("vus"))


def iterations_per_s(result: Result, rows: Sequence[SeriesRow]) -> Values:
    """Return how many iterations per second were asked for, of a load that plans nothing else."""
    if result.stages:
        if any(each.asked_users for each in result.stages):
            return []
        return _along(result.stages, rows, lambda each: each.asked_per_s)
    return _held(result, rows, _RATE, _per_s)


def _per_s(scenario: Mapping[str, object]) -> object:
    rate, unit_s = scenario.get("rate"), scenario.get("time_unit_s")
    if isinstance(rate, int | float) and isinstance(unit_s, int | float) and unit_s:
        return rate / unit_s
    return None


def _held(
    result: Result,
    rows: Sequence[SeriesRow],
    executor: str,
    value: Callable[[Mapping[str, object]], object],
) -> Values:
    """Return the level of a load whose one scenario holds it from begin to end."""
    scenarios = result.config.get("scenarios")
    if not isinstance(scenarios, list) or len(scenarios) != 1:
        return []
    only = scenarios[0]
    if not isinstance(only, dict) or only.get("executor") != executor:
        return []
    level, length_s = value(only), only.get("duration_s")
    if not isinstance(level, int | float) or not isinstance(length_s, int | float):
        return []
    return [float(level) if _middle(row) <= length_s else 0.0 for row in rows]


def _along(
    stages: Sequence[StageRow],
    rows: Sequence[SeriesRow],
    level: Callable[[StageRow], Level | None],
    *,
    at: float = 0.5,
) -> Values:
    """Return the level of the shortest stage around each row: a longer one has it on average.

    `at` is the share of the row at whose end it is asked for; the last instant is of a stage, too.
    """
    found: Values = []
    for row in rows:
        at_s = row.t_s + at * row.span_s
        if stages and row is rows[-1]:
            at_s = min(at_s, max(each.end_s for each in stages))
        around = [each for each in stages if each.begin_s <= at_s <= each.end_s]
        stage = min(around, key=lambda each: each.end_s - each.begin_s, default=None)
        asked = None if stage is None else level(stage)
        if stage is None or asked is None:
            found.append(None)
            continue
        share = (at_s - stage.begin_s) / (stage.end_s - stage.begin_s)
        found.append(asked.first + (asked.last - asked.first) * share)
    return found


def _middle(row: SeriesRow) -> float:
    return row.t_s + row.span_s / 2
