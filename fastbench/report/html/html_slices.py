"""Pictures and the table of a comparison in slices: hundreds of pairs over some seconds.

The axis is that of most pairs: the few that a burst of noise hit stand at its edge, as arrows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from fastbench.experiments.compare.compare_document import Comparison, Interval, Pair
from fastbench.experiments.compare.interval_history import Look, looks, ratio_of
from fastbench.foundation.units import format_s
from fastbench.report import compared, slice_course
from fastbench.report.change import change, name_of, signed_interval
from fastbench.report.columns import NOTHING
from fastbench.report.html import html_pictures
from fastbench.report.html.html_markup import Markup, Row, el, table
from fastbench.report.html.html_plot import FLOOR, HEIGHT, TOP, Axis, line, plot, round_values, text
from fastbench.report.page import plural

BEFORE = 0.012  # of the time, beside the first pair: it would be cut in two
SECONDS = 6  # numbers along the time
CLOSE = 0.06  # to an end of the time: a number there is not centred
MAX_DOTS = 1500
DOT, MEDIAN_DOT = "2.5", "3"
ABOVE_ARROWS = 14  # pixels, from the floor
ARROWS = {True: "▲", False: "▼"}
MAX_BARS = 40
PERCENTS = 6  # numbers along the changes
BAR_TICKS = 4
SETTLED = 4  # the axis of the interval is that of the looks from a quarter of all pairs on

STARTS_HINT = (
    "A dot is a pair of slices; an arrow one beyond the axis, which a burst of noise hit; a cross "
    "one that does not count. Each level line is the median of a fresh start of both servers: they "
    "are the sample, and the blue band is the interval of all of them. Grey is the band within "
    "which a change does not count."
)
HINT = (
    "A dot is a pair of slices; an arrow one beyond the axis, which a burst of noise hit; a cross "
    "one that does not count. The line is the running median, the blue band the interval of all. "
    "Grey is the band within which a change does not count."
)


def hint(found: Comparison) -> str:
    """Return what the pictures show."""
    return STARTS_HINT if slice_course.in_starts(found) else HINT


def pictures(found: Comparison) -> list[list[Markup]]:
    """Draw the pairs over time; below, how the interval narrowed, and how the pairs scatter."""
    ratios = [ratio_of(each, found.primary) for each in found.pairs]
    known = [each for each in ratios if each is not None]
    if not known:
        return []
    places = slice_course.begun_s(found)
    whole_s = slice_course.length_s(places)
    time = Axis(-BEFORE * whole_s, whole_s)
    name = name_of(found, found.primary)
    seen = looks(found)
    ends = [*slice_course.shown_range(known), *(found.interval or ())]
    changes = html_pictures.axis_of(ends, found.threshold)
    settled = _settled(found, seen)
    sure = f"{100 * found.confidence:g} % interval"
    dots = _over_time(found, time, changes, places, ratios)
    noun = "start" if slice_course.in_starts(found) else "pair"
    narrowed = _narrowing(settled, time, places, seen, noun)
    title, note = f"{name} over time", "change in each pair"
    numbers = _seconds(time)
    so_far = f"{name}, all {noun}s so far"
    return [
        [html_pictures.framed(found, changes, [*dots, *numbers], title, note, "wide")],
        [
            html_pictures.framed(found, settled, [*narrowed, *numbers], so_far, sure),
            _scatter(found, known, name),
        ],
    ]


def _settled(found: Comparison, seen: Sequence[Look]) -> Axis:
    """Return the axis of the interval: the first looks are far wider than what there is to see."""
    last = seen[-1].counted
    ends = [
        end
        for each in seen
        if each.counted * SETTLED >= last
        for end in (each.ratio, *(each.interval or ()))
    ]
    return html_pictures.axis_of(ends, found.threshold)


def _over_time(
    found: Comparison,
    time: Axis,
    axis: Axis,
    places: Sequence[float],
    ratios: Sequence[float | None],
) -> list[Markup]:
    """Draw a dot for each pair; of thousands the median of a few in a row."""
    drawn = html_pictures.sure_band(found, axis)
    for at_s, pair, ratio in zip(places, found.pairs, ratios, strict=True):
        if ratio is None:
            drawn.append(_lost(time, axis, at_s, pair))
    dots = [(at_s, each) for at_s, each in zip(places, ratios, strict=True) if each]
    step = math.ceil(len(dots) / MAX_DOTS)
    for first in range(0, len(dots), step):
        inside = dots[first : first + step]
        ratio = median(each for _, each in inside)
        drawn.append(_dot(time, axis, inside[0][0], ratio, len(inside)))
    if slice_course.in_starts(found):
        return [*drawn, *_levels(found, time, axis)]
    through = slice_course.running_median(places, ratios)
    return drawn + [_step(time, axis, before, after) for before, after in pairwise(through)]


def _levels(found: Comparison, time: Axis, axis: Axis) -> list[Markup]:
    """Draw where each start begins, and the median of its pairs."""
    drawn = []
    for each in slice_course.parts(found):
        x = time.x(each.begin_s)
        drawn.append(line("axis", x, x, str(axis.top), str(axis.floor)))
        if each.ratio is not None:
            level = ((each.begin_s, each.ratio), (each.end_s, each.ratio))
            drawn.append(_step(time, axis, *level))
    return drawn


def _step(
    time: Axis, axis: Axis, before: tuple[float, float], after: tuple[float, float]
) -> Markup:
    """Draw a line from one (time, ratio) to another."""
    xs = (time.x(at_s) for at_s in (before[0], after[0]))
    return line("median", *xs, *(f"{_y(axis, ratio):.1f}" for ratio in (before[1], after[1])))


def _dot(time: Axis, axis: Axis, at_s: float, ratio: float, pairs: int) -> Markup:
    of = "" if pairs == 1 else f"median of {plural(pairs, 'pair')}, "
    about = el("title", f"{of}{at_s:.2f} s: {change(ratio)}")
    if axis.low <= ratio <= axis.high:
        size = {"cx": time.x(at_s), "cy": f"{axis.y(ratio):.1f}", "r": DOT}
        return el("circle", about, **size, class_="pair s0")
    up = ratio > axis.high
    y = f"{axis.top + 10 if up else axis.floor - 1:.1f}"
    return el("text", about, ARROWS[up], x=time.x(at_s), y=y, text_anchor="middle", class_="far")


def _lost(time: Axis, axis: Axis, at_s: float, pair: Pair) -> Markup:
    why = "; ".join(pair.reasons) or "one side has no figure"
    about = el("title", f"{at_s:.2f} s: does not count: {why}")
    y = f"{axis.floor - ABOVE_ARROWS:.1f}"
    size = {"x": time.x(at_s), "y": y, "text_anchor": "middle"}
    return el("text", about, "✗", **size, class_="warn")


def _narrowing(
    axis: Axis, time: Axis, places: Sequence[float], seen: Sequence[Look], noun: str
) -> list[Markup]:
    """Draw what each look said; the end of an interval beyond the axis is at its edge."""
    drawn = []
    for each in seen:
        x = time.x(places[each.pair - 1])
        told = signed_interval(each.interval) if each.interval else "no interval yet"
        parts = [el("title", f"{plural(each.counted, noun)}: {change(each.ratio)}, {told}")]
        if each.interval is not None:
            ends = (f"{_y(axis, end):.1f}" for end in each.interval)
            parts.append(line("whisker", x, x, *ends))
        y = f"{_y(axis, each.ratio):.1f}"
        parts.append(el("circle", cx=x, cy=y, r=MEDIAN_DOT, class_="dot"))
        drawn.append(el("g", *parts, class_="s0" if each.interval else "s5"))
    return drawn


def _y(axis: Axis, ratio: float) -> float:
    return axis.y(min(max(ratio, axis.low), axis.high))


def _seconds(time: Axis) -> list[Markup]:
    """Number the time along the floor, at round seconds."""
    shown = []
    for at_s in round_values(0.0, time.high, SECONDS):
        share = time.share(at_s)
        anchor = "start" if share < CLOSE else "end" if share > 1 - CLOSE else "middle"
        shown.append(text(format_s(at_s) if at_s else "0", time.x(at_s), HEIGHT - 8, anchor))
    return shown


def _scatter(found: Comparison, known: Sequence[float], name: str) -> Markup:
    """Draw how many pairs had which change; those beyond the axis are in its outer bars."""
    low, high = slice_course.shown_range(known)
    across = html_pictures.axis_of((low, high), found.threshold)
    bars = min(MAX_BARS, max(8, 2 * math.isqrt(len(known))))
    counts = [0] * bars
    for ratio in known:
        counts[min(bars - 1, max(0, math.floor(bars * across.share(ratio))))] += 1
    axis = Axis(0.0, 1.05 * max(counts))
    below = [_area(across, (1 / (1 + found.threshold), 1 + found.threshold), "band")]
    if found.interval is not None:
        below.append(_area(across, found.interval, "sure s0"))
    above = [_bar(axis, at / bars, 1 / bars, count) for at, count in enumerate(counts) if count]
    above.append(line("zero", across.x(1.0), across.x(1.0), str(axis.top), str(axis.floor)))
    for ratio in html_pictures.ticks(across, PERCENTS):
        if html_pictures.CLOSE < across.share(ratio) < 1 - html_pictures.CLOSE:
            label = html_pictures.rounded(ratio)
            above.append(text(label, across.x(ratio), HEIGHT - 8, "middle"))
    ticks = [each for each in round_values(0, max(counts), BAR_TICKS) if each == int(each)]
    title, note = f"{name}, all pairs", "pairs by their change, the outer bars hold all beyond"
    about = f"{title}: {note}"
    return plot(
        (title, note), axis, ticks, lambda each: f"{each:,.0f}", (below, above), title=about
    )


def _area(across: Axis, interval: Interval, kind: str) -> Markup:
    low, high = (across.share(end) for end in interval)
    width = f"{100 * max(0.002, high - low):.3f}%"
    size = {"x": f"{100 * low:.3f}%", "width": width, "y": str(TOP), "height": str(FLOOR - TOP)}
    return el("rect", **size, class_=kind)


def _bar(axis: Axis, left: float, wide: float, count: int) -> Markup:
    y = axis.y(count)
    size = {"x": f"{100 * left:.3f}%", "width": f"{94 * wide:.3f}%"}
    about = el("title", plural(count, "pair"))
    size |= {"y": f"{y:.1f}", "height": f"{axis.floor - y:.1f}"}
    return el("rect", about, **size, class_="bar s0")


def parts_table(found: Comparison) -> Markup:
    """Return what the pairs were in parts of the time: at most ten rows."""
    what = "" if slice_course.in_starts(found) else "time"
    heads = (
        *(f"{what} #", "pairs #", "not counted #", "base #", "candidate #"),
        *("median change #", "middle half of the pairs #"),
    )
    return table(heads, [_part(found, each) for each in slice_course.parts(found)])


def _part(found: Comparison, part: slice_course.Part) -> Row:
    within = signed_interval((part.low, part.high)) if part.low and part.high else NOTHING
    lost = len(part.pairs) - part.counted
    return [
        part.name,
        str(part.counted),
        str(lost or ""),
        *(compared.typical_of(part.pairs, side, found.primary) for side in ("base", "candidate")),
        NOTHING if part.ratio is None else change(part.ratio),
        within,
    ]
