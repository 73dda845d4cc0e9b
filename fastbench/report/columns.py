"""Rows of figures below one heading, as scenarios and requests have them: a name, then numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fastbench.foundation.units import format_bytes, format_count, format_ms
from fastbench.report.page import Page, cut_within
from fastbench.results import resolution

NOTHING = "–"  # noqa: RUF001
FIGURE_COLUMNS = 9
WIDE_COLUMNS = 94
NAME_COLUMNS = 36


def heads(page: Page, title: str, names: tuple[str, ...]) -> str:
    """Return the heading of rows with figures of these names."""
    figures = "".join(f"{name:>{FIGURE_COLUMNS + 1}}" for name in names)
    return page.bold(f"{title:<{room(page, len(names))}}") + page.dim(figures)


def row(page: Page, name: str, cells: list[str], red: set[int]) -> str:
    """Return one row; `red` are the places of cells that tell of something bad."""
    free = room(page, len(cells))
    line = f"  {cut_within(name, free - 3):<{free - 2}}"
    for at, cell in enumerate(cells):
        figure = f"{cell:>{FIGURE_COLUMNS + 1}}"
        line += page.red(figure) if at in red else figure
    return line


def room(page: Page, figures: int) -> int:
    """Return the columns that are left for a name; wider ones would tear the row apart."""
    return min(page.width - (FIGURE_COLUMNS + 1) * figures, NAME_COLUMNS + 14)


def whole(count: int) -> str:
    """Format a count in full where it fits its column."""
    text = f"{count:,}"
    return text if len(text) < FIGURE_COLUMNS + 1 else format_count(count)


def latencies(latency: Mapping[str, float | None], names: Iterable[str]) -> list[str]:
    """Return the percentiles among these names of columns."""
    heads = [name for name in names if name.startswith("p") and name[1:].isdigit()]
    values = [resolution.told_ms(latency, name) for name in heads]
    return [ms(value) for value in values]


def per_s(count: int, per_s: float) -> str:
    """Format the rate of `count` events, a dash where they are too few to have one."""
    told = resolution.told_per_s(count, per_s)
    return NOTHING if told is None else quantity(round(told, 2), "default")


def ms(value_ms: float | None) -> str:
    """Format a latency, a dash where there is none."""
    return NOTHING if value_ms is None else format_ms(value_ms)


def share_of(part: int, whole: int) -> str:
    """Format a part of a whole, a dash where there is no whole."""
    return percent(part / whole) if whole else NOTHING


def quantity(value: float, contains: str) -> str:
    """Format what a metric contains: times in ms, data in bytes, anything else as a number."""
    if contains == "time":
        return format_ms(value) if value >= 0 else f"-{format_ms(-value)}"
    if contains == "data":
        return format_bytes(value) if value >= 0 else f"-{format_bytes(-value)}"
    if abs(value) >= 1e9:
        return format_count(value) if value > 0 else f"-{format_count(-value)}"
    if value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.4g}"


def percent(share: float) -> str:
    """Format a share so that 100 % means all, and 0 % none."""
    text = f"{100 * share:.2f}%"
    if text == "100.00%" and share < 1:
        return "99.99%"
    if text == "0.00%" and share > 0:
        return "0.01%"
    return "100%" if share == 1 else "0%" if share == 0 else text
