"""A history for people: the runs of each name, how rate and p95 went, and how the last one moved.

1. Runs stand in the order they were kept in, the newest last. Nothing here is a verdict: runs of
   different days were not interleaved, so only where the figures went is told.
2. A trend is of complete runs; the others have their row. Its heights count from zero.
3. Names, versions and machines come from a file: they are stripped of control characters here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_ms
from fastbench.report.change import change
from fastbench.report.columns import ms, percent
from fastbench.report.page import Page, Paint, cut, fitted, plural, stacked
from fastbench.report.picture import sparkline
from fastbench.results.history.history_entry import Entry, Group
from fastbench.results.run_outcome import FEW_FAILED, MANY_FAILED

REGRESSION = 96
MARK = "*"
WIDE_COLUMNS = 94  # from here on the table has p50, p99 and the share of failures
BUILD_COLUMNS = 12
INDENT = 2
TREND_COLUMNS = 8  # of the name of a trend
MIN_TREND, MAX_TREND = 8, 60
_TIMES = {
    "service": "service time",
    "response": "response time",
    "operation": "duration of operations",
}


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    width: int
    text: Callable[[Entry], str]


def render(groups: Sequence[Group], *, color: bool, width: int, unicode: bool = True) -> str:
    """Return a block for each name, ending in a newline; no line is wider than `width` (60)."""
    if not groups:
        return "no runs yet\n"
    return fitted(
        lambda page: stacked(_group(page, group) for group in groups), color, width, unicode
    )


def beside_run(
    now: Entry,
    before: Entry | None,
    changes: Sequence[str],
    *,
    color: bool,
    width: int,
    unicode: bool = True,
) -> str:
    """Return the line below a run's report; `changes` say what else differs from the last run."""
    name = printable(now.name)
    if now.ended != "complete":
        text = f"{name}: not complete, so not compared with another run"
    elif before is None:
        text = f"{name}: the first complete run of this name"
    else:
        text = f"{name}: {moved(before, now)} since run {before.id} of {started(before)}"
        text += f" ({'; '.join(('not interleaved', *changes))})"
    return fitted(lambda page: stacked([page.wrapped("History", text)]), color, width, unicode)


def moved(before: Entry, after: Entry) -> str:
    """Say how rate and p95 went from one run to another: `rate +2.1 %, p95 -3.0 %`."""
    parts = []
    if before.requests_per_s and after.requests_per_s:
        parts.append(f"rate {change(after.requests_per_s / before.requests_per_s)}")
    if before.p95_ms and after.p95_ms and before.times == after.times:
        parts.append(f"p95 {change(after.p95_ms / before.p95_ms)}")
    return ", ".join(parts) or "nothing to compare"


def outcome(run: Entry) -> tuple[str, str]:
    """Return what became of a run, and whether that is good, warn or bad."""
    if run.ended != "complete":
        return run.ended.replace("_", " "), "warn" if run.ended == "interrupted" else "bad"
    if run.thresholds == "failed":
        return "threshold failed", "bad"
    if run.exit_code == REGRESSION:
        return "regression", "bad"
    if run.errors_share >= FEW_FAILED:
        return (
            f"{run.errors_share:.2%} failed",
            "bad" if run.errors_share >= MANY_FAILED else "warn",
        )
    return (run.verdict, "warn") if run.verdict != "ok" else ("ok", "good")


def times(runs: Sequence[Entry]) -> str:
    """Name the times that the percentiles are of."""
    return " and ".join(name for kind, name in _TIMES.items() if any(r.times == kind for r in runs))


def per_s(runs: Sequence[Entry]) -> str:
    """Return the unit of their rates: those of runs without requests are of operations."""
    units = {"op/s" if run.times == "operation" else "req/s" for run in runs}
    return units.pop() if len(units) == 1 else "per s"


def machine(run: Entry) -> str:
    """Describe the machine of a run."""
    return printable(f"{run.cpu}, {plural(run.cores, 'core')}, Linux {run.kernel}")


def changes_of_machine(runs: Sequence[Entry]) -> list[int]:
    """Return the places of runs that were made on another machine than the one before them."""
    machines = [(run.cpu, run.cores, run.kernel) for run in runs]
    return [at for at, (before, after) in enumerate(pairwise(machines), 1) if before != after]


def started(run: Entry) -> str:
    """Return when a run started, to the minute: `2026-03-01 12:00`."""
    return printable(run.started_at).replace("T", " ")[:16]


