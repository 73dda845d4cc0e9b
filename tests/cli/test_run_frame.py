"""Frames of the live view: what they say of which time, and that they fit every screen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.cli.output.live import styled_line
from fastbench.cli.output.live.blocks import Block, Look, allot, stacked
from fastbench.cli.output.live.chart_lines import chart, edges_ns, histogram
from fastbench.cli.output.live.run_figures import (
    NO_TIMES,
    Failure,
    Figures,
    NameFigures,
    RunFacts,
    ScenarioFigures,
    Second,
    Times,
)
from fastbench.cli.output.live.run_frame import frame
from fastbench.cli.output.live.styled_line import Line, columns_of
from fastbench.results.histogram import index
from fastbench.results.machine_row import Machines
from fastbench.results.metric_values import Judgement
from fastbench.results.result import SeriesRow
from fastbench.results.usage import HostSample, Use
from fastbench.run.sampling import Progress, Users

NOW = Progress(12.3, 2_521_000, 205_000.0, 0.486, 1.2, 0, (190e3, 200e3, 205e3), connections=64)
FACTS = RunFacts("GET http://localhost:8080/", connections=64, duration_s=30.0)
SECONDS = tuple(Second(at + 1.0, 200e3 + at, None, 0.4, 1.2, 0.0) for at in range(12))
FIGURES = Figures(
    FACTS,
    NOW,
    SECONDS,
    recent_s=10.0,
    recent=Times(2_000_000, (0.486, 0.7, 0.9, 1.2, 9.0)),
    whole=Times(2_500_000, (0.5, 0.8, 1.0, 1.3, 12.0)),
    recent_counts={index(400_000): 1_500_000, index(1_100_000): 500_000},
    statuses=(("200", 2_521_000, 2_000_000),),
)
FAILING = (
    Failure("timeout", "no response in time", "raise --timeout", 120, 7),
    Failure("status 503", "the server is overloaded", "load it with less", 3, 0),
)


def shown(figures: Figures, columns: int = 100, rows: int = 40, **look: Any) -> str:
    lines = frame(figures, Look(columns, rows, **look))
    assert len(lines) <= rows
    assert all(line.columns <= columns for line in lines)
    assert all(columns_of(line.text) == line.columns for line in lines)
    return "\n".join(line.text for line in lines)


def of(**changes: object) -> Figures:
    return replace(FIGURES, now=replace(NOW, **changes))  # type: ignore[arg-type]


def test_a_frame_says_of_which_time_each_figure_is() -> None:
    text = shown(FIGURES)
    assert "GET http://localhost:8080/" in text and " running" in text
    assert " 12s of 30s " in text and "41%  18s left" in text
    assert "205k req/s now   200k last 10 s   205k whole run" in text
    assert "last 10 s        486us    700us    900us   1.20ms   9.00ms" in text
    assert "whole run        500us    800us   1.00ms   1.30ms   12.0ms" in text
    assert "HISTOGRAM  last 10 s: 2,000,000 samples" in text
    assert "CONNECTIONS 64 of 64 open" in text
    assert "ANSWERS     200 2,521,000" in text and "ERRORS      none" in text
    assert "q  stop and report" in text and "p  pause the view" in text


def test_a_percentile_is_not_told_of_fewer_samples_than_it_needs() -> None:
    few = replace(FIGURES, recent=Times(15, (0.4, 0.5, 0.6, 0.7, 0.7)))
    (line,) = [each for each in shown(few).splitlines() if each.startswith(" last 10 s")]
    assert line.split() == ["last", "10", "s", "400us", "500us", "\u2013", "\u2013", "700us"]


def test_a_rate_that_is_not_reached_is_told_with_what_waits() -> None:
    seconds = tuple(replace(each, asked_per_s=each.per_s * 2) for each in SECONDS)
    figures = replace(of(asked_rate=410e3, queued=1234), seconds=seconds)
    text = shown(figures)
    assert "410k req/s asked" in text and "50.0 % reached, last 10 s" in text
    assert "1,234 queued" in text
    assert "asked" not in shown(FIGURES)


def test_what_fails_stands_with_its_first_remedy() -> None:
    figures = replace(of(errors=123), failures=FAILING)
    text = shown(figures)
    assert "123 of 2,521,000 requests failed (< 0.01 %)" in text
    assert "120 timeout  +7 in the last 10 s  no response in time" in text
    assert "→ raise --timeout" in text
    assert "3 status 503  none in the last 10 s  the server is overloaded" in text


def test_thresholds_stand_with_their_margin_the_failing_ones_first() -> None:
    passed = Judgement(True, 1.0, 0.5, "fail", False, "1ms, half the limit")
    judged = {
        "p95<2ms": passed,
        "p99<1ms": replace(passed, ok=False, margin=-0.25),
        "checks>99%": replace(passed, observed=None, margin=None, text="no samples"),
    }
    lines = shown(of(judgements=judged)).splitlines()
    at = next(at for at, line in enumerate(lines) if "THRESHOLDS" in line)
    assert "1 of 3 fail now, 1 without samples yet" in lines[at]
    assert lines[at + 1].startswith("  ✗ p99<1ms") and "25.0 % over" in lines[at + 1]
    assert lines[at + 2].startswith("  … checks>99%") and "%" not in lines[at + 2][20:]
    assert lines[at + 3].startswith("  ✓ p95<2ms") and "50.0 % left" in lines[at + 3]


NAMES = tuple(
    NameFigures(f"/page/{at}", "GET", "", 10.0 * at, 100 * at, at % 2, (1.0, 2.0, 3.0), "200: 9")
    for at in range(1, 31)
)
SCENARIOS = (
    ScenarioFigures("browse", 12.5, 300, 0, 900, 2, 30.0),
    ScenarioFigures("pay", 1.0, 20, 4, 60, 0, None),
)
USERS = Users(vus=37, vus_max=50, iterations=1200, dropped=3, iterations_of=None, length_s=60.0)


def test_rows_stand_by_url_and_details_show_more_of_them() -> None:
    figures = replace(FIGURES, names=NAMES)
    few, many = shown(figures), shown(figures, details=True)
    assert "BY URL" in few and "GET /page/1 " in few
    assert 3 <= few.count("GET /page/") < many.count("GET /page/")
    assert "200: 9" in many and "200: 9" not in few
    assert "HISTOGRAM" in few and "HISTOGRAM" not in many


def test_a_script_shows_its_users_and_scenarios() -> None:
    facts = RunFacts("checkout.py")
    figures = replace(of(users=USERS), facts=facts, scenarios=SCENARIOS)
    text = shown(figures)
    assert " 12s of 1m " in text and "20%  48s left" in text
    assert "USERS       37 of 50 VUs   1,200 iterations   3 dropped" in text
    assert "BY SCENARIO" in text and "browse" in text


def test_the_warm_up_and_a_paused_view_say_so() -> None:
    assert "warming up, not measured yet" in shown(of(warming=True))
    assert "left" not in shown(of(warming=True))
    paused = shown(FIGURES, paused=True)
    assert "VIEW PAUSED, the load goes on; p continues" in paused
    assert "p  continue the view" in paused


def test_without_keys_it_says_what_stops_the_run() -> None:
    text = shown(FIGURES, keys=False)
    assert "Ctrl-C stops and reports" in text and "pause the view" not in text


def test_machines_notices_and_what_was_printed_are_there() -> None:
    lost = Machines("tcp://10.0.0.5:8786", 3, ("b was lost at 2s: it was silent for 4.5s",))
    figures = replace(of(machines=lost, notices=("worker 1 is stuck",)), printed=("hello", "end"))
    text = shown(figures)
    assert "2 of 3 machines on tcp://10.0.0.5:8786" in text and "b was lost at 2s" in text
    assert "worker 1 is stuck" in text
    assert "PRINTED" in text and text.index("hello") < text.index("  end")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    figures = replace(FIGURES, failures=FAILING, names=NAMES)
    assert shown(figures, unicode=False).isascii()
    assert shown(figures, 150, 50, unicode=False).isascii()


def test_a_long_url_keeps_its_host_and_its_end() -> None:
    url = "GET http://localhost:8080/" + "very/" * 60 + "end"
    for columns in (60, 80, 120):
        first = shown(replace(FIGURES, facts=replace(FACTS, target=url)), columns).splitlines()[0]
        assert "GET http://loc" in first and "very/end" in first and "…" in first


# Whatever is drawn fits.

_words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90
)
_ms = st.none() | st.floats(0.0, 1e7)
_count = st.integers(0, 10**12)
_times = st.builds(Times, _count, st.tuples(_ms, _ms, _ms, _ms, _ms)) | st.just(NO_TIMES)
_judgement = st.builds(
    Judgement,
    st.booleans(),
    st.none() | st.floats(-1e9, 1e9),
    st.none() | st.floats(-1e6, 1e6),
    st.just("fail"),
    st.booleans(),
    _words,
)
_use = st.builds(
    Use,
    st.none() | st.floats(0, 6400),
    st.none() | _count,
    st.builds(HostSample, st.tuples(st.floats(0, 100)), *[st.none()] * 6),
)
_row = st.builds(
    SeriesRow,
    t_s=st.just(1.0),
    span_s=st.just(1.0),
    requests=_count,
    ok=_count,
    failed=_count,
    timeouts=_count,
    bytes_in=_count,
    p50_ms=_ms,
    p99_ms=_ms,
    errors=st.just({}),
    connections=_count,
    use=_use,
)
_users = st.builds(
    Users, _count, _count, _count, _count, st.none() | st.integers(1, 10**12), st.floats(0.1, 1e7)
)
_progress = st.builds(
    Progress,
    elapsed_s=st.floats(0, 4e7),
    requests=_count,
    rate=st.floats(0, 1e12),
    p50_ms=st.floats(0, 1e7),
    p99_ms=st.floats(0, 1e7),
    errors=_count,
    rates=st.just(()),
    asked_rate=st.none() | st.floats(0, 1e12),
    queued=_count,
    warming=st.booleans(),
    connections=_count,
    users=st.none() | _users,
    notices=st.tuples(_words) | st.just(()),
    row=st.none() | _row,
    judgements=st.dictionaries(_words, _judgement, max_size=5),
    machines=st.none() | st.builds(Machines, _words, st.integers(1, 900), st.tuples(_words)),
    protocol=st.sampled_from(["", "HTTP/2"]),
)
_facts = st.builds(
    RunFacts,
    target=_words,
    connections=st.none() | _count,
    duration_s=st.none() | st.floats(0.1, 4e7),
    requests=st.none() | st.integers(1, 10**12),
    below=_words,
)
_rate = st.floats(0, 1e12)
_second = st.builds(Second, st.floats(0, 1e7), _rate, st.none() | _rate, _ms, _ms, _rate)
_figures = st.builds(
    Figures,
    facts=_facts,
    now=_progress,
    seconds=st.lists(_second, max_size=240).map(tuple),
    recent_s=st.floats(0, 100),
    recent=_times,
    whole=_times,
    recent_counts=st.dictionaries(st.integers(0, 33791), st.integers(1, 10**9), max_size=50),
    timed=st.sampled_from(["latency", "response time"]),
    statuses=st.lists(st.tuples(st.sampled_from(["200", "404", "503"]), _count, _count)).map(tuple),
    failures=st.lists(st.builds(Failure, _words, _words, _words, _count, _count), max_size=9).map(
        tuple
    ),
    names=st.lists(
        st.builds(
            NameFigures,
            _words,
            _words,
            _words,
            _rate,
            _count,
            _count,
            st.tuples(_ms, _ms, _ms),
            _words,
        ),
        max_size=30,
    ).map(tuple),
    scenarios=st.lists(
        st.builds(ScenarioFigures, _words, _rate, _count, _count, _count, _count, _ms), max_size=5
    ).map(tuple),
    checks=st.lists(st.tuples(_words, st.integers(1, 9), _count), max_size=5).map(tuple),
    processes=st.lists(st.tuples(_words, _rate, _count), max_size=5).map(tuple),
    printed=st.lists(_words, max_size=20).map(tuple),
)


_look = st.builds(Look, st.integers(1, 220), st.integers(1, 70), *[st.booleans()] * 4)


@settings(max_examples=150, deadline=None)
@given(_figures, _look)
def test_a_frame_is_never_wider_or_higher_than_its_screen(figures: Figures, look: Look) -> None:
    lines = frame(figures, look)
    assert len(lines) <= look.rows
    assert all(columns_of(line.text) == line.columns <= look.columns for line in lines)


@settings(deadline=None)
@given(_words, st.integers(0, 100))
def test_a_cut_text_fits_and_a_padded_one_fills(text: str, columns: int) -> None:
    assert columns_of(styled_line.cut_text(text, columns)) <= columns
    assert columns_of(styled_line.cut_within(text, columns)) <= columns
    assert columns_of(styled_line.padded(text, columns)) == columns
    assert Line("ab").add(text, "bold").cut(columns).columns <= columns


def test_wide_characters_take_two_columns_and_combining_ones_none() -> None:
    assert columns_of("登録") == 4 and columns_of("e\u0301") == 1
    assert styled_line.cut_text("登録ページ", 6) == "登録…"


@settings(deadline=None)
@given(
    st.lists(st.builds(Block, st.integers(0, 3), st.integers(0, 9), st.integers(9, 20), st.none())),
    st.integers(0, 90),
)
def test_rows_are_given_by_rank_and_never_more_than_there_are(
    blocks: list[Block], rows: int
) -> None:
    given_rows = allot(blocks, rows)
    assert sum(given_rows) <= rows
    for block, count in zip(blocks, given_rows, strict=True):
        assert count == 0 or block.least <= count <= block.most


def test_empty_lines_stand_between_blocks_only_where_there_is_room() -> None:
    blocks = [Block(at, 1, 1, lambda rows: [Line("x")] * rows) for at in range(3)]
    assert [line.text for line in stacked(blocks, 5)] == ["x", "", "x", "", "x"]
    assert [line.text for line in stacked(blocks, 4)] == ["x", "x", "x"]


def test_a_chart_counts_from_zero_and_shows_what_is_there() -> None:
    rows = chart([0.0, 1.0, 50.0, 100.0], 10, 2, "rate", unicode=True)
    assert [line.text for line in rows] == ["   █", " ▁██"]
    within = chart([100.0, 100.0], 10, 2, "time", unicode=True, within=[100.0, 10.0])
    assert [style for _, style in within[0].parts] == ["time", "dim"]


@settings(deadline=None)
@given(st.floats(1, 4e12), st.floats(1, 4e12), st.integers(1, 40))
def test_edges_of_a_histogram_are_few_enough_and_rise(one: float, other: float, rows: int) -> None:
    low, high = sorted((one, other))
    edges = edges_ns(low, high, rows)
    assert 1 <= len(edges) <= rows and edges == sorted(set(edges))


def test_edges_stay_where_they_are_while_the_samples_move_a_little() -> None:
    assert edges_ns(410_000, 1_900_000, 9) == edges_ns(430_000, 1_850_000, 9)
    assert edges_ns(410_000, 1_900_000, 9)[:2] == [390_000, 470_000]


@settings(deadline=None)
@given(
    st.dictionaries(st.integers(0, 33791), st.integers(1, 10**6), min_size=1, max_size=60),
    st.integers(20, 120),
    st.integers(1, 30),
)
def test_the_bars_of_a_histogram_hold_all_samples(
    counts: dict[int, int], columns: int, rows: int
) -> None:
    lines = histogram(counts, columns, rows, unicode=True)
    assert 1 <= len(lines) <= rows and all(line.columns <= columns for line in lines)
    shares = [line.text.rpartition("%")[0].split()[-1] for line in lines if "%" in line.text]
    total = sum(0.05 if each == "0.1" else float(each) for each in shares)
    assert total == pytest.approx(100, abs=0.1 * len(lines) + 0.1)
