"""The machines of a run in the report for people."""

from __future__ import annotations

import textwrap

from fastbench.foundation.redact import printable
from fastbench.report import columns, machine_columns
from fastbench.report.page import Page
from fastbench.results.result import Result

NARROW = ("ended", "per s", "lag p99", "client")


def lines(page: Page, result: Result) -> list[str]:
    """Return a row for each machine, with what is to be said of it; nothing for one alone."""
    if not result.machines:
        return []
    wide = page.width >= columns.WIDE_COLUMNS
    heads = machine_columns.HEADS if wide else NARROW
    places = [machine_columns.HEADS.index(name) for name in heads]
    found = [columns.heads(page, "MACHINES", heads)]
    for row in result.machines:
        cells = machine_columns.cells(row)
        found.append(columns.row(page, printable(row.name), [cells[at] for at in places], set()))
        paint = page.red if machine_columns.bad(row) else page.dim
        told = textwrap.wrap(machine_columns.about(row), page.width - 4, break_on_hyphens=False)
        found += [paint(f"    {line}") for line in told]
    return found
