"""The report for people: fits the screen, hides nothing, and is safe for the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
from hypothesis import given
from hypothesis import strategies as st

from fastbench.report.picture import bar, bins, sparkline
from fastbench.report.text import text_report
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency
from fastbench.results.result import (
    LIMITS,
    VERDICTS,
    Environment,
    Result,
    SeriesRow,
    Summary,
    Validity,
)
from fastbench.results.usage import HostUse

SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 120, 200)


def plain(result: Result, width: int = 80) -> str:
    return text_report.render(result, color=False, width=width)


@pytest.mark.parametrize("name", samples.ALL)
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"text_{name}.txt", plain(samples.ALL[name]()))


def test_ascii_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    shown = text_report.render(samples.failing(), color=False, width=80, unicode=False)
    golden("text_ascii.txt", shown)


def test_colours_read_as_they_always_did(golden: Callable[[str, str], None]) -> None:
    golden("text_color.txt", text_report.render(samples.failing(), color=True, width=80))


def test_a_good_run_fits_a_small_screen_and_every_report_one_screen() -> None:
    assert len(plain(samples.good(), 100).splitlines()) <= 30
    assert len(plain(samples.planned(), 100).splitlines()) <= 38
    assert len(plain(samples.watched(), 100).splitlines()) <= 47


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    for line in plain(samples.ALL[name](), width).splitlines():
        assert len(line) <= width, line


@pytest.mark.parametrize("name", samples.ALL)
def test_colour_changes_nothing_but_colour(name: str) -> None:
    result = samples.ALL[name]()
    assert SGR.sub("", text_report.render(result, color=True, width=80)) == plain(result)


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", WIDTHS)
def test_ascii_is_ascii_and_as_wide(name: str, width: int) -> None:
    shown = text_report.render(samples.ALL[name](), color=False, width=width, unicode=False)
    assert shown.isascii()
    assert max(map(len, shown.splitlines())) <= width, max(shown.splitlines(), key=len)


def test_text_from_elsewhere_reaches_the_terminal_without_control_characters() -> None:
    shown = SGR.sub("", text_report.render(samples.hostile(), color=True, width=200))
    assert shown.count("<script>") >= 8, "the strings should be shown"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_the_figures_are_those_of_the_run() -> None:
    shown = plain(samples.good())
    assert "GET http://127.0.0.1:8080/api/health" in shown
    assert "100 connections, 2 workers, 30s" in shown
    assert "205,067 req/s" in shown
    assert "6,152,000 requests in 30.00s" in shown
    assert "while the server stalls" in shown
    assert "100 in flight at the end, oldest ≥ 710us" in shown
    assert "200: 6,152,000" in shown
    assert "nginx (321)" in shown


def test_every_error_is_shown_with_its_cause_and_its_cure() -> None:
    result = samples.failing()
    shown = " ".join(plain(result).split())
    for row in result.errors:
        assert f"{row.count:,} {row.message}, first at {row.first_s:.2f}s → {row.hint}" in shown


def test_more_sorts_of_errors_than_fit_are_summed_up() -> None:
    result = samples.failing()
    shown = plain(replace(result, errors=result.errors * 2))
    assert "… " in shown
    assert "more of 6 sorts" in shown


def test_a_run_cut_short_says_so_first() -> None:
    assert plain(samples.interrupted()).startswith("PARTIAL  interrupted after 3.20s of 30s\n")
    bare = replace(samples.interrupted(), validity=Validity("incomplete"))
    assert plain(bare).startswith("PARTIAL  interrupted after 3.20s of 30s; the numbers cover")


def test_a_lost_worker_is_named() -> None:
    shown = plain(samples.worker_lost())
    assert shown.startswith("PARTIAL  1 of 2 workers lost")
    assert "Workers   1 of 2 lost (pid 4243)" in shown


def test_a_run_without_success_says_why() -> None:
    shown = plain(samples.refused())
    assert shown.startswith("NOTHING SUCCEEDED  ")
    assert "connection refused" in shown
    assert "start the server" in shown
    assert "p99" not in shown
    assert "req/s" not in shown


def test_a_handshake_that_never_was_is_not_called_verified() -> None:
    result = samples.tls()
    assert result.tls is not None
    shown = plain(replace(result, tls=replace(result.tls, handshakes=0, resumed=0)))
    assert "no handshake succeeded" in shown
    assert "verified" not in shown


def test_failed_answers_are_timed_when_nothing_was_ok() -> None:
    result = samples.failing()
    nothing = Histogram.empty()
    latency = Latency(nothing, result.latency.failed, nothing, nothing)
    shown = plain(replace(result, latency=latency))
    assert "no ok response to measure" in shown
    assert "failed p50" in shown


def test_a_certificate_that_was_not_checked_is_pointed_out() -> None:
    assert "TLS       verified, TLSv1.3, TLS_AES_256_GCM_SHA384" in plain(samples.tls())
    assert "not verified (-k)" in plain(samples.tls(verified=False))
    colored = text_report.render(samples.tls(verified=False), color=True, width=80)
    assert "\x1b[33mnot verified (-k)\x1b[0m" in colored


def test_a_closed_loop_says_what_it_cannot_show() -> None:
    line = "Latency   service time; while the server stalls fewer requests are sent; "
    assert f"\n{line}-R includes the waiting\n" in plain(samples.good(), 100)


def test_a_plan_shows_what_was_asked_and_what_was_reached() -> None:
    shown = plain(samples.planned(), 100)
    assert "1,000 req/s planned, 933.33 reached (-6.7%)" in shown
    assert "30,000 scheduled · 28,000 ok · 60 dropped · 1,936 queued at the end" in shown
    assert "queued at the end, oldest ≥ 1.20s" in shown
    assert "start lag: p50 11.8us, p99 76.1us, max 215us" in shown


@pytest.mark.parametrize(
    ("config", "ok", "shown"),
    [
        ({}, 29_999, "1,000 req/s planned, 999.97 reached (-0.003%)"),
        ({}, 30_000, "1,000 req/s planned, 1,000 reached (±0.000%)"),
        ({}, 30_090, "1,000 req/s planned, 1,003 reached (+0.300%)"),
        ({"rate": 500.5}, 15_015, "500.50 req/s planned, 500.50 reached (±0.000%)"),
        ({"stages": [{}, {}]}, 18_000, "1,010 req/s planned, 600 reached (-40.6%)"),
        ({"arrival": "poisson"}, 30_300, "1,010 req/s planned, 1,010 reached (±0.000%)"),
    ],
)
def test_the_asked_rate_is_the_flag_s_or_that_of_the_schedule(
    config: dict[str, object], ok: int, shown: str
) -> None:
    result = samples.planned()
    summary = replace(result.summary, ok=ok, scheduled=30_300)
    changed = replace(result, summary=summary, config={**result.config, **config})
    assert shown in plain(changed, 100)


def test_a_plan_that_could_start_nothing_still_shows_its_figures() -> None:
    summary = Summary(2.0, 0, 0, 0, 0, 0, 0, scheduled=20, dropped=20)
    shown = plain(replace(samples.planned(), summary=summary))
    assert "20 scheduled · 0 ok · 20 dropped" in shown


def test_stages_and_arrivals_stand_in_the_heading() -> None:
    assert "30s, 2 stages up to 100 connections\n" in plain(samples.warmed())
    planned = samples.planned()
    config = {**planned.config, "stages": [{}], "arrival": "poisson"}
    assert "30s, 1 stage of req/s, Poisson" in plain(replace(planned, config=config))


def test_connections_have_a_line_of_their_own_where_they_vary() -> None:
    def lines(rows: tuple[SeriesRow, ...]) -> list[str]:
        shown = plain(replace(samples.good(), series=rows)).splitlines()
        at = next(at for at, line in enumerate(shown) if line.startswith("Over time"))
        return shown[at : at + 2]

    rates, connections = lines(samples.warmed().series)
    assert connections.endswith("█  10 to 97 connections")
    assert connections.index("  10 to") == rates.index("  123k to"), "one below the other"
    good = samples.good().series
    same = tuple(replace(row, connections=100 - at % 5) for at, row in enumerate(good))
    assert lines(same)[1].startswith("Client")


def test_the_warm_up_is_shown_and_set_apart() -> None:
    shown = plain(samples.warmed(), 100)
    assert (
        "Warm-up   5s: 12,345 requests (2,469/s), 5 not ok, p50 900us, p99 4.20ms, not in" in shown
    )
    assert "Warm-up" not in plain(samples.good())


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("limit", LIMITS)
def test_every_verdict_is_a_sentence_with_its_reasons_below(verdict: str, limit: str) -> None:
    reasons = ("one thing; do this", "another; do that")
    result = replace(samples.good(), validity=Validity(verdict, limit, reasons))
    block = plain(result, 200).splitlines()[-3:]
    assert re.fullmatch(rf"Verdict   {verdict}: \w.+\w", block[0])
    assert block[1:] == [f"          - {reason}" for reason in reasons]
    color = {"ok": 32, "incomplete": "1;31"}.get(verdict, 33)
    assert f"\x1b[{color}m{verdict}\x1b[0m: " in text_report.render(result, color=True, width=80)


def test_the_verdict_names_the_limit() -> None:
    def verdict(name: str, limit: str) -> str:
        shown = plain(replace(samples.good(), validity=Validity(name, limit)), 200)
        return shown.splitlines()[-1].removeprefix("Verdict   ")

    assert verdict("ok", "server") == "ok: the server was the bottleneck"
    assert verdict("ok", "unknown") == "ok: bottleneck unknown"
    assert verdict("late", "server").endswith("response times; the server was the bottleneck")
    assert verdict("client-limited", "client").endswith("so the rate is a lower bound")


def test_targets_and_watched_processes_are_told_apart() -> None:
    lines = plain(samples.watched(), 100).splitlines()
    found = next(at for at, line in enumerate(lines) if line.startswith("Target"))
    assert lines[found : found + 4] == [
        "Target    nginx, 5 processes: cpu 247% (max 247%), 22.8us per request, memory 70.0MiB, "
        "5 threads",
        "            600 files",
        "          nginx (321): cpu 93% (max 98%), 4.56us per request",
        "            memory 12.0MiB → 14.0MiB (peak 17.0MiB), 1 thread, 120 files",
    ]
    assert "          … 3 more: cpu 114%, memory 51.0MiB; --json has each" in lines
    assert "Watched   postgres (77): cpu 12% (max 31%), 4.56us per request" in lines


def test_of_the_host_only_what_matters_is_shown() -> None:
    shown = " ".join(plain(samples.watched(), 100).split())
    for part in (
        "core 0 91%, core 1 87%",
        "steal 0.6%",
        "other programs 3%",
        "network 25.0MiB/s in + 12.0MiB/s out",
        "disk 8.0MiB/s written",
        "31.0k switches/s",
        "client throttled for 400ms (quota)",
        "12 TCP retransmits",
        "1 listen queue overflow",
        "waited 12% of the time for a core",
    ):
        assert part in shown
    assert "KiB/s read" not in shown
    result = samples.good()
    quiet = HostUse(5.0, 9.0, 0.0, 1 << 33, 1 << 30, (1.0,) * 16, 0.2, 0.0, 99, 99, 99, 99, 99)
    shown = plain(replace(result, resources=replace(result.resources, host=quiet)))
    assert "\nHost      cpu 5% of 2 cores (max 9%), memory 1.0GiB of 8.0GiB\n" in shown


def test_an_empty_result_renders() -> None:
    nothing = Histogram.empty()
    result = Result(
        version="0",
        config={},
        environment=Environment("", "", 0, "", "", ""),
        summary=Summary(0.0, 0, 0, 0, 0, 0, 0),
        latency=Latency(nothing, nothing, nothing, nothing),
        status_codes={},
    )
    assert plain(result).startswith("FAILED  no request was sent")
    assert plain(result).endswith("Verdict   failed: no request was sent\n")


@given(st.lists(st.integers(1, 2**42), min_size=1, max_size=100), st.integers(1, 20))
def test_every_sample_is_in_one_bin_of_the_picture(values: list[int], rows: int) -> None:
    histogram = Histogram.from_values(values)
    found = bins(histogram, rows)
    assert 1 <= len(found) <= rows
    assert sum(bin_.count for bin_ in found) == len(values)
    lows = [bin_.low_ns for bin_ in found]
    assert lows == sorted(set(lows))
    assert lows[0] == min(values)


def test_no_samples_have_no_picture() -> None:
    assert bins(Histogram.empty(), 8) == []
    assert [bin_.count for bin_ in bins(Histogram.from_values([7, 7, 7]), 8)] == [3]


@given(st.floats(0, 1), st.integers(1, 80))
def test_a_bar_fits_and_shows_what_is_not_nothing(share: float, width: int) -> None:
    for unicode in (True, False):
        drawn = bar(share, width, unicode=unicode)
        assert len(drawn) <= width
        assert bool(drawn) == (share > 0)


def test_bars_grow_by_eighths() -> None:
    assert bar(1, 4, unicode=True) == "████"
    assert bar(0.5, 3, unicode=True) == "█▌"
    assert bar(0.5, 4, unicode=False) == "##"
    assert bar(1e-9, 4, unicode=True) == "▏"


@given(st.lists(st.floats(0, 1e9), max_size=200), st.integers(1, 80))
def test_a_line_over_time_has_a_character_per_value(values: list[float], width: int) -> None:
    for unicode in (True, False):
        assert len(sparkline(values, width, unicode=unicode)) == min(len(values), width)


def test_a_line_over_time_counts_from_zero() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7, 8], 9, unicode=True) == "▁▂▃▄▅▆▇██"
    assert sparkline([99, 100], 2, unicode=True) == "██"
    assert sparkline([0, 0], 2, unicode=False) == "__"
    assert sparkline([1, 1, 8, 8], 2, unicode=True) == "▂█"
