"""The live view on a real terminal: keys, sizes, signals, and what is left of it."""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from servers import Server, answering
from terminal import Typist, in_terminal

LONG = ("-c2", "-t1", "-d", "60s")
RAW = termios.ICANON | termios.ECHO
HIDDEN, ERASED = "\x1b[?25l", "\x1b[H\x1b[J"
SCRIPT = """
import asyncio
from fastbench import scenario

@scenario(executor="constant-vus", vus=2, duration="60s")
async def users(vu):
    await vu.get("/")
    if vu.iteration == 3:
        print("hello from", vu.id)
    await asyncio.sleep(0.02)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def as_before(typist: Typist) -> None:
    """The terminal is what it was before the program: its modes, the screen, the cursor."""
    assert typist.modes() == typist.before
    assert not typist.screen.alternate
    assert typist.screen.cursor
    assert typist.written.rindex("\x1b[?7h") > typist.written.rindex("\x1b[?7l")


def erased(typist: Typist, times: int, screen: str) -> bool:
    """Tell whether the screen was erased so many times."""
    return typist.written.count(ERASED) >= times


def answers(screen: str) -> int:
    """Return how many answers of status 200 a screen shows."""
    found = re.findall(r"ANSWERS +200 ([\d,]+)", screen)
    return int(found[0].replace(",", "")) if found else 0


def test_q_ends_the_run_with_its_report_as_one_ctrl_c_does(server: Server) -> None:
    with Typist(*LONG, server.url()) as typist:
        typist.until(lambda text: "stop and report" in text and "THROUGHPUT" in text)
        assert typist.screen.alternate and not typist.modes() & RAW
        assert typist.modes() & termios.ISIG, "Ctrl-C and Ctrl-Z work"
        typist.press("q")
        assert typist.end() == 105
        as_before(typist)
        text = typist.screen.text
    assert "THROUGHPUT" not in text and "Latency" in text and "200: " in text
    assert "interrupted" in text


def test_p_pauses_the_view_and_not_the_load(server: Server) -> None:
    with Typist(*LONG, server.url()) as typist:
        typist.until(lambda text: " 2s of 1m" in text)
        typist.press("p")
        paused = typist.until(lambda text: "VIEW PAUSED, the load goes on" in text)
        (clock,) = re.findall(r"(\d+)s of 1m", paused)
        typist.press("d")
        later = typist.until(lambda text: "fewer details" in text)
        assert f" {clock}s of 1m" in later and answers(later) == answers(paused), "it stands still"
        typist.press("p")
        typist.until(lambda text: "PAUSED" not in text and answers(text) > answers(paused))
        typist.press("q")
        assert typist.end() == 105


def test_d_shows_details_and_again_fewer(server: Server) -> None:
    urls = [server.url(f"/{at}") for at in range(3)]
    with Typist(*LONG, *urls) as typist:
        typist.until(lambda text: "BY URL" in text and "HISTOGRAM" in text)
        typist.press("D")
        typist.until(lambda text: "fewer details" in text and "HISTOGRAM" not in text)
        typist.press("d")
        typist.until(lambda text: "HISTOGRAM" in text and "fewer" not in text)
        typist.press("\x1b[A\x1bOq")  # an arrow, and a key of the keypad: neither is q
        typist.until(lambda text: re.search(r"[5-9]s of 1m", text))
        typist.press("q")
        assert typist.end() == 105


def test_another_size_is_drawn_anew(server: Server) -> None:
    with Typist(*LONG, server.url(), size=(80, 24)) as typist:
        typist.until(lambda text: "THROUGHPUT" in text)
        for columns, rows in ((60, 24), (150, 50), (40, 10), (100, 30)):
            typist.resize(columns, rows)
            wanted = typist.written.count(ERASED) + 1
            typist.until(partial(erased, typist, wanted))
            typist.frames(2)
            lines = typist.screen.text.splitlines()
            assert len(lines) <= rows and max(map(len, lines)) < columns
            assert "stop and report" in lines[-1]
        typist.press("q")
        assert typist.end() == 105
        as_before(typist)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(server: Server, number: int) -> None:
    with Typist(*LONG, server.url()) as typist:
        typist.until(lambda text: "THROUGHPUT" in text)
        typist.process.send_signal(number)
        assert typist.end() == 105
        as_before(typist)
        assert "200: " in typist.screen.text


def test_a_worker_that_is_killed_leaves_the_terminal_as_it_was(server: Server) -> None:
    with Typist(*LONG, server.url()) as typist:
        typist.until(lambda text: "THROUGHPUT" in text)
        children = Path(f"/proc/{typist.process.pid}/task/{typist.process.pid}/children")
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        assert typist.end() == 120
        as_before(typist)


def test_three_signals_at_once_end_it_with_the_terminal_as_it_was(server: Server) -> None:
    with Typist(*LONG, server.url()) as typist:
        typist.until(lambda text: "THROUGHPUT" in text)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            typist.process.send_signal(number)
        assert typist.end() == 105
        as_before(typist)


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again(server: Server) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    with Typist(command=shell, env={"PS1": "shell> "}) as typist:
        typist.until(lambda text: "shell> " in text)
        line = " ".join([sys.executable, "-m", "fastbench", *LONG, server.url()])
        typist.press(line + "\n")
        typist.until(lambda text: "THROUGHPUT" in text)
        typist.press("\x1a")
        typist.until(lambda text: "Stopped" in text)
        assert not typist.screen.alternate and typist.screen.cursor
        typist.press("stty -a | grep -o '.icanon' | head -1\n")
        typist.press("fg\n")
        typist.until(lambda text: "THROUGHPUT" in text and typist.screen.alternate)
        typist.press("q")
        typist.until(lambda text: "interrupted" in text and text.rstrip().endswith("shell>"))
        assert not typist.screen.alternate
        typist.press("echo code $?\n")
        typist.until(lambda text: "code 105" in text)


def test_a_run_in_the_background_draws_nothing_and_is_not_stopped(server: Server) -> None:
    words = " ".join([sys.executable, "-m", "fastbench", "-c2", "-d", "1.5s", server.url()])
    shell = ["bash", "-c", f"set -m; {words} & wait $!; echo code $?"]
    with Typist(command=shell) as typist:
        assert typist.end() == 0
        assert "code 0" in typist.screen.text and "200: " in typist.screen.text
        assert HIDDEN not in typist.written and "THROUGHPUT" not in typist.written


def test_without_a_terminal_to_type_at_there_are_no_keys(server: Server) -> None:
    words = " ".join([sys.executable, "-m", "fastbench", "-c2", "-d", "1.5s", "--urls-from-file -"])
    shell = ["bash", "-c", f"echo {server.url()} | {words}"]
    with Typist(command=shell) as typist:
        typist.until(lambda text: "Ctrl-C stops and reports" in text)
        assert typist.modes() == typist.before
        assert typist.end() == 0
        assert "200: " in typist.screen.text


def test_what_a_script_prints_is_seen_and_stays(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "users.py"
    path.write_text(SCRIPT)
    with Typist("run", str(path), "--base-url", server.url(), "-t1") as typist:
        typist.until(lambda text: "PRINTED" in text and "hello from 2" in text)
        typist.press("q")
        assert typist.end() == 105
        as_before(typist)
        text = typist.screen.text
    assert text.index("hello from 1") < text.index("interrupted")
    assert text.count("hello from") == 2, "once each, in the screen below"


def test_it_draws_in_ascii_where_the_terminal_has_nothing_else(server: Server) -> None:
    run = in_terminal(
        "-c2",
        "-d",
        "1.2s",
        server.url(),
        env={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    )
    assert run.code == 0
    view = run.written[: run.written.index("?1049l")]
    assert "THROUGHPUT" in view and view.isascii()
