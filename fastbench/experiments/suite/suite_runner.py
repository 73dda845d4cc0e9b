"""A suite as it runs: wait for the server, one run after the other, a row for each.

Nothing here ends it early but a signal and `stop_on_failure`: a run that fails, or whose process
dies, is a row like every other.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastbench import __version__
from fastbench.experiments.suite import artifacts, suite_process
from fastbench.experiments.suite.suite_file import COMMANDS, Entry, Suite
from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.foundation import exit_codes, signals
from fastbench.machine import environment
from fastbench.plan import readiness
from fastbench.plan.urls import Url

# The files of a run, by the flag that asks for them; a comparison has a document alone.
FORMS = {"html": ".html", "json": ".json", "md": ".md", "junit": ".junit.xml"}
REPORT = "text"  # what the run prints
ENDINGS = {REPORT: ".txt", **FORMS}


@dataclass(frozen=True, slots=True)
class SuiteObserver:
    """Who listens. `relay` takes what a run writes for the eyes; `terminal_fd` is where it ends.

    `begins` is called before a run starts: which of how many; `ended` with its row.
    """

    relay: Callable[[bytes], None]
    terminal_fd: int | None
    begins: Callable[[Entry, int, int], None]
    ended: Callable[[Row], None]
    waits: Callable[[Url], None]


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
    left_out = [Row(entry.name, entry.what, None) for entry in suite.entries[len(rows) :]]
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
    for at, entry in enumerate(suite.entries, 1):
        if at > 1 and suite.pause_s:
            stop.nap(suite.pause_s)
        stop.check()
        observer.begins(entry, at, len(suite.entries))
        row = _run(entry, suite.out, forms[entry.kind], stop, observer)
        rows.append(row)
        observer.ended(row)
        if stop.came:
            return "a signal ended the suite"
        if row.code and suite.stop_on_failure and at < len(suite.entries):
            return f"{row.name} failed, and stop_on_failure leaves out the rest"
    return ""


def _run(
    entry: Entry, out: str, forms: tuple[str, ...], stop: Interrupts, observer: SuiteObserver
) -> Row:
    """Run one entry, and read what it left."""
    paths = {form: os.path.join(out, entry.stem + ending) for form, ending in ENDINGS.items()}
    at = len(COMMANDS[entry.kind])
    words = [*entry.words[:at], *(f"--{form}={paths[form]}" for form in forms), *entry.words[at:]]
    begun_s = time.monotonic()
    try:
        for path in paths.values():  # or an earlier suite's would be taken for this one's
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        with open(paths[REPORT], "wb") as report:
            ended = suite_process.run(words, report, stop, observer.relay, observer.terminal_fd)
    except OSError as error:
        what = f"it was not run, for its files cannot be written: {error}"
        return Row(entry.name, entry.what, exit_codes.NOT_WRITTEN, what)
    elapsed_s = time.monotonic() - begun_s
    if not _holds(paths[REPORT]):
        os.unlink(paths[REPORT])
    files = {form: os.path.basename(path) for form, path in paths.items() if _holds(path)}
    result, comparison = artifacts.read(paths["json"]) if "json" in files else (None, None)
    code, said = ended.code, ended.said
    if code < 0:
        more = f"; it said: {said}" if said else ""
        said = f"its process was ended by {signals.name_of(-code)}{more}"
        code = exit_codes.INTERRUPTED if stop.came else code
    if code == exit_codes.PASSED and result is not None and result.outcome.level == "failed":
        code = exit_codes.NOT_VALID  # a suite is a gate: what went wrong does not pass it
    killed = ended.code < 0
    return Row(entry.name, entry.what, code, said, elapsed_s, files, result, comparison, killed)


def _holds(path: str) -> bool:
    """Tell whether there is a file with something in it."""
    try:
        return os.path.getsize(path) > 0
    except OSError:
        return False
