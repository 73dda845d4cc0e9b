"""The live view of runs at the same time: a line for each, and nothing of it left at the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from servers import Server, answering
from terminal import in_terminal
from test_live import UPDATE, Terminal, words

from fastbench.cli.output.together_view import TogetherView
from fastbench.results.metric_values import Judgement
from fastbench.run import live_figures
from fastbench.run.live_figures import FiguresPipe
from fastbench.run.sampling import Progress, Users

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


def last_picture(names: list[str], *each: bytes) -> list[str]:
    """Return the lines of the view when all have told how they go."""
    terminal = Terminal()
    view = TogetherView(names, stream=terminal)
    with view:
        takers = [view.figures(at) for at in range(len(names))]
        for take, found in zip(takers, each, strict=True):
            assert take is not None
            view._next_s = 0.0
            take(found)
        shown = words(terminal.getvalue())
    return [line.rstrip() for line in shown.split("time")[-1].splitlines()[1:]]


def test_each_run_has_a_line() -> None:
    lines = last_picture(
        ["a", "folder/of/a/long_name"],
        told(UPDATE),
        told(replace(UPDATE, errors=3, users=USERS, judgements={"p95 <1": BROKEN})),
    )
    assert lines[0].split() == [
        *("a", "12s", "of", "30s", "205k", "req/s", "486us", "p99", "1.20ms", "no", "errors"),
    ]
    assert lines[1].startswith("  …f/a/long_name  12s of 1m ")
    assert "3 errors" in lines[1]
    assert all(len(line) < 80 for line in lines)


def test_one_that_has_not_begun_or_has_ended_says_so() -> None:
    warming = told(replace(UPDATE, warming=True))
    lines = last_picture(["a", "b", "c", "d"], b"", b"what is no line", warming, told(UPDATE))
    assert [line.split()[1] for line in lines] == ["ended", "starting", "warming", "12s"]


def test_what_has_to_be_told_follows() -> None:
    notice = replace(UPDATE, notices=("the server is \x07gone",))
    lines = last_picture(["a", "b"], told(notice), told(UPDATE))
    assert lines[2:] == ["  a: the server is gone"]


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
        shown = in_terminal("run", *scripts, "--base-url", server.url())
    assert shown.code == 0
    assert "1s of 1.6s" in words(shown.written)
    assert "starting" in words(shown.written)
    assert "starting" not in shown.screen
    assert "of 1.6s" not in shown.screen
    assert "RUNS" in shown.screen + shown.piped
