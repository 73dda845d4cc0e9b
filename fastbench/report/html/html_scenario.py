"""What a script's run adds to the page: scenarios, named requests, checks, exceptions, metrics."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_count
from fastbench.report import machine_columns, own_metrics, part_rows
from fastbench.report.columns import NOTHING, percent, quantity, share_of
from fastbench.report.html.html_markup import Content, Markup, Row, TableCell, el, section, table
from fastbench.report.html.html_tables import HEADS, milliseconds
from fastbench.report.page import seconds
from fastbench.report.text import compared_requests
from fastbench.report.text.request_table import (
    answers,
    asked_as,
    noun,
    of_urls,
    short_names,
    statuses,
)
from fastbench.results import resolution
from fastbench.results.metric_values import Check, Metric, NamedRow, ScenarioRow, Thrown
from fastbench.results.result import Result

TREND = ("avg", "min", "med", "p(90)", "p(95)", "p(99)", "max")


def parts(result: Result) -> list[Markup]:
    """Return the parts that have something, what failed first in each."""
    found = (
        _runs(result),
        _machines(result),
        _scenarios(result.scenarios, result.noun),
        _requests(result.requests),
        _checks(result.checks),
        _exceptions(result.exceptions),
        *_metrics(result),
    )
    return [part for part in found if part is not None]


def _runs(result: Result) -> Markup | None:
    """Return the runs of a merged result; None for a single run."""
    if not result.parts:
        return None
    shown: list[Row] = [
        [el("div", part.name, el("small", part_rows.about(part))), *part_rows.cells(part)]
        for part in result.parts
    ]
    heads = ("run", *(f"{name} #" for name in part_rows.HEADS))
    return section("Runs", table(heads, shown), identity="runs", note=part_rows.NOTE)


def _machines(result: Result) -> Markup | None:
    """Return the machines of a run that several carried."""
    if not result.machines:
        return None
    shown: list[Row] = []
    for row in result.machines:
        name = el("div", row.name, el("small", machine_columns.about(row)))
        kind = "bad" if machine_columns.bad(row) else ""
        shown.append([TableCell(name, kind), *machine_columns.cells(row)])
    heads = ("machine", *(f"{name} #" for name in machine_columns.HEADS))
    return section("Machines", table(heads, shown), identity="machines", note=machine_columns.NOTE)


def _scenarios(rows: tuple[ScenarioRow, ...], word: str) -> Markup | None:
    if not rows:
        return None
    shown: list[Row] = []
    for row in rows:
        name = el("div", row.name, el("small", f"{row.executor}, {row.vus_max:,} VUs"))
        counts = [f"{row.iterations:,}", f"{row.interrupted:,}", _bad(row.dropped_iterations)]
        sent = [f"{row.requests:,}", _bad(row.failed), seconds(row.duration_s)]
        shown.append([name, *counts, *sent, *milliseconds(row.latency)])
    heads = (
        *("scenario", "iterations #", "interrupted #", "dropped #"),
        *(f"{word}s #", "failed #", "length #", *HEADS),
    )
    note = f"latency of {word}s" + (", from the first byte sent" if word == "request" else "")
    return section("Scenarios", table(heads, shown), identity="scenarios", note=note)


def _requests(rows: tuple[NamedRow, ...]) -> Markup | None:
    if not rows:
        return None
    if of_urls(rows):
        return _urls(rows)
    several = len({row.scenario for row in rows}) > 1
    shown: list[Row] = []
    for short, row in zip(short_names(rows), rows, strict=True):
        about = asked_as(row) + (f" in {row.scenario}" if several else "")
        reasons = statuses(row) if row.kind != "http" else ""
        name = _named(short, row.name, ": ".join(part for part in (about, reasons) if part))
        told = resolution.told_per_s(row.requests, row.requests_per_s)
        rate = NOTHING if told is None else format_count(told)
        counts = [f"{row.requests:,}", rate, _bad(row.failed), share_of(row.failed, row.requests)]
        shown.append([name, *counts, *milliseconds(row.latency)])
    word = noun(rows)
    heads = (word, f"{word}s #", "per s #", "failed #", "share failed #", *HEADS)
    return section(f"{word}s".capitalize(), table(heads, shown), identity="requests")


def _urls(rows: tuple[NamedRow, ...]) -> Markup:
    """Return the table by URL; how its requests failed stands beside their number."""
    total = sum(row.requests for row in rows)
    shown: list[Row] = []
    for name, row in zip(short_names(rows), rows, strict=True):
        share = share_of(row.requests, total)
        failed = el("b", f"{row.failed:,}", el("small", share_of(row.failed, row.requests)))
        bad = TableCell(failed, "bad") if row.failed else "0"
        told = el("span", answers(row) or NOTHING)
        counts = [f"{row.requests:,}", share, bad, told]
        shown.append([_named(name, row.name, row.method), *counts, *milliseconds(row.latency)])
    heads = ("URL", "requests #", "share #", "failed #", "statuses", *HEADS)
    note = "service time, from the first byte sent"  # the headline's may be response times
    return section("URLs", table(heads, shown), identity="requests", note=note)


def operations_of(runs: compared_requests.Runs) -> Markup | None:
    """Return what two runs both have, by name or by URL, and what only one of them has."""
    both, told = compared_requests.matched(runs), compared_requests.only(runs)
    if not both and not told:
        return None
    shown: list[Row] = []
    for short, (before, after) in zip(short_names([row for _, row in both]), both, strict=True):
        about = " in ".join(part for part in (asked_as(after), after.scenario) if part)
        cells: list[Content | TableCell] = [_named(short, after.name, about)]
        for key in compared_requests.PERCENTILES:
            cells += compared_requests.moved(before, after, key)
        shares = [compared_requests.failed_share(row) for row in (before, after)]
        failed = " → ".join(map(percent, shares))
        shown.append([*cells, TableCell(failed, "bad") if shares[1] > shares[0] else failed])
    moves = [head for key in compared_requests.PERCENTILES for head in (f"{key} #", "change #")]
    rows = table(("operation", *moves, "failed #"), shown)
    names = el("ul", *(el("li", each) for each in told))
    body = [*([rows] if shown else []), *([names] if told else [])]
    return section("Operations", *body, identity="requests")


def _named(short: str, name: str, about: str) -> Markup:
    """Return a name with what stands below it; of a long one the whole is a click away."""
    if short == printable(name):
        return el("div", name, el("small", about))
    opens = el("details", el("summary", short), el("code", name))
    return el("div", opens, el("small", about))


def _checks(checks: tuple[Check, ...]) -> Markup | None:
    if not checks:
        return None
    passes, fails = sum(each.passes for each in checks), sum(each.fails for each in checks)
    shown: list[Row] = []
    for each in sorted(checks, key=lambda each: -each.fails):
        path = [part for part in (*each.group.split("::"), each.name) if part]
        name = el("div", " › ".join(path), el("small", each.scenario))  # noqa: RUF001
        mark = TableCell("✗", "bad") if each.fails else TableCell("✓", "good")
        share = share_of(each.passes, each.passes + each.fails)
        shown.append([mark, name, f"{each.passes:,}", _bad(each.fails), share])
    heads = ("", "check", "passed #", "failed #", "share passed #")
    note = f"{share_of(passes, passes + fails)} of {passes + fails:,} passed"
    return section("Checks", table(heads, shown), identity="checks", note=note)


def _exceptions(thrown: tuple[Thrown, ...]) -> Markup | None:
    if not thrown:
        return None
    told = [
        el(
            "details",
            el(
                "summary",
                el("b", f"{each.count:,} × ", class_="bad"),  # noqa: RUF001
                el("code", each.type),
                f" {each.text} ",
                el("small", f"{each.place} in {each.scenario}"),
            ),
            el("pre", each.traceback),
        )
        for each in sorted(thrown, key=lambda each: -each.count)
    ]
    return section("Exceptions", *told, identity="exceptions")


def _metrics(result: Result) -> list[Markup]:
    """Return the metrics: trends in a table of their own, for they have other columns."""
    trends: list[Row] = []
    others: list[Row] = []
    named = own_metrics.formulas(result)
    for name, metric in sorted(result.metrics.items()):
        if name in named:
            continue
        if metric.type == "trend":
            values = [resolution.told_trend(metric.values, key) for key in TREND]
            trends.append([el("code", name), *(_quantity(value, metric) for value in values)])
        else:
            text = own_metrics.summary(metric, own_metrics.unit(name))
            others.append([el("code", name), metric.type, text])
    found = []
    if trends:
        heads = ("metric", *(f"{name} #" for name in TREND))
        found.append(section("Metrics: trends", table(heads, trends), identity="trends"))
    if others:
        heads = ("metric", "type", "value #")
        found.append(section("Metrics: counts", table(heads, others), identity="counts"))
    if named:
        told: list[Row] = [
            [el("code", name), el("code", text), own_metrics.of_formula(result, name)]
            for name, text in named.items()
        ]
        heads = ("name", "formula", "value #")
        found.append(section("Metrics: formulas", table(heads, told), identity="formulas"))
    return found


def _quantity(value: float | None, metric: Metric) -> str:
    return NOTHING if value is None else quantity(value, metric.contains)


def _bad(count: int) -> Content | TableCell:
    return TableCell(f"{count:,}", "bad") if count else "0"
