"""The stages of a load in the report for people, and the limit that they show."""

from __future__ import annotations

import textwrap

from fastbench.foundation.redact import printable
from fastbench.report import columns, stage_rows
from fastbench.report.page import Page, cut
from fastbench.results.result import Result

MAX_STAGES = 12
MAX_BROKEN = 3  # thresholds below a stage
NARROW = ("asked", "per s", "p95", "goals")


def lines(page: Page, result: Result) -> list[str]:
    """Return a row for each stage, below it what failed in it; nothing for a load without some."""
    if not result.stages:
        return []
    heads = stage_rows.heads(result)
    wide = page.width >= columns.WIDE_COLUMNS
    shown = heads if wide else tuple(name for name in heads if name in NARROW)
    places = [heads.index(name) for name in shown]
    found = [columns.heads(page, "STAGES", shown)]
    for row in stage_rows.rows(result, MAX_STAGES):
        bad = {places.index(heads.index("goals"))} if row.kind == "bad" else set()
        cells = [row.cells[at] for at in places]
        found += [columns.row(page, row.name, cells, bad), *_broken(page, row)]
    if (more := len(result.stages) - MAX_STAGES) > 0:
        found.append(page.dim(f"  … {more} more; --json has each"))
    said = stage_rows.sentence(result)
    wrapped = textwrap.wrap(f"Capacity: {said}", page.width - 2, subsequent_indent="  ")
    return [*found, *(f"  {line}" for line in wrapped if said)]


def _broken(page: Page, row: stage_rows.StageCells) -> list[str]:
    told = [f"{text}: {observed}" for text, observed in row.broken.items()]
    more = len(told) - MAX_BROKEN
    told = told[:MAX_BROKEN] + ([f"… {more} more"] if more > 0 else [])
    paint = page.red if row.kind == "bad" else page.dim
    return [paint(cut(f"    {printable(each)}", page.width)) for each in told]
