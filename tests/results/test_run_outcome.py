"""How a run went as a whole: one level, followed by every report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st
from running import fastbench
from servers import OK, Peer, Server

from fastbench.report.export import junit
from fastbench.report.html import html_report
from fastbench.report.markdown import markdown_report
from fastbench.report.text import text_report
from fastbench.results.histogram import Histogram
from fastbench.results.metric_values import Judgement
from fastbench.results.result import ErrorRow, Result, Summary, Validity
from fastbench.results.run_outcome import LEVELS, Facts, Outcome, causes, outcome, silent_s

GOOD = Facts(ended="complete", requests=1000, not_ok=0, started=1000, causes={})
HELD = Judgement(True, 0.1, 0.5, "fail", False, "held")
BROKEN = Judgement(False, 0.1, -0.5, "fail", False, "1% over")
WARNED = Judgement(False, 0.1, -0.5, "warn", False, "1% over")


def of(**facts: Any) -> Outcome:
    return outcome(replace(GOOD, **facts))


def test_a_run_without_a_fault_is_ok() -> None:
    assert of() == Outcome("ok", ())


@pytest.mark.parametrize(
    ("facts", "level", "text"),
    [
        ({"not_ok": 1000, "causes": {"503": 1000}}, "failed", "every request failed (503)"),
        (
            {"not_ok": 1000, "causes": {"503": 10, "timeout": 990}},
            "failed",
            "every request failed (timeout: 990, 503: 10)",
        ),
        ({"not_ok": 660, "causes": {"500": 660}}, "failed", "66% of requests failed (500)"),
        ({"not_ok": 10, "causes": {"500": 10}}, "warning", "1% of requests failed (500)"),
        ({"not_ok": 999, "causes": {"reset": 999}}, "failed", "99.9% of requests failed (reset)"),
        (
            {"requests": 0, "started": 0, "causes": {"connect refused": 4}},
            "failed",
            "no request could be sent (connect refused)",
        ),
        ({"requests": 0, "started": 9}, "failed", "no request got a response"),
        (
            {
                **{"scheduled": 30_000, "not_sent": 1996, "asked_per_s": 1000.0},
                "reached_per_s": 933.333,
            },
            "warning",
            "1,000 req/s planned, 933 reached, 1,996 of 30,000 requests not sent",
        ),
        ({"scheduled": 2000, "not_sent": 1000}, "failed", "rate was not reached"),
        ({"iterations": 90, "dropped": 10}, "failed", "10 of 100 planned iterations"),
        ({"iterations": 100, "threw": 3}, "warning", "3 exceptions in 100 iterations (3%)"),
        ({"iterations": 100, "threw": 100}, "failed", "100 exceptions in 100 iterations (100%)"),
        ({"thresholds": {"p99<1ms": BROKEN}}, "failed", "threshold failed: p99<1ms"),
        ({"thresholds": {"a": BROKEN, "b": BROKEN}}, "failed", "2 of 2 thresholds failed"),
        ({"thresholds": {"p99<1ms": WARNED}}, "warning", "threshold failed: p99<1ms"),
        ({"checks": ((1, 3), (0, 1))}, "warning", "25% of checks failed"),
        (
            {"unanswered": 450, "oldest_in_flight_s": 5.0},
            "failed",
            "45% of requests had no response when the run ended",
        ),
        ({"never_ok": ("bad", "/x")}, "failed", "every request of bad, /x failed"),
        ({"never_ok": tuple("abcde")}, "failed", "of a, b, c failed, and of 2 more"),
        (
            {"duration_s": 2.0, "silent_s": 1.0},
            "failed",
            "no request succeeded in the last 1s",
        ),
        ({"stuck": ("slow",)}, "warning", "no iteration of slow ended"),
        ({"retried": 50}, "warning", "50 requests were sent again"),
        (
            {"threw_outside": 1, "iterations": 100},
            "warning",
            "threw 1 exception outside iterations",
        ),
        ({"verdict": "incomplete"}, "failed", "part of the run is missing"),
        ({"verdict": "incomplete", "retold": True}, "warning", "part of the run is missing"),
        (
            {"unanswered": 20, "oldest_in_flight_s": 0.9},
            "warning",
            "2% of requests had no response when the run ended, the oldest after 900ms",
        ),
        ({"ended": "interrupted", "why": ("after 3s",)}, "warning", "after 3s"),
        ({"ended": "worker_lost"}, "failed", "a worker was lost"),
        ({"verdict": "client-limited"}, "warning", "lower bound"),
        ({"verdict": "noisy-host"}, "warning", "do not quote"),
        ({"verdict": "late"}, "warning", "sent late"),
        ({"verdict": "incomplete"}, "failed", "missing"),
    ],
)
def test_the_worst_reason_gives_the_level(facts: dict[str, Any], level: str, text: str) -> None:
    found = of(**facts)
    assert found.level == level and text in found.text, found


@pytest.mark.parametrize(
    "facts",
    [
        {"scheduled": 10, "not_sent": 1},
        {"unanswered": 1, "oldest_in_flight_s": 3.0},
        {"retried": 5},
        {"requests": 100_000, "not_ok": 20, "causes": {"reset": 20}},
        {"duration_s": 60.0, "silent_s": 1.0},
        {"requests": 0, "started": 0, "vus": True},  # a script about something else
    ],
)
def test_what_every_run_has_is_no_reason(facts: dict[str, Any]) -> None:
    assert of(**facts).level == "ok"


def test_a_threshold_that_allows_failures_makes_them_a_warning_and_never_ok() -> None:
    failing = {"not_ok": 660, "causes": {"500": 660}}
    for name in ("http_req_failed: rate<0.9", "errors<90%"):
        assert of(**failing, thresholds={name: HELD}).level == "warning"
    for name in ("http_req_failed{name:a}: rate<0.9", "p99<1s"):
        assert of(**failing, thresholds={name: HELD}).level == "failed"
    of_less = ("errors[stage=b] <= 2 * errors[stage=a]", "errors<90% [last=5s]", "errors: drift<=0")
    for name in (*of_less, "errors - errors{name:a} < 1"):
        assert of(**failing, thresholds={name: HELD}).level == "failed", name
    assert of(**failing, thresholds={"errors <1% target, <90% critical": HELD}).level == "warning"
    assert (
        of(not_ok=1000, causes={"500": 1000}, thresholds={"errors<=100%": HELD}).level == "failed"
    )
    assert of(iterations=10, threw=5, thresholds={"script_exceptions: rate<0.9": HELD}).level == (
        "warning"
    )


@given(st.integers(1, 10**9), st.floats(0, 1))
def test_two_thirds_are_never_green_and_a_share_is_never_rounded_away(n: int, share: float) -> None:
    failed = round(n * share)
    found = of(requests=n, not_ok=failed, started=n, causes={"500": failed})
    assert found.level in LEVELS
    if failed >= 0.05 * n:
        assert found.level == "failed"
    if 0 < failed < n:
        assert "every" not in found.text and "100%" not in found.text


@pytest.mark.parametrize(
    ("oldest_s", "slowest_s", "duration_s", "overdue", "count"),
    [
        (3.0, 3.0, 10.0, 9, 0),  # slow, and as always
        (0.2, 0.01, 10.0, 9, 0),
        (3.0, 0.01, 10.0, 9, 9),
        (0.7, 0.01, 1.0, 9, 9),
        (3.0, 0.01, 10.0, None, 100),  # as in documents of before: nobody counted them
    ],
)
def test_who_waits_longer_than_any_answer_took_is_unanswered(
    oldest_s: float, slowest_s: float, duration_s: float, overdue: int | None, count: int
) -> None:
    counts = {"in_flight_at_end": 100, "oldest_in_flight_s": oldest_s, "overdue_at_end": overdue}
    result = run(started=400, duration_s=duration_s, **counts)
    times = Histogram.from_values([round(slowest_s * 1e9)])
    assert replace(result, latency=replace(result.latency, service=times)).unanswered == count


def test_the_end_of_a_run_is_silent_where_only_failures_came() -> None:
    rows = [(1.0, 5, 0), (1.0, 0, 3), (1.0, 0, 2), (0.2, 0, 1)]
    assert silent_s(rows) == pytest.approx(2.2)
    assert silent_s([*rows, (0.1, 1, 9)]) == 0.0
    assert silent_s([(1.0, 5, 0), (1.0, 0, 0)]) == 0.0, "nothing was asked then"


def test_who_holds_a_threshold_on_failures_is_warned_of_a_part_that_never_succeeds() -> None:
    held = {"errors<5%": HELD}
    assert of(never_ok=("bad",), thresholds=held).level == "warning"


def test_no_threshold_on_failures_allows_a_server_to_go() -> None:
    """What is refused at the connection is no request, so no share of failed ones knows of it."""
    held = {"errors<1%": HELD}
    assert of(duration_s=3.0, silent_s=1.0, thresholds=held).level == "failed"


def test_refused_connections_are_no_failed_requests_of_a_run_of_urls() -> None:
    kinds = {"connect_refused": 1537, "reset": 1, "timeout": 20}
    rows = [ErrorRow.of(kind, "", "", count, 0.0) for kind, count in kinds.items()]
    assert causes({}, rows, 20, connecting=False) == {"reset": 1, "timeout": 20}
    assert causes({}, rows, 20, connecting=True)["connect refused"] == 1537


def run(**summary: Any) -> Result:
    good = samples.good()
    counts = {"duration_s": 10.0, "started": 300, "ok": 300, "failed": 0, "timeouts": 0}
    found = replace(
        good,
        summary=Summary(**{**counts, "bytes_in": 1, "bytes_out": 1, **summary}),
        status_codes={"200": 100, "503": 200} if summary else {"200": 300},
        validity=Validity("ok", "none"),
    )
    return found


def test_every_report_follows_it() -> None:
    bad = run(ok=100, failed=200)
    assert "66.7% of requests failed (503)" in bad.outcome.text
    shown = text_report.render(bad, color=False, width=100)
    assert shown.startswith("FAILED  66.7% of requests failed (503)")
    assert "\nVerdict   failed:" in shown
    page = html_report.render(bad)
    assert 'id="verdict" class="fail"><h2>Failed</h2>' in page
    assert "FAIL · " in markdown_report.render(
        bad
    ) and "66.7% of requests failed" in markdown_report.render(bad)
    assert "<failure" in junit.render(bad)
    document = json.loads(json.dumps(bad.to_document()))
    assert document["outcome"]["level"] == "failed"
    assert document["outcome"]["reasons"][0]["code"] == "requests_failed"


def test_and_a_good_run_stays_as_it_was() -> None:
    good = run()
    assert good.outcome.level == "ok"
    assert 'class="done"><h2>Complete</h2>' in html_report.render(good)
    assert "<failure" not in junit.render(good)
    assert good.to_document()["outcome"] == {"level": "ok", "reasons": []}


def test_a_document_from_before_is_judged_when_it_is_read() -> None:
    document = json.loads(json.dumps(run(ok=100, failed=200).to_document()))
    del document["outcome"]
    assert Result.from_document(document).outcome.level == "failed"


def test_the_headline_of_a_script_is_of_all_its_requests() -> None:
    response = Histogram.from_values([9_000_000] * 10)
    service = samples.good().latency.service
    mixed = replace(
        samples.good(),
        config={**samples.good().config, "script": "x.py"},
        latency=replace(samples.good().latency, response=response),
    )
    assert mixed.headline == ("service", service)
    assert mixed.planned is None, "ten of many"
    plain = replace(mixed, config=samples.good().config)
    assert plain.headline == ("response", response)
    assert "all, from the planned" not in markdown_report.render(mixed)
    assert "10 samples" in markdown_report.render(mixed)


def test_a_server_that_dies_early_fails_the_run_although_few_requests_did() -> None:
    def script(peer: Peer) -> None:
        while server.seen.requests < 200:
            peer.request()
            peer.send(OK)
        server.refuse()

    with Server(script) as server:
        found = fastbench("-c2", "-d2s", "--strict", "--threshold", "p99<5s", server.url("/"))
    assert found.document["outcome"]["level"] == "failed"
    assert "no request succeeded" in found.out
    assert found.code == 95


def test_a_url_that_never_succeeds_is_not_hidden_by_the_others(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        while True:
            bad = b" /bad " in peer.request()
            peer.send(OK.replace(b"200 OK", b"500 Oh") if bad else OK)

    with Server(script) as server:
        (tmp_path / "urls.txt").write_text(f"200 {server.url('/ok')}\n{server.url('/bad')}\n")
        found = fastbench("-n402", "-c1", "--urls-from-file", str(tmp_path / "urls.txt"))
    assert found.summary["failed"] == 2
    assert found.document["outcome"]["level"] == "failed"
    assert "every request of /bad failed" in found.out
