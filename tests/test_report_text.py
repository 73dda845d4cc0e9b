"""The report for people: fits the screen, hides nothing, and is safe for the terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.histogram import Histogram
from fastbench.report import text
from fastbench.report.picture import bar, bins, sparkline
from fastbench.result import Environment, Latency, Result, Summary, Validity

SGR = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = (60, 80, 120, 200)


def plain(result: Result, width: int = 80) -> str:
    return text.render(result, color=False, width=width)


@pytest.mark.parametrize("name", samples.ALL)
def test_a_sample_reads_as_it_always_did(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"text_{name}.txt", plain(samples.ALL[name]()))


def test_ascii_reads_as_it_always_did(golden: Callable[[str, str], None]) -> None:
    shown = text.render(samples.failing(), color=False, width=80, unicode=False)
    golden("text_ascii.txt", shown)


def test_colours_read_as_they_always_did(golden: Callable[[str, str], None]) -> None:
    golden("text_color.txt", text.render(samples.failing(), color=True, width=80))


def test_a_good_run_fits_a_screen_of_24_lines() -> None:
    assert len(plain(samples.good()).splitlines()) < 24
    assert len(plain(samples.tls()).splitlines()) <= 24


@pytest.mark.parametrize("name", samples.ALL)
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    for line in plain(samples.ALL[name](), width).splitlines():
        assert len(line) <= width, line


@pytest.mark.parametrize("name", samples.ALL)
def test_colour_changes_nothing_but_colour(name: str) -> None:
    result = samples.ALL[name]()
    assert SGR.sub("", text.render(result, color=True, width=80)) == plain(result)


@pytest.mark.parametrize("name", samples.ALL)
def test_ascii_is_ascii_and_as_wide(name: str) -> None:
    shown = text.render(samples.ALL[name](), color=False, width=80, unicode=False)
    assert shown.isascii()
    assert all(len(line) <= 82 for line in shown.splitlines())


def test_text_from_elsewhere_reaches_the_terminal_without_control_characters() -> None:
    shown = SGR.sub("", text.render(samples.hostile(), color=True, width=200))
    assert shown.count("<script>") >= 8, "the strings should be shown"
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)


def test_the_figures_are_those_of_the_run() -> None:
    shown = plain(samples.good())
    assert "GET http://127.0.0.1:8080/api/health" in shown
    assert "100 connections, 2 workers, 30s" in shown
    assert "205,067 req/s" in shown
    assert "6,152,000 requests in 30.00s" in shown
    assert "closed loop" in shown
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
    assert plain(bare).startswith("PARTIAL  interrupted after 3.20s of 30s; the numbers hold")


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
    assert "no ok answer to measure" in shown
    assert "failed p50" in shown


def test_a_certificate_that_was_not_checked_is_pointed_out() -> None:
    assert "TLS       verified, TLSv1.3, TLS_AES_256_GCM_SHA384" in plain(samples.tls())
    assert "not verified (-k)" in plain(samples.tls(verified=False))
    colored = text.render(samples.tls(verified=False), color=True, width=80)
    assert "\x1b[33mnot verified (-k)\x1b[0m" in colored


def test_planned_requests_show_response_time_above_service_time() -> None:
    good = samples.good()
    shown = plain(replace(good, latency=replace(good.latency, response=good.latency.service)))
    assert "response time: from the planned start" in shown
    assert "service p50" in shown
    assert "closed loop" not in shown


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
    assert plain(result).strip() == ""


@settings(deadline=None)
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
