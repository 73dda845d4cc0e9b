"""Standard input, output and error, whatever they are when the command starts.

1. One that is closed is the null device: else the first socket would get its number, and be written
   to by whoever prints. `was_closed` says so to who was asked for a document there.
2. What cannot be written to stderr is lost, and nothing else: nobody is left who could be told.
   `lost` says why, for a report that was meant for it.
3. What its encoding cannot say is written in ASCII (`ascii_forms`): nothing that is printed raises.
4. One that does not block (a pipe of a parent's event loop, a terminal shared with one) is waited
   for: a report longer than the pipe is not cut off.
"""

from __future__ import annotations

import codecs
import io
import os
import select
import sys
from typing import TextIO

_REPLACED = "fastbench.ascii"  # a handler of errors, see codecs.register_error
_ASCII_LOCALES = ("C", "POSIX")
_COERCED = ("C.UTF-8", "C.utf8", "UTF-8")  # what Python makes of C (PEP 538)
_NAMES = ("stdin", "stdout", "stderr")
INDENT = "  "  # of a sentence from its second line on
_closed: set[int] = set()  # when the command started


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
    codecs.register_error(_REPLACED, _replaced)
    for fd, name in enumerate(_NAMES):
        if not _is_open(fd):
            _closed.add(fd)
            open_nothing(fd)
            if fd == 0:
                sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))
        if fd:
            stream = _stream(fd, getattr(sys, name))
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)


def was_closed(fd: int) -> bool:
    """Tell whether a stream was closed when the command started: what it is given goes nowhere."""
    return fd in _closed


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


def takes_more(stream: TextIO) -> bool:
    """Tell whether a line of up to 4,096 bytes can be written without a wait: pipe(7), poll(2)."""
    try:
        return bool(select.select([], [stream], [], 0)[1])
    except (OSError, ValueError):  # it is no descriptor, or closed: nothing of it is waited for
        return True


def draws(stream: TextIO) -> bool:
    """Tell whether a picture can be drawn on a stream again and again."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


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


def shows_unicode(stream: TextIO) -> bool:
    """Tell whether more than ASCII is to be drawn on a stream: it is UTF-8, and nobody asked for C.

    Python writes UTF-8 in the locale C, too (PEP 538, PEP 540), where nothing says that the reader
    understands it. Only a C that is said counts: without any locale, as in containers, terminals
    are UTF-8.
    """
    encoding = (stream.encoding or "").lower().replace("-", "").replace("_", "")
    return encoding == "utf8" and _locale() not in _ASCII_LOCALES


def sentence(text: str, stream: TextIO) -> str:
    """Return a sentence as a stream shows it: readable, and on a terminal broken at its spaces."""
    text = readable(text, stream)
    try:
        width = os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError):
        width = 0
    return "\n".join(broken(line, width) for line in text.split("\n")) if width else text


def broken(line: str, width: int) -> str:
    """Break a line at its spaces so that it fits a width; a longer word stays whole.

    It is some lines of `textwrap`, whose import takes 4 ms.
    """
    if len(line) <= width:
        return line
    lines: list[str] = []
    now = ""
    for word in line.split(" "):
        if now.strip() and len(now) + 1 + len(word) > width:
            lines.append(now)
            now = INDENT + word
        else:
            now = f"{now} {word}" if now else word
    return "\n".join([*lines, now])


def readable(text: str, stream: TextIO) -> str:
    """Return a text as it is to be written for people: in ASCII where nothing else is shown."""
    if text.isascii() or shows_unicode(stream):
        return text
    from fastbench.foundation import ascii_forms  # --version goes without

    return ascii_forms.in_ascii(text)


def _locale() -> str:
    """Return the locale of characters that was asked for (setlocale(3)), "" if none was."""
    if os.environ.get("PYTHONIOENCODING") or os.environ.get("PYTHONUTF8") == "1":
        return ""
    names = ("LC_ALL", "LC_CTYPE", "LANG")
    said = next((value for name in names if (value := os.environ.get(name))), "")
    if said in _COERCED and os.environ.get("LANG") in _ASCII_LOCALES:  # by the user, or by Python?
        return next((value for name in names if (value := _first_said(name))), "")
    return said


def _first_said(name: str) -> str:
    """Return a variable as it was when the process began: Python changes LC_CTYPE."""
    try:
        with open("/proc/self/environ", "rb") as file:
            rows = file.read().split(b"\0")
    except OSError:
        return os.environ.get(name, "")
    start = f"{name}=".encode()
    return next((os.fsdecode(row[len(start) :]) for row in rows if row.startswith(start)), "")


def _replaced(error: UnicodeError) -> tuple[str, int]:
    from fastbench.foundation import ascii_forms  # hardly anybody needs it

    return ascii_forms.replaced(error)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _stream(fd: int, before: TextIO | None) -> TextIO:
    """Return a stream as Python makes it (sys.stdout), over a file that behaves as said above."""
    raw = _Output(fd, must=fd == 1)
    errors = "backslashreplace" if fd == 2 else getattr(before, "errors", None) or "strict"
    text = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors=_REPLACED if errors in ("strict", "surrogateescape") else errors,
        line_buffering=fd == 2 or raw.isatty(),
    )
    text.mode = "w"  # type: ignore[misc]
    return text
