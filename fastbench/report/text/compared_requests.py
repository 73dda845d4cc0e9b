"""The named requests of two runs side by side: percentiles, their change, and the failed share.

A verdict of its own has no row: there is one run of each, and the whole run is judged. Rows belong
together by scenario, method and name; what only one of the runs has is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.report.change import change
from fastbench.report.columns import ms, percent
from fastbench.report.page import Page, cut, fitted, plural
from fastbench.report.text.request_table import called
from fastbench.results import resolution
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result

MAX_ROWS = 20
MAX_NAMES = 5
FIGURE_COLUMNS = 9
CHANGE_COLUMNS = 9
FAILED_COLUMNS = 17
WIDE_COLUMNS = 96  # from here on all percentiles have room
MAX_NAME_COLUMNS = 40
PERCENTILES = ("p50", "p95", "p99")
NARROW = ("p95",)

Key = tuple[str, str, str, str]
Runs = tuple[Result, Result]  # the base, and the candidate


def below(base: Result, candidate: Result, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return what follows a comparison: an empty line and the table, ending in a newline.

    Nothing follows where not both runs have named requests.
    """
    if not base.requests or not candidate.requests:
        return ""
    return fitted(lambda page: _table(page, base, candidate), color, width, unicode)


def _table(page: Page, base: Result, candidate: Result) -> str:
    both = matched((base, candidate))
    names = PERCENTILES if page.width >= WIDE_COLUMNS else NARROW
    several = len({row.scenario for row in (*base.requests, *candidate.requests)}) > 1
    lines = [_heads(page, names)]
    for before, after in both[:MAX_ROWS]:
        lines.append(_row(page, names, before, after, several=several))
    if len(both) > MAX_ROWS:
        lines.append(page.dim(f"  … {len(both) - MAX_ROWS} more"))
    lines += [page.dim(cut(f"  {told}", page.width)) for told in only((base, candidate))]
    return "\n" + "\n".join(lines) + "\n"


def matched(runs: Runs) -> list[tuple[NamedRow, NamedRow]]:
    """Return what both runs have, base and candidate, the most frequent of the candidate first."""
    before, after = ({_key(row): row for row in each.requests} for each in runs)
    both = sorted((key for key in after if key in before), key=lambda key: -after[key].requests)
    return [(before[key], after[key]) for key in both]


def only(runs: Runs) -> list[str]:
    """Name what one of the runs alone has, the candidate first."""
    base, candidate = runs
    if not base.requests or not candidate.requests:
        return []
    found = []
    for where, mine, other in (("candidate", candidate, base), ("base", base, candidate)):
        known = {_key(row) for row in other.requests}
        alone = [called(row, several=False) for row in mine.requests if _key(row) not in known]
        if alone:
            more = len(alone) - MAX_NAMES
            rest = f" and {plural(more, 'other')}" if more > 0 else ""
            found.append(f"only in {where}: {', '.join(alone[:MAX_NAMES])}{rest}")
    return found


def _key(row: NamedRow) -> Key:
    return row.scenario, row.kind, row.method, row.name


def _room(page: Page, names: Sequence[str]) -> int:
    taken = len(names) * (FIGURE_COLUMNS + CHANGE_COLUMNS) + FAILED_COLUMNS
    return min(page.width - taken, MAX_NAME_COLUMNS)


def _heads(page: Page, names: Sequence[str]) -> str:
    heads = "".join(f"{name:>{FIGURE_COLUMNS}}{'change':>{CHANGE_COLUMNS}}" for name in names)
    title = f"{'OPERATIONS':<{_room(page, names)}}"
    return page.bold(title) + page.dim(f"{heads}{'failed':>{FAILED_COLUMNS}}")


def _row(
    page: Page, names: Sequence[str], before: NamedRow, after: NamedRow, *, several: bool
) -> str:
    room = _room(page, names)
    figures = (moved(before, after, name) for name in names)
    cells = "".join(
        f"{figure:>{FIGURE_COLUMNS}}{cut(change_, CHANGE_COLUMNS):>{CHANGE_COLUMNS}}"
        for figure, change_ in figures
    )
    shares = [failed_share(row) for row in (before, after)]
    arrow = " → " if page.unicode else " -> "  # it is padded as it will be shown
    failed = f"{arrow.join(map(percent, shares)):>{FAILED_COLUMNS}}"
    name = cut(called(after, several=several), room - 3)
    return f"  {name:<{room - 2}}{cells}" + (page.red(failed) if shares[1] > shares[0] else failed)


def moved(before: NamedRow, after: NamedRow, name: str) -> tuple[str, str]:
    """Return a percentile of the candidate and its change from the base, "" without one."""
    before_ms, after_ms = (resolution.told_ms(row.latency, name) for row in (before, after))
    figure = ms(after_ms)
    return figure, change(after_ms / before_ms) if before_ms and after_ms else ""


def failed_share(row: NamedRow) -> float:
    """Return the share of its requests that failed."""
    return row.failed / row.requests if row.requests else 0.0
