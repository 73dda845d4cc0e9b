"""A history as one HTML file: for each name how rate and p95 went, and the table of its runs.

The pictures are SVG written here and need no script: a title on each dot tells its run. A run that
did not come to its end has a dot that is not on the line; where the machine changed, a dashed line
stands upright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastbench.foundation.units import format_count, format_ms
from fastbench.report.columns import ms, percent
from fastbench.report.html import html_parts
from fastbench.report.html.html_markup import Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_page import page
from fastbench.report.html.html_plot import Axis, line, round_values, text
from fastbench.report.page import plural
from fastbench.report.text.history_text import (
    changes_of_machine,
    machine,
    outcome,
    per_s,
    rate,
    started,
    times,
)
from fastbench.results.history.history_entry import Entry, Group

WIDTH, HEIGHT = 460, 190  # in units of the picture; a phone shows them a little smaller
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 8, 24
TICKS = 4
HEADROOM = 1.08
CROWD = 60  # runs from which on dots are small
RADIUS, SMALL_RADIUS = 3.6, 1.8
RATE, P95 = "0", "1"  # colours of the page
STYLE = "h2 { overflow-wrap: anywhere; } .charts { margin-bottom: 14px; } svg { cursor: default; }"


def _x(at: float, count: int) -> float:
    """Place runs side by side."""
    return LEFT + (at + 0.5) / count * (WIDTH - LEFT - RIGHT)


def render(groups: Sequence[Group], source: str) -> str:
    """Return the page, ending in a newline; `source` is what the history is called."""
    total = sum(group.total for group in groups)
    about = f"{plural(total, 'run')} of {plural(len(groups), 'name')}, the newest last"
    heading = html_parts.heading(f"History: {source}", [about if groups else "no runs yet"])
    main = html_parts.main(heading, *map(_group, groups))
    return page(f"History: {source}", main, style=STYLE)


def _group(group: Group) -> Markup:
    runs = group.runs
    shown = f"{len(runs):,} of " if len(runs) < group.total else ""
    figures = el(
        "div",
        _figure("Throughput", per_s(runs), runs, lambda run: run.requests_per_s, RATE),
        _figure("p95", times(runs), runs, lambda run: run.p95_ms, P95),
        class_="charts",
    )
    return section(group.name, figures, _table(runs), note=shown + plural(group.total, "run"))


def _table(runs: Sequence[Entry]) -> Markup:
    heads = (
        "run #",
        "started",
        "protocol",
        f"{per_s(runs)} #",
        "p50 #",
        "p95 #",
        "p99 #",
        "failed #",
    )
    rows: list[Row] = []
    for run in runs:
        figures = map(ms, (run.p50_ms, run.p95_ms, run.p99_ms))
        share = percent(run.errors_share)
        rows.append(
            (
                str(run.id),
                started(run),
                run.protocol,
                rate(run.requests_per_s),
                *figures,
                TableCell(share, "bad") if run.errors_share else share,
                TableCell(*outcome(run)),
                run.build,
                el("small", machine(run)),
            )
        )
    return table((*heads, "outcome", "build", "machine"), rows)


def _figure(
    title: str,
    note: str,
    runs: Sequence[Entry],
    value: Callable[[Entry], float | None],
    color: str,
) -> Markup:
    form = _rate if color == RATE else _latency
    most = max((found for run in runs if (found := value(run))), default=0.0)
    axis = Axis(0.0, HEADROOM * (most or 1.0), top=TOP, floor=HEIGHT - BOTTOM)
    path = _path(axis, [value(run) if run.ended == "complete" else None for run in runs])
    dots = [_dot(axis, at, len(runs), run, value(run), form) for at, run in enumerate(runs)]
    picture = el(
        "svg",
        *_axes(axis, runs, most, form),
        el("g", el("path", d=path, class_="curve"), class_=f"s{color}"),
        *(el("g", dot, class_=kind) for kind, dot in dots if dot is not None),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=f"{title} by run",
    )
    return el("figure", el("figcaption", title, " ", el("small", note)), picture)


def _path(axis: Axis, values: Sequence[float | None]) -> str:
    """Return the line through complete runs; whatever lies between two of them is passed over."""
    points = [
        f"{_x(at, len(values)):.1f} {axis.y(each):.1f}"
        for at, each in enumerate(values)
        if each is not None
    ]
    return "M" + "L".join(points) if points else ""


def _dot(
    axis: Axis,
    at: int,
    count: int,
    run: Entry,
    value: float | None,
    form: Callable[[float], str],
) -> tuple[str, Markup | None]:
    if value is None:
        return "", None
    how, kind = outcome(run)
    told = f"run {run.id}, {started(run)}: {form(value)}, {how}"
    dot = el(
        "circle",
        el("title", told),
        cx=f"{_x(at, count):.1f}",
        cy=f"{axis.y(value):.1f}",
        r=str(RADIUS if count < CROWD else SMALL_RADIUS),
        class_="dot",
    )
    return kind, dot


def _axes(
    axis: Axis, runs: Sequence[Entry], most: float, form: Callable[[float], str]
) -> list[Markup]:
    floor, left, right = f"{axis.floor:g}", str(LEFT), str(WIDTH - RIGHT)
    found = []
    for tick in round_values(0.0, most, TICKS):
        y = f"{axis.y(tick):.1f}"
        found.append(line("grid", left, right, y, y))
        found.append(text(form(tick), str(LEFT - 8), axis.y(tick) + 4, "end"))
    found.append(line("axis", left, right, floor, floor))
    for at in changes_of_machine(runs):
        x = f"{_x(at - 0.5, len(runs)):.1f}"
        mark = line("mark", x, x, str(TOP), floor)
        found.append(el("g", el("title", f"other machine: {machine(runs[at])}"), mark))
    days = [started(run).partition(" ")[0] for run in runs]
    ends = [started(run) for run in runs] if days[0] == days[-1] else days
    if len(runs) == 1:
        return [*found, text(ends[0], f"{_x(0, 1):.1f}", HEIGHT - 6, "middle")]
    below = ((ends[0], left, "start"), (ends[-1], right, "end"))
    return [*found, *(text(each, x, HEIGHT - 6, anchor) for each, x, anchor in below)]


def _rate(value: float) -> str:
    return _brief(format_count(value))


def _latency(value: float) -> str:
    return _brief(format_ms(value)) if value else "0"


def _brief(text: str) -> str:
    """Leave out what a round number does not need: `1.50ms` is `1.5ms`, `20.0k` is `20k`."""
    digits = text.rstrip("kMGTnums")
    unit = text[len(digits) :]
    return (digits.rstrip("0").rstrip(".") if "." in digits else digits) + unit
