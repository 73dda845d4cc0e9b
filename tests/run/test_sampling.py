"""The series of a long run: bounded, contiguous, and the same whether rows were packed or not."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from fastbench.engine.bridge import _core
from fastbench.run import sampling
from fastbench.run.snapshot import Snapshot
from fastbench.run.url_snapshot import UrlReader

NOTHING = UrlReader(_core.Block(1), planned=False).read(0.0, False)


def at(t_s: float, requests: int = 0) -> Snapshot:
    return replace(NOTHING, t_s=t_s, counters={**NOTHING.counters, "ok": requests})


def series_of(rows: int) -> sampling.Series:
    series = sampling.Series(NOTHING)
    for _ in range(rows):
        series.add(at(series.due_s), None)
    return series


def test_packed_rows_come_back_in_order() -> None:
    series = series_of(307)
    assert [row.t_s for row in series.rows] == [float(t) for t in range(307)]
    assert series.newest == series.rows[-len(series.newest) :]
    assert 0 <= len(series.newest) - sampling.KEEP_ROWS < sampling.PACK_ROWS


def test_a_full_series_merges_neighbours_and_loses_no_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampling, "MAX_ROWS", 12)
    monkeypatch.setattr(sampling, "PACK_ROWS", 2)
    monkeypatch.setattr(sampling, "KEEP_ROWS", 3)
    series = series_of(40)
    rows = series.rows
    assert len(rows) < 12
    assert series.span_s > 1
    ends = [row.t_s + row.span_s for row in rows]
    assert [0.0, *ends[:-1]] == [row.t_s for row in rows]
    assert ends[-1] == series.due_s - series.span_s


def test_a_last_row_that_is_too_short_joins_the_one_before() -> None:
    series = series_of(3)
    series.finish(at(3.2), None)
    assert [row.span_s for row in series.rows] == [1.0, 1.0, 1.2]


def test_where_counts_come_once_a_second_the_rate_is_that_of_the_last_one() -> None:
    def rates(*, whole_s: bool) -> list[float]:
        ticks = sampling.Ticks(0, None, warming=False, whole_s=whole_s)
        series = sampling.Series(NOTHING)
        found = []
        for quarter in range(13):
            counted = 100 * (quarter // 4)
            block = SimpleNamespace(sums=lambda slots, counted=counted: {"ok": counted})
            ticks.look(quarter * 250_000_000, cast(Any, block), range(1), None)
            if quarter and quarter % 4 == 0:
                series.add(at(quarter / 4, counted), None)
            found.append(ticks.progress(series).rate)
        return found

    assert rates(whole_s=True)[4:] == [100.0] * 9
    assert rates(whole_s=False)[4:9] == [400.0, 0.0, 0.0, 0.0, 400.0]


def test_what_was_counted_before_the_parent_came_to_look_is_in_the_first_row() -> None:
    series = sampling.Series(at(0.0, requests=3))
    series.finish(at(1.0, requests=103), None)
    (row,) = series.rows
    assert (row.requests, row.t_s, row.span_s) == (100, 0.0, 1.0)
