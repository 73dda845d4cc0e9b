"""The per-second series as CSV: a header row with units in the names, then a row per second."""

from __future__ import annotations

import csv
import io

from fastbench.errors import KINDS
from fastbench.result import Result, SeriesRow

__all__ = ["cell", "render"]

_COLUMNS = (
    "t_s",
    "span_s",
    "requests",
    "requests_per_s",
    "ok",
    "failed",
    "timeouts",
    "bytes_in",
    "p50_ms",
    "p99_ms",
)
# A spreadsheet runs a cell that begins like this as a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(result: Result) -> str:
    """Return the series as CSV text. Every known kind of error has its column, others follow."""
    seen = {kind for row in result.series for kind in row.errors}
    kinds = [*KINDS, *sorted(seen.difference(KINDS))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(cell(name) for name in (*_COLUMNS, *(f"{kind}_errors" for kind in kinds)))
    for row in result.series:
        writer.writerow(cell(value) for value in _values(row, kinds))
    return text.getvalue()


def cell(value: object) -> str:
    """Return one cell as text; what a spreadsheet would run gets an apostrophe in front."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _values(row: SeriesRow, kinds: list[str]) -> list[object]:
    rate = round(row.requests / row.span_s, 3) if row.span_s > 0 else 0.0
    known = {name: getattr(row, name) for name in _COLUMNS if name != "requests_per_s"}
    known["requests_per_s"] = rate
    return [known[name] for name in _COLUMNS] + [row.errors.get(kind, 0) for kind in kinds]
