"""Pictures of a comparison, as SVG that needs no script: changes, pairs, and how sure they became.

All of them show the band within which a change does not count, and the line of no change. What a
dot or a bar means stands in its title, which browsers show when it is pointed at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from fastbench.experiments.compare.compare_document import Comparison, Interval, Metric
from fastbench.experiments.compare.interval_history import Look, looks, ratio_of
from fastbench.report.change import change, name_of, signed_interval, told_metrics, verdict_word
from fastbench.report.html.html_markup import Markup, el
from fastbench.report.html.html_plot import HEIGHT, Axis, across, line, plot, round_values, text
from fastbench.report.page import plural

TICKS = 5
CLOSE = 0.08  # to the end of a strip: a number there would be cut, on a phone
STRIP_MIDDLE = 13  # of the 26 pixels that a strip is high
DOT, SMALL_DOT = 4.5, 2.5
MANY = 60  # pairs, beyond which dots are small
MAX_NUMBERS = 8  # along the pairs
NUMBERED_CLOSE = 30  # pairs, beyond which the first and the last number would be cut
_KINDS = {"better": "good", "worse": "bad"}


def axis_of(ratios: Iterable[float], threshold: float) -> Axis:
    """Return the axis of these ratios; 1 is always on it."""
    found = Axis.around([*ratios, 1 / (1 + threshold), 1 + threshold])
    return replace(found, low=max(found.low, 0.0))


def ticks(axis: Axis, count: int = TICKS) -> list[float]:
    """Return about so many round changes, no change among them."""
    return [1 + each for each in round_values(axis.low - 1, axis.high - 1, count)]


def changes(found: Comparison) -> Markup | None:
    """Draw the interval of every metric's change against the band; None without metrics."""
    if not found.metrics:
        return None
    ends = [end for each in found.metrics.values() for end in (each.ratio, *_ends(each))]
    axis = axis_of(ends, found.threshold)
    rows = [_change(found, axis, name, each) for name, each in told_metrics(found).items()]
    return _strips(axis, rows)


def candidates(each: Sequence[Comparison]) -> list[Markup]:
    """Draw the deciding metric's change of several candidates; nothing where none has one."""
    known = [(at, found, found.metrics.get(found.primary)) for at, found in enumerate(each, 1)]
    drawn = [(at, found, metric) for at, found, metric in known if metric is not None]
    if not drawn:
        return []
    ends = [end for *_, metric in drawn for end in (metric.ratio, *_ends(metric))]
    axis = axis_of(ends, each[0].threshold)
    rows = [
        _change(found, axis, found.primary, metric, of=f"candidate {at}")
        for at, found, metric in drawn
    ]
    return [_strips(axis, rows)]


def _strips(axis: Axis, rows: Sequence[Markup]) -> Markup:
    """Return the strips of changes one below the other, with their scale at the end."""
    labels = [
        text(rounded(ratio), axis.x(ratio), 14, "middle")
        for ratio in ticks(axis)
        if CLOSE < axis.share(ratio) < 1 - CLOSE
    ]
    scale = el("div", el("span"), el("svg", *labels, class_="strip"), el("span"), class_="change")
    return el("div", *rows, scale, class_="changes")


def _ends(metric: Metric) -> tuple[float, ...]:
    return (*(metric.interval or ()), *(metric.equivalence_interval or ()))


def _change(found: Comparison, axis: Axis, name: str, metric: Metric, of: str = "") -> Markup:
    """Draw a metric's change; the row is named after the metric, or what it is `of`."""
    word = verdict_word(metric)
    kind = _KINDS.get(word, "soft")
    interval = signed_interval(metric.interval) if metric.interval else "no interval"
    sure = f"{100 * found.confidence:g} %: {interval}"
    drawn = [
        *_band(axis, found.threshold),
        *(_upright(axis, each, "grid") for each in ticks(axis)),
    ]
    drawn.append(_upright(axis, 1.0, "zero"))
    for ends, how in ((metric.equivalence_interval, "within"), (metric.interval, "whisker")):
        if ends is not None:
            drawn.append(_level(axis, ends, how))
    drawn.append(el("circle", cx=axis.x(metric.ratio), cy=str(STRIP_MIDDLE), r="5", class_="dot"))
    about = f"{of or name_of(found, name)}: {change(metric.ratio)}, {sure}, {word}"
    svg = el("svg", el("title", about), *drawn, class_=f"strip {kind}", role="img")
    decides = [" *"] if name == found.primary and not of else []
    shown = el("b", of or name_of(found, name), *decides)
    told = el("span", el("b", change(metric.ratio)), f" {word}", el("small", sure), class_=kind)
    return el("div", shown, svg, told, class_="change")


def _band(axis: Axis, threshold: float) -> list[Markup]:
    low, high = axis.share(1 / (1 + threshold)), axis.share(1 + threshold)
    width = f"{100 * (high - low):.3f}%"
    return [el("rect", x=f"{100 * low:.3f}%", width=width, y="0", height="100%", class_="band")]


