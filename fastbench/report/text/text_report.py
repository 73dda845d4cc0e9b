"""The report for people: one screen, figures first, every error with its cause and its fix."""

from __future__ import annotations

import math
import textwrap

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_bytes, format_count, format_ms, format_ns, format_s
from fastbench.report import verdict_words
from fastbench.report.load_heading import LoadHeading, load_of
from fastbench.report.page import (
    LABEL_COLUMNS,
    Page,
    Part,
    advice,
    cut,
    fitted,
    plural,
    seconds,
    stacked,
)
from fastbench.report.picture import sparkline
from fastbench.report.text import (
    connection_lines,
    latency_lines,
    machine_lines,
    part_lines,
    request_table,
    scenario_tables,
    socket_lines,
    stage_lines,
    usage_lines,
)
from fastbench.results import resolution
from fastbench.results.result import ErrorRow, Result, SeriesRow, Summary

METHOD_COLUMNS = 20
MAX_ERRORS = 8
MAX_WARNINGS = 6
MAX_STATUSES = 12
MAX_REASONS = 3  # of the outcome, in the line of the verdict
VARYING = 0.05  # of the most connections: below, reconnecting explains it

TITLES = {
    "nothing_succeeded": "NOTHING SUCCEEDED",
    "worker_lost": "PARTIAL",
    "aborted": "ABORTED",
    "marked_failed": "MARKED AS FAILED",
    "script_failed": "SCRIPT FAILED",
    "threshold_aborted": "ABORTED",
}
LIMITS = {
    "client": "the load generator was saturated",
    "server": "the server was the bottleneck",
    "host": "load generator and server together saturated this machine",
    "network": "the network was the bottleneck",
    "none": "no resource was saturated",
    "unknown": "bottleneck unknown",
}


def render(result: Result, *, color: bool, width: int, unicode: bool = True) -> str:
    """Return the report, ending in a newline; no line is wider than `width` (60 at least)."""
    result = result.main
    return fitted(lambda page: _drawn(page, result), color, width, unicode)


def _drawn(page: Page, result: Result) -> str:
    script = bool(load_of(result).script)
    blocks = (
        _heading(page, result),
        verdict_words.lines(page, result),
        scenario_tables.dropped(page, result),
        _figures(page, result),
        part_lines.lines(page, result),
        machine_lines.lines(page, result),
        stage_lines.lines(page, result),
        *(
            scenario_tables.blocks(page, result)
            if script
            else [*latency_lines.blocks(page, result), request_table.lines(page, result)]
        ),
        [
            *_answers(page, result),
            *socket_lines.lines(page, result),
            *_errors(page, result),
            *connection_lines.lines(page, result),
            *_warmup(page, result),
            *usage_lines.lines(page, result),
        ],
        [*_verdict(page, result), *_warnings(page, result)],
    )
    return stacked(blocks)


def _heading(page: Page, result: Result) -> list[str]:
    load = load_of(result)
    lines = _title(page, result, load)
    if load.script:
        return [*lines, *_script(page, load)]
    method = f"{cut(load.method, METHOD_COLUMNS)} " if load.method else ""
    url = cut(load.url, page.width - len(method) - len(load.more))
    about: list[Part] = [(part, page.dim) for part in (*_load(load), *load.rules)]
    return [*lines, method + page.bold(url) + load.more, *page.flowed("", about)]


def _title(page: Page, result: Result, load: LoadHeading) -> list[str]:
    """Return what heads the report of a run that is not simply ok."""
    outcome, ended = result.outcome, result.summary.ended
    if outcome.level == "ok":
        return []
    failed = outcome.level == "failed"
    title = "PARTIAL" if ended == "interrupted" else TITLES.get(ended, "FAILED")
    title = title if failed or ended != "complete" else "WARNING"
    text = _ended(result, load) if ended not in ("complete", "nothing_succeeded") else outcome.text
    reason = textwrap.wrap(printable(text), page.width - len(title) - 2) or [""]
    lines = [(page.red if failed else page.yellow)(title) + "  " + reason[0]]
    return [*lines, *(" " * (len(title) + 2) + line for line in reason[1:]), ""]


