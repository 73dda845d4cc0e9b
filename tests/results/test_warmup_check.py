"""The notice that the first seconds were unlike the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from fastbench.results.assessment.warmup_check import notices, unsteady_rows
from fastbench.results.result import Result, SeriesRow


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([50, 80, 100, 101, 99, 100, 100, 98, 102], 2),
        ([100, 101, 99, 100, 100, 98], 0),
        ([150, 100, 101, 99, 100, 100], 1),
        ([10, 10, 10, 10, 100, 100, 100, 100, 100, 100, 100, 100], 4),
        ([10, 100, 100, 100, 100], 0),  # too short to say
        ([10, 90, 250, 30, 100, 300, 20, 80, 200], 0),  # never steady
        ([0, 0, 0, 0, 0, 0], 0),
    ],
)
def test_first_rows_unlike_the_rest_are_counted(values: list[float], count: int) -> None:
    assert unsteady_rows(values) == count


@given(st.lists(st.floats(0, 1e6), max_size=40))
def test_at_most_a_third_is_called_warming_up(values: list[float]) -> None:
    assert 0 <= unsteady_rows(values) <= len(values) // 3


def rising(p50_ms: list[float], requests: list[int]) -> Result:
    row = SeriesRow(0.0, 1.0, 0, 0, 0, 0, 0, 1.0, 1.0)
    rows = tuple(
        replace(row, t_s=float(at), requests=n, ok=n, p50_ms=ms)
        for at, (ms, n) in enumerate(zip(p50_ms, requests, strict=True))
    )
    return replace(samples.good(), series=rows)


def test_a_slow_start_is_told_with_both_figures_and_the_cure() -> None:
    (notice,) = notices(rising([1.0] * 9, [50, 80, 100, 101, 99, 100, 100, 98, 102]))
    assert notice.code == "warming_up"
    assert notice.text == "the first 2s differ from the rest: 65 req/s against 100"
    assert notice.hint == "leave them out with -W 3s"


def test_under_a_plan_the_latency_tells() -> None:
    result = rising([9.0, 5.0, 1.0, 1.1, 1.0, 0.9, 1.0, 1.0, 1.0], [100] * 9)
    planned = replace(result, summary=replace(result.summary, scheduled=900))
    (notice,) = notices(planned)
    assert notice.text == "the first 2s differ from the rest: p50 7.00ms against 1.00ms"


def test_a_server_that_died_was_not_warming_up() -> None:
    assert not notices(rising([1.0] * 9, [4900, 4900, 4900, 0, 0, 0, 0, 0, 0]))
    result = rising([1.0] * 9, [50, 50, 50, 900, 900, 900, 900, 900, 900])
    gone = tuple(replace(row, ok=0, failed=row.requests) for row in result.series[3:])
    assert not notices(replace(result, series=(*result.series[:3], *gone)))


def test_a_steady_run_is_not_commented_on() -> None:
    assert notices(rising([1.0] * 9, [100, 101, 99, 100, 100, 98, 102, 100, 100])) == []
    assert notices(rising([0.05, 0.02] + [0.02] * 7, [100] * 9)) == [], "30 us are no slow start"
