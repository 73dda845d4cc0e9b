"""A history as one HTML file: for each name how rate and p95 went, and the table of its runs.

The pictures are SVG written here and need no script: a title on each dot tells its run. A run that
did not come to its end has a dot that is not on the line; where the machine changed, a dashed line
stands upright.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count, format_ms
from fastbench.report.columns import percent
from fastbench.report.html.html_markup import Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.page import plural
from fastbench.report.text.history_text import (
    changes_of_machine,
    machine,
    outcome,
    rate,
    started,
    times,
)
from fastbench.results.history_store import Entry, Group

__all__ = ["render"]

WIDTH, HEIGHT = 460, 190  # in units of the picture; a phone shows them a little smaller
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 8, 24
TICKS = 4
HEADROOM = 1.08
CROWD = 60  # runs from which on dots are small
RADIUS, SMALL_RADIUS = 3.6, 1.8
RATE, P95 = "0", "1"  # colours of the page
STYLE = "h2 { overflow-wrap: anywhere; } .charts { margin-bottom: 14px; } svg { cursor: default; }"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Places runs side by side, and values from zero to a little above the most."""

    count: int
    most: float

    def x(self, at: float) -> float:
        return round(LEFT + (at + 0.5) / self.count * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - BOTTOM - value / self.most * (HEIGHT - BOTTOM - TOP), 1)


def render(groups: Sequence[Group], source: str) -> str:
    """Return the page, ending in a newline; `source` is what the history is called."""
    total = sum(group.total for group in groups)
    about = f"{plural(total, 'run')} of {plural(len(groups), 'name')}, the newest last"
    heading = el(
        "header",
        el("p", "fastbench", class_="brand"),
        el("h1", f"History: {source}"),
        el("p", about if groups else "no runs yet"),
    )
    return page(f"History: {source}", el("main", heading, *map(_group, groups)), style=STYLE)


def _group(group: Group) -> Markup:
    runs = group.runs
    shown = f"{len(runs):,} of " if len(runs) < group.total else ""
    figures = el(
        "div",
        _figure("Throughput", "requests per second", runs, lambda run: run.requests_per_s, RATE),
        _figure("p95", times(runs), runs, lambda run: run.p95_ms, P95),
        class_="charts",
    )
    return section(group.name, figures, _table(runs), note=shown + plural(group.total, "run"))


def _table(runs: Sequence[Entry]) -> Markup:
    heads = ("run #", "started", "req/s #", "p50 #", "p95 #", "p99 #", "failed #", "outcome")
    rows: list[Row] = []
    for run in runs:
        figures = ("–" if ms is None else format_ms(ms) for ms in _percentiles(run))  # noqa: RUF001
        share = percent(run.errors_share)
        rows.append(
            (
                str(run.id),
                started(run),
                rate(run.requests_per_s),
                *figures,
                TableCell(share, "bad") if run.errors_share else share,
                TableCell(*outcome(run)),
                run.build,
                el("small", machine(run)),
            )
        )
    return table((*heads, "build", "machine"), rows)


def _percentiles(run: Entry) -> tuple[float | None, ...]:
    return run.p50_ms, run.p95_ms, run.p99_ms


def _figure(
    title: str,
    note: str,
    runs: Sequence[Entry],
    value: Callable[[Entry], float | None],
    color: str,
) -> Markup:
    form = _rate if color == RATE else _latency
    most = max((found for run in runs if (found := value(run))), default=0.0)
    scale = _Scale(len(runs), HEADROOM * (most or 1.0))
    path = _path(scale, [value(run) if run.ended == "complete" else None for run in runs])
    dots = [_dot(scale, at, run, value(run), form) for at, run in enumerate(runs)]
    picture = el(
        "svg",
        *_axes(scale, runs, most, form),
        el("g", el("path", d=path, class_="curve"), class_=f"s{color}"),
        *(el("g", dot, class_=kind) for kind, dot in dots if dot is not None),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} by run",
    )
    return el("figure", el("figcaption", title, " ", el("small", note)), picture)


def _path(scale: _Scale, values: Sequence[float | None]) -> str:
    """Return the line through complete runs; whatever lies between two of them is passed over."""
    points = [
        f"{scale.x(at)} {scale.y(each)}" for at, each in enumerate(values) if each is not None
    ]
    return "M" + "L".join(points) if points else ""


def _dot(
    scale: _Scale, at: int, run: Entry, value: float | None, form: Callable[[float], str]
) -> tuple[str, Markup | None]:
    if value is None:
        return "", None
    text, kind = outcome(run)
    told = f"run {run.id}, {started(run)}: {form(value)}, {text}"
    dot = el(
        "circle",
        el("title", told),
        cx=str(scale.x(at)),
        cy=str(scale.y(value)),
        r=str(RADIUS if scale.count < CROWD else SMALL_RADIUS),
        class_="dot",
    )
    return kind, dot


def _axes(
    scale: _Scale, runs: Sequence[Entry], most: float, form: Callable[[float], str]
) -> list[Markup]:
    floor, right = str(HEIGHT - BOTTOM), str(WIDTH - RIGHT)
    found = []
    for tick in _ticks(most):
        y = scale.y(tick)
        found.append(_line("grid", str(LEFT), right, str(y), str(y)))
        found.append(_text(form(tick), str(LEFT - 8), str(y + 4), "end"))
    found.append(_line("axis", str(LEFT), right, floor, floor))
    for at in changes_of_machine(runs):
        x = str(scale.x(at - 0.5))
        mark = _line("mark", x, x, str(TOP), floor)
        found.append(el("g", el("title", f"other machine: {machine(runs[at])}"), mark))
    days = [_day(run) for run in runs]
    ends = [started(run) for run in runs] if days[0] == days[-1] else days
    below = str(HEIGHT - 6)
    if len(runs) == 1:
        return [*found, _text(ends[0], str(scale.x(0)), below, "middle")]
    found.append(_text(ends[0], str(LEFT), below, "start"))
    return [*found, _text(ends[-1], right, below, "end")]


def _day(run: Entry) -> str:
    return started(run).partition(" ")[0]


def _line(kind: str, x1: str, x2: str, y1: str, y2: str) -> Markup:
    return el("line", class_=kind, x1=x1, x2=x2, y1=y1, y2=y2)


def _text(text: str, x: str, y: str, anchor: str) -> Markup:
    return el("text", printable(text), x=x, y=y, text_anchor=anchor)


def _ticks(most: float) -> list[float]:
    """Return round values from zero up to the most: steps of 1, 2 or 5."""
    if most <= 0:
        return [0.0]
    least = most / TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next((power * each for each in (1, 2, 5) if power * each >= least), 10 * power)
    return [step * at for at in range(int(most / step + 1e-9) + 1)]


def _rate(value: float) -> str:
    return _brief(format_count(value))


def _latency(value: float) -> str:
    return _brief(format_ms(value)) if value else "0"


def _brief(text: str) -> str:
    """Leave out what a round number does not need: `1.50ms` is `1.5ms`, `20.0k` is `20k`."""
    digits = text.rstrip("kMGTnums")
    unit = text[len(digits) :]
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + unit
