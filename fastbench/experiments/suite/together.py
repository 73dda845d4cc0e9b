"""Runs of a suite at the same time: a row for each, and one for all of them as one result.

Scripts begin at one start line where all are scripts; a run of URLs begins when it is started. How
far apart the loads began stands in the common report.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

from fastbench import __version__
from fastbench.experiments.suite import run_files, suite_process
from fastbench.experiments.suite.suite_file import Entry
from fastbench.experiments.suite.suite_results import Row
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.foundation import exit_codes
from fastbench.foundation.redact import printable
from fastbench.results.merging.merged_result import merged
from fastbench.results.merging.run_times import Unmergeable
from fastbench.results.result import Result
from fastbench.run import live_figures

Write = Callable[[Result, Mapping[str, str]], str]  # the common files; returns what went wrong
Show = Callable[[Sequence[str]], AbstractContextManager[suite_process.Eyes]]  # by name
_WORD = b"fastbench: "


def carry_out(
    entries: Sequence[Entry],
    out: str,
    forms: Mapping[str, tuple[str, ...]],
    stop: Interrupts,
    show: Show,
    write: Write,
    lines: Callable[[str], str],
) -> list[Row]:
    """Run entries of one group together; return their rows, then that of the whole.

    `lines` gives by its name what a run has of suite_process.Started.lines.
    """
    begun_s = time.monotonic()
    paths = [run_files.paths_of(entry.stem, out) for entry in entries]
    whole = run_files.paths_of(entries[0].group_stem, out)
    try:
        run_files.remove([*paths, whole])
        ended = _ended(entries, paths, forms, stop, show, lines)
    except OSError as error:
        what = f"it was not run, for its files cannot be written: {error}"
        return [Row(each.name, each.what, exit_codes.NOT_WRITTEN, what) for each in entries]
    elapsed_s = time.monotonic() - begun_s
    rows = [
        run_files.row(entry, of, each, elapsed_s, interrupted=stop.came)
        for entry, of, each in zip(entries, paths, ended, strict=True)
    ]
    return [*rows, _common(entries, rows, whole, elapsed_s, write)]


def _ended(
    entries: Sequence[Entry],
    paths: Sequence[Mapping[str, str]],
    forms: Mapping[str, tuple[str, ...]],
    stop: Interrupts,
    show: Show,
    lines: Callable[[str], str],
) -> list[suite_process.Ended]:
    with ExitStack() as stack:
        eyes = stack.enter_context(show([entry.name for entry in entries]))
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fastbench-"))
        scripts = all(entry.kind == "script" for entry in entries)
        them = [
            suite_process.Started(
                run_files.words_of(entry, of, forms[entry.kind]),
                stack.enter_context(open(of[run_files.REPORT], "wb")),
                NamedLines(entry.name, eyes.relay).take,
                None,
                eyes.figures(at),
                lines(entry.name),
            )
            for at, (entry, of) in enumerate(zip(entries, paths, strict=True))
        ]
        return suite_process.run_together(them, stop, folder if scripts else None)


def _common(
    entries: Sequence[Entry],
    rows: Sequence[Row],
    paths: Mapping[str, str],
    elapsed_s: float,
    write: Write,
) -> Row:
    """Return the row of all as one result, with the files of that."""
    name = entries[0].group
    what = f"together: {', '.join(row.name for row in rows)}"
    code = exit_codes.worst(row.code for row in rows if row.code is not None)
    found = [(row.name, row.result) for row in rows if row.result is not None]
    try:
        if len(found) < 2:
            raise Unmergeable("fewer than two of its runs left a result")
        result = merged(found, __version__)
    except Unmergeable as error:
        said = f"there is no common report: {error}"
        return Row(name, what, code or exit_codes.NOT_VALID, said, elapsed_s)
    said = write(result, paths)
    code = code or (exit_codes.NOT_WRITTEN if said else exit_codes.PASSED)
    return Row(name, what, code, said, elapsed_s, run_files.there(paths), result)


class NamedLines:
    """What a run writes for the eyes, line by line, each with its name.

    Its lines about how it goes have that themselves: it is part of their width.
    """

    def __init__(self, name: str, relay: Callable[[bytes], None]) -> None:
        self._name = printable(name).encode()
        self._own = f"{live_figures.line_name(printable(name))}: "
        self._relay = relay
        self._rest = b""

    def take(self, found: bytes) -> None:
        """Take what came; b"" is the end."""
        *lines, self._rest = (self._rest + found).split(b"\n")
        if not found and self._rest:
            lines, self._rest = [self._rest], b""
        for line in lines:
            said = printable(line.removeprefix(_WORD).decode("utf-8", "replace"))
            before = b"" if said.startswith(self._own) else self._name + b": "
            self._relay(_WORD + before + said.encode() + b"\n")
