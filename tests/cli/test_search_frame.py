"""Frames of the view of a search: the bracket and the runs, the time left, their size."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.search_frame import (
    SearchFacts,
    SearchFigures,
    frame,
    left_s,
    runs_left,
)
from fastbench.cli.output.live.styled_line import columns_of
from fastbench.experiments.find import search
from fastbench.experiments.find.find_document import Step
from fastbench.experiments.find.search import Range, Try
from fastbench.run.sampling import Progress

WHERE = Range(100.0, 2.0, 10_000.0, 0.02)
FACTS = SearchFacts("GET http://localhost:8080/", ("p99<50ms", "errors<1%"), WHERE, 5.0, 1.0)
NOW = Progress(3.0, 900, 299.0, 1.2, 3.4, 2, (290.0, 300.0, 301.0), asked_rate=300.0, p95_ms=2.0)
HELD = Step(100.0, "stepping", True, 99.9, 1.0, 2.0, 0.0, 0.0, {}, "ok", "none", samples=500)
FAILED = replace(HELD, rate=400.0, held=False, requests_per_s=310.0, p99_ms=90.0, errors_share=0.05)
STEPS = (HELD, replace(HELD, rate=200.0), FAILED, FAILED, replace(HELD, rate=283.0))


def drawn(figures: SearchFigures, columns: int = 100, rows: int = 40, **look: bool) -> str:
    lines = frame(figures, Look(columns, rows, **look))  # type: ignore[arg-type]
    assert len(lines) <= rows
    assert all(line.columns <= columns for line in lines)
    assert all(columns_of(line.text) == line.columns for line in lines)
    return "\n".join(line.text for line in lines)


def test_a_frame_has_the_bracket_each_rate_and_the_run_under_way() -> None:
    shown = drawn(SearchFigures(FACTS, STEPS, NOW, 32.0))
    assert "p99<50ms, errors<1%" in shown and "run 6" in shown
    assert "283 req/s holds   400 req/s fails   41 % apart, the search ends at 2.0 %" in shown
    assert "299 of 300 req/s   p50 1.20ms   p95 2.00ms   p99 3.40ms   2 failed" in shown
    rows = [line for line in shown.splitlines() if "holds  " in line or "fails  " in line][1:]
    assert [row.split()[:2] for row in rows] == [
        ["1", "100"],
        ["2", "200"],
        ["3", "400"],
        ["4", "400"],
        ["5", "283"],
    ]
    assert "5 %" in rows[2] and "p99 90.0ms" in rows[2] and "310" in rows[2]
    assert "about" in shown and "left" in shown


def test_the_bracket_of_the_rows_narrows() -> None:
    shown = drawn(SearchFigures(FACTS, STEPS, None, 32.0))
    pictures = [line for line in shown.splitlines() if "─" in line and "├" not in line.split()[0]]
    rows = [line[52:] for line in pictures if line.split()[0].isdecimal()]
    widths = [sum(char in "─├┤●x" for char in row) for row in rows]
    assert widths[0] > widths[1] > widths[2] >= widths[3] > widths[4]
    assert "x" in rows[2] and "●" in rows[4]


def test_nothing_is_said_of_the_time_left_before_a_rate_fails() -> None:
    figures = SearchFigures(FACTS, STEPS[:2], NOW, 12.0)
    assert left_s(figures) is None
    assert "until a rate holds and one fails" in drawn(figures)
    assert "no rate is known to hold or to fail yet" in drawn(SearchFigures(FACTS, (), None, 0.1))


@pytest.mark.parametrize("answer", [130.0, 333.0, 250.0, 399.0])
def test_the_runs_left_are_those_of_the_search_itself(answer: float) -> None:
    history = [Try(100.0, True), Try(200.0, True), Try(400.0, False)]
    history = [replace(each, held=each.rate <= answer) for each in history]
    guesses = []
    while (following := search.next_try(history, WHERE)) is not None:
        guesses.append(runs_left(history, WHERE))
        history.append(Try(following.rate, following.rate <= answer))
    known = [(guess, len(guesses) - at) for at, guess in enumerate(guesses) if guess is not None]
    assert known and all(abs(guess - real) <= 3 for guess, real in known)
    assert runs_left(history, WHERE) == 0


def test_the_time_left_ends_with_the_longest_search() -> None:
    figures = SearchFigures(FACTS, STEPS, NOW, 32.0)
    whole = left_s(figures)
    assert whole is not None and whole > 20
    short = replace(figures, facts=replace(FACTS, max_time_s=40.0))
    assert left_s(short) == 8.0


@settings(max_examples=60, deadline=None)
@given(
    columns=st.integers(1, 220),
    rows=st.integers(1, 70),
    count=st.integers(0, len(STEPS)),
    running=st.booleans(),
    unicode=st.booleans(),
    paused=st.booleans(),
    keys=st.booleans(),
    printed=st.lists(st.text(alphabet="abc 例", max_size=150), max_size=30),
)
def test_every_frame_fits_its_screen(
    columns: int, rows: int, count: int, running: bool, unicode: bool, paused: bool, keys: bool,
    printed: list[str],
) -> None:  # fmt: skip
    figures = SearchFigures(
        FACTS, STEPS[:count], NOW if running else None, 32.0, printed=tuple(printed)
    )
    shown = drawn(figures, columns, rows, unicode=unicode, paused=paused, keys=keys)
    assert unicode or all(char not in shown for char in "├┤●━…")
