"""Standard input, output and error, whatever they are when the command starts.

1. One that is closed is the null device: else the first socket would get its number, and be written
   to by whoever prints.
2. What cannot be written to stderr is lost, and nothing else: nobody is left who could be told.
   `lost` says why, for a report that was meant for it.
3. One that does not block (a pipe of a parent's event loop, a terminal shared with one) is waited
   for: a report longer than the pipe is not cut off.
"""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TextIO

_NAMES = ("stdin", "stdout", "stderr")


class _Output(io.FileIO):
    """One of the two streams that are written to. `lost` is why something was, None if nothing."""

    def __init__(self, fd: int, *, must: bool) -> None:
        super().__init__(fd, "wb", closefd=False)
        self.name = f"<{_NAMES[fd]}>"
        self._must = must
        self.lost: OSError | None = None

    def write(self, data: object) -> int:
        """Write some of the data; raises OSError where that matters."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        try:
            while (count := super().write(view)) is None:  # it would block
                select.select([], [self], [])
            return count
        except OSError as error:
            if self._must:
                raise
            self.lost = error
            return len(view)


def attach() -> None:
    """Make the three streams usable. To be called before any file is opened for good."""
    for fd, name in enumerate(_NAMES):
        if not _is_open(fd):
            open_nothing(fd)
            if fd == 0:
                sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        if fd:
            stream = _stream(fd, getattr(sys, name))
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def lost(stream: TextIO) -> OSError | None:
    """Return why something that was written to a stream is lost, None if nothing is."""
    return getattr(getattr(getattr(stream, "buffer", None), "raw", None), "lost", None)


def flush() -> None:
    """Write out what is buffered, at the end of the process; nobody can be told of an error."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue


def open_nothing(fd: int) -> None:
    """Open the null device as `fd`, or a folder where there is none: the number must be taken."""
    for path, flags in ((os.devnull, os.O_RDWR), ("/", os.O_RDONLY)):
        try:
            opened = os.open(path, flags)
        except OSError:
            continue
        os.dup2(opened, fd)  # dup2 of a number to itself leaves it as it is: close-on-exec
        os.set_inheritable(fd, True)
        if opened != fd:
            os.close(opened)
        return


def columns(unknown: int) -> int:
    """Return the width of the terminal, `unknown` where there is none; COLUMNS says otherwise.

    It is `shutil.get_terminal_size`, without what that module imports for archives (3 ms).
    """
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(1).columns or unknown
    except OSError:
        return unknown


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _stream(fd: int, before: TextIO | None) -> TextIO:
    """Return a stream as Python makes it (sys.stdout), over a file that behaves as said above."""
    raw = _Output(fd, must=fd == 1)
    text = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="backslashreplace" if fd == 2 else getattr(before, "errors", None) or "strict",
        line_buffering=fd == 2 or raw.isatty(),
    )
    text.mode = "w"  # type: ignore[misc]
    return text