def rate(requests_per_s: float) -> str:
    """Write a rate in full, a low one with its fraction."""
    whole = requests_per_s >= 100 or not requests_per_s
    return f"{requests_per_s:,.0f}" if whole else f"{requests_per_s:.2f}"


def _group(page: Page, group: Group) -> list[str]:
    runs = group.runs
    shown = f"{len(runs):,} of {plural(group.total, 'run')}"
    about = shown if len(runs) < group.total else plural(group.total, "run")
    note = f"  {about}, {times(runs)}" if page.width >= WIDE_COLUMNS else f"  {about}"
    moves = {runs[at].id for at in changes_of_machine(runs)}
    columns = _columns(page, runs, moves)
    name = cut(printable(group.name), page.width - len(note))
    heads = "".join(f"{column.head:>{column.width}}" for column in columns)
    lines = [page.bold(name) + page.dim(note), page.dim(" " * INDENT + heads)]
    lines += [_row(page, columns, run) for run in runs]
    if moves:
        lines.append(page.dim(f"  {MARK} on another machine than the run before it"))
    return lines + _trends(page, [run for run in runs if run.ended == "complete"])


def _columns(page: Page, runs: Sequence[Entry], moves: Set[int]) -> list[_Column]:
    digits = max([3, *(len(str(run.id)) for run in runs)])

    def number(run: Entry) -> str:
        return f"{run.id}{MARK if run.id in moves else ' '}"

    wide = page.width >= WIDE_COLUMNS
    found = [
        _Column("run ", digits + 1, number),
        _Column("started", 17, started),
        _Column(per_s(runs), 10, lambda run: rate(run.requests_per_s)),
        *([_Column("p50", 8, lambda run: ms(run.p50_ms))] if wide else []),
        _Column("p95", 8, lambda run: ms(run.p95_ms)),
    ]
    if any(run.protocol not in ("", "HTTP/1.1") for run in runs):
        found.insert(2, _Column("HTTP", 6, _version))
    if wide:
        found += [
            _Column("p99", 8, lambda run: ms(run.p99_ms)),
            _Column("failed", 8, lambda run: percent(run.errors_share)),
        ]
        if any(run.build for run in runs):
            found.append(_Column("build", BUILD_COLUMNS + 2, _build))
    return found


def _version(run: Entry) -> str:
    """Return the version of HTTP, of both where both were spoken: `2`, `1.1`, `2+1.1`."""
    return printable(run.protocol).replace("HTTP/", "").replace(" and ", "+")


def _build(run: Entry) -> str:
    return cut(printable(run.build), BUILD_COLUMNS)


def _row(page: Page, columns: Sequence[_Column], run: Entry) -> str:
    text, kind = outcome(run)
    paint: Paint = {"good": page.green, "warn": page.yellow, "bad": page.red}[kind]
    first, *rest = columns
    figures = f"{first.text(run):>{first.width}}"
    for column in rest:
        figures += f" {cut(column.text(run), column.width - 1):>{column.width - 1}}"
    room = page.width - INDENT - len(figures) - 2
    return " " * INDENT + figures + "  " + paint(cut(text, max(1, room)))


def _trends(page: Page, runs: Sequence[Entry]) -> list[str]:
    """Return a line for rate and one for p95, as wide as there is room."""
    if len(runs) < 2:
        return []
    rates = [run.requests_per_s for run in runs]
    latencies = [run.p95_ms for run in runs if run.p95_ms is not None]
    ends = [(run.p95_ms, run.times) for run in (runs[-2], runs[-1])]
    told = [_trend(page, "rate", rates, rate, f" {per_s(runs)}", rates[-2:])]
    if len(latencies) > 1:
        alike = [value for value, kind in ends if value is not None and kind == ends[1][1]]
        told.append(_trend(page, "p95", latencies, format_ms, "", alike))
    return told


def _trend(
    page: Page,
    name: str,
    values: Sequence[float],
    form: Callable[[float], str],
    unit: str,
    ends: Sequence[float],
) -> str:
    about = f"{form(min(values))} to {form(max(values))}{unit}"
    if len(ends) == 2 and ends[0]:
        about += f", last {change(ends[1] / ends[0])}"
    room = page.width - INDENT - TREND_COLUMNS - 2
    about = cut(about, room - MIN_TREND)
    line = sparkline(values, min(room - len(about), MAX_TREND), unicode=page.unicode)
    return " " * INDENT + page.dim(f"{name:<{TREND_COLUMNS}}") + line + "  " + page.dim(about)
