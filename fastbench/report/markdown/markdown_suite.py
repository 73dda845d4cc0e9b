"""A suite as Markdown, short enough for the comment of a pull request: a line for each run."""

from __future__ import annotations

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation import exit_codes
from fastbench.report.markdown.markdown_markup import escaped, table
from fastbench.report.page import seconds
from fastbench.report.suite_rows import reasons, shown

__all__ = ["render"]

HEADS = ("Run", "Outcome", "Time", "Requests", "req/s", "P50", "P95", "P99", "Not ok", "Passed")


def render(told: SuiteResult) -> str:
    """Return the Markdown, ending in a newline."""
    word = "FAIL" if told.code else "PASS"
    why = f" · exit {told.code}, {exit_codes.meaning(told.code)}" if told.code else ""
    sections = [
        [f"## fastbench suite: {escaped(told.name)}"],
        [f"**{word} · {told.headline}, in {seconds(told.elapsed_s)}{why}**"],
        [escaped(told.note)] if told.note else [],
        table(HEADS, [_cells(row) for row in told.rows]),
        _remarks(told),
        [f"fastbench {escaped(told.version)}, {escaped(told.started_at)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    mark = "✅" if row.passed else "❌" if row.code else "–"  # noqa: RUF001
    took = "" if row.code is None else seconds(row.elapsed_s)
    return (escaped(row.name), f"{mark} {row.outcome}", took, *shown(row))


def _remarks(told: SuiteResult) -> list[str]:
    found = [(row.name, reason) for row in told.rows for reason in reasons(row)]
    if not found:
        return []
    return ["### Remarks", "", *(f"- {escaped(name)}: {escaped(why)}" for name, why in found)]
