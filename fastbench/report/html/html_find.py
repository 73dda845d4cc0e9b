"""A search for the highest rate as one HTML file: the answer, the knee, then every step.

It is a page like that of a run, under the same policy, and made from the document alone. The
picture is SVG without a script, drawn as those of `html_pictures` are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from fastbench.experiments.find.find_document import Found, Step
from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.report.html import html_parts, html_tables
from fastbench.report.html.html_markup import Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.html.html_verdict import Figure
from fastbench.report.load_heading import of_config
from fastbench.report.page import plural
from fastbench.report.text import find_text
from fastbench.results import resolution

__all__ = ["render"]

NOTHING = "–"  # noqa: RUF001
TITLES = {
    "found": "Found",
    "most": "Passed at every rate",
    "none": "No rate passed",
    "client_limited": "A lower bound",
    "server_gone": "No answers any more",
    "interrupted": "Interrupted",
    "out_of_time": "Out of time",
    "nothing_succeeded": "Nothing succeeded",
}
HEIGHT, TOP, FLOOR = 220, 10, 194  # pixels of the picture: all, and where values may be
MARGIN = 0.05  # of an axis, beyond what it has to show
CLOSE = 0.06  # to an end of the axis: a number there would be cut
TICKS = 4
STEPS = (1, 2, 5, 10)
DOT = "4.5"


def render(found: Found) -> str:
    """Return the page, ending in a newline."""
    title = of_config(found.config).target or "a search for the highest rate"
    when = found.environment.started_at.replace("T", " ") if found.environment else ""
    after = f" after {format_s(found.warmup_s)} of warm-up" if found.warmup_s else ""
    about = (
        f"{format_s(found.visit_s)} at each rate{after}",
        f"{plural(len(found.steps), 'run')} in {format_s(round(found.elapsed_s, 1))}",
        when,
    )
    parts = (
        el("header", *_heading(title, " · ".join(part for part in about if part))),
        _verdict(found),
        html_parts.figures(_figures(found)),
        _knee(found),
        _steps(found),
        html_tables.configuration(found.config),
        _environment(found),
        el("footer", " · ".join(part for part in (f"fastbench {found.version}", when) if part)),
    )
    return page(title, el("main", *(part for part in parts if part is not None)))


def _heading(title: str, about: str) -> list[Markup]:
    return [el("p", "fastbench find", class_="brand"), el("h1", title), el("p", about)]


def _verdict(found: Found) -> Markup:
    text, kind = find_text.answer(found)
    more = f"{known[:1].upper()}{known[1:]}." if (known := find_text.known(found)) else ""
    return el(
        "section",
        el("h2", TITLES[found.ended]),
        el("p", f"{text[:1].upper()}{text[1:]}.", class_="sentence"),
        *([el("p", more)] if more else []),
        el("ul", *(el("li", reason) for reason in find_text.reasons(found))),
        *html_parts.warnings(found.warnings),
        id="verdict",
        class_=kind,
    )


def _figures(found: Found) -> list[Figure]:
    low, high = found.interval.low, found.interval.high
    rate = NOTHING if found.rate is None else find_text.per_s(found.rate)
    return [
        Figure("highest rate", rate, "requests per second", "bad" if found.rate is None else ""),
        Figure(
            "every run passed", NOTHING if low is None else find_text.per_s(low), "up to this rate"
        ),
        Figure(
            "every run failed", NOTHING if high is None else find_text.per_s(high), "from here on"
        ),
        Figure("bottleneck", found.limit, f"the border to {100 * found.precision:g} %"),
    ]


@dataclass(frozen=True, slots=True)
class _Log:
    """A logarithmic axis with some room at both ends."""

    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> _Log:
        shown = [math.log10(value) for value in values]
        room = max(MARGIN * (max(shown) - min(shown)), 0.02)
        return cls(min(shown) - room, max(shown) + room)

    def share(self, value: float) -> float:
        return (math.log10(value) - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return round values: powers of ten, with 2 and 5 between a few of them."""
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        digits = (1,) if self.high - self.low > TICKS - 1 else (1, 2, 5)
        found = [digit * 10.0**power for power in powers for digit in digits]
        return [value for value in found if 0 < self.share(value) < 1]


