"""The stages of a load as a table of the page, and the limit that they show."""

from __future__ import annotations

from fastbench.report import stage_rows
from fastbench.report.html import html_parts
from fastbench.report.html.html_markup import Content, Markup, Row, TableCell, el, section, table
from fastbench.report.stage_rows import StageCells
from fastbench.results.result import Result

_MARKS = {"good": "✓ ", "warn": "⚠ ", "bad": "✗ "}


def stages(result: Result) -> Markup | None:
    """Return what was asked, measured and met stage by stage; None of a load without stages."""
    if not result.stages:
        return None
    names = stage_rows.heads(result)
    heads = ("stage", *(name if name == "goals" else f"{name} #" for name in names))
    rows: list[Row] = [_row(each, names) for each in stage_rows.rows(result)]
    said = stage_rows.sentence(result)
    told = [el("p", html_parts.sentence(f"capacity: {said}"))] if said else []
    return section("Stages", *told, table(heads, rows), identity="stages")


def _row(row: StageCells, names: tuple[str, ...]) -> Row:
    cells: list[Content | TableCell] = []
    for name, cell in zip(names, row.cells, strict=True):
        if name == "goals":
            why = [el("small", f"{text}: {observed}") for text, observed in row.broken.items()]
            content = el("div", _MARKS.get(row.kind, "") + cell, *why)
            cells.append(TableCell(content, row.kind))
        else:
            cells.append(cell)
    return [row.name, *cells]