def _script(page: Page, load: LoadHeading) -> list[str]:
    """Return the heading of a script's run: the file, where it goes, its users."""
    name = cut(load.script, page.width)
    parts: list[Part] = [(load.url, page.dim)] if load.url else []
    parts += [(plural(load.vus, "VU"), page.dim)] if load.vus else []
    parts += [(part, page.dim) for part in (*_load(load), *load.rules)]
    return [page.bold(name), *page.flowed("", parts)]


def _ended(result: Result, load: LoadHeading) -> str:
    """Say why the run is not complete; the judge's reasons come before our own words."""
    if result.validity.reasons:
        return "; ".join(printable(reason) for reason in result.validity.reasons)
    summary = result.summary
    lost = sum(worker.lost for worker in result.workers)
    planned = f" of {format_s(load.duration_s)}" if load.duration_s else ""
    words = {
        "interrupted": f"interrupted after {seconds(summary.duration_s)}{planned}; "
        "the numbers cover the time until then",
        "worker_lost": f"{lost} of {len(result.workers)} workers lost; "
        "the totals include what they had counted",
        "aborted": "the script ended the run",
        "marked_failed": "the script marked the run as failed",
        "script_failed": "an exception ended the run",
        "threshold_aborted": "a threshold ended the run",
    }
    return words.get(summary.ended, printable(summary.ended))


def _stages(load: LoadHeading) -> str:
    if not load.stages:
        return ""
    peak = f"up to {format_count(load.stages_peak)} " if load.stages_peak is not None else "of "
    return f"{plural(load.stages, 'stage')} {peak}{load.stages_of}"


def _load(load: LoadHeading) -> list[str]:
    end = [format_s(load.duration_s)] if load.duration_s is not None else []
    if load.requests is not None:
        end.append(plural(load.requests, "message" if load.websocket else "request"))
    if load.iterations is not None:
        end.append(plural(load.iterations, "iteration"))
    parts = [
        load.loaded,
        load.protocol,
        plural(load.workers, "worker") if load.workers else "",
        plural(load.machines, "machine") if load.machines else "",
        (" and " if load.script else " or ").join(end),  # scenarios have an end each
        _stages(load),
        "Poisson arrivals" if load.arrival == "poisson" else load.burst,
        _in_flight(load),
        "" if load.keepalive else "a new connection per request",
    ]
    return [part for part in parts if part]


def _in_flight(load: LoadHeading) -> str:
    if load.pipeline == 1:
        return ""
    what = "messages in flight per connection" if load.websocket else "requests in a pipeline"
    return f"{load.pipeline} {what}"


def _figures(page: Page, result: Result) -> list[str]:
    """Return what people came for: rate, throughput, counts; nothing if nothing was sent."""
    s = result.summary
    if not (s.started or s.scheduled):
        return []
    figures: list[Part] = [(_rate(result), page.bold)]
    told = s.bytes_in or result.noun != "operation"  # an operation may have no bytes to tell of
    if told and resolution.tells_rate(s.requests, s.duration_s):
        figures.append((f"{format_bytes(s.bytes_in_per_s)}/s", page.bold))
    figures.append((f"{plural(s.requests, result.noun)} in {seconds(s.duration_s)}", str))
    lines = page.flowed("", figures, "    ") + page.flowed("", _counts(page, s), " · ")
    lag = result.latency.lag
    if lag is not None and lag.count:
        whose = "client's event loop was late" if load_of(result).script else "start lag"
        first, *rest = latency_lines.ends(lag)
        lines += page.flowed("", [(each, str) for each in (f"{whose}: {first}", *rest)])
    return lines


