"""What a script's run adds to the report: checks, metrics, scenarios, named requests, exceptions.

The order is k6's: what failed comes first in each part. A metric is one row, a sub-metric stands
below its own; rows of times share the columns of one heading.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import replace

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_ms
from fastbench.report import columns, own_metrics
from fastbench.report.columns import FIGURE_COLUMNS, NAME_COLUMNS, WIDE_COLUMNS
from fastbench.report.page import Page, Part, cut, cut_within, plural
from fastbench.report.text import request_table
from fastbench.results import resolution
from fastbench.results.metric_values import (
    MACHINE,
    MOVED,
    Check,
    Metric,
    ScenarioRow,
    Thrown,
    is_built_in,
)
from fastbench.results.result import Result

MAX_CHECKS = 24
MAX_EXCEPTIONS = 5
MAX_TRACE_LINES = 8
MAX_TEXT_LINES = 3  # of the message of an exception

WIDE_TREND = ("avg", "min", "med", "max", "p(90)", "p(95)", "p(99)")
NARROW_TREND = ("med", "p(95)", "p(99)", "max")

EXECUTION = (
    *("iterations", "dropped_iterations", "iteration_duration", "group_duration"),
    *("script_exceptions", "vus", "vus_max"),
)
NETWORK = ("data_received", "data_sent")
OPERATIONS = ("operation_duration", "operation_failed", "operations")
PROTOCOLS = ("db_", "job_", "jobs_", "redis_", "ws_")
SPARE = ("http_req_connecting", "http_req_tls_handshaking", "http_req_blocked")  # often nothing


def blocks(page: Page, result: Result) -> list[list[str]]:
    """Return the parts of the report that stand between the figures and the errors."""
    return [
        _checks(page, result),
        *_metrics(page, result.metrics, own_metrics.formulas(result)),
        _scenarios(page, result),
        request_table.lines(page, result),
        _exceptions(page, result),
    ]


def dropped(page: Page, result: Result) -> list[str]:
    """Say loudly which scenarios did not start all iterations that were planned, and why."""
    lines: list[str] = []
    for row in result.scenarios:
        if row.dropped_iterations:
            first, *rest = textwrap.wrap(_of_dropped(row), page.width - 9)
            lines += [page.red("DROPPED") + "  " + first, *(" " * 9 + line for line in rest)]
    return lines


def _of_dropped(row: ScenarioRow) -> str:
    total = row.iterations + row.interrupted + row.dropped_iterations
    share = row.dropped_iterations / total
    lost = f"{row.dropped_iterations:,} of {plural(total, 'iteration')} ({share:.1%})"
    if "arrival-rate" in row.executor:
        busy = "its VU was" if row.vus_max == 1 else f"all {row.vus_max:,} VUs were"
        why = f"{busy} busy. Raise max_vus, or ask for less"
    else:
        why = "max_duration came first. Raise it, or ask for fewer iterations"
    return f"{cut(printable(row.name), 24)}: {lost} did not start: {why}."


# Checks.


def _checks(page: Page, result: Result) -> list[str]:
    checks = result.checks
    if not checks:
        return []
    passes, fails = sum(c.passes for c in checks), sum(c.fails for c in checks)
    share = passes / max(1, passes + fails)
    paint = page.red if fails else page.green
    head = f"{paint(columns.percent(share))}  {passes:,} of {passes + fails:,} succeeded"
    ordered = sorted(checks, key=lambda check: -check.fails)  # stable: else as declared
    several = len({check.scenario for check in checks}) > 1
    lines = [_title(page, "CHECKS") + head]
    for check in ordered[:MAX_CHECKS]:
        lines += _check(page, check, several=several)
    rest = ordered[MAX_CHECKS:]
    if rest:
        failing = sum(check.fails > 0 for check in rest)
        words = f"{failing} of them failing" if failing else "all of them succeeded"
        lines.append(page.dim(f"  … {len(rest)} more, {words}; --json has each"))
    narrowed = [name for name in result.metrics if _base(name) == "checks" != name]
    room = max((len(printable(name)) + 2 for name in narrowed), default=0)
    room = min(room, page.width - 2 - NAME_COLUMNS)
    return lines + [_metric(page, name, {name: result.metrics[name]}, room) for name in narrowed]


def _check(page: Page, check: Check, *, several: bool) -> list[str]:
    where = printable(check.group.replace("::", " › ").removeprefix(" › "))  # noqa: RUF001
    where = " › ".join(part for part in (where, printable(check.name)) if part)  # noqa: RUF001
    of = f"  ({printable(check.scenario)})" if several else ""
    if not check.fails:
        text = cut_within(where + of, page.width - 4 - 14)
        return [f"  {page.green('✓')} {text}" + page.dim(f"  {check.passes:,}")]
    counts = f"✓ {check.passes:,} / ✗ {check.fails:,}"
    share = columns.percent(check.passes / (check.passes + check.fails))
    text = cut_within(where + of, page.width - 4)
    return [f"  {page.red('✗')} {text}", page.red(cut(f"      {share}: {counts}", page.width))]


# Metrics.


def _metrics(
    page: Page, metrics: Mapping[str, Metric], named: Mapping[str, str]
) -> list[list[str]]:
    """Return HTTP, OPERATIONS and so on, what is the script's own last, without what is empty.

    `named` are the formulas of derived metrics.
    """
    http = [name for name in metrics if _base(name).startswith("http_")]
    known = {*EXECUTION, *NETWORK, *OPERATIONS, *MACHINE, *named, "checks"}
    ours = [
        name
        for name in metrics
        if is_built_in(name, metrics) and name.removeprefix(MOVED).startswith(PROTOCOLS)
    ]
    own = [n for n in metrics if _base(n) not in known and n not in http and n not in ours]
    parts = {
        "HTTP": sorted(http, key=_http_order),
        "OPERATIONS": [name for base in OPERATIONS for name in metrics if _base(name) == base],
        "PROTOCOLS": sorted(ours),
        "EXECUTION": [name for base in EXECUTION for name in metrics if _base(name) == base],
        "NETWORK": [name for base in NETWORK for name in metrics if _base(name) == base],
        "CUSTOM": sorted(own),
    }
    found = [_section(page, title, names, metrics) for title, names in parts.items() if names]
    if named:
        found.append(_formulas(page, metrics, named))
    return [*found, *_few(page, metrics)]


def _formulas(page: Page, metrics: Mapping[str, Metric], named: Mapping[str, str]) -> list[str]:
    """Return a line for each formula: its value, and how it is computed."""
    lines = [page.bold("DERIVED")]
    for name, formula in named.items():
        metric = metrics.get(name)
        label = f"  {cut(printable(name), NAME_COLUMNS - 1):<{NAME_COLUMNS}}"
        told = f"{label}{own_metrics.NO_SAMPLES}"
        lines.append(_metric(page, name, metrics, NAME_COLUMNS) if metric else told)
        lines.append(page.dim(cut(f"    = {printable(formula)}", page.width)))
    return lines


def _few(page: Page, metrics: Mapping[str, Metric]) -> list[list[str]]:
    """Say what a dash of a trend means, where there is one."""
    trends = [each.values for each in metrics.values() if each.type == "trend"]
    left = [name for name in WIDE_TREND if any(_left_out(values, name) for values in trends)]
    if not left:
        return []
    needed = f"p(99) needs {resolution.samples_needed(99)} samples"
    return [[page.dim(f"  –: {resolution.TOO_SHORT}; {needed}")]]  # noqa: RUF001


def _left_out(values: Mapping[str, float], name: str) -> bool:
    return name in values and resolution.told_trend(values, name) is None


def _http_order(name: str) -> tuple[bool, bool, str]:
    """Put the duration first, as people look for it, and counts last."""
    base = _base(name)
    return base != "http_req_duration", base in ("http_req_failed", "http_reqs"), name


def _base(name: str) -> str:
    return name.partition("{")[0]


def _section(page: Page, title: str, names: list[str], metrics: Mapping[str, Metric]) -> list[str]:
    trend = WIDE_TREND if page.width >= WIDE_COLUMNS else NARROW_TREND
    room = page.width - 2 - FIGURE_COLUMNS * len(trend)
    shown = [name for name in names if _tells(name, metrics[name])]
    if not shown:
        return []
    head = page.bold(title)
    if any(metrics[name].type == "trend" for name in shown):
        room = min(room, NAME_COLUMNS)
        heads = "".join(f"{column:>{FIGURE_COLUMNS}}" for column in trend)
        head = page.bold(f"{title:<{room + 2}}") + page.dim(heads)
    return [head, *(_metric(page, name, metrics, min(room, NAME_COLUMNS)) for name in shown)]


def _tells(name: str, metric: Metric) -> bool:
    return name not in SPARE or bool(metric.values.get("max"))


def _metric(page: Page, name: str, metrics: Mapping[str, Metric], room: int) -> str:
    metric = metrics[name]
    label = _label(name, name != _base(name) and _base(name) in metrics)
    failed = any(not held.get("ok", True) for held in metric.thresholds.values())
    paint = page.red if failed else str
    left = f"{cut_within(label, room - 1):<{room}}"
    if metric.type == "trend":
        return "  " + paint(left) + _trend(page, metric)
    text = cut(_value(metric), page.width - 2 - room)
    return "  " + paint(left) + text


def _label(name: str, below: bool) -> str:
    """Return a metric's name; of a sub-metric below its own one only the tags."""
    text = printable(name)
    return "  " + text[text.index("{") :] if below else text


