"""What became of the runs of a suite: a row for each, with whatever it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation import exit_codes
from fastbench.results.result import Result

NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Row:
    """One run. `code` is its exit code, below 0 for a signal; None where it was not run.

    `what` is its command line, secrets masked. `said` is the last sentence of its process. `files`
    are those it left, by form.
    """

    name: str
    what: str
    code: int | None
    said: str = ""
    elapsed_s: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)
    result: Result | None = None
    comparison: Comparison | None = None
    killed: bool = False  # by a signal: what it left was written before its end

    @property
    def outcome(self) -> str:
        """Return how it ended, in a word or two."""
        return NOT_RUN if self.code is None else exit_codes.meaning(self.code)

    @property
    def passed(self) -> bool:
        """Tell whether it was run and has nothing to complain of."""
        return self.code == 0


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """A whole suite. `code` is its exit code, `note` why it ended early, "" if it did not."""

    name: str
    version: str
    started_at: str
    elapsed_s: float
    rows: tuple[Row, ...]
    code: int
    note: str = ""

    @property
    def headline(self) -> str:
        """Say in one sentence how it went."""
        counts = [f"{sum(row.passed for row in self.rows)} of {len(self.rows)} passed"]
        failed = sum(bool(row.code) for row in self.rows)
        idle = sum(row.code is None for row in self.rows)
        counts += [f"{failed} failed"] if failed else []
        counts += [f"{idle} not run"] if idle else []
        return ", ".join(counts)
