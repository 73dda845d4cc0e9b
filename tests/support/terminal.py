"""A terminal for programs that look for one: what they wrote, and what is left on its screen."""

from __future__ import annotations

import codecs
import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

__all__ = ["Screen", "Session", "Typist", "in_terminal"]

LIMIT_S = 60
COLUMNS, ROWS = 100, 40
# What would change the answer if it came from where the tests run.
NOT_INHERITED = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
_STEP = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|[\r\n]|[^\x1b\r\n]+|\x1b")
_BEGUN = re.compile(r"\x1b(\[[0-9;?]*)?$")
_FRAME = "\x1b[?2026l"  # the end of a synchronized update


@dataclass(frozen=True, slots=True)
class Session:
    """A program that ended: its exit code, all it wrote to the terminal, and to the pipe."""

    code: int
    written: str
    piped: str

    @property
    def colors(self) -> list[str]:
        """The escape sequences that set a colour (ECMA-48 SGR 30 to 49, 90 to 107)."""
        codes = re.findall(r"\x1b\[([0-9;]*)m", self.written)
        return [code for code in codes if re.search(r"\b([34][0-9]|9[0-7]|10[0-7])\b", code)]

    @property
    def screen(self) -> str:
        """What a person sees at the end: lines drawn over are gone."""
        return Screen().feed(self.written).text


class Screen:
    """What is seen on a terminal, and the alternate screen that a program may draw on.

    It knows what we write: cursor up and to a place, erasing, modes. Anything else is refused.
    """

    def __init__(self) -> None:
        self.lines = [""]
        self.row = self.column = 0
        self.alternate = False  # the one that is seen now
        self.cursor = True  # it is seen
        self._below: tuple[list[str], int, int] = ([""], 0, 0)

    @property
    def text(self) -> str:
        """The lines."""
        return "\n".join(self.lines)

    def feed(self, written: str) -> Screen:
        """Take what a program wrote."""
        for step in _STEP.finditer(written):
            if step[0] == "\r":
                self.column = 0
            elif step[0] == "\n":
                self._go(self.row + 1, self.column)
            elif step[2]:
                self._command(step[1], step[2])
            else:
                old = self.lines[self.row].ljust(self.column)
                rest = old[self.column + len(step[0]) :]
                self.lines[self.row] = old[: self.column] + step[0] + rest
                self.column += len(step[0])
        return self

    def _command(self, argument: str, command: str) -> None:
        if command == "A":
            self.row = max(0, self.row - int(argument or 1))
        elif command == "H":
            row, _, column = argument.partition(";")
            self._go(int(row or 1) - 1, int(column or 1) - 1)
        elif command == "K":
            kept = "" if argument == "2" else self.lines[self.row][: self.column]
            self.lines[self.row] = kept
        elif command == "J":
            assert argument == "2" or not self.column, "whole lines are erased"
            del self.lines[0 if argument == "2" else self.row :]
            self._go(self.row, self.column)
        elif argument == "?1049":
            self._switch(command == "h")
        elif argument == "?25":
            self.cursor = command == "h"
        else:
            assert command in "mhl", f"unknown sequence {argument!r} {command}"

    def _go(self, row: int, column: int) -> None:
        self.row, self.column = row, column
        self.lines += [""] * (row + 1 - len(self.lines))

    def _switch(self, alternate: bool) -> None:
        if alternate and not self.alternate:
            self._below = self.lines, self.row, self.column
            self.lines, self.row, self.column = [""], 0, 0
        elif self.alternate and not alternate:
            self.lines, self.row, self.column = self._below
        self.alternate = alternate


def in_terminal(
    *arguments: str, env: Mapping[str, str] | None = None, stdout: bool = True
) -> Session:
    """Run `fastbench ARGUMENTS` with a terminal as stderr, and as stdout unless that is a pipe."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
    process = subprocess.Popen(
        [sys.executable, "-m", "fastbench", *arguments],
        stdin=terminal,
        stdout=terminal if stdout else subprocess.PIPE,
        stderr=terminal,
        env=_environment(env),
    )
    os.close(terminal)
    written = b""
    with contextlib.suppress(OSError), open(controller, "rb", buffering=0) as screen:
        while piece := screen.read(65536):  # EIO once nobody holds the terminal any more
            written += piece
    piped = process.communicate(timeout=LIMIT_S)[0] if process.stdout else b""
    process.wait(LIMIT_S)
    return Session(process.returncode, written.decode(), (piped or b"").decode())


class Typist:
    """A program in the foreground of a terminal of its own, and somebody at its keys.

    `command` is `fastbench ARGUMENTS`, or any other line. What is waited for has to come within
    LIMIT_S.
    """

    def __init__(
        self,
        *arguments: str,
        command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        size: tuple[int, int] = (COLUMNS, ROWS),
    ) -> None:
        self.screen = Screen()
        self.written = ""
        self._controller, terminal = pty.openpty()
        self.resize(*size)
        self.before = self.modes()
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "fastbench", *arguments],
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,
            preexec_fn=partial(fcntl.ioctl, terminal, termios.TIOCSCTTY, 0),
            env=_environment(env),
        )
        os.close(terminal)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._left = ""  # a sequence that has begun

    def __enter__(self) -> Typist:
        return self

    def __exit__(self, *raised: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(LIMIT_S)
        os.close(self._controller)

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size; the program gets SIGWINCH."""
        termios.tcsetwinsize(self._controller, (rows, columns))

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._controller, keys.encode())

    def modes(self) -> int:
        """Return the local modes of the terminal, termios(3)."""
        found: int = termios.tcgetattr(self._controller)[3]
        return found

    def until(self, seen: Callable[[str], object]) -> str:
        """Read until something is on the screen; return the screen."""
        end_s = time.monotonic() + LIMIT_S
        while not seen(self.screen.text):
            assert time.monotonic() < end_s, self.screen.text
            assert self._read(0.1), f"it ended before that:\n{self.screen.text}"
        return self.screen.text

    def frames(self, count: int) -> None:
        """Read until so many more frames were drawn, or parts of them."""
        end_s = time.monotonic() + LIMIT_S
        wanted = self.written.count(_FRAME) + count
        while self.written.count(_FRAME) < wanted:
            assert time.monotonic() < end_s and self._read(0.1), self.screen.text

    def end(self) -> int:
        """Read until the program has ended; return its exit code."""
        end_s = time.monotonic() + LIMIT_S
        while self._read(0.1):
            assert time.monotonic() < end_s, self.screen.text
        return self.process.wait(LIMIT_S)

    def _read(self, wait_s: float) -> bool:
        """Take what comes within a time; false when the terminal is nobody's any more."""
        if select.select([self._controller], [], [], wait_s)[0]:
            try:
                piece = os.read(self._controller, 65536)
            except OSError:  # EIO
                return False
            whole = self._left + self._decoder.decode(piece)
            begun = _BEGUN.search(whole)
            text, self._left = (whole[: begun.start()], begun[0]) if begun else (whole, "")
            self.written += text
            self.screen.feed(text)
        return True


def _environment(env: Mapping[str, str] | None) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return inherited | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | dict(env or {})
