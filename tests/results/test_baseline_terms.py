"""Thresholds against an earlier run: what its document holds, and what becomes of the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest
import samples
import scenario_samples

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.result import Result
from fastbench.results.socket_counts import HandshakeTimes, Sockets
from fastbench.results.thresholds import baseline_terms, grammar
from fastbench.results.thresholds.judging import Threshold

KNOWN = {
    **BUILT_IN,
    **{name: Kind("trend", "time") for name in ("service", "response", "connect", "lag")},
    **{name: Kind("counter") for name in ("timeouts", "retried", "dropped")},
}


def saved(result: Result) -> Result:
    """Return a result as a file of --json holds it."""
    return Result.from_document(json.loads(json.dumps(result.to_document())))


def was(term: str, before: Result) -> float | None:
    """Return what a term was in a run before."""
    limit = grammar.parse(f"{term} <= 1 * {term}[baseline]", KNOWN)
    (found,), said = baseline_terms.known((limit,), lambda: saved(before))
    assert (said, found.terms[0].was) == ((), None)
    return found.terms[1].was


def test_a_run_of_one_url_tells_counts_rates_and_times() -> None:
    before = samples.good()
    s, times = before.summary, before.latency
    assert was("http_reqs: count", before) == s.requests
    assert was("rps", before) == pytest.approx(s.requests_per_s)
    assert was("errors", before) == s.not_ok / s.requests
    assert was("p95", before) == pytest.approx(times.service.percentile(95) / 1e6)
    assert was("p(99.5)", before) == pytest.approx(times.service.percentile(99.5) / 1e6)
    assert was("http_req_duration: med", before) == pytest.approx(
        times.service.percentile(50) / 1e6
    )
    assert was("connect: max", before) == pytest.approx(times.connect.max_ns / 1e6)
    assert was("data_received: rate", before) == pytest.approx(s.bytes_in / s.duration_s)
    assert was("timeouts", before) == s.timeouts


def test_short_forms_are_response_time_where_requests_were_planned() -> None:
    before = samples.planned()
    response = before.latency.response
    assert response is not None and response.count
    assert was("p99", before) == pytest.approx(response.percentile(99) / 1e6)
    assert was("service: p99", before) == pytest.approx(before.latency.service.percentile(99) / 1e6)


def test_times_of_messages_are_none_of_requests() -> None:
    sockets = Sockets(1, 1, 0, 0.1, 5, 5, 25, 25, 0, HandshakeTimes(1, 1, 1))
    of_messages = partial(replace, samples.good(), sockets=sockets)
    for text in ("p95 <= 2 * p95[baseline]", "errors <= errors[baseline]"):
        limit = grammar.parse(text, KNOWN)
        assert baseline_terms.known((limit,), of_messages, messages=True)[0]
        with pytest.raises(UsageError, match="sent messages, this one requests; name another run"):
            baseline_terms.known((limit,), of_messages)
        with pytest.raises(UsageError, match="sent requests, this one messages; name another run"):
            baseline_terms.known((limit,), samples.good, messages=True)


def test_a_script_tells_its_metrics_and_its_operations() -> None:
    before = scenario_samples.messages()
    assert was("checks", before) == before.metrics["checks"].values["rate"]
    assert was("iterations: rate", before) == before.metrics["iterations"].values["rate"]
    row = max(before.requests, key=lambda each: each.failed)
    of = f"{{name:{row.name}}}"
    assert was(f"http_reqs{of}: count", before) == row.requests
    assert was(f"http_req_failed{of}", before) == row.failed / row.requests
    assert was(f"http_req_duration{of}: p(95)", before) == row.latency["p95"]
    assert was(f"http_req_duration{of}: avg", before) == row.latency["mean"]


def test_what_processes_used() -> None:
    before = samples.watched()
    uses = [row.use for row in before.series if row.use is not None]
    target = before.resources.targets[0]
    of = f"{{process:{target.name}}}"
    pids = {each.pid for each in before.resources.targets if each.name == target.name}
    sums = [sum(each.cpu_percent for each in use.targets if each.pid in pids) for use in uses]
    assert len(set(sums)) > 1
    assert was(f"target_cpu{of}: max", before) == pytest.approx(max(sums))
    assert was(f"target_cpu{of}: min", before) == pytest.approx(min(sums))
    sizes = [sum(each.rss_bytes for each in use.targets if each.pid in pids) for use in uses]
    assert was(f"target_rss{of}", before) == sizes[-1]
    cores = [use.host.core_percents for use in uses]
    assert was("host_cpu: max", before) == pytest.approx(max(sum(c) / len(c) for c in cores))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("errors <= errors[baseline]", "add --baseline NAME or --history FILE"),
        ("p95 <= 2 * p95[baseline] [warn]", "add --baseline NAME or --history FILE"),
    ],
)
def test_without_an_earlier_run_it_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        baseline_terms.known((grammar.parse(text, KNOWN),), None)


@pytest.mark.parametrize(
    "term",
    [
        "lag: p99",
        "uptime",
        "target_cpu: max",
        "ws_msgs_sent",
        "http_req_duration{name:/nowhere}: p(95)",
        "http_req_duration{name:/a}: p(12)",
        "http_req_waiting{name:/a}: p(95)",
    ],
)
def test_what_the_document_does_not_hold_is_refused(term: str) -> None:
    with pytest.raises(UsageError, match="the run before does not hold"):
        was(term, samples.good())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p95 < 200 [baseline]", "stands behind a term"),
        ("p95[baseline] < 200", "stands behind a term"),
        ("p95[baseline] < 2 * p50[baseline]", "nothing of this run"),
        ("p95 < p95[baseline] [stage=1]", "an earlier run is looked at whole"),
        ("p95 < p95[baseline, last=10s]", "an earlier run is looked at whole"),
    ],
)
def test_where_it_has_no_meaning_it_is_refused(text: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        grammar.parse(text, KNOWN)


def test_before_the_first_run_it_is_left_out_and_said() -> None:
    held = grammar.parse("p95<200", KNOWN)
    against = grammar.parse("errors <= errors[baseline]", KNOWN)
    found, said = baseline_terms.known((held, against), lambda: None)
    assert found == (held,)
    assert said == ("Threshold `errors <= errors[baseline]`: there is no run before; not judged.",)


def test_who_needs_no_earlier_run_does_not_read_it() -> None:
    def never() -> Result:
        raise AssertionError

    held: tuple[Threshold, ...] = (grammar.parse("p95[last=5s] <= 2 * p95", KNOWN),)
    assert baseline_terms.known(held, never) == (held, ())
