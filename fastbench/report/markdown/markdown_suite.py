"""A suite as Markdown, short enough for the comment of a pull request: a line for each run."""

from __future__ import annotations

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation import exit_codes
from fastbench.report.markdown.markdown_markup import escaped, table
from fastbench.report.page import seconds
from fastbench.report.suite_rows import heads, machines, reasons, shown


def render(result: SuiteResult) -> str:
    """Return the Markdown, ending in a newline."""
    word = "FAIL" if result.code else "PASS"
    why = f" · exit {result.code}, {exit_codes.meaning(result.code)}" if result.code else ""
    names = [each if "/" in each else each.capitalize() for each in heads(result.rows)]
    sections = [
        [f"## fastbench suite: {escaped(result.name)}"],
        [f"**{word} · {result.headline}, in {seconds(result.elapsed_s)}{why}**"],
        [f"{escaped(', '.join(carried))}."] if (carried := machines(result)) else [],
        [escaped(result.note)] if result.note else [],
        table(("Run", "Outcome", "Time", *names), [_cells(row) for row in result.rows]),
        _remarks(result),
        [f"fastbench {escaped(result.version)}, {escaped(result.started_at)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    mark = "✅" if row.passed else "❌" if row.code else "–"  # noqa: RUF001
    took = "" if row.code is None else seconds(row.elapsed_s)
    return (escaped(row.name), f"{mark} {row.outcome}", took, *shown(row))


def _remarks(result: SuiteResult) -> list[str]:
    found = [(row.name, reason) for row in result.rows for reason in reasons(row)]
    if not found:
        return []
    return ["### Remarks", "", *(f"- {escaped(name)}: {escaped(why)}" for name, why in found)]