def _trend(page: Page, metric: Metric) -> str:
    names = WIDE_TREND if page.width >= WIDE_COLUMNS else NARROW_TREND
    figures = ""
    for column in names:
        value = resolution.told_trend(metric.values, column)
        text = columns.NOTHING if value is None else columns.quantity(value, metric.contains)
        figure = f"{text:>{FIGURE_COLUMNS}}"
        figures += page.bold(figure) if column in ("p(95)", "p(99)") else figure
    return figures


def _value(metric: Metric) -> str:
    values, contains = metric.values, metric.contains
    if not values:
        return own_metrics.NO_SAMPLES
    if metric.type == "counter":
        told = columns.quantity(values.get("count", 0.0), contains)
        rate = resolution.told_growth(values, contains)
        return told if rate is None else f"{told}  {columns.quantity(rate, contains)}/s"
    if metric.type == "rate":
        passes, fails = (int(values.get(name, 0)) for name in ("passes", "fails"))
        return f"{columns.percent(values.get('rate', 0.0))}  {passes:,} of {passes + fails:,}"
    value, least, most = (
        columns.quantity(values.get(name, 0.0), contains) for name in ("value", "min", "max")
    )
    return f"{value}  min {least}, max {most}"


# Scenarios.


def _scenarios(page: Page, result: Result) -> list[str]:
    rows = result.scenarios
    if not rows:
        return []
    wide = page.width >= WIDE_COLUMNS
    counted = "requests" if result.noun == "request" else "ops"
    heads = ("VUs", "iters", *(("it/s", counted) if wide else ()), "failed")
    heads += ("p50", "p95", "p99") if wide else ("p50", "p99")
    lines = [columns.heads(page, "SCENARIOS", heads)]
    for row in rows:
        rate = row.iterations / row.duration_s if row.duration_s > 0 else 0.0
        cells = [f"{row.vus_max:,}", columns.whole(row.iterations)]
        if wide:
            cells += [columns.per_s(row.iterations, rate), columns.whole(row.requests)]
        red = {len(cells)} if row.failed else set()
        cells += [columns.whole(row.failed), *columns.latencies(row.latency, heads)]
        lines.append(columns.row(page, printable(row.name), cells, red))
        lines += _about(page, row)
    return lines