def _rate(result: Result) -> str:
    """Return the rate; of a plan the one asked for, too, and how far away the run stayed."""
    s = result.summary
    told = resolution.tells_rate(s.requests, s.duration_s)
    if result.noun == "connection" and result.sockets is not None:
        asked = load_of(result).connections
        return f"{result.sockets.open_at_end:,} of {plural(asked, 'connection')} open"
    if s.scheduled is None or s.duration_s <= 0:
        if not told:
            return f"rate: {resolution.TOO_SHORT}"
        return f"{_per_s(s.requests_per_s, exact=False)} {result.per_s}"
    wanted = load_of(result).rate or s.scheduled / s.duration_s
    if not told:
        unit = result.per_s
        return f"{_per_s(wanted, exact=True)} {unit} planned, reached: {resolution.TOO_SHORT}"
    off = 100 * (s.requests_per_s / wanted - 1) if wanted > 0 else 0.0
    digits = 3 if abs(off) < 1 else 1
    sign = "±" if abs(off) < 0.0005 else "+" if off > 0 else "-"
    reached = _per_s(s.requests_per_s, exact=True)
    return (
        f"{_per_s(wanted, exact=True)} {result.per_s} planned, "
        f"{reached} reached ({sign}{abs(off):.{digits}f}%)"
    )


def _per_s(rate: float, *, exact: bool) -> str:
    """Format a rate in full; hundredths only where they are compared with a plan."""
    if exact:
        return f"{rate:,.2f}".removesuffix(".00")
    return f"{rate:,.0f}" if rate >= 1000 else f"{rate:.1f}"


def _counts(page: Page, s: Summary) -> list[Part]:
    """Return every count that is not 0, and the age of what was left at the end."""
    counts: list[Part] = [(f"{s.scheduled:,} scheduled", str)] if s.scheduled is not None else []
    counts.append((f"{s.ok:,} ok", str))
    counts += [(f"{s.failed:,} failed", page.red)] if s.failed else []
    counts += [(plural(s.timeouts, "timeout"), page.red)] if s.timeouts else []
    counts += [(f"{s.retried:,} retried", str)] if s.retried else []
    counts += [(f"{s.dropped:,} dropped", page.red)] if s.dropped else []
    for count, state, oldest_s, paint in (
        (s.queued_at_end, "queued", s.oldest_queued_s, page.yellow),
        (s.in_flight_at_end, "in flight", s.oldest_in_flight_s, str),
    ):
        if count:
            age = format_ns(oldest_s * 1e9)
            counts.append((f"{count:,} {state} at the end, oldest ≥ {age}", paint))
    return counts


def _answers(page: Page, result: Result) -> list[str]:
    """Return the statuses, and how the rate went over time."""
    lines = []
    if result.status_codes:
        bad = result.summary.failed > 0
        codes = sorted(result.status_codes.items())
        shown: list[Part] = [
            (f"{printable(code)}: {n:,}", page.red if bad and code >= "400" else str)
            for code, n in codes[:MAX_STATUSES]
        ]
        more = len(codes) - MAX_STATUSES
        lines = page.flowed("Status", shown + ([(f"{more} more", page.dim)] if more > 0 else []))
    return lines + _over_time(page, result)


def _over_time(page: Page, result: Result) -> list[str]:
    """Return how the rate went, and below it the connections where they varied."""
    rows = [row for row in result.series if _tells(row, result)]
    if len(rows) < 3 or not resolution.tells_rate(result.summary.requests, math.inf):
        return []
    rates = [row.requests / row.span_s for row in rows]
    shown = [("Over time", rates, f"{_span(rates)} {result.per_s}")]
    connections = [float(row.connections) for row in rows]
    if max(connections) - min(connections) > VARYING * max(connections):
        shown.append(("", connections, f"{_span(connections)} connections"))
    columns = page.width - LABEL_COLUMNS - max(len(words) for _, _, words in shown) - 4
    lines = []
    for label, values, words in shown:
        line = sparkline(values, columns, unicode=page.unicode)
        lines.append(page.row(label, line + page.dim(f"  {words}")))
    return lines


def _span(values: list[float]) -> str:
    return f"{format_count(min(values))} to {format_count(max(values))}"


def _tells(row: SeriesRow, result: Result) -> bool:
    """Leave a short last row out: its rate says little."""
    return row.span_s > 0 and (row is not result.series[-1] or row.span_s >= 0.5)


