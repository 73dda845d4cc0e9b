"""The live view: there on a terminal, gone afterwards, and nothing anywhere else."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from dataclasses import replace
from typing import TextIO

import pytest

from fastbench.cli.output.live_view import LiveView
from fastbench.results.machine_row import Machines
from fastbench.results.metric_values import Judgement
from fastbench.run.sampling import Progress, Users

UPDATE = Progress(12.3, 2_521_000, 205_000.0, 0.486, 1.2, 0, (190e3, 200e3, 205e3))


class Terminal(io.StringIO):
    """A terminal of 80 columns that keeps what was written."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Latin(Terminal):
    encoding = "iso-8859-1"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")


def drawn(
    stream: TextIO | None = None,
    *,
    duration_s: float | None = 30.0,
    requests: int | None = None,
    color: bool | None = None,
    errors: int = 0,
) -> str:
    """Return what one redraw writes, escape sequences and all."""
    terminal = stream or Terminal()
    with LiveView(duration_s=duration_s, requests=requests, color=color, stream=terminal) as view:
        view.update(replace(UPDATE, errors=errors))
    assert isinstance(terminal, io.StringIO)
    return terminal.getvalue()


def words(text: str) -> str:
    """Reduce what was written to text; where the cursor goes elsewhere, a line ends."""
    lines = re.sub(r"(\r|\x1b\[[0-9]*A|\x1b\[2K)+", "\n", text)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", lines)


def test_a_redraw_shows_how_far_how_fast_and_what_is_wrong() -> None:
    shown = words(drawn())
    assert "12s of 30s" in shown
    assert "━" in shown
    assert "205k req/s" in shown
    assert "▇" in shown or "█" in shown
    assert "p50  486us" in shown
    assert "p99 1.20ms" in shown
    assert "no errors" in shown
    assert "1,234 errors" in words(drawn(errors=1234))
    assert "1 error\n" in words(drawn(errors=1))


def test_machines_are_counted_and_a_lost_one_is_seen() -> None:
    def told(machines: Machines | None) -> str:
        terminal = Terminal()
        with LiveView(duration_s=30.0, requests=None, stream=terminal) as view:
            view.update(replace(UPDATE, machines=machines))
        return terminal.getvalue()

    cluster = "tcp://10.0.0.5:8786"
    assert "\n  3 machines on tcp://10.0.0.5:8786" in words(told(Machines(cluster, 3)))
    lost = told(Machines(cluster, 3, ("b was lost at 2s: it was silent for 4.5s",)))
    assert "\n  2 of 3 machines on tcp://10.0.0.5:8786" in words(lost)
    assert "\x1b[1;31m  2 of 3 machines" in lost
    assert "machines" not in words(told(None))


def test_a_run_by_count_shows_how_many_are_done() -> None:
    shown = words(drawn(duration_s=None, requests=10_000_000))
    assert "2,521,000 requests of 10,000,000" in shown
    assert shown.count("━") == pytest.approx(0.25 * (shown.count("━") + shown.count("─")), abs=1)


def test_of_two_ends_the_nearer_one_is_shown() -> None:
    by_time = words(drawn(duration_s=30.0, requests=10**9)).count("━")
    assert by_time > 0.3 * 30
    done = words(drawn(duration_s=10**6, requests=2_521_000))
    assert "─" not in done


@pytest.mark.parametrize("columns", [40, 60, 80, 300])
def test_no_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for requests in (None, 10**10):
        shown = words(drawn(requests=requests))
        assert all(len(line) <= columns for line in shown.splitlines())


def state_of(**changes: object) -> str:
    terminal = Terminal()
    with LiveView(duration_s=30.0, requests=None, stream=terminal) as view:
        view.update(replace(UPDATE, **changes))  # type: ignore[arg-type]
    return words(terminal.getvalue())


def test_a_plan_shows_the_rate_asked_beside_the_rate_reached_and_the_queue() -> None:
    shown = state_of(rate=963.0, asked_rate=1000.0, queued=1234)
    assert "963 req/s" in shown
    assert "no errors   1.00k req/s planned, 1,234 queued\n" in shown
    assert "asked" not in state_of()
    assert "queued" not in state_of(queued=7)


def test_the_warm_up_is_no_progress() -> None:
    shown = state_of(warming=True, elapsed_s=3.9)
    assert "  warming up, 3s\n" in shown
    assert "of 30s" not in shown
    assert "━" not in shown
    assert "  warming up, 0s\n" in state_of(warming=True, elapsed_s=0.2)
    assert "warming" not in state_of()


