"""What a script prints, at a bounded rate: nobody reads more, and the run must not wait for it.

1. Per worker and second, LINES and BYTES go out; the lines beyond are counted, and the number is
   told when the next second prints, or at the end.
2. Lines go out whole. A pipe that is full takes nothing: what does not fit counts as not shown, and
   the loop goes on.
"""

from __future__ import annotations

import io
import os
from threading import RLock
from time import monotonic_ns

LINES = 200
BYTES = 1 << 15
LINE_BYTES = 4096  # of one line; pipe(7): as much goes out whole or not at all

_SECOND_NS = 1_000_000_000


class Printed(io.TextIOBase):
    """Stand for sys.stdout and sys.stderr of a worker."""

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self._fd = fd
        self._encoding = encoding
        self._lock = RLock()  # a script may print in threads
        self._open = ""  # a line without its end
        self._second_ns = 0
        self._lines = self._bytes = 0  # left of this second
        self._hidden = 0

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    @property
    def buffer(self) -> io.FileIO:
        """The stream below, for who writes bytes; nobody counts those."""
        return io.FileIO(self._fd, "w", closefd=False)

    def fileno(self) -> int:
        return self._fd

    def isatty(self) -> bool:
        return os.isatty(self._fd)

    def writable(self) -> bool:
        return True

    def reconfigure(self, **settings: object) -> None:
        """Take what other streams can be told; lines go out whole in any case."""

    def write(self, text: str) -> int:
        """Take text; whole lines go out, or are counted."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, not {type(text).__name__}")
        with self._lock:
            lines, end, rest = text.rpartition("\n")
            if not end:
                self._open = (self._open + text)[:LINE_BYTES]
                return len(text)
            self._begin_second()
            whole, self._open = self._open + lines, rest[:LINE_BYTES]
            if self._lines <= 0:
                self._hidden += whole.count("\n") + 1
            else:
                for line in whole.split("\n"):
                    self._show(line)
            return len(text)

    def flush(self) -> None:
        """Let a line without end go out, as `flush=True` asks for."""
        with self._lock:
            if self._open:
                self._begin_second()
                text, self._open = self._open, ""
                self._show(text, "")

    def end(self) -> None:
        """Say what is left to be said."""
        self.flush()
        with self._lock:
            self._tell_hidden()

    def _begin_second(self) -> None:
        now_ns = monotonic_ns()
        if now_ns - self._second_ns >= _SECOND_NS:
            self._second_ns = now_ns
            self._lines, self._bytes = LINES, BYTES
            self._tell_hidden()

    def _show(self, line: str, end: str = "\n") -> None:
        if self._lines <= 0 or self._bytes <= 0:
            self._hidden += 1
            return
        data = self._encoded(line, end)
        if self._out(data):
            self._lines -= 1
            self._bytes -= len(data)
        else:
            self._hidden += 1

    def _tell_hidden(self) -> None:
        if self._hidden:
            several = "lines" if self._hidden > 1 else "line"
            said = f"({self._hidden:,} {several} more not shown: it printed too much at once)"
            if self._out(self._encoded(said, "\n")):
                self._hidden = 0

    def _encoded(self, line: str, end: str) -> bytes:
        data = line.encode(self._encoding, "backslashreplace")
        room = LINE_BYTES - len(end)
        return (data if len(data) <= room else data[: room - 3] + b"...") + end.encode()

    def _out(self, data: bytes) -> bool:
        try:
            os.write(self._fd, data)
        except OSError:  # full, or nobody is there to read
            return False
        return True
