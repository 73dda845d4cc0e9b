"""A suite for people: a line for each run, what is wrong with those that failed, the whole."""

from __future__ import annotations

import textwrap

from fastbench.experiments.suite.suite_results import Row, SuiteResult
from fastbench.foundation.redact import printable
from fastbench.report.columns import NOTHING
from fastbench.report.page import Page, Paint, cut, cut_within, fitted, seconds, stacked
from fastbench.report.suite_rows import heads, machines, reasons, shown

MIN_NAME = 8
OUTCOME_COLUMNS = 17  # the longest there is
MARK_COLUMNS = 4
BETWEEN = 2
MAX_REASONS = 4  # of one run


def render(result: SuiteResult, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    parts = (_table, _reasons, _whole)
    return fitted(lambda page: stacked(part(page, result) for part in parts), color, width, unicode)


def line(row: Row) -> str:
    """Return one run in one line, for when it has ended."""
    names = heads([row])
    cells = [(head, cell) for head, cell in zip(names, shown(row), strict=True) if cell != NOTHING]
    about = [f"{cell} {head}" if head in names[:2] else f"{head} {cell}" for head, cell in cells]
    ended = f"{row.outcome} after {seconds(row.elapsed_s)}"
    return printable("; ".join([f"{row.name}: {ended}", *([", ".join(about)] if about else [])]))


def _table(page: Page, result: SuiteResult) -> list[str]:
    """Return the table; where it is narrow, what is least asked for is left out."""
    cells = [shown(row) for row in result.rows]
    names = heads(result.rows)
    columns = [max(len(head), *(len(row[at]) for row in cells)) for at, head in enumerate(names)]
    kept = _fitting(page, columns)
    room = page.width - _width(columns, kept) - _fixed()
    name = max(MIN_NAME, min(room, max(len(printable(row.name)) for row in result.rows)))
    above = "".join(f"{names[at]:>{columns[at] + BETWEEN}}" for at in kept)
    found = [page.dim(f"    {'run':<{name}}  {'':<{OUTCOME_COLUMNS}}{above}")]
    for row, texts in zip(result.rows, cells, strict=True):
        mark, paint = _look(page, row)
        figures = "".join(f"{texts[at]:>{columns[at] + BETWEEN}}" for at in kept)
        label = f"{cut_within(printable(row.name), name):<{name}}"
        outcome = paint(f"{row.outcome:<{OUTCOME_COLUMNS}}")
        found.append(f"  {paint(mark)} {label}  {outcome}{figures}".rstrip())
    return found


def _fitting(page: Page, columns: list[int]) -> list[int]:
    """Return which columns have room: p50 goes first, the rate, p99 and not ok stay."""
    kept = list(range(len(columns)))
    for least in (2, 0, 3, 6):
        if _width(columns, kept) + _fixed() + MIN_NAME <= page.width:
            break
        kept.remove(least)
    return kept


def _fixed() -> int:
    """Return what stands beside the names and the figures."""
    return MARK_COLUMNS + BETWEEN + OUTCOME_COLUMNS


def _width(columns: list[int], kept: list[int]) -> int:
    return sum(columns[at] + BETWEEN for at in kept)


def _look(page: Page, row: Row) -> tuple[str, Paint]:
    """Return mark and colour; each mark has its own shape, for those who see no colour."""
    if row.code is None:
        return ("–" if page.unicode else "-"), page.dim  # noqa: RUF001
    if row.passed:
        return ("✓" if page.unicode else "+"), page.green
    return ("✗" if page.unicode else "x"), page.red


def _reasons(page: Page, result: SuiteResult) -> list[str]:
    """Say of each run that did not pass, and of each comparison, what there is to say."""
    found = []
    for row in result.rows:
        said = reasons(row)
        if not said:
            continue
        found.append("  " + page.bold(cut(printable(row.name), page.width - 2)))
        for reason in said[:MAX_REASONS]:
            wrapped = textwrap.wrap(printable(reason), page.width - 4, break_on_hyphens=False)
            found += [f"    {each}" for each in wrapped]
        if len(said) > MAX_REASONS:
            found.append(page.dim(f"    … {len(said) - MAX_REASONS} more"))
    return found


def _whole(page: Page, result: SuiteResult) -> list[str]:
    title = "PASSED" if not result.code else "FAILED"
    paint = page.green if not result.code else page.red
    words = f"{result.headline}, in {seconds(result.elapsed_s)}"
    words += f"; exit {result.code}" if result.code else ""
    first, *more = textwrap.wrap(words, page.width - len(title) - BETWEEN)
    for said in (*machines(result), result.note):
        more += textwrap.wrap(printable(said), page.width - len(title) - BETWEEN)
    indent = " " * (len(title) + BETWEEN)
    return [f"{paint(title)}{' ' * BETWEEN}{first}", *(indent + line for line in more)]
