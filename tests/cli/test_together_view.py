"""The live view of runs at the same time: a line for each, and nothing of it left at the end."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Server, answering
from terminal import Typist, in_terminal

from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.together_frame import RunState, frame
from fastbench.cli.output.together_view import TogetherView
from fastbench.results.metric_values import Judgement
from fastbench.run import live_figures
from fastbench.run.child import Lines
from fastbench.run.live_figures import FiguresPipe, LiveFigures
from fastbench.run.sampling import Progress, Users

UPDATE = Progress(12.3, 2_521_000, 205_000.0, 0.486, 1.2, 0, (190e3, 200e3, 205e3))


class Terminal(io.StringIO):
    """A terminal of 80 columns that keeps what was written."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def words(text: str) -> str:
    """Reduce what was written to text; where the cursor goes elsewhere, a line ends."""
    lines = re.sub(r"(\r|\x1b\[[0-9]*A|\x1b\[2K)+", "\n", text)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", lines)


SCRIPT = """
import asyncio
from fastbench import scenario

@scenario(executor="constant-vus", vus=2, duration="1.6s")
async def default(vu):
    await vu.get("/")
    await asyncio.sleep(0.02)
"""
USERS = Users(vus=7, vus_max=10, iterations=5, iterations_of=None, dropped=0, length_s=60.0)
BROKEN = Judgement(ok=False, observed=2.0, margin=-1.0, level="fail", near=False, text="2 > 1")


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def told(now: Progress, duration_s: float | None = 30.0) -> bytes:
    """Return what a run tells who started it."""
    ours, its = os.pipe()
    try:
        FiguresPipe(its, duration_s, None).update(now)
        return os.read(ours, 1 << 16)
    finally:
        os.close(ours)
        os.close(its)


def state(name: str, written: bytes = b"", **changes: object) -> RunState:
    """Return a run as the view keeps it, which told what stands in `written`."""
    found = [LiveFigures.read(body) for _, body in Lines().feed(written)]
    return replace(RunState(name, found[-1] if found else None), **changes)  # type: ignore[arg-type]


def shown(*runs: RunState, columns: int = 99, rows: int = 40, **look: bool) -> list[str]:
    lines = frame(runs, ("a line",), Look(columns, rows, **look))  # type: ignore[arg-type]
    assert len(lines) <= rows and all(line.columns <= columns for line in lines)
    return [line.text.rstrip() for line in lines]


def test_each_run_has_a_line() -> None:
    changed = replace(UPDATE, errors=3, users=USERS, judgements={"p95 <1": BROKEN})
    long = state("folder/of/a/very/long_name", told(changed))
    lines = shown(state("a", told(UPDATE)), long, columns=119)
    assert lines[0].split() == [
        *["fastbench", "at", "the", "same", "time", "2", "of", "2", "runs", "under", "way"]
    ]
    assert lines[2].split()[:-1] == [
        *("a", "12s", "of", "30s", "205k", "req/s", "486us", "p99", "1.20ms", "no", "errors"),
    ]
    assert "\u2501\u2500" in lines[2]
    assert lines[3].startswith(" \u2026der/of/a/very/long_name  12s of 1m ")
    assert "3 errors  1 threshold failed  7 VUs" in lines[3]


def test_one_that_has_not_begun_or_has_ended_says_so() -> None:
    warming = told(replace(UPDATE, warming=True))
    runs = state("a", ended=True), state("b"), state("c", warming), state("d", told(UPDATE))
    lines = shown(*runs)
    assert "3 of 4 runs under way" in lines[0]
    assert [line.split()[1] for line in lines[2:6]] == ["ended", "starting", "warming", "12s"]


def test_what_has_to_be_told_follows() -> None:
    notice = replace(UPDATE, notices=("the server is \x07gone",))
    lines = shown(state("a", told(notice)), state("b", told(UPDATE)))
    assert " a: the server is gone" in lines
    assert lines.index(" PRINTED  below this view, it stays") + 1 == lines.index("  a line")