def _about(page: Page, row: ScenarioRow) -> list[str]:
    """Return what else is to be said of a scenario, below its row."""
    parts: list[Part] = [(printable(row.executor), page.dim)]
    if row.dropped_iterations:
        parts.append((f"{row.dropped_iterations:,} dropped", page.red))
    if row.interrupted:
        parts.append((f"{row.interrupted:,} interrupted", page.yellow))
    if length := _tail(row.iteration_duration, "p95"):
        parts.append((f"iteration {length}", page.dim))
    late = row.response or {}
    if high := _tail(late, "p99"):
        p50 = resolution.told_ms(late, "p50")
        low = "" if p50 is None else f"p50 {format_ms(p50)}, "
        parts.append((f"from the planned start {low}{high}", page.dim))
    return ["  " + line for line in replace(page, width=page.width - 2).flowed("", parts)]


def _tail(row: Mapping[str, float | None], name: str) -> str:
    """Return a percentile in words, the maximum where its samples carry none, "" without any."""
    value = resolution.told_ms(row, name)
    most = row.get("max")
    if value is not None:
        return f"{name} {format_ms(value)}"
    return "" if most is None else f"max {format_ms(most)}"


# Exceptions.


def _exceptions(page: Page, result: Result) -> list[str]:
    rows = sorted(result.exceptions, key=lambda row: -row.count)
    if not rows:
        return []
    lines = [_title(page, "EXCEPTIONS") + page.red(_of_exceptions(rows, result.scenarios))]
    for row in rows[:MAX_EXCEPTIONS]:
        what = ": ".join(printable(part) for part in (row.type, row.text) if part)
        where = ", ".join(printable(part) for part in (row.place, row.scenario) if part)
        room = page.width - 9
        first, *rest = textwrap.wrap(what, room, max_lines=MAX_TEXT_LINES, placeholder=" …")
        lines.append(page.red(f"{row.count:>7,}  ") + first)
        lines += [" " * 9 + line for line in (*rest, cut(where, room))]
        lines += [page.dim(cut(" " * 9 + line, page.width)) for line in _trace(row.traceback)]
    if len(rows) > MAX_EXCEPTIONS:
        lines.append(page.dim(f"  … {len(rows) - MAX_EXCEPTIONS} more sorts; --json has each"))
    return lines


def _of_exceptions(rows: list[Thrown], scenarios: tuple[ScenarioRow, ...]) -> str:
    """Say how many ended an iteration; setup, teardown and tasks of the script have none."""
    names = {row.name for row in scenarios}
    ended = sum(row.count for row in rows if row.scenario in names)
    beside = sum(row.count for row in rows) - ended
    parts = [f"{plural(ended, 'iteration')} ended by an exception"] if ended else []
    return ", ".join(parts + ([f"{beside:,} outside iterations"] if beside else []))


def _trace(traceback: str) -> list[str]:
    """Return the end of a traceback, where the cause is; the last line is shown already."""
    lines = [printable(line) for line in traceback.splitlines() if line.strip()]
    return lines[1:-1][-MAX_TRACE_LINES:]


def _title(page: Page, title: str) -> str:
    """Return a title that something may follow in the line."""
    return page.bold(f"{title:<12}")
