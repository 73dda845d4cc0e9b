"""What goes wrong with a view, or with a terminal, costs the view and no more: the run goes on."""

from __future__ import annotations

import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import LIMIT_S
from servers import Server, answering
from terminal import Typist

from fastbench.cli.output.lines.progress_line import Part
from fastbench.cli.output.lines.progress_lines import ProgressLines
from fastbench.cli.output.live import keyed_view
from fastbench.cli.output.live.keyed_view import KeyedView
from fastbench.cli.output.live.run_figures import RunFacts
from fastbench.cli.output.live.run_follower import RunFollower
from fastbench.cli.output.live.styled_line import Line
from fastbench.cli.output.live.terminal_screen import Screen
from fastbench.foundation import meanwhile
from fastbench.run.sampling import Progress

NOW = Progress(1.0, 10, 10.0, 1.0, 1.0, 0, ())
SIZE = (199, 50)
TOO_MANY = 2000  # frames: a terminal holds much less than that


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture
def terminal() -> Iterator[tuple[int, io.TextIOWrapper]]:
    """A terminal, and the side of who looks at it."""
    eyes, fd = pty.openpty()
    termios.tcsetwinsize(fd, (50, 200))
    with open(fd, "w", encoding="utf-8") as stream:
        yield eyes, stream
    os.close(eyes)


def seen(eyes: int) -> str:
    """Read all that is there."""
    found = b""
    while select.select([eyes], [], [], 0)[0]:
        found += os.read(eyes, 65_536)
    return found.decode()


def frame(number: int) -> list[Line]:
    return [Line(f"{number} " * 40) for _ in range(SIZE[1])]


@pytest.fixture
def alarm() -> Iterator[None]:
    """Who waits for a terminal that takes nothing is not waited for."""

    def late(number: int, stack: object) -> None:
        raise AssertionError("a frame was waited for")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
def test_a_terminal_that_takes_nothing_is_not_waited_for(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    eyes, stream = terminal
    screen = Screen(stream)
    for number in range(TOO_MANY):
        screen.draw(frame(number), SIZE)
    text = seen(eyes)
    while more := seen(eyes):
        text += more
    assert f"{TOO_MANY - 1} " not in text, "it held them all: nothing was tried"
    screen.draw(frame(TOO_MANY), SIZE)
    text += seen(eyes)
    assert f"\x1b[50;1H{frame(TOO_MANY)[0].text}\x1b[K\x1b[?2026l" in text
    assert text.count("\x1b[?2026h") == text.count("\x1b[?2026l"), "each frame is whole"
    screen.leave_screen()
    assert seen(eyes).endswith("\x1b[?1049l")
    assert os.get_blocking(stream.fileno()), "what the shell shares is as it was"


@pytest.mark.usefixtures("alarm")
def test_a_signal_that_ends_all_does_not_wait_for_the_terminal(
    terminal: tuple[int, io.TextIOWrapper],
) -> None:
    screen = Screen(terminal[1])
    for number in range(TOO_MANY):
        screen.draw(frame(number), SIZE)
    screen.leave_at_once()


def test_ctrl_s_stops_the_view_and_not_the_run(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    with Typist("-c1", "-t1", "-d", "4s", "--json", str(path), server.url()) as typist:
        typist.until(lambda text: "THROUGHPUT" in text)
        typist.press("\x13")
        children = Path(f"/proc/{typist.process.pid}/task/{typist.process.pid}/children")
        while children.read_text():  # the load's processes, which the command has to wait for
            select.select([], [], [], 0.05)
        typist.press("\x11")
        assert typist.end() == 0
        assert not typist.screen.alternate
    rows = json.loads(path.read_bytes())["series"]
    assert len(rows) >= 4 and max(row["span_s"] for row in rows) < 2.5


def test_a_full_pipe_that_nobody_reads_stops_no_run(server: Server, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(writer, True)
    path = tmp_path / "out.json"
    words = ["-c1", "-t1", "-d", "1s", "--progress-every", "100ms", "--json", str(path)]
    with os.fdopen(writer, "wb") as pipe:
        command = [sys.executable, "-m", "fastbench", *words, server.url()]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=pipe, timeout=LIMIT_S)
    os.close(reader)
    assert done.returncode == 0 and json.loads(path.read_bytes())["summary"]["ok"] > 0


@pytest.mark.parametrize("where", ["figures", "frame", "told"])
def test_a_fault_of_a_view_ends_the_view_alone(
    terminal: tuple[int, io.TextIOWrapper],
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(keyed_view, "FIRST_S", 0.0)
    calls: list[str] = []

    def fail(at: str) -> None:
        calls.append(at)
        if at == where:
            raise KeyError("no\n\x1bsuch")

    def figures() -> int:
        fail("figures")
        return 0

    def draw(number: int, look: object) -> list[Line]:
        fail("frame")
        return [Line("x")]

    view = KeyedView(figures, draw, lambda: view.show(), stream=terminal[1])
    with view:
        meanwhile.beat()
        with view.contained():
            fail("told")
        count = len(calls)
        meanwhile.beat()
        assert len(calls) == count and not view.screen.enabled
    assert "\x1b[?1049l" in (text := seen(terminal[0])) or "\x1b[?1049h" not in text
    fault = "KeyError: 'no\\n\\x1bsuch'"
    said = f"fastbench: the live view has ended ({fault}); the run goes on.\n"
    assert capsys.readouterr().err == said
    assert not meanwhile._State.calls


def test_a_fault_in_what_a_view_is_told_is_one_of_the_view() -> None:
    follower = RunFollower(RunFacts(target="x"))
    follower.take(None)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        follower.figures(NOW)


def test_a_fault_of_a_line_ends_the_lines_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    lines = ProgressLines(1e-9, stream=log)

    def fail() -> list[Part]:
        raise ZeroDivisionError("no")

    lines.show(fail)
    for _ in range(3):
        lines.beat()
    said = "fastbench: no more lines of progress: ZeroDivisionError: no. The run goes on.\n"
    assert log.getvalue() == said


def test_a_key_that_is_held_down_is_one_signal(server: Server) -> None:
    with Typist("-c1", "-t1", "-d", "60s", server.url()) as typist:
        typist.until(lambda text: "stop and report" in text)
        typist.press("q")
        for _ in range(20):
            select.select([], [], [], 0.02)
            typist.press("q")
        assert typist.end() == 105
        assert "Latency" in typist.screen.text and not typist.screen.alternate
