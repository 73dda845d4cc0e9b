"""The per-second series as CSV: a header row with units in the names, then a row per second."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from fastbench.foundation.errors import KINDS
from fastbench.results.result import Result, SeriesRow
from fastbench.results.usage import Use

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
    "connections",
    "scheduled",
    "dropped",
    "response_p50_ms",
    "response_p99_ms",
)
_OPERATION_COLUMNS = (  # where a script timed something that is no request
    *("operations", "operations_failed", "operation_p50_ms", "operation_p99_ms"),
)
_USE_COLUMNS = (
    "client_cpu_percent",
    "host_cpu_percent",
    "target_cpu_percent",
    "target_rss_bytes",
    "target_fds",
    "target_threads",
)
# A spreadsheet runs a cell that begins like this as a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(result: Result) -> str:
    """Return the series as CSV text. Every known kind of error has its column, others follow."""
    seen = {kind for row in result.series for kind in row.errors}
    kinds = [*KINDS, *sorted(seen.difference(KINDS))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    timed = (
        *(_OPERATION_COLUMNS if result.operations else ()),
        *(("streams",) if result.http2 else ()),
    )
    names = (*_COLUMNS, *_USE_COLUMNS, *timed, *(f"{kind}_errors" for kind in kinds))
    writer.writerow(cell(name) for name in names)
    for row in result.series:
        writer.writerow(cell(value) for value in _values(row, kinds, timed))
    return text.getvalue()


def cell(value: object) -> str:
    """Return one cell as text; what a spreadsheet would run gets an apostrophe in front."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text


def _values(row: SeriesRow, kinds: list[str], timed: Sequence[str]) -> list[object]:
    rate = round(row.requests / row.span_s, 3) if row.span_s > 0 else 0.0
    known = {name: getattr(row, name) for name in _COLUMNS if name != "requests_per_s"}
    known["requests_per_s"] = rate
    known["streams"] = row.streams
    known |= _used(row.use)
    errors = [row.errors.get(kind, 0) for kind in kinds]
    if (found := row.operations) is not None:
        values = (found.ended, found.failed, found.p50_ms, found.p99_ms)
        known |= dict(zip(_OPERATION_COLUMNS, values, strict=True))
    return [known.get(name) for name in (*_COLUMNS, *_USE_COLUMNS, *timed)] + errors


def _used(use: Use | None) -> dict[str, object]:
    """Return what was used; the host's share is the mean of its cores, targets are added up."""
    if use is None:
        return {}
    known: dict[str, object] = {}
    if use.client_cpu_percent is not None:
        known["client_cpu_percent"] = round(use.client_cpu_percent, 3)
    if cores := use.host.core_percents:
        known["host_cpu_percent"] = round(sum(cores) / len(cores), 3)
    if use.targets:
        known |= {
            "target_cpu_percent": round(sum(each.cpu_percent for each in use.targets), 3),
            "target_rss_bytes": sum(each.rss_bytes for each in use.targets),
            "target_fds": sum(each.fds or 0 for each in use.targets),
            "target_threads": sum(each.threads for each in use.targets),
        }
    return known
