"""A suite as one HTML file: how it went, then a line for each run with links to its own files.

It stands alone as every page does, and has no script. Its links are the names of files beside it,
so that the folder can be moved, kept with a build, or opened from a disk.
"""

from __future__ import annotations

from urllib.parse import quote

from fastbench.experiments.suite.suite_results import Row as Run
from fastbench.experiments.suite.suite_results import SuiteResult
from fastbench.foundation import exit_codes
from fastbench.foundation.redact import printable
from fastbench.report.html import html_parts
from fastbench.report.html.html_markup import Content, Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.page import plural, seconds
from fastbench.report.suite_rows import heads, machines, reasons, shown

NO_BREAK = "\u00a0"  # of a line: a file each would make tall rows on a phone


def render(result: SuiteResult) -> str:
    """Return the page, ending in a newline."""
    runs = (plural(len(result.rows), "run"), *machines(result))
    about = (*runs, seconds(result.elapsed_s), result.started_at)
    main = html_parts.main(
        html_parts.heading(result.name, [each.replace("T", " ") for each in about], "suite"),
        _verdict(result),
        _runs(result),
        _reasons(result),
        _commands(result),
        html_parts.footer(f"fastbench {result.version}", result.started_at),
    )
    return page(result.name, main)


def _verdict(result: SuiteResult) -> Markup:
    word = "Failed" if result.code else "Passed"
    why = f" Exit code {result.code}: {exit_codes.meaning(result.code)}." if result.code else ""
    note = [html_parts.reasons([result.note])] if result.note else []
    kind = "fail" if result.code else "pass"
    return html_parts.verdict(word, kind, [f"{result.headline}.{why}"], note)


def _runs(result: SuiteResult) -> Markup:
    rows: list[Row] = [
        [
            _named(run),
            _outcome(run),
            "" if run.code is None else seconds(run.elapsed_s),
            *shown(run)[:-1],
            TableCell(shown(run)[-1], "bad" if run.code == 99 else ""),
            _files(run),
        ]
        for run in result.rows
    ]
    *figures, held = heads(result.rows)
    names = ("run", "", "time", *figures, f"thresholds {held}", "files")
    right = [f"{name} #" if name in names[2:-1] else name for name in names]
    return section("Runs", table(right, rows), identity="runs")


def _named(run: Run) -> Content:
    """Return the name, a link where the run has a page."""
    file = run.files.get("html")
    return el("a", run.name, href=_link(file)) if file else run.name


def _outcome(run: Run) -> TableCell:
    """Say the outcome in a word and a shape, for those who see no colour."""
    if run.code is None:
        return TableCell("– not run", "warn")  # noqa: RUF001
    return (
        TableCell(f"✓ {run.outcome}", "good")
        if run.passed
        else TableCell(f"✗ {run.outcome}", "bad")
    )


def _files(run: Run) -> Markup:
    found: list[Content] = []
    for form, file in run.files.items():
        found += [NO_BREAK if found else "", el("a", form, href=_link(file))]
    return el("span", *found)


def _link(file: str) -> str:
    """Return the address of a file beside the page; whatever its name, it is no scheme."""
    return "./" + quote(printable(file), safe="")


def _reasons(result: SuiteResult) -> Markup | None:
    rows: list[Row] = [
        [run.name, el("div", *(el("p", reason) for reason in said))]
        for run in result.rows
        if (said := reasons(run))
    ]
    return section("Remarks", table(("run", "what"), rows), identity="remarks") if rows else None


def _commands(result: SuiteResult) -> Markup:
    rows: list[Row] = [[run.name, el("code", run.what)] for run in result.rows]
    return section("Commands", table(("run", "command"), rows), identity="config")
