"""Print a page of text to standard output, whatever stands at its other end."""

from __future__ import annotations

import os
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
    """Print the version, or a page of a command's help; return the exit code.

    `wanted` is version, help (its first page) or all (every flag); "" is a run of URLs.
    """
    if wanted == "version":
        from fastbench import __version__

        return write(f"fastbench {__version__}")
    if wanted == "help":
        pages: dict[str, str] = import_module("fastbench.cli.manual.first_pages").PAGES
        return paged(pages[command])
    every: str = import_module("fastbench.cli.manual.help_pages").every_flag(command)
    return paged(every)


def paged(text: str) -> int:
    """Print a page of help; on a terminal that is too small through $PAGER (less), as git does."""
    text = text.rstrip("\n")
    program = os.environ.get("PAGER", "less")
    if program in ("", "cat") or not sys.stdout.isatty() or not sys.stdin.isatty():
        return write(text)
    if text.count("\n") + 2 <= os.get_terminal_size(sys.stdout.fileno()).lines:
        return write(text)
    import shlex
    import subprocess

    from fastbench.foundation import stdio

    sys.stdout.flush()
    # Quit at the end of what fits, colours as they are, and leave the page where it was.
    told = {**os.environ, "LESS": os.environ.get("LESS", "FRX")}
    data = f"{stdio.readable(text, sys.stdout)}\n".encode(sys.stdout.encoding, "replace")
    try:
        shown = subprocess.run(shlex.split(program), input=data, env=told, check=False)
    except (OSError, ValueError):
        return write(text)
    return 0 if shown.returncode == 0 else write(text)


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
