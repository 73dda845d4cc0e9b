"""Pictures of a comparison, as SVG that needs no script: changes, pairs, and how sure they became.

1. A picture has no size of its own: what lies along its width is in percent of it, so that text and
   dots stay as large on a phone, and on paper. Heights are those of the style sheet.
2. All pictures show the band within which a change does not count, and the line of no change.
3. What a dot or a bar means stands in its title, which browsers show when it is pointed at.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastbench.experiments.compare.compare_document import Comparison, Interval, Metric
from fastbench.experiments.compare.interval_history import Look, looks, ratio_of
from fastbench.report.change import NAMES, change, signed_interval, told_metrics, verdict_word
from fastbench.report.html.html_markup import Markup, el
from fastbench.report.page import plural

__all__ = ["changes", "pairs"]

MARGIN = 0.05  # of an axis, beyond what it has to show
TICKS = 5
CLOSE = 0.08  # to the end of a strip: a number there would be cut, on a phone
STEPS = (1, 2, 5, 10)
STRIP_MIDDLE = 13  # of the 26 pixels that a strip is high
HEIGHT, TOP, FLOOR = 220, 10, 194  # pixels of a plot: all, and where values may be
DOT, SMALL_DOT = 4.5, 2.5
MANY = 60  # pairs, beyond which dots are small
MAX_NUMBERS = 8  # along the pairs
NUMBERED_CLOSE = 30  # pairs, beyond which the first and the last number would be cut
_KINDS = {"better": "good", "worse": "bad"}


@dataclass(frozen=True, slots=True)
class _Axis:
    """Ratios from `low` to `high`; 1 is always among them."""

    low: float
    high: float

    @classmethod
    def of(cls, ratios: Iterable[float], threshold: float) -> _Axis:
        shown = [*ratios, 1 / (1 + threshold), 1 + threshold]
        room = MARGIN * (max(shown) - min(shown))
        return cls(min(shown) - room, max(shown) + room)

    def share(self, ratio: float) -> float:
        return (ratio - self.low) / (self.high - self.low)

    def x(self, ratio: float) -> str:
        return f"{100 * self.share(ratio):.3f}%"

    def y(self, ratio: float) -> float:
        return FLOOR - (FLOOR - TOP) * self.share(ratio)

    def ticks(self) -> list[float]:
        """Return round changes, no change among them."""
        least = (self.high - self.low) / TICKS
        power = 10 ** math.floor(math.log10(least))
        step = power * next(each for each in STEPS if each * power >= least * 0.999)
        first, last = math.ceil((self.low - 1) / step), math.floor((self.high - 1) / step)
        return [1 + at * step for at in range(first, last + 1)]


def changes(found: Comparison) -> Markup | None:
    """Draw the interval of every metric's change against the band; None without metrics."""
    if not found.metrics:
        return None
    ends = [end for each in found.metrics.values() for end in (each.ratio, *_ends(each))]
    axis = _Axis.of(ends, found.threshold)
    rows = [_change(found, axis, name, each) for name, each in told_metrics(found).items()]
    labels = [
        el("text", _round(ratio), x=axis.x(ratio), y="14", text_anchor="middle")
        for ratio in axis.ticks()
        if CLOSE < axis.share(ratio) < 1 - CLOSE
    ]
    scale = el("div", el("span"), el("svg", *labels, class_="strip"), el("span"), class_="change")
    return el("div", *rows, scale, class_="changes")


def _ends(metric: Metric) -> tuple[float, ...]:
    return (*(metric.interval or ()), *(metric.equivalence_interval or ()))


def _change(found: Comparison, axis: _Axis, name: str, metric: Metric) -> Markup:
    word = verdict_word(metric)
    kind = _KINDS.get(word, "soft")
    interval = signed_interval(metric.interval) if metric.interval else "no interval"
    sure = f"{100 * found.confidence:g} %: {interval}"
    drawn = [*_band(axis, found.threshold), *(_upright(axis, each) for each in axis.ticks())]
    drawn.append(_line(axis, 1.0, "zero"))
    for ends, how in ((metric.equivalence_interval, "within"), (metric.interval, "whisker")):
        if ends is not None:
            drawn.append(_level(axis, ends, how))
    drawn.append(el("circle", cx=axis.x(metric.ratio), cy=str(STRIP_MIDDLE), r="5", class_="dot"))
    about = f"{NAMES.get(name, name)}: {change(metric.ratio)}, {sure}, {word}"
    svg = el("svg", el("title", about), *drawn, class_=f"strip {kind}", role="img")
    shown = el("b", NAMES.get(name, name), *([" *"] if name == found.primary else []))
    told = el("span", el("b", change(metric.ratio)), f" {word}", el("small", sure), class_=kind)
    return el("div", shown, svg, told, class_="change")


