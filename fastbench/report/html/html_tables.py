"""The tables of the page: what was judged, answered, failed and used."""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.units import format_bytes, format_ms, format_ns
from fastbench.report import socket_rows
from fastbench.report.change import (
    change,
    headline,
    name_of,
    regression,
    signed_interval,
    told_metrics,
)
from fastbench.report.columns import ms
from fastbench.report.html import html_margin
from fastbench.report.html.html_markup import Markup, Row, TableCell, el, section, table
from fastbench.report.page import seconds
from fastbench.report.text.usage_lines import memory, seen, share
from fastbench.report.verdict_words import counted, ordered, rank
from fastbench.results import command_totals, resolution
from fastbench.results.command_totals import CommandTotal
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import Judgement
from fastbench.results.result import Result, WorkerRow
from fastbench.results.usage import TargetUse

PERCENTILES = ("p50", "p75", "p90", "p95", "p99", "p99_9", "max")
HEADS = ("p50 #", "p75 #", "p90 #", "p95 #", "p99 #", "p99.9 #", "max #")
LATENCIES = {
    "response": "from the instant a request was planned to the end of its answer",
    "service": "from the first byte sent to the end of the answer",
    "first_byte": "from the first byte sent to the first received",
    "connect": "a new connection, with its TLS handshake",
    "to_proxy": "of it, the connection to the proxy",
    "through_proxy": "of it, the tunnel through the proxy, with the TLS handshake",
    "failed": "requests that failed",
    "lag": "start lag",
}


def tables(result: Result) -> list[Markup]:
    """Return the parts that every run has, without those that have nothing to say."""
    parts = (
        _answers(result),
        _sockets(result),
        _used(result),
        _workers(result),
    )
    return [part for part in parts if part is not None]


def thresholds(result: Result) -> Markup | None:
    """Return the thresholds, failed ones first; None without any."""
    held = ordered(result)
    if not held:
        return None
    note = counted([each for _, each in held]) or "all passed"
    rows: list[Row] = [
        [TableCell(*outcome(each)), _limit(text, each), html_margin.bar(each), each.text]
        for text, each in held
    ]
    heads = ("", "threshold", "limit used", "observed")
    return section("Thresholds", table(heads, rows), identity="thresholds", note=note)


def outcome(judgement: Judgement) -> tuple[str, str]:
    """Say the outcome in a word and a shape, for those who see no colour; beside it its kind."""
    words = (("✗ failed", "bad"), ("⚠ failed", "warn"), ("⚠ near", "warn"), ("✓ passed", "good"))
    word, kind = words[rank(judgement)]
    near = ", near" if judgement.near and judgement.grade == "good" else ""
    return (f"{word[0]} {judgement.grade}{near}" if judgement.grade else word), kind


def warning_note(judgement: Judgement) -> str:
    """Say that a threshold never fails the run; the grade of a goal says what it does."""
    return "a warning only" if judgement.level == "warn" and not judgement.grade else ""


def _limit(text: str, judgement: Judgement) -> Markup:
    level = [el("small", note)] if (note := warning_note(judgement)) else []
    return el("div", el("code", text), *level)


def baseline(found: Comparison | None) -> Markup | None:
    """Return how the run stands beside its baseline; None without one."""
    if found is None:
        return None
    worse = regression(found)
    kind = "bad" if worse else "good" if found.regression_limit is not None else ""
    rows: list[Row] = [
        [
            name_of(found, name),
            TableCell(change(each.ratio), kind) if name == found.primary else change(each.ratio),
            signed_interval(each.interval) if each.interval else "none",
        ]
        for name, each in told_metrics(found).items()
    ]
    told = ([f"Regression: {worse}."] if worse else []) + [f"{headline(found)}."]
    told += [each.text + "." for each in found.warnings]
    heads = ("", "change #", f"{100 * found.confidence:g} % interval #")
    parts = (*(el("p", sentence) for sentence in told), table(heads, rows))
    return section("Baseline", *parts, identity="baseline", note=found.base)


def latencies(result: Result) -> Markup | None:
    """Return the percentiles of every histogram that has samples."""
    found = {name: getattr(result.latency, name) for name in LATENCIES}
    rows: list[Row] = [
        [
            el("span", _of(name, result), title=LATENCIES[name]),
            f"{each.count:,}",
            format_ns(each.min_ns),
            format_ns(each.mean_ns),
            *milliseconds(latency_ms(each)),
        ]
        for name, each in found.items()
        if each is not None and each.count
    ]
    if not rows:
        return None
    heads = ("", "samples #", "min #", "mean #", *HEADS)
    return section("Latency", table(heads, rows), identity="percentiles")


