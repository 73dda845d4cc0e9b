"""A search for the highest rate as one HTML file: the answer, the knee, then every step.

It is a page like that of a run, under the same policy, and made from the document alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median_low

from fastbench.experiments.find.find_document import Found, Step
from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.report.columns import NOTHING, ms
from fastbench.report.html import html_asked, html_parts
from fastbench.report.html.html_markup import Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.html.html_plot import HEIGHT, TOP, Axis, across, brief, line, plot, text
from fastbench.report.html.html_verdict import Figure
from fastbench.report.load_heading import of_config
from fastbench.report.page import plural
from fastbench.report.text import find_text
from fastbench.report.text.text_report import LIMITS
from fastbench.results import resolution

TITLES = {
    "found": "Found",
    "most": "Passed at every rate",
    "none": "No rate passed",
    "client_limited": "A lower bound",
    "server_gone": "No more responses",
    "interrupted": "Interrupted",
    "lost": "Lost",
    "out_of_time": "Out of time",
    "nothing_succeeded": "Nothing succeeded",
}
CLOSE = 0.035  # to an end of the axis: a number there would be cut
MIDDLE = 0.5
MAX_NUMBERS = 6  # along the rates, on a phone
HINT = (
    "A filled dot is a run that passed the objective, a ring one that failed; the thin line goes "
    "through the middle run of each rate. Grey is unknown: only some runs passed there, or none "
    "was made."
)
DOT = "4.5"


def render(found: Found) -> str:
    """Return the page, ending in a newline."""
    title = of_config(found.config).target or "a search for the highest rate"
    when = html_parts.when(found.environment.started_at) if found.environment else ""
    after = f" after {format_s(found.warmup_s)} of warm-up" if found.warmup_s else ""
    about = (
        f"{format_s(found.visit_s)} at each rate{after}",
        f"{plural(len(found.steps), 'run')} in {format_s(round(found.elapsed_s, 1))}",
        find_text.protocol(found),
        find_text.machines(found),
        when,
    )
    main = html_parts.main(
        html_parts.heading(title, about, "find"),
        _verdict(found),
        html_parts.figures(_figures(found)),
        _knee(found),
        _steps(found),
        html_asked.asked(found.config, html_parts.environment(found.environment)),
        html_parts.footer(f"fastbench {found.version}", when),
    )
    return page(f"{TITLES[found.ended]}: {title}", main)


def _verdict(found: Found) -> Markup:
    answer, kind = find_text.answer(found)
    known = find_text.known(found)
    told = [el("p", html_parts.sentence(answer), class_="sentence")]
    told += [el("p", html_parts.sentence(known))] if known else []
    about = (
        html_parts.reasons(find_text.reasons(found)),
        *html_parts.warnings(found.warnings),
    )
    return html_parts.verdict(TITLES[found.ended], kind, told, about)


def _figures(found: Found) -> list[Figure]:
    low, high = found.interval.low, found.interval.high
    rate = NOTHING if found.rate is None else find_text.per_s(found.rate)
    return [
        Figure("highest rate", rate, "requests per second", "bad" if found.rate is None else ""),
        _border("every run passed", low, "up to this rate"),
        _border("every run failed", high, "from here on"),
        Figure("bottleneck", found.limit, LIMITS[found.limit]),
    ]


def _border(name: str, rate: float | None, more: str) -> Figure:
    if rate is None:
        return Figure(name, NOTHING, "at no rate")
    return Figure(name, find_text.per_s(rate), more)


def _knee(found: Found) -> Markup | None:
    """Draw what the objective is about, rate by rate; None where no response was received."""
    drawn = find_text.drawn_of(found)
    points = [(step, value) for step in found.steps if (value := find_text.value_ms(step, drawn))]
    points = [(step, value) for step, value in points if step.rate > 0]
    if not points:
        return None
    limit_ms = drawn.limit if drawn is not None and drawn.limit > 0 else None
    x = Axis.around((step.rate for step, _ in points), log=True)
    limits = [] if limit_ms is None else [limit_ms]
    y = Axis.around([*(value for _, value in points), *limits], log=True)
    name = "p99" if drawn is None else drawn.text
    above = (
        *_through(x, y, points),
        *(mark for each in limits for mark in _limit(y, each)),
        *_answer(found, x),
        *(_dot(x, y, step, value, f"{find_text.unit(found)}: {name}") for step, value in points),
        *_rates(x),
    )
    figure = plot(
        (name, f"by {find_text.unit(found)}"),
        *(y, y.ticks(), lambda value: brief(format_ms(value)), (_unknown(found, x), above)),
        title=f"{name} by rate",
        kind="wide",
    )
    parts = (el("p", HINT, class_="hint"), el("div", figure, class_="charts"))
    return section("Where it bends", *parts, identity="knee")


def _through(x: Axis, y: Axis, points: Sequence[tuple[Step, float]]) -> list[Markup]:
    """Draw a line through the middle run of each rate."""
    by_rate: dict[float, list[float]] = {}
    for step, value in points:
        by_rate.setdefault(step.rate, []).append(value)
    middles = [(x.x(rate), f"{y.y(median_low(by_rate[rate])):.1f}") for rate in sorted(by_rate)]
    return [line("through", at, to, low, high) for (at, low), (to, high) in pairwise(middles)]


def _limit(y: Axis, limit_ms: float) -> list[Markup]:
    return [
        across(y, limit_ms, "mark"),
        text(f"objective {brief(format_ms(limit_ms))}", "4", y.y(limit_ms) - 5, "start"),
    ]


def _answer(found: Found, x: Axis) -> list[Markup]:
    """Draw where the highest rate is, with its figure beside it."""
    if not found.rate or not 0 <= x.share(found.rate) <= 1:
        return []
    at, left = x.x(found.rate), x.share(found.rate) > MIDDLE
    words = f"{find_text.per_s(found.rate)} {find_text.unit(found)}"
    words = f"{words}\u2002" if left else f"\u2002{words}"  # beside the line, not on it
    told = text(words, at, TOP + 2, "end" if left else "start")
    return [line("answer", at, at, "0", f"{x.floor:g}"), told]


def _dot(x: Axis, y: Axis, step: Step, value: float, name: str) -> Markup:
    how = "passed" if step.held else f"failed: {find_text.failures(step)}"
    about = f"{find_text.per_s(step.rate)} {name.split('<')[0]} {format_ms(value)}, {how}"
    kind = "dot good" if step.held else "ring bad"
    place = {"cx": x.x(step.rate), "cy": f"{y.y(value):.1f}", "r": DOT}
    return el("circle", el("title", about), **place, class_=kind)


def _unknown(found: Found, x: Axis) -> list[Markup]:
    """Shade what lies between the rates that held and those that failed."""
    low, high = found.interval.low, found.interval.high
    if low is None or high is None or not 0 < low <= high:
        return []
    left, right = (100 * min(max(x.share(each), 0), 1) for each in (low, high))
    size = {
        "x": f"{left:.3f}%",
        "width": f"{right - left:.3f}%",
        "y": "0",
        "height": f"{x.floor:g}",
    }
    return [el("rect", **size, class_="band")]


def _rates(x: Axis) -> list[Markup]:
    shown = [each for each in x.ticks(MAX_NUMBERS) if CLOSE < x.share(each) < 1 - CLOSE]
    return [text(brief(format_count(each)), x.x(each), HEIGHT - 8, "middle") for each in shown]


def _steps(found: Found) -> Markup | None:
    """Return every run in the order in which they were made."""
    if not found.steps:
        return None
    heads = (
        *("asked #", "outcome", "answered #", "p50 #", "p99 #", "errors #", "not sent #"),
        *("phase", "verdict", "redone #"),
    )
    return section("Every run", table(heads, map(_step, found.steps)), identity="steps")


def _step(step: Step) -> Row:
    row = {"count": step.samples, "p50": step.p50_ms, "p99": step.p99_ms}
    told = [resolution.told_ms(row, name) for name in ("p50", "p99")]
    times = [ms(each) for each in told]
    outcome = (
        TableCell("✓ passed", "good")
        if step.held
        else TableCell(f"✗ {find_text.failures(step)}", "bad")
    )
    return [
        find_text.per_s(step.rate),
        outcome,
        find_text.per_s(step.requests_per_s),
        *times,
        f"{step.errors_share:.2%}" if step.errors_share else "0",
        f"{step.missed_share:.2%}" if step.missed_share else "0",
        step.phase,
        step.verdict,
        str(step.redone or ""),
    ]