def _band(axis: _Axis, threshold: float) -> list[Markup]:
    low, high = axis.share(1 / (1 + threshold)), axis.share(1 + threshold)
    width = f"{100 * (high - low):.3f}%"
    return [el("rect", x=f"{100 * low:.3f}%", width=width, y="0", height="100%", class_="band")]


def _upright(axis: _Axis, ratio: float) -> Markup:
    return _line(axis, ratio, "grid")


def _line(axis: _Axis, ratio: float, kind: str) -> Markup:
    return el("line", x1=axis.x(ratio), x2=axis.x(ratio), y1="0", y2="100%", class_=kind)


def _level(axis: _Axis, ends: Interval, kind: str) -> Markup:
    middle = str(STRIP_MIDDLE)
    return el("line", x1=axis.x(ends[0]), x2=axis.x(ends[1]), y1=middle, y2=middle, class_=kind)


def pairs(found: Comparison) -> list[Markup]:
    """Draw each pair's change, and the interval after each of them, on one scale."""
    seen = looks(found)
    if not seen:
        return []
    ratios = [ratio_of(each, found.primary) for each in found.pairs]
    ends = [end for look in seen for end in (look.ratio, *(look.interval or ()))]
    axis = _Axis.of([*ends, *(ratio for ratio in ratios if ratio)], found.threshold)
    name = NAMES.get(found.primary, found.primary)
    sure = f"{100 * found.confidence:g} % interval"
    return [
        _plot(found, axis, _dots(found, axis, ratios), f"{name}, pair by pair", "change in each"),
        _plot(found, axis, _whiskers(found, axis, seen), f"{name}, all pairs so far", sure),
    ]


def _plot(found: Comparison, axis: _Axis, drawn: Sequence[Markup], title: str, note: str) -> Markup:
    """Return a plot: its scale has a width of its own, the field takes the rest."""
    low, high = 1 / (1 + found.threshold), 1 + found.threshold
    top, floor = axis.y(high), axis.y(low)
    grid = [_across(axis, each, "grid") for each in axis.ticks()]
    band = el(
        "rect",
        **{"x": "0", "width": "100%", "y": f"{top:.1f}", "height": f"{floor - top:.1f}"},
        class_="band",
    )
    back = [el("title", f"{title}: {note}"), band, *grid, _across(axis, 1.0, "zero")]
    labels = [
        el("text", _round(each), x="46", y=f"{axis.y(each) + 4:.1f}", text_anchor="end")
        for each in axis.ticks()
    ]
    field = el("svg", *back, *drawn, *_numbers(len(found.pairs)), class_="field", role="img")
    caption = el("figcaption", title, " ", el("small", note))
    scale = el("svg", *labels, class_="ticks", aria_hidden="true")
    return el("figure", caption, el("div", scale, field, class_="plot"))


def _round(ratio: float) -> str:
    """Write a round change: 1.02 is `+2 %`, no change is `0`."""
    percent = round(100 * (ratio - 1), 6)
    return f"{percent:+,g} %" if percent else "0"


def _across(axis: _Axis, ratio: float, kind: str) -> Markup:
    y = f"{axis.y(ratio):.1f}"
    return el("line", x1="0", x2="100%", y1=y, y2=y, class_=kind)


def _place(number: int, count: int) -> str:
    return f"{100 * (number - 0.5) / count:.3f}%"


def _dots(found: Comparison, axis: _Axis, ratios: Sequence[float | None]) -> list[Markup]:
    """Draw a dot for a pair that counts, filled where the base came first, a cross for others."""
    count = len(ratios)
    radius = str(DOT if count <= MANY else SMALL_DOT)
    drawn = []
    if found.interval is not None:
        low, high = (axis.y(end) for end in found.interval)
        size = {"x": "0", "width": "100%", "y": f"{high:.1f}", "height": f"{low - high:.1f}"}
        drawn.append(el("rect", **size, class_="sure s0"))
    for number, (pair, ratio) in enumerate(zip(found.pairs, ratios, strict=True), 1):
        at = _place(number, count)
        if ratio is None:
            why = "; ".join(pair.reasons) or "one side has no figure"
            about = el("title", f"pair {number} does not count: {why}")
            size = {"x": at, "y": str(FLOOR - 4), "text_anchor": "middle"}
            drawn.append(el("text", about, "✗", **size, class_="warn"))
            continue
        about = el("title", f"pair {number}, {pair.order}: {change(ratio)}")
        kind = "dot" if pair.order == "base first" else "ring"
        drawn.append(
            el("circle", about, cx=at, cy=f"{axis.y(ratio):.1f}", r=radius, class_=f"{kind} s0")
        )
    return drawn


def _whiskers(found: Comparison, axis: _Axis, seen: Sequence[Look]) -> list[Markup]:
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
        size = {"x": _place(number, count), "y": str(HEIGHT - 8), "text_anchor": anchor}
        shown.append(el("text", str(number), **size))
    return shown
