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
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO

import fastbench
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation.redact import printable
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor

LOOK_S = 0.25  # between two looks whether it is still there
TAIL_BYTES = 8192  # of what it wrote, to find its last sentence in

# Started so that it finds this very package, whatever lies in the folder it runs in: that folder is
# the suite's, and a json.py there is none of ours.
_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); import fastbench.__main__ as main; "
    "del sys.path[0]; main.start()"
)
_PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(fastbench.__file__)))
_ESCAPES = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[@-Z\\-_])")
_OWN_WORD = "fastbench: "


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: its exit code, below 0 a signal's, and its last sentence."""

    code: int
    said: str


def run(
    words: Sequence[str],
    report: IO[bytes],
    stop: Interrupts,
    relay: Callable[[bytes], None],
    terminal_fd: int | None,
) -> Ended:
    """Run `fastbench WORDS` to its end. `terminal_fd` is where `relay` writes to, if a terminal."""
    ours_fd, its_fd = os.pipe() if terminal_fd is None else _terminal(terminal_fd)
    process, heard = Child(leads=os.setsid), _Heard(relay)
    processes: Supervisor[Child] = Supervisor(lambda: process.kill(signal.SIGTERM))

    def become(channel: socket.socket) -> None:
        channel.set_inheritable(True)  # it closes with the process
        with open(os.devnull, "rb") as nothing:
            for number, fd in enumerate((nothing.fileno(), report.fileno(), its_fd)):
                os.dup2(fd, number)
        os.execv(sys.executable, [sys.executable, "-P", "-c", _START, _PACKAGES, *words])

    with closing(processes), contextlib.suppress(KeyboardInterrupt):  # the second signal
        try:
            processes.start(process, become, {ours_fd: heard.take})
        finally:
            os.close(its_fd)
        while not process.gone:
            processes.nap(LOOK_S)
            if stop.came:
                processes.stop()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    return Ended(os.waitstatus_to_exitcode(process.status), heard.last_sentence())


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