def _of(name: str, result: Result) -> str:
    """Return the name of a latency; response times of a script are of some scenarios only."""
    of = f" of {', '.join(result.planned_by)}" if name == "response" and result.planned_by else ""
    return name.replace("_", " ") + of


def milliseconds(row: Mapping[str, float | None]) -> list[str]:
    """Return the percentiles of a row of `latency_ms`, as HEADS names them."""
    values = [resolution.told_ms(row, name) for name in PERCENTILES]
    return [ms(value) for value in values]


def _answers(result: Result) -> Markup | None:
    codes = sorted(result.status_codes.items())
    if not codes:
        return None
    total = sum(count for _, count in codes) or 1
    rows: list[Row] = [
        [TableCell(code, "bad" if code >= "400" else "good"), f"{count:,}", f"{count / total:.2%}"]
        for code, count in codes
    ]
    return section("Answers", table(("status", "answers #", "share #"), rows), identity="statuses")


def _sockets(result: Result) -> Markup | None:
    if result.sockets is None:
        return None
    rows: list[Row] = [list(row) for row in socket_rows.rows(result.sockets)]
    return section("WebSockets", table(("", "value #"), rows), identity="sockets")


def errors(result: Result) -> Markup | None:
    """Return what went wrong, each kind with its cause and what to do; None without any."""
    rows: list[Row] = [
        [
            TableCell(f"{row.count:,}", "bad"),
            el("div", row.message, el("small", row.hint)),
            el("code", " ".join(part for part in (row.kind, row.phase, row.code) if part)),
            seconds(row.first_s),
        ]
        for row in sorted(result.errors, key=lambda row: -row.count)
    ]
    if not rows:
        return None
    heads = ("count #", "what happened, and what to do", "kind", "first at #")
    return section("Errors", table(heads, rows), identity="errors")


def _used(result: Result) -> Markup | None:
    use = result.resources
    rows: list[Row] = []
    if use.client is not None:
        mean = share(result, use.client.cpu_percent, "{:.0f} %")
        most = seen(use.client.rss_bytes_max, format_bytes)
        rows.append(["client", "fastbench", mean, "", most, "", "", ""])
    if (host := use.host) is not None:
        cores = len(host.core_percents) or result.environment.cores
        mean, most = (
            share(result, None if each is None else each * cores, "{:.0f} %")
            for each in (host.cpu_percent, host.cpu_percent_max)
        )
        rows.append(["host", f"{cores} cores", mean, most, memory(host), "", "", ""])
    rows += [
        _use_row(result, each, f"{each.name}, {each.processes} processes")
        for each in command_totals.totals(use.targets, result.series)
    ]
    rows += [_use_row(result, each, f"{each.name} ({each.pid})") for each in use.targets]
    if not rows:
        return None
    heads = ("who", "", "cpu #", "most #", "memory #", "per request #", "threads #", "files #")
    note = "100 % is one core"
    return section("Resources", table(heads, rows), identity="resources", note=note)


def _use_row(result: Result, use: TargetUse | CommandTotal, name: str) -> Row:
    """Return the row of a process, or of all processes of one command."""
    each = use.cpu_us_per_request if resolution.tells_cost(use.cpu_s) else None
    return [
        use.role,
        name,
        share(result, use.cpu_percent, "{:.0f} %"),
        share(result, use.cpu_percent_max, "{:.0f} %"),
        format_bytes(use.rss_bytes_max),
        "" if each is None else format_ns(each * 1e3),
        f"{use.threads:,}",
        seen(use.fds, "{:,}".format),
    ]


def _workers(result: Result) -> Markup | None:
    rows: list[Row] = [
        [
            TableCell(f"{row.pid} lost", "bad") if row.lost else str(row.pid),
            f"{row.requests:,}",
            "" if row.lost else share(result, 100 * row.busy),  # it could not say
            seconds(row.cpu_s),
            "" if row.run_queue is None else f"{row.run_queue:.1%}",
            _late(row),
        ]
        for row in result.workers
    ]
    if not rows:
        return None
    heads = ("pid", "requests #", "busy #", "processor #", "waited for a core #", "late p99 #")
    return section("Workers", table(heads, rows), identity="workers")


def _late(row: WorkerRow) -> str:
    """Return how late a worker sent; each of its requests is a sample."""
    told = row.lag_p99_ms is not None and resolution.carries(row.requests, 99)
    return format_ms(row.lag_p99_ms or 0.0) if told else ""
