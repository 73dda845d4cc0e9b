"""Where what is written goes: the report to eyes, documents to files and pipes.

What cannot be written is one sentence, and no reason to lose the rest.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from fastbench.cli.help import pager
from fastbench.cli.output import destinations, formats
from fastbench.cli.output.settings import Output
from fastbench.foundation import files, redact, stdio

_STDERR = frozenset({"/dev/stderr", "/dev/fd/2", "/proc/self/fd/2"})
_NO_READER = "its reader closed the pipe"


@dataclass(frozen=True, slots=True)
class Look:
    """How a report for people is drawn, and in which encoding it is written."""

    color: bool
    width: int
    unicode: bool
    encoding: str

    def drawn(self, render: Callable[..., str], *shown: object) -> str:
        """Return what a report for people says of something."""
        return render(*shown, color=self.color, width=self.width, unicode=self.unicode)

    def encoded(self, text: str) -> bytes:
        """Return the text as bytes; what the stream cannot show is replaced."""
        return text.encode(self.encoding, "replace")


def documents(output: Output) -> list[str]:
    """Return where the document goes: standard output under --format json, and --json's FILE."""
    wanted = ("-" if output.format == "json" else None, output.json_path)
    return [path for path in dict.fromkeys(wanted) if path]


def eyes(output: Output) -> TextIO:
    """Return the stream for people: stderr when stdout carries a document."""
    live = (destinations.named(each.where) for each in output.outs)
    taken = "-" in (*documents(output), *output.forms.values(), *live)
    return sys.stderr if taken or output.format in formats.PEERS else sys.stdout


def look(stream: TextIO, colored: bool | None = None) -> Look:
    """Return what the stream can show; colours where the terminal can, unless that is settled."""
    encoding = stream.encoding or "utf-8"
    if colored is None:
        colored = stream.isatty() and os.environ.get("TERM") != "dumb"
    return Look(
        color=colored,
        width=stdio.columns(100),
        unicode=stdio.shows_unicode(stream),
        encoding=encoding,
    )


def as_json(whole: object) -> bytes:
    """Return a document as JSON, indented, ending in a newline."""
    import orjson

    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return redact.escaped_json(orjson.dumps(whole, option=option))


def carry_out(
    output: Output,
    report: Callable[[Look], str],
    document: Callable[[], object],
    formed: Callable[[str], bytes],
) -> bool:
    """Print the report of an experiment, write its document and forms; say what was not written."""
    stream = eyes(output)
    how = look(stream, output.color)
    problems = [] if output.quiet else [to_stream(lambda: how.encoded(report(how)), stream)]
    problems += [to_path(path, lambda: as_json(document())) for path in documents(output)]
    problems += [to_path(path, partial(formed, form)) for form, path in output.forms.items()]
    return tell_all(problems)


def tell(sentence: str) -> None:
    """Say a sentence on stderr; it is no reason to fail when nobody reads it."""
    try:
        sys.stderr.write(stdio.sentence(f"fastbench: {sentence}\n", sys.stderr))
    except OSError:
        return


def relayed(data: bytes) -> None:
    """Pass on what a run writes for the eyes; nobody has to be there."""
    try:
        sys.stderr.flush()
        sys.stderr.buffer.write(data)
        sys.stderr.buffer.flush()
    except OSError:
        return


def tell_all(problems: Iterable[str]) -> bool:
    """Say what could not be written; true if there is anything.

    A reader that went away knows it: no sentence, but the exit code.
    """
    found = [problem for problem in problems if problem]
    for problem in found:
        if not problem.endswith(f"{_NO_READER}."):
            tell(problem)
    return bool(found)


def to_path(path: str, render: Callable[[], bytes]) -> str:
    """Write a file, or standard output for "-"; return what went wrong, "" if nothing."""
    if path == "-":
        if stdio.was_closed(1):
            return "standard output was not written: it is closed."
        return to_stream(render, sys.stdout)
    if path in _STDERR:  # opened anew, a file behind it would lose what it holds
        return to_stream(render, sys.stderr)
    try:
        files.write_atomic(path, render())
    except OSError as error:
        return f"{redact.printable(path)} was not written: {_reason(error)}."
    return ""


def to_stream(render: Callable[[], bytes], stream: TextIO) -> str:
    """Write to a stream; return what went wrong, "" if nothing."""
    try:
        stream.buffer.write(render())
        stream.buffer.flush()
        if lost := stdio.lost(stream):
            raise lost
    except OSError as error:
        if stream is sys.stdout:
            pager.mute()
        return f"{stream.name.strip('<>')} was not written: {_reason(error)}."
    return ""


def _reason(error: OSError) -> str:
    if isinstance(error, BrokenPipeError):
        return _NO_READER
    return (error.strerror or str(error)).lower()
