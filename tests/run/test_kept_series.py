"""Names and scenarios over time: what is kept of them adds up, and does not grow with the run."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.results.part_series import MAX_NAMES, MAX_SCENARIOS, PartSeries, PartsOverTime
from fastbench.run.kept_series import MAX_STEPS, PartLooks
from fastbench.run.metric_sums import CounterValue, RateValue, TrendValue
from fastbench.run.snapshot import Labels, Rows, Snapshot

MS = 1_000_000


class Counted:
    """What a run has counted so far, by name."""

    def __init__(self) -> None:
        self.sums: dict[Labels, tuple[RateValue, TrendValue]] = {}

    def count(self, name: str, times_ms: list[int], failed: int = 0, scenario: str = "") -> None:
        labels: Labels = (("method", "GET"), ("name", name))
        labels += (("scenario", scenario),) if scenario else ()
        rate, times = self.sums.setdefault(labels, (RateValue(), TrendValue()))
        rate.add(RateValue(failed, len(times_ms)))
        for each in times_ms:
            times.counted.record(each * MS)

    def at(self, t_s: float) -> Snapshot:
        named: Rows = {"http_reqs": {}, "http_req_failed": {}, "http_req_duration": {}}
        for labels, (rate, times) in self.sums.items():
            named["http_reqs"][labels] = CounterValue(rate.total)
            named["http_req_failed"][labels] = RateValue() + rate
            named["http_req_duration"][labels] = TrendValue() + times
        rows: Rows = {name: {} for name in named}
        for name, of_name in named.items():
            for labels, value in of_name.items():
                where = tuple(pair for pair in labels if pair[0] == "scenario")
                held = rows[name].get(where)
                rows[name][where] = value if held is None else held + value
        return Snapshot(t_s, t_s, {}, rows, named)


def told(looks: PartLooks) -> PartsOverTime:
    found = looks.result()
    assert found is not None
    return found


def named(found: PartsOverTime, name: str) -> PartSeries:
    return next(each for each in found.parts if each.name == name)


def test_each_step_has_what_ended_in_it() -> None:
    counted, looks = Counted(), PartLooks()
    counted.count("/a", [10, 10, 10])
    counted.count("/b", [50], failed=1)
    looks.take(counted.at(1.0))
    counted.count("/a", [20])
    looks.take(counted.at(2.0))
    looks.take(counted.at(3.0), last=True)
    found = told(looks)
    a, b = found.parts
    assert (a.name, a.method, a.kind, a.latency) == ("/a", "GET", "http", "service")
    assert (found.t_s, found.span_s) == ((0.0, 1.0, 2.0), (1.0, 1.0, 1.0))
    assert (a.ended, b.ended, b.failed) == ((3, 1, 0), (1, 0, 0), (1, 0, 0))
    assert [each and round(each, 1) for each in a.p50_ms] == [10, 20, None]
    assert [each and round(each, 1) for each in b.p99_ms] == [50, None, None]


def test_one_name_is_the_run_itself() -> None:
    counted, looks = Counted(), PartLooks()
    counted.count("/a", [10])
    looks.take(counted.at(1.0))
    assert looks.result() is None


def test_a_name_that_comes_later_has_nothing_before() -> None:
    counted, looks = Counted(), PartLooks()
    counted.count("/a", [10])
    looks.take(counted.at(1.0))
    counted.count("/late", [30, 30])
    looks.take(counted.at(2.0))
    late = named(told(looks), "/late")
    assert (late.ended, late.p50_ms[0]) == ((0, 2), None)


def test_setup_is_no_part_of_the_load() -> None:
    counted, looks = Counted(), PartLooks()
    for scenario in ("setup", "one", "two"):
        counted.count("/a", [10], scenario=scenario)
    looks.take(counted.at(1.0))
    parts = told(looks).parts
    assert sorted((each.kind, each.name, each.scenario) for each in parts) == [
        *(("http", "/a", "one"), ("http", "/a", "two")),
        *(("scenario", "one", ""), ("scenario", "two", "")),
    ]


def test_a_short_last_step_joins_the_one_before() -> None:
    counted, looks = Counted(), PartLooks()
    for at, t_s in enumerate((1.0, 2.0, 2.2)):
        counted.count("/a", [10 * (at + 1)])
        counted.count("/b", [5])
        looks.take(counted.at(t_s), last=t_s == 2.2)
    found = told(looks)
    assert found.span_s == (1.0, 1.2)
    assert named(found, "/a").ended == (1, 2)
    assert named(found, "/a").p50_ms[1] == pytest.approx(30, rel=0.01)


@settings(max_examples=8)
@given(
    st.sampled_from((2, 7, MAX_STEPS - 1, MAX_STEPS, MAX_STEPS + 1, 2 * MAX_STEPS + 45)),
    st.lists(st.integers(1, 9), min_size=2, max_size=MAX_NAMES + 4),
)
def test_steps_are_bounded_and_nothing_is_lost(steps: int, each_second: list[int]) -> None:
    counted, looks = Counted(), PartLooks()
    for at in range(1, steps + 1):
        for number, count in enumerate(each_second):
            counted.count(f"/{number}", [number + 1] * count, failed=count // 2)
        if at >= looks.due_s:
            looks.take(counted.at(float(at)), last=at == steps)
    looks.take(counted.at(float(steps)), last=True)
    found = told(looks)
    assert len(found.t_s) < MAX_STEPS
    assert all(
        begin + span == pytest.approx(after)
        for (begin, after), span in zip(pairwise(found.t_s), found.span_s, strict=False)
    )
    assert found.t_s[0] == 0 and found.t_s[-1] + found.span_s[-1] == pytest.approx(steps)
    assert len(found.parts) == min(MAX_NAMES, len(each_second))
    kept = sorted(each_second, reverse=True)[:MAX_NAMES]
    assert sorted((sum(each.ended) for each in found.parts), reverse=True) == [
        count * steps for count in kept
    ]
    for each in found.parts:
        columns = (each.ended, each.failed, each.p50_ms, each.p95_ms, each.p99_ms)
        assert {len(column) for column in columns} == {len(found.t_s)}


def test_scenarios_are_bounded_too() -> None:
    counted, looks = Counted(), PartLooks()
    for number in range(MAX_SCENARIOS + 5):
        counted.count("/a", [10] * (number + 1), scenario=f"s{number}")
    looks.take(counted.at(1.0))
    scenarios = [each for each in told(looks).parts if each.kind == "scenario"]
    assert len(scenarios) == MAX_SCENARIOS and scenarios[0].name == f"s{MAX_SCENARIOS + 4}"


def test_a_run_of_less_than_a_millisecond_has_a_step_with_a_length() -> None:
    counted, looks = Counted(), PartLooks()
    counted.count("/a", [1])
    counted.count("/b", [1])
    looks.take(counted.at(0.0004321), last=True)
    assert told(looks).span_s == (0.000432,)
