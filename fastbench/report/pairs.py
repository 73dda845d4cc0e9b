"""The pairs of a comparison as a picture: a dot for each pair's ratio, the interval below them.

All stand on one axis of the change from base to candidate; the line in it is "no difference". What
does not count is no dot but its reason. Pairs of slices are hundreds: they are told in parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison, Interval, Pair
from fastbench.experiments.compare.interval_history import ratio_of
from fastbench.foundation.redact import printable
from fastbench.report import slice_course
from fastbench.report.change import change, in_slices
from fastbench.report.page import LABEL_COLUMNS, Page, cut

MAX_ROWS = 24
MIN_COLUMNS = 16
MAX_COLUMNS = 64
FACTS_COLUMNS = 20  # number, order and change of a pair
PART_COLUMNS = 26  # time, pairs and median of a part
MARGIN = 0.04
NO_MEDIAN = "-"
LEGENDS = ("● median, ├─┤ middle half of the pairs", "├─┤ half of the pairs")


@dataclass(frozen=True, slots=True)
class Axis:
    """Ratios from `low` to `high` over so many columns; 1 is always among them."""

    low: float
    high: float
    columns: int
    unicode: bool

    def at(self, ratio: float) -> int:
        """Return the column of a ratio; what lies outside is at the edge."""
        place = (ratio - self.low) / (self.high - self.low) * (self.columns - 1)
        return max(0, min(self.columns - 1, round(place)))

    def line(self, ratio: float | None, interval: Interval | None = None) -> str:
        """Draw no difference, an interval and a dot, the later over the earlier."""
        zero, left, dash, right, dot = "│├─┤●" if self.unicode else "|[-]o"
        cells = [" "] * self.columns
        cells[self.at(1.0)] = zero
        if interval is not None:
            first, last = (self.at(end) for end in interval)
            cells[first : last + 1] = dash * (last + 1 - first)
            cells[first], cells[last] = left, right
        if ratio is not None:
            cells[self.at(ratio)] = dot
        return "".join(cells)

    def scale(self) -> str:
        """Write the ends of the axis, and 0 where there is room for it."""
        low, high = change(self.low), change(self.high)
        free = self.columns - len(low) - len(high)
        if free < 1:
            return ""
        at = self.at(1.0)
        middle = "0" if len(low) < at < self.columns - len(high) - 1 else ""
        if not middle:
            return low + " " * free + high
        return f"{low:<{at}}{middle}{high:>{self.columns - at - 1}}"


def axis(
    ratios: Sequence[float],
    interval: Interval | None,
    threshold: float,
    columns: int,
    *,
    unicode: bool,
) -> Axis:
    """Return the axis that shows all of these, and the smallest effect that counts, both ways."""
    shown = [*ratios, *(interval or ()), 1 - threshold, 1 + threshold]
    low, high = min(shown), max(shown)
    room = MARGIN * (high - low)
    return Axis(max(low - room, 0.0), high + room, columns, unicode)


def lines(page: Page, found: Comparison) -> list[str]:
    """Return a line for each pair, the interval and the axis."""
    if not found.interleaved or not found.pairs:
        return []
    if in_slices(found):
        return _over_time(page, found)
    ratios = [ratio_of(pair, found.primary) for pair in found.pairs]
    shown = [ratio for ratio in ratios if ratio is not None]
    columns = page.width - LABEL_COLUMNS - FACTS_COLUMNS
    columns = max(MIN_COLUMNS, min(columns, MAX_COLUMNS))
    picture = axis(shown, found.interval, found.threshold, columns, unicode=page.unicode)
    rows = [
        _row(page, picture, number, pair, ratio)
        for number, (pair, ratio) in enumerate(zip(found.pairs, ratios, strict=True), 1)
    ]
    rows = _shortened(page, rows, "pairs")
    if found.interval is not None and found.ratio is not None:
        sure = f"{100 * found.confidence:g} %"
        facts = f"{sure:<12}{change(found.ratio):>7} "
        drawn = picture.line(found.ratio, found.interval).rstrip()
        rows.append(page.bold(facts + drawn))
    if shown:
        rows.append(page.dim(" " * FACTS_COLUMNS + picture.scale()))
    return [page.row("" if at else "Pairs", row) for at, row in enumerate(rows)]


def _shortened(page: Page, rows: list[str], what: str) -> list[str]:
    """Leave out the middle of many rows, and say so."""
    left_out = len(rows) - MAX_ROWS
    if left_out <= 0:
        return rows
    half = MAX_ROWS // 2
    return [*rows[:half], page.dim(f"… {left_out:,} more {what}"), *rows[-half:]]


def _over_time(page: Page, found: Comparison) -> list[str]:
    """Return a line for each part of the time: the median, and where half of the pairs lie."""
    parts = slice_course.parts(found)
    ratios = [ratio for pair in found.pairs if (ratio := ratio_of(pair, found.primary))]
    columns = page.width - LABEL_COLUMNS - PART_COLUMNS
    columns = max(MIN_COLUMNS, min(columns, MAX_COLUMNS))
    low, high = slice_course.shown_range(ratios) if ratios else (1.0, 1.0)
    ends = [end for each in parts for end in (each.low, each.high, each.ratio) if end]
    shown = [min(max(end, low), high) for end in ends]
    picture = axis(shown, found.interval, found.threshold, columns, unicode=page.unicode)
    legend = next((each for each in LEGENDS if len(each) <= columns), "")
    what = "" if slice_course.in_starts(found) else "time"
    head = page.dim(f"{what:<12}{'pairs':>5}{'median':>8} {legend}")
    rows = []
    for each in parts:
        within = (each.low, each.high) if each.low and each.high else None
        told = NO_MEDIAN if each.ratio is None else change(each.ratio)
        facts = f"{each.name:<12}{each.counted:>5}{told:>8} "
        drawn = picture.line(each.ratio, within).rstrip()
        rows.append(page.dim(facts) + (drawn if each.counted else page.yellow("none counts")))
    rows = [head, *_shortened(page, rows, "starts")]
    if found.interval is not None and found.ratio is not None:
        facts = f"{f'{100 * found.confidence:g} % interval':<17}{change(found.ratio):>8} "
        rows.append(page.bold(facts + picture.line(found.ratio, found.interval).rstrip()))
    if shown:
        rows.append(page.dim(" " * PART_COLUMNS + picture.scale()))
    label = "Starts" if slice_course.in_starts(found) else "Over time"
    return [page.row("" if at else label, row) for at, row in enumerate(rows)]


def _row(page: Page, picture: Axis, number: int, pair: Pair, ratio: float | None) -> str:
    order = "base 1st" if pair.order == "base first" else "cand 1st"
    facts = f"{number:>3} {order:<8}"
    if ratio is None:
        why = printable("; ".join(pair.reasons)) or "one side has no figure"
        room = page.width - LABEL_COLUMNS - len(facts) - 1
        return page.dim(facts) + " " + page.yellow(cut(f"not counted: {why}", room))
    return page.dim(facts) + f"{change(ratio):>7} " + picture.line(ratio).rstrip()
