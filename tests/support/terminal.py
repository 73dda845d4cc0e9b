"""A terminal for programs that look for one: what they wrote, and what is left on its screen."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Session", "in_terminal"]

LIMIT_S = 60
COLUMNS, ROWS = 100, 40
# What would change the answer if it came from where the tests run.
NOT_INHERITED = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES")
_STEP = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07]*\x07|[\r\n]|[^\x1b\r\n]+|\x1b")


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
        lines = [""]
        row = column = 0
        for step in _STEP.finditer(self.written):
            argument, command = step[1], step[2]
            if step[0] == "\r":
                column = 0
            elif step[0] == "\n":
                row += 1
                lines += [""] * (row + 1 - len(lines))
            elif command == "A":
                row = max(0, row - int(argument or 1))
            elif command == "K":
                assert argument == "2", "the whole line is erased, or nothing is known"
                lines[row] = ""
            elif command:
                assert command in "mhl", f"unknown sequence {step[0]!r}"
            else:
                old = lines[row].ljust(column)
                lines[row] = old[:column] + step[0] + old[column + len(step[0]) :]
                column += len(step[0])
        return "\n".join(lines)


def in_terminal(
    *arguments: str, env: Mapping[str, str] | None = None, stdout: bool = True
) -> Session:
    """Run `fastbench ARGUMENTS` with a terminal as stderr, and as stdout unless that is a pipe."""
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (ROWS, COLUMNS))
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    process = subprocess.Popen(
        [sys.executable, "-m", "fastbench", *arguments],
        stdin=terminal,
        stdout=terminal if stdout else subprocess.PIPE,
        stderr=terminal,
        env=inherited | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"} | dict(env or {}),
    )
    os.close(terminal)
    written = b""
    with contextlib.suppress(OSError), open(controller, "rb", buffering=0) as screen:
        while piece := screen.read(65536):  # EIO once nobody holds the terminal any more
            written += piece
    piped = process.communicate(timeout=LIMIT_S)[0] if process.stdout else b""
    process.wait(LIMIT_S)
    return Session(process.returncode, written.decode(), (piped or b"").decode())
