"""The plan of instants against its definition: t_k is where the integral of the rate reaches k."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.workload import Pace, Stage

Levels = list[tuple[float, float, float]]

rates = st.one_of(st.just(0.0), st.floats(0.01, 100_000))
lengths_s = st.floats(0.001, 100)
stages = st.lists(st.tuples(lengths_s, rates, rates), min_size=1, max_size=6)


def planned(levels: Levels, t_s: float) -> float:
    """Return the integral of the rate from 0 to t_s."""
    total = 0.0
    for length_s, first, last in levels:
        within_s = min(t_s, length_s)
        at_end = first + (last - first) * within_s / length_s
        total += within_s * (first + at_end) / 2
        t_s -= within_s
    return total


@given(st.floats(0.01, 1_000_000), st.integers(1, 300))
def test_a_constant_rate_is_a_lattice(rate: float, count: int) -> None:
    found = _core.instants([(math.inf, rate, rate)], count)
    assert len(found) == count
    assert all(abs(at - k * 1e9 / rate) <= 1 for k, at in enumerate(found))


@given(stages)
def test_each_instant_is_where_the_integral_reaches_its_number(levels: Levels) -> None:
    found = _core.instants(levels, 400)
    whole = planned(levels, sum(length_s for length_s, _, _ in levels))
    assert len(found) == min(400, math.ceil(whole)) or abs(whole - round(whole)) < 1e-6
    for k, at in enumerate(found):
        rate = max(max(first, last) for _, first, last in levels)
        assert abs(planned(levels, at / 1e9) - k) <= 1e-6 * max(1, k) + rate * 2e-9
    assert found == sorted(found)


@given(stages, st.integers(1, 7))
def test_the_workers_share_one_plan(levels: Levels, workers: int) -> None:
    whole = _core.instants(levels, 200 * workers)
    parts = [
        _core.instants(levels, 200, worker=worker, workers=workers) for worker in range(workers)
    ]
    assert sorted(at for part in parts for at in part) == whole
    assert all(part == whole[worker::workers] for worker, part in enumerate(parts))


def test_a_ramp_from_zero_follows_the_square_root() -> None:
    """From 0 to 1000 per second in 10 s, held against the integral at every 100 ms mark."""
    found = _core.instants([(10.0, 0.0, 1000.0)], 10_000)
    assert len(found) == 5000
    for mark in range(1, 101):
        sent = sum(at < mark * 100_000_000 for at in found)
        assert abs(sent - mark * mark / 2) <= 1


def test_poisson_gaps_are_exponential_and_keep_the_rate() -> None:
    found = _core.instants([(math.inf, 1000.0, 1000.0)], 20_000, seed=7)
    gaps_ms = [(b - a) / 1e6 for a, b in itertools.pairwise(found)]
    mean_ms = statistics.mean(gaps_ms)
    assert mean_ms == pytest.approx(1.0, rel=0.03)
    assert statistics.stdev(gaps_ms) == pytest.approx(mean_ms, rel=0.05)
    assert sum(gap_ms > 2.3026 for gap_ms in gaps_ms) / len(gaps_ms) == pytest.approx(0.1, rel=0.1)
    assert _core.instants([(math.inf, 1000.0, 1000.0)], 50, seed=8) != found[:50]


@given(stages, st.floats(0, 700))
def test_the_level_shown_is_the_line_of_its_stage(levels: Levels, t_s: float) -> None:
    if not any(first or last for _, first, last in levels):
        return
    pace = Pace(True, tuple(Stage(*level) for level in levels))
    later_s = t_s + 1e-6
    slope = (planned(levels, later_s) - planned(levels, t_s)) / 1e-6
    if later_s < sum(length_s for length_s, _, _ in levels):
        steepest = max(abs(last - first) / length_s for length_s, first, last in levels)
        jumps = any(a[2] != b[1] for a, b in itertools.pairwise(levels))
        if not jumps:
            assert pace.level(t_s) == pytest.approx(slope, abs=steepest * 1e-5 + 1e-2)
    assert pace.level(1e6) == levels[-1][2]
    assert 0 <= pace.level(t_s) <= pace.peak


def test_the_warm_up_of_a_ramp_from_zero_runs_at_what_it_aims_at() -> None:
    assert Pace(True, (Stage(10, 0, 500), Stage(10, 500, 0))).start == 500
    assert Pace(True, (Stage(10, 100, 500),)).start == 100


@pytest.mark.parametrize(
    ("stages", "rates", "sentence"),
    [
        ((Stage(1, 0, 0),), True, "0 throughout"),
        ((Stage(1, 0, 2e8),), True, "between 0 and 100,000,000"),
        ((Stage(1, 0, 2e6),), False, "between 0 and 1,000,000"),
        ((Stage(1, 1, 1),) * 1001, True, "1001 stages"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    stages: tuple[Stage, ...], rates: bool, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Pace(rates, stages)


@given(st.integers(1, 50), st.integers(1, 10**9), st.integers(1, 7))
def test_bursts_are_exact_over_all_workers(burst: int, every_ns: int, workers: int) -> None:
    level = [(math.inf, burst * 1e9 / every_ns, burst * 1e9 / every_ns)]
    how = {"burst": burst, "burst_ns": every_ns}
    whole = [k // burst * every_ns for k in range(60 * workers)]
    assert _core.instants(level, len(whole), **how) == whole
    parts = [_core.instants(level, 60, worker=w, workers=workers, **how) for w in range(workers)]
    assert all(part == whole[worker::workers] for worker, part in enumerate(parts))


def test_an_instant_of_a_burst_a_year_later_is_exact() -> None:
    """Instants stay whole nanoseconds, however many there were."""
    level = [(math.inf, 1e6, 1e6)]
    found = _core.instants(level, 2, worker=2**31, workers=2**31, burst=3, burst_ns=7_333_333)
    assert found == [2**31 // 3 * 7_333_333, 2**32 // 3 * 7_333_333]
