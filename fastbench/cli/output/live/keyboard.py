"""Keys that are pressed while a run goes: read when there are some, and nobody waits for them.

1. Keys are read where standard input is a terminal and we are in its foreground, or it is not the
   terminal of our session: a process in the background that read, or changed modes, would be
   stopped (SIGTTIN and SIGTTOU, termios(3)).
2. Lines are not waited for and keys not shown (ICANON and ECHO are off). Ctrl-C, Ctrl-Z and Ctrl-\\
   send their signals as ever.
3. Whatever is pressed is taken: what was typed ahead does not reach the shell.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import termios
from typing import Any

_READ_BYTES = 1024
_LFLAG = 3  # of what tcgetattr returns
_ESCAPES = re.compile(rb"\x1b(\[[0-9;?]*[ -/]*[@-~]|O.|.)?", re.DOTALL)  # arrows and the like


def in_foreground(fd: int) -> bool:
    """Tell whether a terminal is ours to use now; so is one that controls no session of ours."""
    try:
        return os.tcgetpgrp(fd) == os.getpgrp()
    except OSError:
        return True


class Keyboard:
    """The keys of standard input; `open` and `close` as often as the view comes and goes."""

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._before: list[Any] | None = None  # the modes to go back to

    @property
    def opened(self) -> bool:
        """Tell whether there are keys to read."""
        return self._before is not None

    def open(self) -> None:
        """Let keys come at once, where there are any."""
        if self._before is not None or not os.isatty(self._fd) or not in_foreground(self._fd):
            return
        with contextlib.suppress(termios.error, OSError):
            before = termios.tcgetattr(self._fd)
            modes = termios.tcgetattr(self._fd)
            modes[_LFLAG] &= ~(termios.ICANON | termios.ECHO)
            modes[6][termios.VMIN], modes[6][termios.VTIME] = 1, 0
            termios.tcsetattr(self._fd, termios.TCSANOW, modes)
            self._before = before

    def close(self) -> None:
        """Go back to the modes that were; in the background the shell has done so."""
        before, self._before = self._before, None
        if before is not None and in_foreground(self._fd):
            with contextlib.suppress(termios.error, OSError):
                termios.tcsetattr(self._fd, termios.TCSANOW, before)

    def pressed(self) -> str:
        """Return the letters that were pressed since the last time, in lower case."""
        found = b""
        while self._before is not None and in_foreground(self._fd):
            try:
                if not select.select([self._fd], [], [], 0)[0]:
                    break
                piece = os.read(self._fd, _READ_BYTES)
            except OSError:
                piece = b""
            if not piece:  # the terminal hung up
                self._before = None
            found += piece
        return _ESCAPES.sub(b"", found).decode("ascii", "ignore").lower() if found else ""
