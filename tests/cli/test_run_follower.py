"""What the live view keeps of a run: the last seconds are the difference of two snapshots."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fastbench.cli.output.live.run_figures import Figures, RunFacts
from fastbench.cli.output.live.run_follower import RECENT_S, SECONDS, RunFollower
from fastbench.foundation import status_table
from fastbench.plan.workload import Pace, Stage
from fastbench.results.histogram import Histogram
from fastbench.results.result import SeriesRow
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue
from fastbench.run.sampling import Progress
from fastbench.run.snapshot import BY_STATUS, ERRORS, RESPONSE, SERVICE, Rows, Snapshot
from fastbench.run.url_snapshot import BY_CAUSE

NOW = Progress(1.0, 10, 10.0, 1.0, 2.0, 0, ())
MS = 1_000_000


def labels(**of: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(of.items()))


def at(second: int, rows: Rows | None = None, named: Rows | None = None) -> Snapshot:
    """A run whose 100 requests of second N take N ms each, up to the end of a second."""
    values = [each * MS for each in range(1, second + 1) for _ in range(100)]
    times = TrendValue.of(Histogram.from_values(values))
    counters = {"ok": 100 * second, "failed": second, "timeouts": 0, "connected": 4}
    whole: Rows = {
        SERVICE: {(): times},
        ERRORS: {},
        BY_STATUS: {
            labels(status="200"): CounterValue(100 * second),
            labels(status="503"): CounterValue(second),
        },
        BY_CAUSE: {
            (("kind", "timeout"), ("phase", "head"), ("code", "")): CounterValue(min(second, 3))
        },
        **(rows or {}),
    }
    return Snapshot(float(second), float(second), counters, whole, named or {}, plain=True)


def followed(seconds: int, **of: Mapping[int, Rows]) -> Figures:
    kept = RunFollower(RunFacts())
    for second in range(1, seconds + 1):
        rows, named = (of.get(name, {}).get(second) for name in ("rows", "named"))
        kept.take(at(second, rows, named))
    return kept.figures(NOW)


def test_the_last_seconds_are_the_last_ten_and_the_whole_run_is_all_of_it() -> None:
    figures = followed(30)
    assert figures.recent_s == RECENT_S
    assert (figures.recent.count, figures.whole.count) == (1000, 3000)
    p50, _, p95, p99, most = figures.recent.values_ms
    assert p50 == pytest.approx(25, rel=0.002)  # seconds 21 to 30
    assert p95 == p99 == pytest.approx(30, rel=0.002) and most == 30
    assert figures.whole.values_ms[0] == pytest.approx(15, rel=0.002)
    assert sum(figures.recent_counts.values()) == 1000


@pytest.mark.parametrize("second", [1, 5, 9])
def test_a_shorter_run_is_all_the_last_seconds(second: int) -> None:
    figures = followed(second)
    assert figures.recent_s == second
    assert figures.recent == figures.whole and figures.recent.count == 100 * second


def test_looks_that_come_seldom_have_a_longer_window_and_the_right_rates() -> None:
    kept = RunFollower(RunFacts())
    for second in (4, 8, 12, 16, 20):
        kept.take(at(second))
    figures = kept.figures(NOW)
    assert figures.recent_s == 12 and figures.recent.count == 1200


def test_answers_and_failures_are_counted_and_those_of_the_last_seconds_apart() -> None:
    figures = followed(30)
    assert figures.statuses == (("200", 3000, 1000), ("503", 30, 10))
    first, second = figures.failures
    assert (first.what, first.count, first.recent) == ("status 503", 30, 10)
    assert first.remedy == status_table.describe("503")[1]
    assert (second.what, second.count, second.recent) == ("timeout", 3, 0)
    assert "timeout" in second.remedy or "slow" in second.remedy
    assert figures.ended == (3030, 30)


def test_of_a_plan_the_response_time_is_shown() -> None:
    slow = TrendValue.of(Histogram.from_values([500 * MS] * 200))
    figures = followed(2, rows={each: {RESPONSE: {(): slow}} for each in (1, 2)})
    assert figures.timed == "response time" and figures.whole.values_ms[4] == 500
    assert followed(2).timed == "latency"


def named(second: int) -> Rows:
    of = {name: labels(method="GET", name=f"/{name}") for name in "ab"}
    times = TrendValue.of(Histogram.from_values([7 * MS] * 200))
    return {
        "http_reqs": {of["a"]: CounterValue(20 * second), of["b"]: CounterValue(5)},
        "http_req_failed": {of["a"]: RateValue(2, 20 * second), of["b"]: RateValue(0, 5)},
        "http_req_duration": {of["a"]: times, of["b"]: TrendValue()},
    }


def test_rows_have_rates_of_the_last_seconds_and_percentiles_of_the_whole_run() -> None:
    figures = followed(20, named={second: named(second) for second in range(1, 21)})
    first, second = figures.names
    assert (first.name, first.beside, first.count, first.failed) == ("/a", "GET", 400, 2)
    assert first.per_s == pytest.approx(20) and second.per_s == 0
    assert first.times_ms[0] == pytest.approx(7, rel=0.002)
    assert second.times_ms == (None, None, None)


def test_scenarios_checks_and_processes_are_read() -> None:
    browse, pay = labels(scenario="browse"), labels(scenario="pay")
    rows: Rows = {
        "iterations": {browse: CounterValue(40), pay: CounterValue(4)},
        "dropped_iterations": {pay: CounterValue(3)},
        "http_req_failed": {browse: RateValue(2, 80)},
        "checks": {labels(check="is 200", group="", scenario="browse"): RateValue(30, 40)},
        "target_cpu": {(): GaugeValue(9.0, 9, 9, 1), labels(process="nginx"): GaugeValue(9.0)},
        "target_rss": {labels(process="nginx"): GaugeValue(4096.0)},
    }
    figures = followed(2, rows={2: rows})
    first, second = figures.scenarios
    assert (first.name, first.iterations, first.requests, first.failed) == ("browse", 40, 80, 2)
    assert (second.name, second.dropped) == ("pay", 3) and first.per_s == 20
    assert figures.checks == (("is 200", 30, 10),)
    assert figures.processes == (("nginx", 9.0, 4096),)


def row(second: int) -> SeriesRow:
    return SeriesRow(float(second), 1.0, 50, 50, 0, 0, 0, 1.0, 2.0, {}, 4, scheduled=60)


def test_each_second_is_kept_once_and_memory_does_not_grow() -> None:
    kept = RunFollower(RunFacts())
    for second in range(SECONDS + 50):
        for _ in range(4):  # four looks a second
            kept.update(Progress(1.0, 10, 10.0, 1.0, 2.0, 0, (), row=row(second)))
        if second < 40:
            kept.take(at(second + 1))
    seconds = kept.figures(NOW).seconds
    assert len(seconds) == SECONDS and seconds[-1].t_s == SECONDS + 50
    assert (seconds[0].per_s, seconds[0].asked_per_s) == (50, 60)
    assert len(kept._instants) == RECENT_S + 2


def test_connections_that_a_plan_opens_in_stages_are_asked_for_as_it_says() -> None:
    pace = Pace(False, (Stage(10.0, 0.0, 100.0), Stage(10.0, 100.0, 100.0)))
    assert RunFacts(connections=100, pace=pace).connections_at(5.0) == 50
    assert RunFacts(connections=100).connections_at(5.0) == 100


def test_every_status_that_is_no_success_has_a_remedy() -> None:
    for status in range(300, 600):
        cause, remedy = status_table.describe(str(status))
        assert cause and remedy
    assert status_table.describe("200") == ("", "")