def test_open_connections_are_counted_where_they_are_known() -> None:
    assert "no errors   64 open\n" in state_of(connections=64)
    assert "no errors   64 open, HTTP/2\n" in state_of(connections=64, protocol="HTTP/2")
    assert "open" not in state_of()


def test_the_longest_state_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    shown = state_of(errors=123_456, asked_rate=1e8, queued=10**9, connections=65_536)
    assert all(len(line) <= 40 for line in shown.splitlines())
    assert "123,456 errors" in shown


USERS = Users(vus=37, vus_max=50, iterations=1200, dropped=0, iterations_of=None, length_s=120.0)
PASSED = Judgement(True, 1.0, 0.5, "fail", False, "1")


def test_a_script_shows_its_users_and_knows_its_end() -> None:
    shown = state_of(users=USERS, judgements={"requests>0": PASSED})
    assert "12s of 2m" in shown, "not the 30s of a plain run"
    assert "1,200 iterations\n" in shown
    assert "no errors   37 of 50 VUs   thresholds pass\n" in shown
    assert "VUs" not in state_of()


def test_a_script_of_so_many_iterations_shows_how_many_are_done() -> None:
    shown = state_of(users=replace(USERS, iterations_of=2400))
    assert "1,200 of 2,400 iterations" in shown
    assert " of 2m" not in shown
    assert shown.count("━") == pytest.approx(shown.count("─"), abs=1)


def test_what_goes_wrong_in_a_script_is_told_while_it_goes() -> None:
    judged = {"requests>0": PASSED, "checks: \x1brate>0.9": replace(PASSED, ok=False)}
    users = replace(USERS, dropped=12)
    shown = state_of(
        users=users, judgements=judged, notices=("worker 1 (pid 7) has been in Python code",)
    )
    assert "12 dropped" in shown
    assert "1 of 2 thresholds failed" in shown
    plain = state_of(judgements=judged)
    assert "1 of 2 thresholds failed" in plain, "of a run of URLs, too"
    assert "worker 1 (pid 7) has been in Python code" in shown


def test_everything_drawn_is_erased_at_the_end() -> None:
    shown = drawn()
    erasures = re.findall(r"\x1b\[1A\x1b\[2K", shown[shown.rindex("errors") :])
    assert len(erasures) >= 2
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is back"


def test_the_cursor_is_back_after_an_interruption() -> None:
    terminal = Terminal()
    with (
        pytest.raises(KeyboardInterrupt),
        LiveView(duration_s=1, requests=None, stream=terminal),
    ):
        raise KeyboardInterrupt
    shown = terminal.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_no_color_draws_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    colors = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    assert colors.search(drawn(errors=1))
    assert not colors.search(drawn(errors=1, color=False))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not colors.search(drawn(errors=1))


def test_a_terminal_without_unicode_gets_ascii() -> None:
    shown = words(drawn(Latin()))
    assert shown.isascii()
    assert "====" in shown


def test_redraws_are_at_most_four_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now_s)
    terminal = Terminal()
    redraws = 0
    with LiveView(duration_s=30, requests=None, stream=terminal) as view:
        for _ in range(100):  # 100 updates over two seconds
            before = terminal.tell()
            view.update(UPDATE)
            redraws += terminal.tell() > before
            now_s += 0.02
    assert 7 <= redraws <= 8


@pytest.mark.parametrize("case", ["pipe", "disabled", "dumb"])
def test_nothing_is_drawn_elsewhere(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO() if case == "pipe" else Terminal()
    if case == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    with LiveView(duration_s=1, requests=None, enabled=case != "disabled", stream=stream) as view:
        view.update(UPDATE)
    assert stream.getvalue() == ""


SCRIPT = """
import sys
from fastbench.cli.output.live_view import LiveView
from fastbench.run.sampling import Progress
with LiveView(duration_s=1, requests=None) as view:
    view.update(Progress(0.5, 10, 20.0, 1.0, 2.0, 0, (1.0, 2.0)))
print("rich" in sys.modules)
"""


def test_rich_is_imported_for_a_terminal_only() -> None:
    command = [sys.executable, "-c", SCRIPT]
    piped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (piped.stdout, piped.stderr) == ("False\n", "")
    controller, terminal = pty.openpty()
    try:
        shown = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=terminal, check=True, timeout=60
        )
    finally:
        os.close(terminal)
        os.close(controller)
    assert shown.stdout == b"True\n"