def _errors(page: Page, result: Result) -> list[str]:
    rows = sorted(result.errors, key=lambda row: -row.count)
    lines: list[str] = []
    for row in rows[:MAX_ERRORS]:
        lines += _error(page, row, "" if lines else "Errors")
    if len(rows) > MAX_ERRORS:
        rest = sum(row.count for row in rows[MAX_ERRORS:])
        lines.append(page.row("", page.dim(f"… {rest:,} more of {len(rows) - MAX_ERRORS} sorts")))
    return lines


def _error(page: Page, row: ErrorRow, label: str) -> list[str]:
    count = f"{row.count:>7,}  "
    columns = page.width - LABEL_COLUMNS - len(count)
    when = f", first at {seconds(row.first_s) if row.first_s > 0 else 'the start'}"
    message = textwrap.wrap(printable(row.message) + when, columns)
    hint = textwrap.wrap("→ " + printable(row.hint), columns, subsequent_indent="  ")
    indent = " " * len(count)
    first = page.row(label, page.red(count) + message[0])
    return [
        first,
        *(page.row("", indent + line) for line in message[1:]),
        *(page.row("", indent + page.dim(line)) for line in hint),
    ]


def _warmup(page: Page, result: Result) -> list[str]:
    warmup = result.warmup
    if warmup is None:
        return []
    text = f"{format_s(warmup.duration_s)}: {plural(warmup.requests, 'request')}"
    if resolution.tells_rate(warmup.requests, warmup.duration_s):
        text += f" ({_per_s(warmup.requests_per_s, exact=False)}/s)"
    bad = warmup.failed + warmup.timeouts
    parts: list[Part] = [(text, str)]
    parts += [(f"{bad:,} not ok", page.red)] if bad else []
    if warmup.p50_ms is not None and warmup.p99_ms is not None:
        high = resolution.tail(warmup.ok + warmup.timeouts)
        p50, p99 = format_ms(warmup.p50_ms), format_ms(warmup.p99_ms)
        parts.append((f"p50 {p50}, {high} {p99}", str))
    return page.flowed("Warm-up", [*parts, ("not in the numbers above", str)])


def _verdict(page: Page, result: Result) -> list[str]:
    """Return the verdict in words, then each reason; those of a partial run head the page."""
    word, words = _words(result)
    paint = {"ok": page.green, "failed": page.red}.get(result.outcome.level, page.yellow)
    first, *more = textwrap.wrap(words, page.width - LABEL_COLUMNS, break_on_hyphens=False)
    colored = paint(word) + first[len(word) :]
    lines = [page.row("Verdict", colored), *(page.row("", line) for line in more)]
    if result.summary.ended != "complete":
        return lines
    for reason in result.validity.reasons:
        wrapped = textwrap.wrap(printable(reason), page.width - LABEL_COLUMNS - 2) or [""]
        lines += [page.row("", f"{'  ' if at else '- '}{line}") for at, line in enumerate(wrapped)]
    return lines


def _words(result: Result) -> tuple[str, str]:
    """Return the outcome in a word, and as a sentence with what weighs most and the limit.

    What only the validity has against the run is named by it; the limit is left out where it says
    nothing new.
    """
    outcome, validity = result.outcome, result.validity
    limit = validity.limit
    known = limit not in ("unknown", "none") and validity.verdict != f"{limit}-limited"
    own = all(each.code.startswith("not_valid_") for each in outcome.reasons)
    word = validity.verdict if own else outcome.level
    about = [printable(each.text) for each in outcome.reasons[:MAX_REASONS]]
    more = len(outcome.reasons) - MAX_REASONS
    about += [f"and {more} more"] if more > 0 else []
    about += [LIMITS[limit]] if outcome.level == "ok" or known else []
    return word, f"{word}: " + "; ".join(about)


def _warnings(page: Page, result: Result) -> list[str]:
    """Return the warnings; that iterations were dropped stands at the top already."""
    lines: list[str] = []
    told = [warning for warning in result.warnings if warning.code != "dropped_iterations"]
    for at, warning in enumerate(told[:MAX_WARNINGS]):
        text = advice(warning)
        lines += page.wrapped("" if at else "Warnings", text, page.yellow)
    if len(told) > MAX_WARNINGS:
        lines.append(page.row("", page.yellow(f"… {len(told) - MAX_WARNINGS} more")))
    return lines
