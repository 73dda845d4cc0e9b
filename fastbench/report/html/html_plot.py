"""Axes and frames of pictures that are written as SVG here and need no script.

A plot has no size of its own: what lies along its width is in percent of it, so that text and dots
stay as large on a phone, and on paper. Heights are those of the style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from fastbench.report.html.html_markup import Markup, el

HEIGHT, TOP, FLOOR = 220, 10, 194  # pixels of a plot: all, and where values may be
MARGIN = 0.05  # of an axis, beyond what it has to show
MIN_LOG_ROOM = 0.02  # the same of a logarithmic one, in powers of ten
MAX_TICKS = 9  # of a logarithmic axis, upward: more of them would touch
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`, which are powers of ten where it is logarithmic."""

    low: float
    high: float
    log: bool = False
    top: float = TOP
    floor: float = FLOOR

    @classmethod
    def around(cls, values: Iterable[float], *, log: bool = False) -> Axis:
        """Return the axis that shows all of these, with some room at both ends."""
        shown = [math.log10(value) if log else value for value in values]
        room = max(MARGIN * (max(shown) - min(shown)), MIN_LOG_ROOM if log else 0)
        return cls(min(shown) - room, max(shown) + room, log)

    def share(self, value: float) -> float:
        place = math.log10(value) if self.log else value
        return (place - self.low) / (self.high - self.low)

    def x(self, value: float) -> str:
        return f"{100 * self.share(value):.3f}%"

    def y(self, value: float) -> float:
        return self.floor - (self.floor - self.top) * self.share(value)

    def ticks(self, most: int = MAX_TICKS) -> list[float]:
        """Return round values of a logarithmic axis: 1, 2 and 5, of many the powers of ten."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        for digits, step in (((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 3)):
            values = [digit * 10.0**power for power in powers[::step] for digit in digits]
            found = [value for value in values if 0 < self.share(value) < 1]
            if len(found) <= most:
                break
        return found


def round_values(low: float, high: float, count: int) -> list[float]:
    """Return multiples of 1, 2 or 5 between two values, about `count` of them."""
    if high <= low:
        return [low]
    least = (high - low) / count
    power = 10.0 ** math.floor(math.log10(least))
    step = power * next(each for each in STEPS if each * power >= least * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [at * step for at in range(first, last + 1)]


def brief(text: str) -> str:
    """Leave out what a round number does not need: `1.50ms` is `1.5ms`, `20.0k` is `20k`."""
    digits = text.rstrip("kMGTnums")
    unit = text[len(digits) :]
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + unit


def plot(
    caption: Sequence[str],
    axis: Axis,
    ticks: Sequence[float],
    shown: Callable[[float], str],
    drawn: tuple[Sequence[Markup], Sequence[Markup]],
    *,
    title: str,
    kind: str = "",
) -> Markup:
    """Return a figure: its scale has a width of its own, the field takes the rest.

    `drawn` is what lies below the lines of the grid, and above them.
    """
    below, above = drawn
    labels = [text(shown(each), "46", axis.y(each) + 4, "end") for each in ticks]
    grid = [across(axis, each, "grid") for each in ticks]
    scale = el("svg", *labels, class_="ticks", aria_hidden="true")
    field = el("svg", el("title", title), *below, *grid, *above, class_="field", role="img")
    name, note = caption
    about = el("figcaption", name, " ", el("small", note))
    return el("figure", about, el("div", scale, field, class_="plot"), class_=kind)


def across(axis: Axis, value: float, kind: str) -> Markup:
    """Draw a level line at a value."""
    y = f"{axis.y(value):.1f}"
    return line(kind, "0", "100%", y, y)


def line(kind: str, x1: str, x2: str, y1: str, y2: str) -> Markup:
    return el("line", x1=x1, x2=x2, y1=y1, y2=y2, class_=kind)


def text(content: str, x: str, y: float, anchor: str) -> Markup:
    return el("text", content, x=x, y=f"{y:.1f}", text_anchor=anchor)
