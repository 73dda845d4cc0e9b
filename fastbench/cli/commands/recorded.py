"""A run and its history: told beside the last one of its name, then kept with what became of it."""

from __future__ import annotations

import os
from dataclasses import dataclass

from fastbench.cli.args.earlier_run import default_name
from fastbench.cli.output.delivery import Look
from fastbench.cli.output.settings import Record
from fastbench.experiments.compare.saved_results import load_changes, machine_changes
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history import history_store
from fastbench.results.history.history_entry import Entry
from fastbench.results.result import Result


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run that is to be kept. `before` is the last complete one of its name.

    `changes` say in what else than time the two differ; `problem` why nothing is known of what
    stands in the file, and then nothing is written to it.
    """

    record: Record
    result: Result
    name: str
    before: Entry | None
    changes: tuple[str, ...]
    problem: str

    def line(self, how: Look) -> str:
        """Return what is said below the report, "" when the file could not be read."""
        from fastbench.report.text.history_text import beside_run

        if self.problem:
            return ""
        now = Entry.of(self.result, self.name)
        return "\n" + how.drawn(beside_run, now, self.before, self.changes)

    def keep(self, document: bytes, exit_code: int) -> str:
        """Add the run to the file; return what went wrong, "" if nothing."""
        if self.problem:
            return self.problem
        try:
            history_store.keep(
                self.record.path, Entry.of(self.result, self.name, exit_code), document
            )
        except UsageError as error:
            return str(error)
        return ""


def looked_up(result: Result, record: Record) -> Recorded:
    """Find the run that this one follows."""
    name = record.name or default_name(result.config)
    before: Entry | None = None
    changes: tuple[str, ...] = ()
    problem = ""
    if os.path.exists(record.path):
        try:
            with history_store.opened(record.path) as kept:
                before = kept.last_complete(name)
                changes = () if before is None else _changes(kept, before, result)
        except UsageError as error:
            problem = str(error)
    return Recorded(record, result, name, before, changes, problem)


def _changes(kept: history_store.History, before: Entry, result: Result) -> tuple[str, ...]:
    """Say in what else the runs differ; a document that cannot be read says nothing of it."""
    try:
        base = kept.result(before.id)
    except UsageError:
        return ("its document cannot be read",)
    parts = {
        "other load": load_changes(base, result),
        "other machine": machine_changes(base, result),
    }
    return tuple(f"{what}: {', '.join(found)}" for what, found in parts.items() if found)
