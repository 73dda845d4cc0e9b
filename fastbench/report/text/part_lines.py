"""The runs of a merged result in the report for people."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.report import columns, part_rows
from fastbench.report.page import Page, cut
from fastbench.results.result import Result

NARROW = ("began", "ended", "not ok", "per s", "p99")


def lines(page: Page, result: Result) -> list[str]:
    """Return a row for each run, with what it was below it; nothing for a single run."""
    if not result.parts:
        return []
    wide = page.width >= columns.WIDE_COLUMNS + 20
    heads = part_rows.HEADS if wide else NARROW
    places = [part_rows.HEADS.index(name) for name in heads]
    found = [columns.heads(page, "RUNS", heads)]
    for part in result.parts:
        cells = part_rows.cells(part)
        red = {places.index(part_rows.BAD)} if part.not_ok else set()
        found.append(columns.row(page, printable(part.name), [cells[at] for at in places], red))
        paint = page.red if part.outcome == "failed" else page.dim
        found.append(paint(cut("  " + part_rows.about(part), page.width)))
    return found