def _upright(axis: Axis, ratio: float, kind: str) -> Markup:
    return line(kind, axis.x(ratio), axis.x(ratio), "0", "100%")


def _level(axis: Axis, ends: Interval, kind: str) -> Markup:
    middle = str(STRIP_MIDDLE)
    return line(kind, axis.x(ends[0]), axis.x(ends[1]), middle, middle)


def pairs(found: Comparison) -> list[Markup]:
    """Draw each pair's change, and the interval after each of them, on one scale."""
    seen = looks(found)
    if not seen:
        return []
    ratios = [ratio_of(each, found.primary) for each in found.pairs]
    ends = [end for look in seen for end in (look.ratio, *(look.interval or ()))]
    axis = axis_of([*ends, *(ratio for ratio in ratios if ratio)], found.threshold)
    name = name_of(found, found.primary)
    sure = f"{100 * found.confidence:g} % interval"
    numbers = _numbers(len(found.pairs))
    dots, whiskers = _dots(found, axis, ratios), _whiskers(found, axis, seen)
    return [
        framed(found, axis, [*dots, *numbers], f"{name}, pair by pair", "change in each"),
        framed(found, axis, [*whiskers, *numbers], f"{name}, all pairs so far", sure),
    ]


def framed(
    found: Comparison,
    axis: Axis,
    drawn: Sequence[Markup],
    title: str,
    note: str,
    kind: str = "",
) -> Markup:
    """Return a plot of changes, upward, with the band of those that do not count."""
    low, high = 1 / (1 + found.threshold), 1 + found.threshold
    top, floor = axis.y(high), axis.y(low)
    size = {"x": "0", "width": "100%", "y": f"{top:.1f}", "height": f"{floor - top:.1f}"}
    parts = ([el("rect", **size, class_="band")], (across(axis, 1.0, "zero"), *drawn))
    about = f"{title}: {note}"
    return plot((title, note), axis, ticks(axis), rounded, parts, title=about, kind=kind)


def rounded(ratio: float) -> str:
    """Write a round change: 1.02 is `+2 %`, no change is `0`."""
    percent = round(100 * (ratio - 1), 6)
    return f"{percent:+,g} %" if percent else "0"


def _place(number: int, count: int) -> str:
    return f"{100 * (number - 0.5) / count:.3f}%"


def _dots(found: Comparison, axis: Axis, ratios: Sequence[float | None]) -> list[Markup]:
    """Draw a dot for a pair that counts, filled where the base came first, a cross for others."""
    count = len(ratios)
    radius = str(DOT if count <= MANY else SMALL_DOT)
    drawn = sure_band(found, axis)
    for number, (pair, ratio) in enumerate(zip(found.pairs, ratios, strict=True), 1):
        at = _place(number, count)
        if ratio is None:
            why = "; ".join(pair.reasons) or "one side has no figure"
            about = el("title", f"pair {number} does not count: {why}")
            size = {"x": at, "y": str(axis.floor - 4), "text_anchor": "middle"}
            drawn.append(el("text", about, "✗", **size, class_="warn"))
            continue
        about = el("title", f"pair {number}, {pair.order}: {change(ratio)}")
        kind = "dot" if pair.order == "base first" else "ring"
        drawn.append(
            el("circle", about, cx=at, cy=f"{axis.y(ratio):.1f}", r=radius, class_=f"{kind} s0")
        )
    return drawn


def sure_band(found: Comparison, axis: Axis) -> list[Markup]:
    """Draw the interval of all pairs, if there is one."""
    if found.interval is None:
        return []
    low, high = (axis.y(end) for end in found.interval)
    size = {"x": "0", "width": "100%", "y": f"{high:.1f}", "height": f"{low - high:.1f}"}
    return [el("rect", **size, class_="sure s0")]


def _whiskers(found: Comparison, axis: Axis, seen: Sequence[Look]) -> list[Markup]:
    """Draw what each look said: the ratio, and the interval from where there is one."""
    count = len(found.pairs)
    drawn = []
    for look in seen:
        x = _place(look.pair, count)
        told = signed_interval(look.interval) if look.interval else "no interval yet"
        about = el("title", f"{plural(look.counted, 'pair')}: {change(look.ratio)}, {told}")
        parts = [about]
        if look.interval is not None:
            low, high = (f"{axis.y(end):.1f}" for end in look.interval)
            parts.append(el("line", x1=x, x2=x, y1=low, y2=high, class_="whisker"))
        radius = str(DOT - 1 if count <= MANY else SMALL_DOT)
        parts.append(el("circle", cx=x, cy=f"{axis.y(look.ratio):.1f}", r=radius, class_="dot"))
        drawn.append(el("g", *parts, class_="s0" if look.interval else "s5"))
    return drawn


def _numbers(count: int) -> list[Markup]:
    """Number the pairs along the floor."""
    step = max(1, math.ceil(count / MAX_NUMBERS))
    shown = []
    for number in range(1, count + 1, step):
        anchor = "start" if number == 1 and count > NUMBERED_CLOSE else "middle"
        shown.append(text(str(number), _place(number, count), HEIGHT - 8, anchor))
    return shown