def _knee(found: Found) -> Markup | None:
    """Draw what the objective is about, rate by rate; None where nothing was answered."""
    drawn = find_text.drawn_of(found)
    points = [(step, value) for step in found.steps if (value := find_text.value_ms(step, drawn))]
    points = [(step, value) for step, value in points if step.rate > 0]
    if not points:
        return None
    limit_ms = drawn.limit if drawn is not None and drawn.limit > 0 else None
    x = _Log.of(step.rate for step, _ in points)
    y = _Log.of([value for _, value in points] + ([] if limit_ms is None else [limit_ms]))
    name = "p99" if drawn is None else drawn.text
    field = [
        *_border(found, x),
        *(_across(y, each, "grid") for each in y.ticks()),
        *([] if limit_ms is None else [_across(y, limit_ms, "mark")]),
        *(_dot(x, y, step, value, name) for step, value in points),
        *_rates(x),
    ]
    labels = [
        el("text", format_ms(each), x="46", y=f"{_y(y, each) + 4:.1f}", text_anchor="end")
        for each in y.ticks()
    ]
    hint = (
        "A filled dot is a run that passed the objective, a ring one that failed; the dashed line "
        "is the objective. Grey is unknown: only some runs passed there, or none was made."
    )
    caption = el("figcaption", name, " ", el("small", "by requests per second"))
    plot = el(
        "div",
        el("svg", *labels, class_="ticks", aria_hidden="true"),
        el("svg", el("title", f"{name} by rate"), *field, class_="field", role="img"),
        class_="plot",
    )
    figure = el("figure", caption, plot, class_="wide")
    parts = (el("p", hint, class_="hint"), el("div", figure, class_="charts"))
    return section("Where it bends", *parts, identity="knee")


def _y(axis: _Log, value: float) -> float:
    return FLOOR - (FLOOR - TOP) * axis.share(value)


def _across(axis: _Log, value: float, kind: str) -> Markup:
    y = f"{_y(axis, value):.1f}"
    return el("line", x1="0", x2="100%", y1=y, y2=y, class_=kind)


def _dot(x: _Log, y: _Log, step: Step, value: float, name: str) -> Markup:
    how = "passed" if step.held else f"failed: {find_text.failures(step)}"
    about = f"{find_text.per_s(step.rate)} req/s: {name.split('<')[0]} {format_ms(value)}, {how}"
    kind = "dot good" if step.held else "ring bad"
    place = {"cx": f"{100 * x.share(step.rate):.3f}%", "cy": f"{_y(y, value):.1f}", "r": DOT}
    return el("circle", el("title", about), **place, class_=kind)


def _border(found: Found, x: _Log) -> list[Markup]:
    """Shade what lies between the rates that held and those that failed."""
    low, high = found.interval.low, found.interval.high
    if low is None or high is None or not 0 < low <= high:
        return []
    left, right = (100 * min(max(x.share(each), 0), 1) for each in (low, high))
    size = {"x": f"{left:.3f}%", "width": f"{right - left:.3f}%", "y": "0", "height": str(FLOOR)}
    return [el("rect", **size, class_="band")]


def _rates(x: _Log) -> list[Markup]:
    return [
        el(
            "text",
            format_count(each),
            **{"x": f"{100 * x.share(each):.3f}%", "y": str(HEIGHT - 8), "text_anchor": "middle"},
        )
        for each in x.ticks()
        if CLOSE < x.share(each) < 1 - CLOSE
    ]


def _steps(found: Found) -> Markup | None:
    """Return every run in the order in which they were made."""
    if not found.steps:
        return None
    heads = (
        *("phase", "asked #", "answered #", "p50 #", "p99 #", "errors #", "not sent #"),
        *("outcome", "verdict", "redone #"),
    )
    return section("Every run", table(heads, map(_step, found.steps)), identity="steps")


def _step(step: Step) -> Row:
    row = {"count": step.samples, "p50": step.p50_ms, "p99": step.p99_ms}
    told = [resolution.told_ms(row, name) for name in ("p50", "p99")]
    times = [NOTHING if each is None else format_ms(each) for each in told]
    outcome = (
        TableCell("✓ passed", "good")
        if step.held
        else TableCell(f"✗ {find_text.failures(step)}", "bad")
    )
    return [
        step.phase,
        find_text.per_s(step.rate),
        find_text.per_s(step.requests_per_s),
        *times,
        f"{step.errors_share:.2%}" if step.errors_share else "0",
        f"{step.missed_share:.2%}" if step.missed_share else "0",
        outcome,
        step.verdict,
        str(step.redone or ""),
    ]


def _environment(found: Found) -> Markup | None:
    if found.environment is None:
        return None
    values = asdict(found.environment).items()
    rows: list[Row] = [[name.replace("_", " "), str(value)] for name, value in values]
    return section("Environment", table(("", ""), rows), identity="environment")
