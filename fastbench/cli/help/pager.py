"""Print a page of text to standard output, whatever stands at its other end."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module

from fastbench.foundation import exit_codes


def write(text: str, *, exact: bool = False) -> int:
    """Print the text; return 0, or 121 when it could not be written.

    It is for people, who may have but ASCII (`stdio.readable`); what is `exact` is data, and only
    what the encoding lacks is replaced. A reader that went away (`fastbench … | head -1`) needs no
    sentence; a full disk does.
    """
    encoding = sys.stdout.encoding or "utf-8"
    if not exact and not text.isascii():
        from fastbench.foundation import stdio  # --version goes without

        text = stdio.readable(text, sys.stdout)
    try:
        print(text.encode(encoding, "replace").decode(encoding), flush=True)
    except OSError as error:
        mute()
        if not isinstance(error, BrokenPipeError):
            reason = (error.strerror or str(error)).lower()
            print(f"fastbench: standard output was not written: {reason}.", file=sys.stderr)
        return exit_codes.NOT_WRITTEN
    return 0


def page(wanted: str, command: str) -> int:
    """Print the version, or the page of a command's --help; return the exit code."""
    if wanted == "version":
        from fastbench import __version__

        return write(f"fastbench {__version__}")
    text: str = import_module(f"fastbench.cli.help.{command}_help").TEXT
    return write(text)


def notes(sentences: Iterable[str]) -> None:
    """Say what was read otherwise than it was typed, a line each."""
    from fastbench.foundation import redact, stdio

    for sentence in sentences:
        told = stdio.sentence(f"fastbench: {redact.printable(sentence)}", sys.stderr)
        print(told, file=sys.stderr)


def mute() -> None:
    """Give up on standard output: the interpreter would flush once more at exit, and complain."""
    from fastbench.foundation import stdio

    stdio.open_nothing(sys.stdout.fileno())
