"""The main charts of a run as pictures that need no script: what a page shows without JavaScript.

They stand in `noscript`, so that a browser that runs the page's script never makes them. Long runs
are drawn in MAX_POINTS steps: the highest latency of each, and the mean of all else.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from fastbench.foundation.units import format_count, format_s
from fastbench.report.columns import ms
from fastbench.report.html.charts.chart import Chart, Line
from fastbench.report.html.html_markup import Markup, el
from fastbench.report.html.html_plot import FLOOR, HEIGHT, Axis, line, plot, round_values, text
from fastbench.results.result import SeriesRow

SHOWN = ("rate", "latency", "errors", "vus", "connections")
MAX_POINTS = 240
WIDTH = 1000  # of the coordinates across: the picture stretches to its place
TICKS, SECONDS = 5, 6  # about so many numbers on each axis
ROOM = 1.06  # of an axis, above the highest value
WIDE_RANGE = 40  # times the least value: a logarithmic axis shows both


def figures(rows: Sequence[SeriesRow], drawn: Sequence[Chart]) -> Markup | None:
    """Return the pictures of the charts that there are; None without any."""
    if not rows:
        return None
    end_s = rows[-1].t_s + rows[-1].span_s
    found = [_figure(each, rows, end_s) for each in drawn if each.name in SHOWN]
    return el("div", *found, class_="charts") if found else None


def _figure(chart: Chart, rows: Sequence[SeriesRow], end_s: float) -> Markup:
    lines = [(each, _steps(each, high=chart.unit == "ms")) for each in _piled(chart)]
    values = [value for _, steps in lines for value in steps if value]
    most, least = max(values, default=1.0), min(values, default=1.0)
    if chart.unit == "ms" and most > WIDE_RANGE * least:
        axis = Axis.around((least, most), log=True)
        ticks = axis.ticks()
    else:
        axis = Axis(0.0, ROOM * most)
        ticks = round_values(0.0, ROOM * most, TICKS)
    shown: Callable[[float], str] = _ms if chart.unit == "ms" else format_count
    time = Axis(0.0, end_s)
    curves = [_curve(each, steps, rows, axis, time) for each, steps in lines]
    counted = chart.axis if chart.axis.lower() != chart.title.lower() else ""
    caption = (chart.title, "; ".join(each for each in (counted, chart.note) if each))
    named = el("ul", *map(_name, chart.lines), class_="legend")
    picture = plot(caption, axis, ticks, shown, ([], [*curves, *_seconds(time)]), title=chart.title)
    return el("div", picture, named, class_="still")


def _ms(value: float) -> str:
    """Write a round value without zeros behind the point."""
    return re.sub(r"\.0+(?=\D)", "", ms(value))


def _piled(chart: Chart) -> list[Line]:
    """Return the lines as they are drawn: those of a stacked chart each on the ones before."""
    if not chart.stacked:
        return list(chart.lines)
    found: list[Line] = []
    for each in chart.lines:
        below = found[-1]["values"] if found else [0] * len(each["values"])
        pairs = zip(below, each["values"], strict=True)
        found.append({**each, "values": [(one or 0) + (other or 0) for one, other in pairs]})
    return found


def _steps(of: Line, *, high: bool) -> list[float | None]:
    """Return MAX_POINTS values or fewer, None where there was nothing."""
    values = of["values"]
    size = max(1, math.ceil(len(values) / MAX_POINTS))
    found: list[float | None] = []
    for begin in range(0, len(values), size):
        known = [each for each in values[begin : begin + size] if each is not None]
        found.append((max(known) if high else sum(known) / len(known)) if known else None)
    return found


def _curve(
    of: Line, steps: Sequence[float | None], rows: Sequence[SeriesRow], axis: Axis, time: Axis
) -> Markup:
    """Draw a line, from the begin of the first row to the end of the last; it breaks at gaps."""
    size = max(1, math.ceil(len(of["values"]) / MAX_POINTS))
    path: list[str] = []
    going = False
    for at, value in enumerate(steps):
        if value is None or (axis.log and value <= 0):
            going = False
            continue
        first, last = rows[at * size], rows[min(len(rows), (at + 1) * size) - 1]
        begin_s, end_s = first.t_s, last.t_s + last.span_s
        alone = not going and (at + 1 == len(steps) or steps[at + 1] is None)
        at_s = [(begin_s + end_s) / 2]
        at_s[:0] = [begin_s] if at == 0 or alone else []
        at_s += [end_s] if at + 1 == len(steps) or alone else []
        for each in at_s:
            x, y = WIDTH * time.share(each), axis.y(value)
            path.append(f"{'L' if going else 'M'}{x:.0f} {y:.1f}")
            going = True
    dash = f" dash{of['dash']}" if of.get("dash") else ""
    drawn = el("path", d="".join(path), class_=f"curve{dash}")
    box = f"0 0 {WIDTH} {HEIGHT}"
    return el("svg", drawn, viewBox=box, preserveAspectRatio="none", class_=f"s{of['color']}")


def _name(of: Line) -> Markup:
    dash = f" dash{of['dash']}" if of.get("dash") else ""
    return el("li", el("span", class_=f"swatch s{of['color']}{dash}"), of["name"])


def _seconds(time: Axis) -> list[Markup]:
    """Number the seconds along the floor."""
    found = [line("axis", "0", "100%", str(FLOOR), str(FLOOR))]
    for value in round_values(0.0, time.high, SECONDS):
        share = time.share(value)
        anchor = "start" if share < 0.05 else "end" if share > 0.95 else "middle"
        found.append(text(format_s(value) if value else "0s", time.x(value), HEIGHT - 8, anchor))
    return found
