"""The table by URL as a page is told of it: cells that only become text, as in the report."""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.foundation.redact import printable
from fastbench.report.columns import NOTHING, ms, percent, share_of
from fastbench.report.text.request_table import answers, of_urls, short_names
from fastbench.results import resolution
from fastbench.results.metric_values import NamedRow

PERCENTILES = ("p50", "p95", "p99")
HEADS = ("URL", "requests #", "share #", "failed #", "statuses", *(f"{p} #" for p in PERCENTILES))

Cell = tuple[str, str, str, str]  # text, class, what stands small below it, the whole of a cut text


def rows(requests: Sequence[NamedRow]) -> list[list[Cell]]:
    """Return the rows, none unless these are the URLs of a plain run."""
    if not of_urls(requests):
        return []
    total = sum(row.requests for row in requests)
    names = short_names(requests)
    return [_row(short, row, total) for short, row in zip(names, requests, strict=True)]


def _row(short: str, row: NamedRow, total: int) -> list[Cell]:
    name = printable(row.name)
    share = share_of(row.requests, total)
    failed = percent(row.failed / row.requests) if row.failed else ""
    times = [resolution.told_ms(row.latency, each) for each in PERCENTILES]
    return [
        (short, "", printable(row.method), "" if short == name else name),
        (f"{row.requests:,}", "num", "", ""),
        (share, "num", "", ""),
        (f"{row.failed:,}", "num bad" if row.failed else "num", failed, ""),
        (answers(row) or NOTHING, "", "", ""),
        *((ms(each), "num", "", "") for each in times),
    ]
