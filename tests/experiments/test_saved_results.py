"""Stored results: what is said of runs that were not interleaved, and what never is."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import samples
from comparing import SUBJECT
from shapes import lognormal

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.compare.figures import figures_of, reasons_against
from fastbench.experiments.compare.saved_results import judge_stored, primary_of
from fastbench.results.result import Result, SeriesRow, Validity


def run(
    speed: float = 1.0, *, seconds: int = 30, noise: float = 0.02, seed: int = 1, slow: float = 1.0
) -> Result:
    """A run of 1,000 req/s times `speed`, with service times of 1 ms times `slow`."""
    chance = random.Random(seed)
    rows = []
    for at in range(seconds):
        near = math.exp(chance.gauss(0, noise))
        count = round(1000 * speed * near)
        late = slow * near
        rows.append(SeriesRow(float(at), 1.0, count, count, 0, 0, 100 * count, late, 2 * late))
    total = sum(row.requests for row in rows)
    base = samples.good()
    service = lognormal(round(1e6 * slow), 0.3, total, seed=9)
    return replace(
        base,
        summary=replace(
            base.summary, duration_s=float(seconds), ok=total, started=total, in_flight_at_end=0
        ),
        latency=replace(base.latency, service=service),
        status_codes={"200": total},
        series=tuple(rows),
        validity=Validity("ok", "server"),
    )


def stored(base: Result, candidate: Result, primary: str | None = None, **rules: Any) -> Comparison:
    return judge_stored(base, candidate, SUBJECT, primary=primary, rules=Rules(**rules))


def codes(comparison: Comparison) -> list[str]:
    return [warning.code for warning in comparison.warnings]


@pytest.mark.parametrize(
    ("speed", "verdict"),
    [
        (0.80, "different"),
        (1.25, "different"),
        (0.91, "inconclusive"),
        (1.09, "inconclusive"),
        (1.00, "inconclusive"),
        (0.95, "inconclusive"),
    ],
)
def test_a_stored_difference_counts_from_ten_percent_on(speed: float, verdict: str) -> None:
    found = stored(run(seed=1, noise=0.005), run(speed, seed=2, noise=0.005))
    assert found.verdict == verdict
    assert found.ratio == pytest.approx(speed, rel=0.01)
    assert (found.interleaved, found.threshold) == (False, 0.10)
    assert codes(found) == ["not_interleaved"]
    assert found.warnings[0].text == "not interleaved: drift cannot be excluded"


def test_below_ten_percent_stored_results_are_never_different_however_quiet_they_are() -> None:
    for hundredths in range(-10, 11):
        speed = 1 + hundredths / 100 * 0.999
        found = stored(run(noise=0.0), run(speed, noise=0.0), threshold=0.01)
        assert found.verdict == "inconclusive", speed
    assert stored(run(noise=0.0), run(0.89, noise=0.0)).verdict == "different"


def test_stored_results_are_never_equivalent_and_need_no_pairs() -> None:
    found = stored(run(), run())
    assert (found.verdict, found.ratio, found.pairs_needed) == ("inconclusive", 1.0, None)
    metric = found.metrics["requests_per_s"]
    assert (metric.p, metric.p_holm, metric.noise_floor) == (None, None, None)
    assert metric.smallest_difference == 0.10


def test_a_higher_threshold_holds_for_stored_results_too() -> None:
    found = stored(run(), run(1.3, seed=2), threshold=0.5)
    assert (found.verdict, found.threshold) == ("inconclusive", 0.5)


def test_noise_within_the_runs_widens_the_interval_until_nothing_is_sure() -> None:
    quiet = stored(run(), run(1.15, seed=2, noise=0.02)).interval
    wild = stored(run(seed=3, noise=0.5, seconds=10), run(1.15, seed=4, noise=0.5, seconds=10))
    assert quiet is not None and wild.interval is not None
    assert wild.interval[1] - wild.interval[0] > 5 * (quiet[1] - quiet[0])
    assert wild.verdict == "inconclusive"


def test_a_burst_in_one_run_does_not_put_the_ratio_outside_its_interval() -> None:
    base = run()
    rows = tuple(
        replace(row, requests=10 * row.requests) if at == 4 else row
        for at, row in enumerate(base.series)
    )
    summary = replace(base.summary, ok=sum(row.requests for row in rows))
    burst = replace(base, series=rows, summary=summary)
    for found in (stored(base, burst), stored(burst, base)):
        assert found.interval is not None and found.ratio is not None
        assert found.interval[0] <= found.ratio <= found.interval[1]


@pytest.mark.parametrize("seconds", [1, 7])
def test_short_runs_have_no_interval_and_no_verdict(seconds: int) -> None:
    found = stored(run(seconds=seconds), run(3.0, seconds=30))
    assert (found.verdict, found.interval) == ("inconclusive", None)
    assert found.ratio == pytest.approx(3.0, rel=0.05)
    assert codes(found) == ["not_interleaved", "no_interval"]


def test_a_last_second_that_was_cut_short_does_not_count() -> None:
    base = run(seconds=8)
    cut = replace(base, series=(*base.series, replace(base.series[-1], span_s=0.01, requests=1)))
    assert stored(cut, cut).interval == (1.0, 1.0)
    assert stored(base, cut).interval == (1.0, 1.0)


def test_rows_that_lasted_no_time_have_no_rate() -> None:
    short = run(seconds=12)
    rows = tuple(replace(row, span_s=0.0) for row in short.series)
    found = stored(replace(short, series=rows), short)
    assert found.metrics["requests_per_s"].interval is None


def test_an_hour_is_compared_in_blocks() -> None:
    found = stored(run(seconds=3600, seed=1), run(1.2, seconds=3600, seed=2))
    assert found.verdict == "different"


def test_times_are_compared_too() -> None:
    found = stored(run(), run(slow=1.5, seed=2), primary="p99")
    assert found.verdict == "different"
    assert found.ratio == pytest.approx(1.5, rel=0.01)
    assert found.metrics["p99"].better == "lower"
    assert stored(run(), run(slow=1.5, seed=2)).metrics["p50"].verdict == "different"


def test_a_metric_that_seconds_do_not_hold_has_no_interval() -> None:
    found = stored(run(), run(slow=1.5), primary="mean")
    assert (found.verdict, found.interval) == ("inconclusive", None)
    assert "have mean" in found.warnings[1].text


def test_under_a_rate_responses_decide_and_only_if_both_runs_had_one() -> None:
    assert primary_of(samples.planned(), samples.planned()) == "p99"
    assert primary_of(samples.good(), samples.planned()) == "requests_per_s"
    both = stored(samples.planned(), samples.planned())
    assert both.primary == "p99" and both.interval == (1.0, 1.0)
    assert both.pairs[0].base == figures_of(samples.planned())
    slower = tuple(replace(row, response_p99_ms=2000.0) for row in samples.planned().series)
    interval = stored(samples.planned(), replace(samples.planned(), series=slower)).interval
    assert interval is not None and interval[1] > 2
    one = stored(samples.good(), samples.planned())
    assert one.pairs[0].candidate == figures_of(samples.planned(), planned=False)
    assert "different_load" in codes(one)


Change = Callable[[Result], Result]
CHANGES: dict[str, tuple[Change, str, str]] = {
    "kernel": (
        lambda r: replace(r, environment=replace(r.environment, kernel="6.9.1")),
        "different_machines",
        "kernel 6.1.0-18-amd64 and 6.9.1",
    ),
    "cpu": (
        lambda r: replace(r, environment=replace(r.environment, cpu="Other\x1b[31m CPU")),
        "different_machines",
        "cpu Example CPU @ 2.40GHz and Other",
    ),
    "cores": (
        lambda r: replace(r, environment=replace(r.environment, cores=8)),
        "different_machines",
        "cores 2 and 8",
    ),
    "machines": (
        lambda r: replace(r, machines=samples.on_machines().machines),
        "different_machines",
        "cores 2 and 12, machines 1 and 3",
    ),
    "version": (lambda r: replace(r, version="0.0.1"), "different_versions", "fastbench 0.1.0"),
    "connections": (
        lambda r: replace(r, config={**r.config, "connections": 7}),
        "different_load",
        "different loads: connections",
    ),
    "path": (
        lambda r: replace(r, config={**r.config, "url": "http://127.0.0.1:8080/other?a=1"}),
        "different_load",
        "different loads: path of the URL",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_other_machines_versions_and_loads_are_said(name: str) -> None:
    change, code, words = CHANGES[name]
    found = stored(run(), change(run()))
    assert codes(found) == ["not_interleaved", code]
    assert words in found.warnings[1].text
    assert "\x1b" not in found.warnings[1].text
    assert found.base_environment == run().environment
    assert found.environment == change(run()).environment


def test_another_governor_is_another_machine_where_both_are_known() -> None:
    def governed(governor: str) -> Result:
        return replace(run(), environment=replace(run().environment, governor=governor))

    found = stored(governed("performance"), governed("powersave"))
    assert "governor performance and powersave" in found.warnings[1].text
    assert codes(stored(governed("unknown"), governed("powersave"))) == ["not_interleaved"]


def test_another_port_of_the_same_path_is_the_same_load() -> None:
    other = run()
    other = replace(other, config={**other.config, "url": "http://10.0.0.1:9999/api/health"})
    assert codes(stored(run(), other)) == ["not_interleaved"]


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        (Validity("client-limited", "client"), "candidate: the load generator was saturated"),
        (Validity("late", "unknown"), "candidate: the load generator sent its requests late"),
        (Validity("noisy-host", "server"), "candidate: other programs used the processors"),
        (Validity("incomplete"), "candidate: part of the run is missing"),
    ],
)
def test_a_run_that_is_not_valid_has_no_verdict(validity: Validity, words: str) -> None:
    found = stored(run(), replace(run(0.5), validity=validity), regression_limit=0.05)
    assert found.verdict == "inconclusive"
    assert codes(found) == ["not_interleaved", "invalid_visits"]
    assert found.warnings[1].text == words
    assert not found.pairs[0].valid
    assert found.regressed == (validity.verdict != "incomplete")  # the limit is the user's


@pytest.mark.parametrize(
    ("speed", "seconds", "regressed"),
    [(0.93, 30, True), (0.96, 30, False), (1.2, 30, False), (0.5, 3, True), (0.97, 3, False)],
)
def test_a_regression_is_the_limits(speed: float, seconds: int, regressed: bool) -> None:
    base, candidate = (run(each, seconds=seconds, noise=0.002) for each in (1.0, speed))
    assert stored(base, candidate, regression_limit=0.05).regressed == regressed
    assert not stored(base, candidate).regressed


def test_a_slower_second_or_two_are_no_regression() -> None:
    base, candidate = run(noise=0.3, seed=5), run(0.94, noise=0.3, seed=6)
    assert not stored(base, candidate, regression_limit=0.05).regressed


def failing_run() -> Result:
    good = run(1.5)
    return replace(good, summary=replace(good.summary, failed=good.summary.ok // 20))


def test_a_candidate_that_fails_is_a_regression_however_fast_it_is() -> None:
    found = stored(run(), failing_run(), regression_limit=0.05)
    assert (found.verdict, found.regressed) == ("inconclusive", True)
    assert codes(found) == ["not_interleaved", "invalid_visits", "candidate_fails"]
    assert not stored(failing_run(), failing_run(), regression_limit=0.05).regressed


@pytest.mark.parametrize("name", samples.ALL)
def test_every_result_can_be_compared_with_itself(name: str) -> None:
    result = samples.ALL[name]()
    found = stored(result, result)
    assert found.verdict == "inconclusive"
    assert found.ratio in (1.0, None)
    Comparison.from_document(found.to_document())


def test_nothing_answered_is_no_ratio() -> None:
    found = stored(run(), samples.refused(), regression_limit=0.05)
    assert (found.verdict, found.ratio, found.regressed) == ("inconclusive", None, True)
    assert "no response was received" in found.warnings[1].text


def test_figures_are_those_of_the_run() -> None:
    result = samples.good()
    found = figures_of(result)
    service = result.latency.service
    assert found.requests_per_s == result.summary.requests_per_s
    assert found.p50_ms == service.percentile(50) / 1e6
    assert found.p99_ms == service.percentile(99) / 1e6
    assert found.mean_ms == service.mean_ns / 1e6
    assert found.cpu_us_per_request == pytest.approx(28.0e6 / result.summary.requests)
    assert (found.errors_share, found.verdict, found.limit) == (0.0, "ok", "host")
    assert reasons_against(found) == ()


def test_times_are_of_responses_unless_it_is_said_otherwise() -> None:
    latency = samples.planned().latency
    assert latency.response is not None
    found, service = (figures_of(samples.planned(), planned=each) for each in (None, False))
    assert found.p50_ms == latency.response.percentile(50) / 1e6
    assert service.p50_ms == latency.service.percentile(50) / 1e6


def test_timeouts_are_failures() -> None:
    summary = samples.failing().summary
    assert summary.timeouts and summary.failed
    wrong = summary.failed + summary.timeouts
    assert figures_of(samples.failing()).errors_share == wrong / summary.requests


def test_cpu_is_of_all_processes_of_the_server_and_of_nothing_else() -> None:
    watched = samples.watched()
    targets = [each for each in watched.resources.targets if each.role == "target"]
    assert len(targets) == 5 < len(watched.resources.targets)
    found = figures_of(watched)
    assert found.cpu_us_per_request == pytest.approx(
        5 * targets[0].cpu_s * 1e6 / watched.summary.requests
    )
    unseen = figures_of(samples.refused())
    assert (unseen.cpu_us_per_request, unseen.p50_ms, unseen.errors_share) == (None, None, 1.0)


def test_a_trial_whose_requests_fail_does_not_count() -> None:
    base = figures_of(run())
    assert reasons_against(replace(base, errors_share=0.001)) == ()
    assert reasons_against(replace(base, errors_share=0.02)) == ("2 % of its requests failed",)
    assert "no response was received" in reasons_against(figures_of(samples.refused()))


def test_what_a_request_costs_is_shared_by_those_that_were_answered() -> None:
    good = samples.good()
    (target, *_) = (each for each in good.resources.targets if each.role == "target")
    of_one = replace(good.resources, targets=(replace(target, cpu_s=0.5),))
    refused = replace(good, resources=of_one, status_codes={"200": 90, "500": 10})
    assert figures_of(refused).cpu_us_per_request == 5000
    assert figures_of(replace(refused, status_codes={})).cpu_us_per_request is None
