"""A terminal that is drawn on as a whole, and is afterwards what it was before.

1. The alternate screen (xterm's private mode 1049) holds the picture: what stood on the screen
   comes back when it is left, and nothing drawn gets into the scrollback, whatever is resized.
2. A frame is one write of the lines that changed, between the marks of a synchronized update
   (private mode 2026), so that no half of it is seen. A terminal that knows no 2026 ignores it.
3. What others print meanwhile goes to the screen below, in its order, before the next frame: it
   stands there when the view is left. `printed` has its last lines.
4. In the background nothing is drawn. Ctrl-Z leaves the screen and `fg` comes back to it.
5. `leave_at_once` is called in a handler of signals, when one ends the process at once: it only
   writes to a descriptor. What was lost at SIGKILL, reset(1) repairs.
6. A frame is never waited for. Where the terminal takes nothing (Ctrl-S, a line that stalls), those
   that do not fit are left out, and the load goes on; only what has to be seen is waited with.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
from _thread import get_native_id
from collections import deque
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Self, TextIO

from fastbench.cli.output.live.keyboard import Keyboard, in_foreground
from fastbench.cli.output.live.styled_line import Line, Palette, palette
from fastbench.foundation import signals, stdio
from fastbench.foundation.redact import printable

_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[J"  # no cursor, no wrapping
_LEAVE = "\x1b[m\x1b[H\x1b[J\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
PRINTED_LINES = 100  # of what others print, for the view
PENDING_CHARS = 65_536  # printed at once from here on
UNKNOWN_SIZE = (80, 24)


class Screen:
    """A terminal as a context manager; without one, or not `enabled`, nothing happens.

    `color` None: where the terminal has it. `keys` are read from standard input.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        enabled: bool = True,
        color: bool | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self.enabled = enabled and stdio.draws(self._stream)
        self.unicode = stdio.shows_unicode(self._stream)
        self.keys = keys or Keyboard()
        self.printed: deque[str] = deque(maxlen=PRINTED_LINES)
        self._palette: Palette = palette(color)
        self._fd = _fileno(self._stream)
        self._quick_fd: int | None = None  # the same terminal, which is not waited for
        self._unsent = b""  # of the last frame
        self._pid = os.getpid()
        self._pending: list[str] = []
        self._shown: list[str] = []  # the lines of the last frame
        self._size = (0, 0)
        self._entered = False
        self._handlers: dict[int, Any] = {}
        self._replaced: list[tuple[str, TextIO, _Printed]] = []

    def __enter__(self) -> Self:
        """Take what others print; the screen itself is taken by the first frame."""
        if self.enabled:
            for name in ("stderr", "stdout"):
                stream = getattr(sys, name)
                if stream is self._stream or stream.isatty():
                    instead = _Printed(stream, self._take)
                    self._replaced.append((name, stream, instead))
                    setattr(sys, name, instead)
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back as it was, and print what is not printed yet."""
        for name, stream, instead in self._replaced:
            setattr(sys, name, stream)
            instead.end()
        self._replaced = []
        self.leave_screen()
        self._flush_printed()
        if self._quick_fd is not None:
            os.close(self._quick_fd)
            self._quick_fd = None
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}
        signals.at_leave(None)

    @property
    def drawable(self) -> bool:
        """Tell whether a frame would be seen now."""
        return self.enabled and (self._fd is None or in_foreground(self._fd))

    def begin_frame(self) -> tuple[int, int]:
        """Let keys be heard, and return columns and rows to draw on; the last column stays free.

        A character that is wider than it is known to be has room there.
        """
        if not self._entered:
            self._install()
            self.keys.open()
        columns, rows = UNKNOWN_SIZE
        with contextlib.suppress(OSError):
            if self._fd is not None:
                columns, rows = os.get_terminal_size(self._fd)
        said = [os.environ.get(name, "") for name in ("COLUMNS", "LINES")]
        if self._fd is None:
            columns, rows = (
                int(word) if word.isdecimal() and int(word) else known
                for word, known in zip(said, (columns, rows), strict=True)
            )
        return max(1, (columns or UNKNOWN_SIZE[0]) - 1), max(1, rows or UNKNOWN_SIZE[1])

    def draw(self, lines: Sequence[Line], size: tuple[int, int]) -> None:
        """Show a frame of this size; what is below it is empty."""
        if self._unsent and not self._sent(b""):
            return
        found = [line.escaped(self._palette) for line in lines[: size[1]]]
        found += [""] * (size[1] - len(found))
        out = [_BEGIN]
        if self._pending:
            out += [_LEAVE] if self._entered else []
            out.append(self._said())
            self._entered = False
        if not self._entered:
            out.append(_ENTER)
            self._entered, self._shown = True, [""] * size[1]
        elif size != self._size:
            out.append("\x1b[H\x1b[J")
            self._shown = [""] * size[1]
        self._size = size
        for row, (text, before) in enumerate(zip(found, self._shown, strict=True), 1):
            if text != before:
                out.append(f"\x1b[{row};1H{text}\x1b[K")
        self._shown = found
        if len(out) > 1:
            self._sent(self._encoded("".join((*out, _END))))

    def leave_screen(self) -> None:
        """Show what stood there before, and the cursor; the modes of the keys are as they were."""
        if self._entered and os.getpid() == self._pid:
            self._entered = False
            if self._fd is None or in_foreground(self._fd):
                self._write(_LEAVE)
            self.keys.close()

    def leave_at_once(self) -> None:
        """Do the same as far as it can be done without waiting."""
        if self._entered and os.getpid() == self._pid:
            self._entered = False
            if self._fd is None or in_foreground(self._fd):
                self._sent(self._encoded(_LEAVE))
            self.keys.close()

    def give_up(self) -> None:
        """Give the terminal back for the rest of the command."""
        self.__exit__(None, None, None)
        self.enabled = False

    def _take(self, text: str) -> None:
        self._pending.append(text)
        self.printed.extend(printable(line) for line in text.splitlines() if line.strip())
        if not self._entered or sum(map(len, self._pending)) > PENDING_CHARS:
            self.leave_screen()
            self._flush_printed()

    def _flush_printed(self) -> None:
        if text := self._said():
            self._write(text)

    def _said(self) -> str:
        """Take what waits to be printed; other threads may add to it meanwhile."""
        found = []
        while self._pending:
            found.append(self._pending.pop(0))
        return "".join(found)

    def _write(self, text: str) -> None:
        if self._fd is None:
            self._stream.write(text)
            self._stream.flush()
            return
        left = memoryview(self._unsent + self._encoded(text))
        self._unsent = b""
        while left:
            try:
                left = left[os.write(self._fd, left) :]
            except BlockingIOError:  # shared with a process that does not block
                select.select([], [self._fd], [])
            except OSError:  # it hung up
                self.enabled = False
                return

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._stream.encoding or "utf-8", "backslashreplace")

    def _sent(self, data: bytes) -> bool:
        """Write as much as the terminal takes now, behind what is unsent; tell whether it is all.

        The terminal is opened once more for that: whether a write waits is said for all processes
        that share the descriptor of the shell.
        """
        data, self._unsent = self._unsent + data, b""
        if self._fd is None:
            self._write(data.decode(self._stream.encoding or "utf-8"))
            return True
        if self._quick_fd is None:
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
            with contextlib.suppress(OSError):  # no /proc, or a terminal of another user
                self._quick_fd = os.open(f"/proc/self/fd/{self._fd}", flags)
        try:
            while data and select.select([], [self._fd], [], 0)[1]:
                at_once = self._fd if self._quick_fd is None else self._quick_fd
                data = data[os.write(at_once, data) :]
        except BlockingIOError:
            pass
        except OSError:  # it hung up
            self.enabled, data = False, b""
        self._unsent = data
        return not data

    def _install(self) -> None:
        """Hear of Ctrl-Z and of coming back; only the main thread may."""
        signals.at_leave(self.leave_at_once)
        if self._fd is None or self._handlers or get_native_id() != os.getpid():
            return
        if signal.getsignal(signal.SIGTSTP) == signal.SIG_DFL:
            self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
        self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._continue)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Stop as Ctrl-Z asks, with the terminal as it was; a child that inherited this stops."""
        self.leave_screen()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        if os.getpid() == self._pid:
            signal.signal(number, self._stop)

    def _continue(self, number: int, frame: FrameType | None) -> None:
        """Draw everything anew: the shell had the terminal."""
        if os.getpid() == self._pid and self._entered:
            self._entered = False
            self.keys.close()


class _Printed(io.TextIOBase):
    """What stands in for sys.stderr: whole lines go to the screen, in their order."""

    def __init__(self, stream: TextIO, take: Callable[[str], None]) -> None:
        self._stream = stream
        self._take = take
        self._line = ""

    def write(self, text: str) -> int:
        whole, end, rest = (self._line + text).rpartition("\n")
        self._line = rest
        if end:
            self._take(whole + end)
        return len(text)

    def end(self) -> None:
        """Pass on a line that has no end."""
        if self._line:
            self._take(self._line + "\n")

    def flush(self) -> None:
        """Lines are passed on when they end."""

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @property
    def buffer(self) -> Any:
        """The bytes below, for who writes bytes."""
        return self._stream.buffer


def _fileno(stream: TextIO) -> int | None:
    """Return the descriptor of a stream, None of one that has none."""
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None