def test_charts_stand_below_where_there_is_room_and_details_leave_them_out() -> None:
    run = state("a", told(UPDATE), rates=(1e5, 2e5), tails_ms=(1.0, 2.0))
    lines = shown(run, run)
    assert sum("p99 by second" in line for line in lines) == 2
    assert any("200k" in line and "2.00ms" in line for line in lines)
    assert not any("by second" in line for line in shown(run, run, details=True))


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 30), st.integers(1, 210), st.integers(1, 65), st.booleans(), st.booleans())
def test_it_fits_every_screen_and_those_under_way_come_first(
    count: int, columns: int, rows: int, paused: bool, details: bool
) -> None:
    rates = tuple(float(at) for at in range(90))
    runs = [
        state(f"run {at}", told(UPDATE), ended=at % 3 == 0, rates=rates, tails_ms=rates)
        for at in range(count)
    ]
    lines = shown(*runs, columns=columns, rows=rows, paused=paused, details=details)
    listed = [line.split()[1] for line in lines if line.startswith(" run ") and "by" not in line]
    if 0 < len(listed) < count and columns > 60:
        ended = [int(each) for each in listed if int(each) % 3 == 0]
        assert not ended or len(listed) - len(ended) >= sum(at % 3 != 0 for at in range(count))


def test_a_second_that_is_over_stands_in_the_charts() -> None:
    view = TogetherView(["a", "b"], stream=Terminal())
    with view:
        take = view.figures(0)
        assert take is not None
        for t_s, rate in ((0.5, 100.0), (0.75, 300.0), (1.1, 500.0), (1.9, 700.0), (2.2, 0.0)):
            take(told(replace(UPDATE, elapsed_s=t_s, rate=rate)))
        take(b"")
    (run, _) = view.runs
    assert run.rates == (200.0, 600.0) and len(run.tails_ms) == 2 and run.ended


def test_a_pipe_that_nobody_reads_costs_nothing() -> None:
    ours, its = os.pipe()
    os.set_blocking(its, False)
    pipe = FiguresPipe(its, None, None)
    for _ in range(400):  # more than it holds
        pipe._next_s = 0.0
        pipe.update(UPDATE)
    os.close(ours)
    pipe._next_s = 0.0
    pipe.update(UPDATE)
    os.close(its)


def test_only_who_is_asked_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(live_figures.VARIABLE, raising=False)
    assert live_figures.pipe(None, None) is None
    monkeypatch.setenv(live_figures.VARIABLE, "987654")
    assert live_figures.pipe(None, None) is None  # not open
    with opened() as fd:
        monkeypatch.setenv(live_figures.VARIABLE, str(fd))
        assert live_figures.pipe(None, None) is not None
        assert live_figures.VARIABLE not in os.environ
        assert not os.get_inheritable(fd)


@contextmanager
def opened() -> Iterator[int]:
    ours, its = os.pipe()
    try:
        yield its
    finally:
        os.close(ours)
        os.close(its)


def test_it_is_there_on_a_terminal_and_gone_at_the_end(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(SCRIPT)
    scripts = [str(tmp_path / f"{name}.py") for name in "ab"]
    with Server(answering()) as server:
        run = in_terminal("run", *scripts, "--base-url", server.url())
    assert run.code == 0
    assert "1s of 1.6s" in words(run.written)
    assert "starting" in words(run.written)
    assert "starting" not in run.screen
    assert "of 1.6s" not in run.screen
    assert "RUNS" in run.screen + run.piped


def test_q_ends_all_of_them_with_their_reports(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(SCRIPT.replace("1.6s", "60s"))
    scripts = [str(tmp_path / f"{name}.py") for name in "ab"]
    with (
        Server(answering()) as server,
        Typist("run", *scripts, "--base-url", server.url()) as typist,
    ):
        typist.until(lambda text: "2 of 2 runs under way" in text and "p99 by second" in text)
        typist.press("q")
        assert typist.end() == 105
        assert typist.modes() == typist.before and not typist.screen.alternate
        text = typist.screen.text
    assert "== a ==" in text and "== b ==" in text and "RUNS" in text
