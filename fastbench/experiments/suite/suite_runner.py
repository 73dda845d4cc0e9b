"""A suite as it runs: wait for the server, one run after the other, a row for each.

Nothing here ends it early but a signal and `stop_on_failure`: a run that fails, or whose process
dies, is a row like every other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from fastbench import __version__
from fastbench.experiments.suite import run_files, suite_process, together
from fastbench.experiments.suite.suite_file import Entry, Suite
from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.foundation import exit_codes
from fastbench.machine import environment
from fastbench.plan.network import readiness
from fastbench.plan.urls import Url
from fastbench.results.result import Result


@dataclass(frozen=True, slots=True)
class SuiteObserver:
    """Who listens. `relay` takes what a run writes for the eyes; `terminal_fd` is where it ends.

    `begins` is called before a run starts: which of how many; `ended` with its row. `writes` takes
    the common result of runs at the same time, and its files by form; it returns what went wrong.
    `together` shows such runs while they go, by their names. `lines_every_s` is how often a run
    without a terminal says how it goes, 0 never.
    """

    relay: Callable[[bytes], None]
    terminal_fd: int | None
    begins: Callable[[Entry, int, int], None]
    ended: Callable[[Row], None]
    waits: Callable[[Url], None]
    writes: Callable[[Result, Mapping[str, str]], str]
    together: together.Show
    lines_every_s: float

    def lines(self, name: str) -> str:
        """Return what a run is told of that; `name` stands in each of its lines."""
        return f"{self.lines_every_s:g} {name}"


def carry_out(
    suite: Suite, forms: Mapping[str, tuple[str, ...]], observer: SuiteObserver
) -> SuiteResult:
    """Run all of a suite; `forms` are those that each kind of run can write."""
    begun_s = time.monotonic()
    started_at = environment.describe().started_at
    rows: list[Row] = []
    note = ""
    with Interrupts() as stop:
        try:
            note = _wait(suite, stop, observer)
            if not note:
                note = _run_all(suite, forms, stop, observer, rows)
        except Interrupted:
            note = "a signal ended the suite"
        came = stop.came
    code = exit_codes.worst(row.code for row in rows if row.code is not None)
    if came:
        code = exit_codes.INTERRUPTED
    elif not rows:
        code = exit_codes.NOTHING
    told = {row.name for row in rows}
    left_out = [
        Row(entry.name, entry.what, None) for entry in suite.entries if entry.name not in told
    ]
    elapsed_s = time.monotonic() - begun_s
    whole = (*rows, *left_out)
    return SuiteResult(suite.name, __version__, started_at, elapsed_s, whole, code, note)


def _wait(suite: Suite, stop: Interrupts, observer: SuiteObserver) -> str:
    """Wait for the server; return a sentence if it did not come."""
    wait = suite.wait_for
    if wait is None or wait.url is None:
        return ""
    url = wait.url
    return readiness.until_ready(url, wait.limit_s, nap=stop.nap, late=lambda: observer.waits(url))


def _run_all(
    suite: Suite,
    forms: Mapping[str, tuple[str, ...]],
    stop: Interrupts,
    observer: SuiteObserver,
    rows: list[Row],
) -> str:
    """Run one after the other, adding to the rows; return why not all of them were run."""
    at = 0
    while at < len(suite.entries):
        if at and suite.pause_s:
            stop.nap(suite.pause_s)
        stop.check()
        these = _at_once(suite.entries[at:])
        for number, entry in enumerate(these, at + 1):
            observer.begins(entry, number, len(suite.entries))
        at += len(these)
        if len(these) > 1:
            found = together.carry_out(
                *(these, suite.out, forms, stop, observer.together, observer.writes),
                observer.lines,
            )
        else:
            name = f"{these[0].name} ({at} of {len(suite.entries)})"
            found = [_run(these[0], suite.out, forms[these[0].kind], stop, observer, name)]
        rows += found
        for row in found:
            observer.ended(row)
        if stop.came:
            return "a signal ended the suite"
        failed = [row for row in found if row.code]
        if failed and suite.stop_on_failure and at < len(suite.entries):
            return f"{failed[0].name} failed, and stop_on_failure leaves out the rest"
    return ""


def _at_once(entries: Sequence[Entry]) -> list[Entry]:
    """Return the first run, with those beside it that are to run at the same time."""
    first = entries[0]
    if not first.group:
        return [first]
    return list(takewhile(lambda entry: entry.group == first.group, entries))


def _run(
    entry: Entry,
    out: str,
    forms: tuple[str, ...],
    stop: Interrupts,
    observer: SuiteObserver,
    name: str,
) -> Row:
    """Run one entry, and read what it left; `name` is that of its lines."""
    paths = run_files.paths_of(entry.stem, out)
    words = run_files.words_of(entry, paths, forms)
    begun_s = time.monotonic()
    try:
        run_files.remove([paths])
        with open(paths[run_files.REPORT], "wb") as report:
            ended = suite_process.run(
                words, report, stop, observer.relay, observer.terminal_fd, observer.lines(name)
            )
    except OSError as error:
        what = f"it was not run, for its files cannot be written: {error}"
        return Row(entry.name, entry.what, exit_codes.NOT_WRITTEN, what)
    elapsed_s = time.monotonic() - begun_s
    return run_files.row(entry, paths, ended, elapsed_s, interrupted=stop.came)
