"""The table of requests: those that a script names, or the URLs of a run of several.

Rows that have failures are never among those that are left out for want of room.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.foundation.redact import printable
from fastbench.report import columns
from fastbench.report.page import Page, cut, plural, told_apart
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result

MAX_ROWS = 20
LONG_NAME = 72  # from here on a name is cut where it would make a row of a table tall
MAX_STATUSES = 8
BESIDE = 3  # what stands beside a long name has a third of its room


def lines(page: Page, result: Result) -> list[str]:
    """Return the table; a single row that gives no reasons says no more than the whole."""
    rows = _ordered(result.requests)
    if len(rows) < 2 and not any(row.reasons for row in rows):
        return []
    wide = page.width >= columns.WIDE_COLUMNS
    several = len({row.scenario for row in rows}) > 1
    urls = of_urls(rows)
    word = noun(rows)
    counted, rate = ("requests", "req/s") if word == "request" else ("ops", "op/s")
    heads = (counted, *(("share" if urls else rate,) if wide else ()), "failed")
    heads += ("p50", "p95", "p99") if wide else ("p50", "p99")
    found = [columns.heads(page, "URLS" if urls else _title(rows), heads)]
    most = shown(rows)
    total = sum(row.requests for row in rows)
    labels = _labels(most, columns.room(page, len(heads)) - 3, several=several)
    for row, label in zip(most, labels, strict=True):
        cells = [columns.whole(row.requests)]
        if wide:
            per_s = columns.per_s(row.requests, row.requests_per_s)
            cells.append(columns.share_of(row.requests, total) if urls else per_s)
        red = {len(cells)} if row.failed else set()
        cells += [columns.whole(row.failed), *columns.latencies(row.latency, heads)]
        found.append(columns.row(page, label, cells, red))
        found += [page.dim(cut(f"    {each}", page.width)) for each in [statuses(row)] if each]
    more = rest(rows, most)
    return [*found, page.dim(f"  … {more}; --json has each")] if more else found


def _title(rows: Sequence[NamedRow]) -> str:
    kinds = {row.kind == "http" for row in rows}
    if len(kinds) > 1:
        return "REQUESTS, OPERATIONS"
    return "REQUESTS" if True in kinds else "OPERATIONS BY NAME"


def of_urls(rows: Sequence[NamedRow]) -> bool:
    """Tell whether these are the URLs of a plain run; what a script names has a scenario."""
    return bool(rows) and not any(row.scenario for row in rows)


def noun(rows: Sequence[NamedRow]) -> str:
    """Return what the rows are: requests, unless some are of another kind."""
    return "request" if all(row.kind == "http" for row in rows) else "operation"


def statuses(row: NamedRow) -> str:
    """Say which statuses, reasons and timeouts a row had, "" where all went well and alike."""
    told = row.failed or row.in_flight_at_end or len(row.status_codes) > 1
    return answers(row) if told else ""


def answers(row: NamedRow) -> str:
    """Say which statuses and timeouts, or why some failed, the most frequent first."""
    most = sorted((row.reasons or row.status_codes).items(), key=lambda each: -each[1])
    parts = [f"{printable(code)}: {count:,}" for code, count in most[:MAX_STATUSES]]
    parts += [f"{len(most) - MAX_STATUSES} more"] if len(most) > MAX_STATUSES else []
    parts += [plural(row.timeouts, "timeout")] if row.timeouts else []
    if row.timeouts is not None:  # of a URL: all its answers are known
        lost = row.requests - row.timeouts - sum(row.status_codes.values())
        parts += [f"{lost:,} without a response"] if lost > 0 else []
    parts += [f"{row.in_flight_at_end:,} under way at the end"] if row.in_flight_at_end else []
    return ", ".join(parts)


def asked_as(row: NamedRow) -> str:
    """Return the method of a request, the kind of another operation."""
    return printable(row.method) if row.kind == "http" else row.kind


def called(row: NamedRow, *, several: bool) -> str:
    """Return the name as a threshold takes it, then how it was asked for, and where."""
    return "  ".join(part for part in (printable(row.name), _beside(row, several)) if part)


def _ordered(rows: Sequence[NamedRow]) -> list[NamedRow]:
    """Put the most requests of a script first; URLs stand by their weight already."""
    if any(row.scenario for row in rows):
        return sorted(rows, key=lambda row: -row.requests)
    return list(rows)


def shown(rows: Sequence[NamedRow]) -> list[NamedRow]:
    """Return the rows for which there is room, in their order."""
    first = sorted(range(len(rows)), key=lambda at: (not rows[at].failed, at))
    return [rows[at] for at in sorted(first[:MAX_ROWS])]


def rest(rows: Sequence[NamedRow], most: Sequence[NamedRow]) -> str:
    """Say what there is beside the rows that are shown, "" where those are all."""
    if len(rows) == len(most):
        return ""
    requests = sum(row.requests for row in rows) - sum(row.requests for row in most)
    bad = sum(row.failed > 0 for row in rows) - sum(row.failed > 0 for row in most)
    failing = f", {bad:,} of them failing" if bad else ""
    return f"{len(rows) - len(most)} more{failing}, with {plural(requests, noun(rows))}"


def short_names(rows: Sequence[NamedRow]) -> list[str]:
    """Return the names for a table that wraps: long ones are cut so that they stay apart."""
    return told_apart([printable(row.name) for row in rows], LONG_NAME)


def _beside(row: NamedRow, several: bool) -> str:
    scenario = f"({printable(row.scenario)})" if several and row.scenario else ""
    parts = (asked_as(row), scenario)
    return " ".join(part for part in parts if part)


def _labels(rows: list[NamedRow], room: int, *, several: bool) -> list[str]:
    """Return the same in two columns, each cut to its room."""
    beside = [_beside(row, several) for row in rows]
    free = room - 2 - max(len(printable(row.name)) for row in rows)
    width = min(max(map(len, beside)), max(room // BESIDE, free))
    left = room - width - 2
    names = told_apart([printable(row.name) for row in rows], left)
    return [
        f"{name:<{left}}  {cut(about, width)}" for name, about in zip(names, beside, strict=True)
    ]
