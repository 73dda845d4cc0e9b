"""A suite as one HTML file: how it went, then a line for each run with links to its own files.

It stands alone as every page does. Its links are the names of files beside it, so that the folder
can be moved, kept with a build, or opened from a disk.
"""

from __future__ import annotations

from urllib.parse import quote

from fastbench.experiments.suite.suite_results import Row as Run
from fastbench.experiments.suite.suite_results import SuiteResult
from fastbench.foundation import exit_codes
from fastbench.foundation.redact import printable
from fastbench.report.html import html_asked, html_parts
from fastbench.report.html.html_markup import Content, Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.html.html_verdict import Figure
from fastbench.report.page import plural, seconds
from fastbench.report.suite_rows import heads, machines, reasons, shown

NO_BREAK = "\u00a0"  # of a line: a file each would make tall rows on a phone


def render(result: SuiteResult) -> str:
    """Return the page, ending in a newline."""
    runs = (plural(len(result.rows), "run"), *machines(result))
    when = html_parts.when(result.started_at)
    about = (*runs, seconds(result.elapsed_s), when)
    main = html_parts.main(
        html_parts.heading(result.name, about, "suite"),
        _verdict(result),
        html_parts.figures(_figures(result)),
        _runs(result),
        _reasons(result),
        _commands(result),
        html_parts.footer(f"fastbench {result.version}", when),
    )
    return page(f"{_word(result)}: {result.name}", main)


def _word(result: SuiteResult) -> str:
    return "Failed" if result.code else "Passed"


def _verdict(result: SuiteResult) -> Markup:
    why = f" Exit code {result.code}: {exit_codes.meaning(result.code)}." if result.code else ""
    told = [el("p", f"{result.headline}.{why}", class_="sentence")]
    unjudged = [run.name for run in result.rows if run.passed and _judged(run)]
    if unjudged:
        told.append(el("p", f"Nothing was judged in {', '.join(unjudged)}."))
    note = [html_parts.reasons([result.note])] if result.note else []
    kind = "fail" if result.code else "doubt" if any(map(_warned, result.rows)) else "pass"
    return html_parts.verdict(_word(result), kind, told, note)


def _figures(result: SuiteResult) -> list[Figure]:
    """Return how many runs passed and failed, the same of thresholds, and how long it took."""
    rows = result.rows
    passed, failed = sum(run.passed for run in rows), sum(bool(run.code) for run in rows)
    held = [each for run in rows if run.result for each in run.result.thresholds.values()]
    broken = sum(not each.ok for each in held)
    idle = len(rows) - passed - failed
    bad = "bad" if failed else ""
    return [
        Figure("runs passed", str(passed), f"of {len(rows)}"),
        Figure("runs failed", str(failed), f"{idle} not run" if idle else "", bad),
        Figure("thresholds failed", str(broken), f"of {len(held)}", "bad" if broken else ""),
        Figure("time", seconds(result.elapsed_s), "with all pauses"),
    ]


def _judged(run: Run) -> str:
    """Say that a run passed without being judged, "" for one that was."""
    if run.comparison is not None:
        if run.comparison.primary not in run.comparison.metrics:
            return "no valid pair, so no result"
        return "" if run.comparison.regression_limit is not None else "no limit, so not judged"
    if run.result is None or run.result.thresholds:
        return ""
    return "no thresholds, so not judged"


def _warned(run: Run) -> bool:
    """Tell whether a run passed and still has something against it."""
    unsettled = run.comparison is not None and run.comparison.verdict == "inconclusive"
    wrong = run.result is not None and run.result.outcome.level != "ok"
    return run.passed and (unsettled or wrong)


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
    return el("div", el("a", run.name, href=_link(file)) if file else run.name)


def _outcome(run: Run) -> TableCell:
    """Say the outcome in a word and a shape, for those who see no colour."""
    if run.code is None:
        return TableCell("– not run", "warn")  # noqa: RUF001
    mark, kind = ("✓", "good") if run.passed else ("✗", "bad")
    if _warned(run):
        mark, kind = "⚠", "warn"
    note = [el("small", told)] if run.passed and (told := _judged(run)) else []
    return TableCell(el("span", f"{mark} {run.outcome}", *note), kind)


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
    """Return how each run is made again, to be copied."""
    told: list[Markup] = []
    for run in result.rows:
        told += [el("p", run.name, class_="run"), html_asked.copyable(run.what)]
    return section("How they were run", *told, identity="asked")
