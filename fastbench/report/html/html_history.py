"""A history as one HTML file: how the last runs ended, then for each name how rate and p95 went.

1. What is said first is of the last run of each name. Where the figures went is told and not
   judged: runs of different days were not interleaved.
2. The pictures need no script: a title on each dot tells its run. A run that did not come to its
   end has a dot that is not on the line; a dashed upright line is a change of the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from fastbench.foundation.units import format_count, format_ms
from fastbench.report.columns import ms, percent
from fastbench.report.html import html_parts
from fastbench.report.html.html_markup import (
    Content,
    Markup,
    Row,
    TableCell,
    breakable,
    el,
    table,
)
from fastbench.report.html.html_page import page
from fastbench.report.html.html_plot import HEIGHT, TOP, Axis, brief, line, plot, round_values, text
from fastbench.report.page import plural
from fastbench.report.text.history_text import (
    changes_of_machine,
    machine,
    moved,
    outcome,
    per_s,
    rate,
    started,
    times,
)
from fastbench.results.history.history_entry import Entry, Group

TICKS = 4
HEADROOM = 1.08
CROWD = 60  # runs from which on dots are small
FEW = 8  # runs whose first and last have room for a name below their dots
RADIUS, SMALL_RADIUS = "4.5", "2.5"
RATE, P95 = "0", "1"  # colours of the page
MARKS = {"good": "✓", "warn": "⚠", "bad": "✗"}
STATES = {"bad": "fail", "warn": "doubt", "good": "pass"}
USUAL = "HTTP/1.1"
HINT = (
    "A dot is a run, in the colour of its outcome; the line goes through complete runs. Runs of "
    "different days are not interleaved: what moved may be the machine."
)


def render(groups: Sequence[Group], source: str) -> str:
    """Return the page, ending in a newline; `source` is what the history is called."""
    total = sum(group.total for group in groups)
    about = f"{plural(total, 'run')} of {plural(len(groups), 'name')}, the newest last"
    heading = html_parts.heading(
        f"History: {source}", [about if groups else "no runs yet"], "history"
    )
    main = html_parts.main(heading, _state(groups) if groups else None, *map(_group, groups))
    return page(f"History: {source}", main)


def _state(groups: Sequence[Group]) -> Markup:
    """Say how the last run of each name ended, what went wrong first."""
    ends = [(group, *outcome(group.runs[-1])) for group in groups]
    wrong = [each for kind in ("bad", "warn") for each in ends if each[2] == kind]
    failed = sum(kind == "bad" for *_, kind in ends)
    last = "the last run" if len(ends) == 1 else f"{len(ends)} last runs"
    title = f"{html_parts.sentence(last)[:-1]} ended well"
    if failed:
        title = f"{failed} of {last} failed" if len(ends) > 1 else "The last run failed"
    elif wrong:
        title = f"{len(wrong)} of {last} with warnings"
        title = title if len(ends) > 1 else "The last run has warnings"
    told = [f"{group.name}: {how} (run {group.runs[-1].id})" for group, how, _ in wrong]
    kind = STATES[wrong[0][2] if wrong else "good"]
    below = [html_parts.reasons(told), el("p", HINT, class_="hint")]
    return html_parts.verdict(title, kind, [], below)


def _group(group: Group) -> Markup:
    runs = group.runs
    shown = f"{len(runs):,} of " if len(runs) < group.total else ""
    figures = el(
        "div",
        _figure("Throughput", per_s(runs), runs, lambda run: run.requests_per_s, RATE),
        _figure("p95", times(runs), runs, lambda run: run.p95_ms, P95),
        class_="charts",
    )
    note = el("small", shown + plural(group.total, "run"))
    heading = el("h2", *breakable(group.name), note)
    return el("section", heading, el("p", _about(runs), class_="hint"), figures, _table(runs))


def _about(runs: Sequence[Entry]) -> str:
    """Say how the last run went beside the complete one before it, and where all of them were."""
    told = []
    before = [run for run in runs[:-1] if run.ended == "complete"]
    if before and runs[-1].ended == "complete":
        told.append(f"The last run beside run {before[-1].id}: {moved(before[-1], runs[-1])}.")
    if not changes_of_machine(runs):
        told.append(f"Machine: {machine(runs[0])}.")
    return " ".join(told)


def _table(runs: Sequence[Entry]) -> Markup:
    """Return a row for each run; what all have in common has no column."""
    columns: list[tuple[str, Callable[[Entry], Content | TableCell]]] = [
        ("run #", lambda run: str(run.id)),
        ("outcome", _outcome),
        ("started", started),
        (f"{per_s(runs)} #", lambda run: rate(run.requests_per_s)),
        ("p50 #", lambda run: ms(run.p50_ms)),
        ("p95 #", lambda run: ms(run.p95_ms)),
        ("p99 #", lambda run: ms(run.p99_ms)),
        ("failed #", _failed),
    ]
    if any(run.protocol not in ("", USUAL) for run in runs):
        columns.append(("protocol", lambda run: run.protocol))
    if any(run.build for run in runs):
        columns.append(("build", lambda run: run.build))
    if changes_of_machine(runs):
        columns.append(("machine", lambda run: el("small", machine(run))))
    rows: list[Row] = [[cell(run) for _, cell in columns] for run in runs]
    return table([head for head, _ in columns], rows)


def _outcome(run: Entry) -> TableCell:
    word, kind = outcome(run)
    return TableCell(f"{MARKS[kind]} {word}", kind)


def _failed(run: Entry) -> Content | TableCell:
    share = percent(run.errors_share)
    return TableCell(share, "bad") if run.errors_share else share


def _figure(
    title: str,
    note: str,
    runs: Sequence[Entry],
    value: Callable[[Entry], float | None],
    color: str,
) -> Markup:
    form = _rate if color == RATE else _latency
    most = max((found for run in runs if (found := value(run))), default=0.0)
    axis = Axis(0.0, HEADROOM * (most or 1.0), top=TOP)
    whole = [value(run) if run.ended == "complete" else None for run in runs]
    dots = [_dot(axis, at, len(runs), run, value(run), form) for at, run in enumerate(runs)]
    above = (
        *_machines(axis, runs),
        el("g", *_path(axis, whole), class_=f"s{color}"),
        *(el("g", dot, class_=kind) for kind, dot in dots if dot is not None),
        *_ends(runs),
    )
    ticks = round_values(0.0, most, TICKS)
    return plot((title, note), axis, ticks, form, ((), above), title=f"{title} by run")


def _x(at: float, count: int) -> str:
    """Place runs side by side."""
    return f"{100 * (at + 0.5) / count:.3f}%"


def _path(axis: Axis, values: Sequence[float | None]) -> list[Markup]:
    """Return the line through complete runs; whatever lies between two of them is passed over."""
    known = [(at, value) for at, value in enumerate(values) if value is not None]
    ends = [(_x(at, len(values)), f"{axis.y(value):.1f}") for at, value in known]
    return [line("curve", at, to, low, high) for (at, low), (to, high) in pairwise(ends)]


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
        cx=_x(at, count),
        cy=f"{axis.y(value):.1f}",
        r=RADIUS if count < CROWD else SMALL_RADIUS,
        class_="dot",
    )
    return kind, dot


def _machines(axis: Axis, runs: Sequence[Entry]) -> list[Markup]:
    found = []
    for at in changes_of_machine(runs):
        x = _x(at - 0.5, len(runs))
        mark = line("mark", x, x, f"{axis.top:g}", f"{axis.floor:g}")
        found.append(el("g", el("title", f"other machine: {machine(runs[at])}"), mark))
    return found


def _ends(runs: Sequence[Entry]) -> list[Markup]:
    """Say along the floor when the first and the last run were: their days, or their minutes."""
    ends = [started(run) for run in (runs[0], runs[-1])]
    days = [each.partition(" ")[0] for each in ends]
    if days[0] != days[1]:
        ends = days
    elif ends[0] == ends[1]:
        ends = [f"run {run.id}" for run in (runs[0], runs[-1])]
    below, last = HEIGHT - 8, len(runs) - 1
    if 0 < last < FEW and ends[0].startswith("run"):
        places = zip(ends, (0, last), strict=True)
        return [text(end, _x(at, len(runs)), below, "middle") for end, at in places]
    if len(runs) == 1:
        return [text(started(runs[0]), "50%", below, "middle")]
    return [text(ends[0], "0", below, "start"), text(ends[1], "100%", below, "end")]


def _rate(value: float) -> str:
    return brief(format_count(value))


def _latency(value: float) -> str:
    return brief(format_ms(value)) if value else "0"
