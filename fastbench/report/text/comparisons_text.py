"""Several candidates for people: a row for each, then each one's report as of two sides."""

from __future__ import annotations

import textwrap

from fastbench.experiments.compare.comparisons_document import Comparisons
from fastbench.foundation.redact import printable
from fastbench.report import candidates
from fastbench.report.candidates import Row
from fastbench.report.columns import NOTHING
from fastbench.report.page import Page, cut, fitted, stacked, told_apart
from fastbench.report.text import comparison_text

FIGURE_COLUMNS = 11
CHANGE_COLUMNS = 10
INTERVAL_COLUMNS = 20
WORD_COLUMNS = 15
WIDE_COLUMNS = 76  # from here on the table has a column of intervals; else they have lines below
LABEL_MOST = 44


def render(found: Comparisons, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    overview = fitted(lambda page: stacked([_overview(page, found)]), color, width, unicode)

    def title(number: int, label: str) -> str:
        return fitted(lambda page: _title(page, number, label) + "\n\n", color, width, unicode)

    details = [
        title(number, label)
        + comparison_text.render(each, color=color, width=width, unicode=unicode)
        for number, (each, label) in enumerate(
            ((each, printable(each.candidate)) for each in found.each), 1
        )
    ]
    return "\n".join((overview, *details))


def _overview(page: Page, found: Comparisons) -> list[str]:
    ended = candidates.ended(found)
    lines = [page.red(cut(ended, page.width)), ""] if ended else []
    wide = page.width >= WIDE_COLUMNS
    rest = FIGURE_COLUMNS + CHANGE_COLUMNS + INTERVAL_COLUMNS * wide + WORD_COLUMNS + 2
    rows = candidates.rows(found)
    base = printable(found.base)
    room = min(LABEL_MOST, page.width - rest)
    names = told_apart([base, *(row.label for row in rows)], room)
    first = max(map(len, names))
    name = candidates.metric_name(found)
    head = f"  {'':<{first}}{name:>{FIGURE_COLUMNS}}{'change':>{CHANGE_COLUMNS}}"
    head += f"{candidates.sure(found) if wide else '':>{INTERVAL_COLUMNS * wide}}"
    lines.append(page.dim(head))
    figure = f"{candidates.base_figure(found):>{FIGURE_COLUMNS}}"
    lines.append(f"  {names[0]:<{first}}{figure}{'base':>{CHANGE_COLUMNS}}")
    for row, label in zip(rows, names[1:], strict=True):
        lines.append(_row(page, row, f"{label:<{first}}", wide=wide))
        if not wide and row.interval != NOTHING:
            below = f"{candidates.sure(found)} {row.interval}"
            lines.append(page.dim(f"  {below:>{first + FIGURE_COLUMNS + CHANGE_COLUMNS}}"))
    told = candidates.together(found)
    return [*lines, *(page.dim(f"  {each}") for each in textwrap.wrap(told, page.width - 2))]


def _row(page: Page, row: Row, label: str, *, wide: bool) -> str:
    text = f"  {label}{row.typical:>{FIGURE_COLUMNS}}{row.change:>{CHANGE_COLUMNS}}"
    if wide:
        text += f"{row.interval:>{INTERVAL_COLUMNS}}"
    paints = {"better": page.green, "worse": page.red, "REGRESSION": page.red}
    return text + "   " + paints.get(row.word, page.dim)(row.word)


def _title(page: Page, number: int, label: str) -> str:
    title = f"CANDIDATE {number}"
    return page.bold(title) + "  " + cut(label, page.width - len(title) - 2)
