"""The named requests of two runs side by side: percentiles, their change, and the failed share.

A verdict of its own has no row: there is one run of each, and the whole run is judged. Rows belong
together by scenario, method and name; what only one of the runs has is told apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.measured import NamedRow
from fastbench.report.change import change
from fastbench.report.columns import percent
from fastbench.report.page import LEAST_COLUMNS, Page, cut, plural
from fastbench.report.requests import called
from fastbench.result import Result
from fastbench.units import format_ms

__all__ = ["below"]

MOST_ROWS = 20
MOST_NAMES = 5
FIGURE_COLUMNS = 9
CHANGE_COLUMNS = 9
FAILED_COLUMNS = 17
WIDE_COLUMNS = 96  # from here on all percentiles have room
MOST_NAME_COLUMNS = 40
PERCENTILES = ("p50", "p95", "p99")
NARROW = ("p95",)
_NONE = "–"  # noqa: RUF001

Key = tuple[str, str, str]


def below(base: Result, candidate: Result, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return what follows a comparison: an empty line and the table, ending in a newline.

    Nothing follows where not both runs have named requests.
    """
    page = Page(color, max(width, LEAST_COLUMNS), unicode)
    before, after = ({_key(row): row for row in each.requests} for each in (base, candidate))
    if not before or not after:
        return ""
    both = sorted((key for key in after if key in before), key=lambda key: -after[key].requests)
    names = PERCENTILES if page.width >= WIDE_COLUMNS else NARROW
    several = len({scenario for scenario, _, _ in (*before, *after)}) > 1
    lines = [_heads(page, names)]
    for key in both[:MOST_ROWS]:
        lines.append(_row(page, names, before[key], after[key], several=several))
    if len(both) > MOST_ROWS:
        lines.append(page.dim(f"  … {len(both) - MOST_ROWS} more"))
    for where, mine, other in (("candidate", after, before), ("base", before, after)):
        alone = [row for key, row in mine.items() if key not in other]
        lines += _apart(page, f"only in {where}", alone)
    return page.encodable("\n" + "\n".join(lines) + "\n")


def _key(row: NamedRow) -> Key:
    return row.scenario, row.method, row.name


def _room(page: Page, names: Sequence[str]) -> int:
    taken = len(names) * (FIGURE_COLUMNS + CHANGE_COLUMNS) + FAILED_COLUMNS
    return min(page.width - taken, MOST_NAME_COLUMNS)


def _heads(page: Page, names: Sequence[str]) -> str:
    heads = "".join(f"{name:>{FIGURE_COLUMNS}}{'change':>{CHANGE_COLUMNS}}" for name in names)
    title = f"{'OPERATIONS':<{_room(page, names)}}"
    return page.bold(title) + page.dim(f"{heads}{'failed':>{FAILED_COLUMNS}}")


def _row(
    page: Page, names: Sequence[str], before: NamedRow, after: NamedRow, *, several: bool
) -> str:
    room = _room(page, names)
    cells = "".join(_moved(before.latency.get(name), after.latency.get(name)) for name in names)
    shares = [_failed(row) for row in (before, after)]
    arrow = " → " if page.unicode else " -> "  # it is padded as it will be shown
    failed = f"{arrow.join(map(percent, shares)):>{FAILED_COLUMNS}}"
    name = cut(called(after, several=several), room - 3)
    return f"  {name:<{room - 2}}{cells}" + (page.red(failed) if shares[1] > shares[0] else failed)


def _moved(before_ms: float | None, after_ms: float | None) -> str:
    """Return a percentile of the candidate and its change from the base."""
    figure = _NONE if after_ms is None else format_ms(after_ms)
    moved = change(after_ms / before_ms) if before_ms and after_ms else ""
    return f"{figure:>{FIGURE_COLUMNS}}{cut(moved, CHANGE_COLUMNS):>{CHANGE_COLUMNS}}"


def _failed(row: NamedRow) -> float:
    return row.failed / row.requests if row.requests else 0.0


def _apart(page: Page, where: str, rows: Sequence[NamedRow]) -> list[str]:
    """Name what one of the runs alone has."""
    if not rows:
        return []
    told = [called(row, several=False) for row in rows[:MOST_NAMES]]
    more = f" and {plural(len(rows) - MOST_NAMES, 'other')}" if len(rows) > MOST_NAMES else ""
    return [page.dim(cut(f"  {where}: {', '.join(told)}{more}", page.width))]
