"""One run of a suite: a fresh process of fastbench, which nothing it started outlives.

1. Its standard output is the report, which goes to a file. What it writes for the eyes meanwhile is
   passed on as it comes; on a terminal it has one of its own, so that its live view is drawn.
2. It has a session of its own: a Ctrl-C of the terminal reaches only us. We pass the first signal
   on and wait, for the load has to end and a script to clean up; a second one kills.
3. It dies with us.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import socket
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Protocol

import fastbench
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation.redact import printable
from fastbench.machine import runs_beside
from fastbench.run import live_figures
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.script import start_line

LOOK_S = 0.25  # between two looks whether it is still there
EARLY_LOOK_S = 0.02  # while the first of several wait for the last
TAIL_BYTES = 8192  # of what it wrote, to find its last sentence in

# Started so that it finds this very package, whatever lies in the folder it runs in: that folder is
# the suite's, and a json.py there is none of ours.
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import fastbench.__main__ as main; "
    "del sys.path[0]; main.start()"
)
# A line about how it goes is no sentence: its parts are two spaces apart.
_PROGRESS = re.compile(r"fastbench: (?:.*: )?(?:warming up )?[0-9.]+m?s\b.*?  ")
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(fastbench.__file__)))
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_OWN_WORD = "fastbench: "
_TOLD = (
    *(runs_beside.VARIABLE, start_line.VARIABLE, live_figures.VARIABLE),
    live_figures.LINES_VARIABLE,
)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, below 0 a signal's, and its last sentence."""

    code: int
    said: str


@dataclass(frozen=True, slots=True)
class Started:
    """A process to be: `fastbench WORDS`, its report, who takes what it writes for the eyes.

    `terminal_fd` is where `relay` writes to, if a terminal. `figures` takes how it goes, line by
    line, see live_figures; None: nobody wants to know. `lines` is how often it writes a line about
    how it goes, in s, and its name there.
    """

    words: Sequence[str]
    report: IO[bytes]
    relay: Callable[[bytes], None]
    terminal_fd: int | None
    figures: Callable[[bytes], None] | None = None
    lines: str = ""


class Eyes(Protocol):
    """Who shows runs at the same time: what they say, and how each goes, by its place."""

    def relay(self, data: bytes) -> None:
        """Take what a run says."""

    def figures(self, at: int) -> Callable[[bytes], None] | None:
        """Return who takes the figures of a run, None if nobody does."""


def run(
    words: Sequence[str],
    report: IO[bytes],
    stop: Interrupts,
    relay: Callable[[bytes], None],
    terminal_fd: int | None,
    lines: str = "",
) -> Ended:
    """Run `fastbench WORDS` to its end; the rest is of `Started`."""
    return run_together([Started(words, report, relay, terminal_fd, lines=lines)], stop)[0]


def run_together(them: Sequence[Started], stop: Interrupts, line: str | None = None) -> list[Ended]:
    """Run all at the same time, to their ends; scripts begin at the start line in folder `line`.

    Raises OSError where that folder cannot be made.
    """
    children = [Child(index=at, leads=os.setsid) for at in range(len(them))]
    heard = [_Heard(each.relay) for each in them]
    paths = [os.path.join(line or "", str(at)) for at in range(len(them))]

    def end_all() -> None:
        for child in children:
            if child.pid:
                child.kill(signal.SIGTERM)

    processes: Supervisor[Child] = Supervisor(end_all)
    if line is not None:
        start_line.prepare(line, paths)
    begun = line is None
    with closing(processes), contextlib.suppress(KeyboardInterrupt):  # the second signal
        for each, child, ear, path in zip(them, children, heard, paths, strict=True):
            said = {} if len(them) < 2 else {runs_beside.VARIABLE: str(os.getpid())}
            said |= {} if line is None else {start_line.VARIABLE: path}
            said |= {live_figures.LINES_VARIABLE: each.lines} if each.lines else {}
            _start(processes, child, each, ear, said)
        while not processes.all_gone:
            processes.nap(LOOK_S if begun else EARLY_LOOK_S)
            if line is not None and not begun:
                begun = start_line.give(line, paths, [child.gone for child in children])
            if stop.came:
                processes.stop()
    for child in children:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    return [
        Ended(os.waitstatus_to_exitcode(child.status), ear.last_sentence())
        for child, ear in zip(children, heard, strict=True)
    ]


def _start(
    processes: Supervisor[Child],
    child: Child,
    each: Started,
    heard: _Heard,
    said: Mapping[str, str],
) -> None:
    fd = each.terminal_fd
    ours_fd, its_fd = os.pipe() if fd is None else _terminal(fd)
    pipes: dict[int, Callable[[bytes], None]] = {ours_fd: heard.take}
    told_fd = tells_fd = -1
    if each.figures is not None:
        told_fd, tells_fd = os.pipe()
        pipes[told_fd] = each.figures

    def become(channel: socket.socket) -> None:
        channel.set_inheritable(True)  # it closes with the process
        with open(os.devnull, "rb") as nothing:
            for number, one in enumerate((nothing.fileno(), each.report.fileno(), its_fd)):
                os.dup2(one, number)
        for name in _TOLD:
            os.environ.pop(name, None)  # what we were told ourselves
        os.environ.update(said)
        if tells_fd >= 0:
            os.set_inheritable(tells_fd, True)
            os.environ[live_figures.VARIABLE] = str(tells_fd)
        os.execv(sys.executable, [sys.executable, "-P", "-c", _START, _PACKAGES, *each.words])

    try:
        processes.start(child, become, pipes)
    finally:
        os.close(its_fd)
        if tells_fd >= 0:
            os.close(tells_fd)


class _Heard:
    """What comes from the process: passed on, its end remembered."""

    def __init__(self, relay: Callable[[bytes], None]) -> None:
        self._relay = relay
        self._tail = b""

    def take(self, found: bytes) -> None:
        """Take what came."""
        self._tail = (self._tail + found)[-TAIL_BYTES:]
        self._relay(found)

    def last_sentence(self) -> str:
        """Return our own last sentence in it, or else its last line."""
        text = _ESCAPES.sub("", self._tail.decode("utf-8", "replace"))
        lines = [line for each in re.split(r"[\r\n]+", text) if (line := printable(each).strip())]
        lines = [line for line in lines if not _PROGRESS.match(line)]
        own = [line.removeprefix(_OWN_WORD) for line in lines if line.startswith(_OWN_WORD)]
        return [*lines, *own][-1] if lines else ""


def _terminal(like_fd: int) -> tuple[int, int]:
    """Return both sides of a new terminal of the same size that changes no line ends."""
    ours_fd, its_fd = os.openpty()
    with contextlib.suppress(OSError, termios.error):
        size = fcntl.ioctl(like_fd, termios.TIOCGWINSZ, bytes(8))
        fcntl.ioctl(its_fd, termios.TIOCSWINSZ, size)
        modes = termios.tcgetattr(its_fd)
        modes[1] &= ~termios.OPOST
        termios.tcsetattr(its_fd, termios.TCSANOW, modes)
    return ours_fd, its_fd
