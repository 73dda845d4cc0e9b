"""A result as Markdown, short enough for the comment of a pull request.

1. The order is that of the questions: did it pass, what was run, how fast was each operation, what
   did it use, what was the limit.
2. Text from scripts and servers is data: every character that Markdown or HTML gives a meaning is
   escaped, a mention of a user too, and no line break gets into a table.
3. A capacity is stated only where the run shows one: where client and verdict were in order.
"""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.units import format_bytes, format_instant, format_s, plural
from fastbench.report import (
    compared,
    machine_columns,
    own_metrics,
    part_rows,
    socket_rows,
    stage_rows,
)
from fastbench.report.change import (
    change,
    headline,
    name_of,
    regression,
    signed_interval,
    told_metrics,
)
from fastbench.report.columns import NOTHING, ms, share_of
from fastbench.report.load_heading import LoadHeading, load_of
from fastbench.report.markdown.markdown_markup import escaped, table
from fastbench.report.text import request_table
from fastbench.report.text.request_table import asked_as
from fastbench.report.text.usage_lines import memory, seen, share
from fastbench.report.verdict_words import said
from fastbench.results import addresses, resolution
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow
from fastbench.results.result import Result

PERCENTILES = ("p50", "p95", "p99", "max")
MAX_STAGES = 24
BOTTLENECKS = {
    "client": "the load generator",
    "server": "the server",
    "host": "this machine, shared by load generator and server",
    "network": "the network",
    "none": "none, no resource was saturated",
    "unknown": "unknown",
}


def render(result: Result, beside: Comparison | None = None) -> str:
    """Return the Markdown, ending in a newline; `beside`: how the run stands to its baseline."""
    result = result.main
    load = load_of(result)
    sections = [
        [f"## fastbench: {escaped(load.script or load.url + load.more or 'a run')}"],
        [_headline(result, beside)],
        _outcome(result),
        *(
            _runs(result),
            _machines(result),
            _thresholds(result),
            _baseline(beside),
            _checks(result),
        ),
        _configuration(result),
        *(_stages(result), _latencies(result), _urls(result), _sockets(result), _metrics(result)),
        _errors(result),
        _resources(result),
        _bottleneck(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _headline(result: Result, beside: Comparison | None) -> str:
    s = result.summary
    counts = f"{s.requests:,} {result.noun}s in {format_s(s.duration_s)}"
    if resolution.tells_rate(s.requests, s.duration_s):
        counts = f"{s.requests_per_s:,.0f} {result.per_s}, {counts}"
    if s.requests:
        counts += f", {s.not_ok:,} not ok" if s.not_ok else ", none failed"
    outcome = result.outcome
    limited = beside is not None and beside.regression_limit is not None
    if s.ended != "complete":
        counts = f"{s.ended.replace('_', ' ')} · {counts}"
    if outcome.level == "failed" or (beside is not None and beside.regressed):
        return f"❌ **FAIL · {counts}**"
    if outcome.level == "warning":
        return f"⚠️ **WARNING · {counts}**"
    return f"✅ **PASS · {counts}**" if result.thresholds or limited else f"**{counts}**"


def _outcome(result: Result) -> list[str]:
    """Return why the run is not simply ok, what weighs most first."""
    return [
        f"- **{each.level}**: {escaped(each.text)}"
        + (f" ({escaped(each.hint)})" if each.hint else "")
        for each in result.outcome.reasons
    ]


def _runs(result: Result) -> list[str]:
    """Return the runs of a merged result."""
    if not result.parts:
        return []
    rows = [
        (f"{escaped(part.name)}: {escaped(part_rows.about(part))}", *part_rows.cells(part))
        for part in result.parts
    ]
    return ["### Runs", "", *table(("", *part_rows.HEADS), rows)]


def _machines(result: Result) -> list[str]:
    """Return the machines of a run that several carried."""
    if not result.machines:
        return []
    rows = [
        (f"{escaped(row.name)}: {escaped(machine_columns.about(row))}", *machine_columns.cells(row))
        for row in result.machines
    ]
    return ["### Machines", "", *table(("", *machine_columns.HEADS), rows)]


def _thresholds(result: Result) -> list[str]:
    if not result.thresholds:
        return []
    lines = ["### Thresholds", ""]
    for name, found in result.thresholds.items():
        word = "PASS" if found.ok else "FAIL" if found.level == "fail" else "WARN"
        box = "x" if found.ok else " "
        lines.append(f"- [{box}] **{word}** {escaped(name)}: {escaped(said(found))}")
    return lines


def _baseline(found: Comparison | None) -> list[str]:
    if found is None:
        return []
    told = f"{escaped(headline(found))}, against {escaped(found.base)}"
    if found.regressed:
        told = f"- [ ] **FAIL** {escaped(regression(found))}. {told}"
    elif found.regression_limit is not None:
        told = f"- [x] **PASS** {told}"
    rows = [
        (
            name_of(found, name),
            change(each.ratio),
            signed_interval(each.interval) if each.interval else NOTHING,
        )
        for name, each in told_metrics(found).items()
    ]
    head = ("", "Change", f"{100 * found.confidence:g} % interval")
    return ["### Baseline", "", told, "", *(table(head, rows) if rows else [])]


def _checks(result: Result) -> list[str]:
    if not result.checks:
        return []
    lines = ["### Checks", ""]
    for check in result.checks:
        path = [check.scenario, *check.group.split("::"), check.name]
        name = " › ".join(escaped(part) for part in path if part)  # noqa: RUF001
        total = check.passes + check.fails
        box = " " if check.fails else "x"
        lines.append(f"- [{box}] {name}: {check.passes:,} of {total:,}")
    return lines


def _configuration(result: Result) -> list[str]:
    load, machine = load_of(result), result.environment
    rows = [
        ("Script", escaped(load.script)),
        ("Target", escaped(load.target)),
        ("Addresses", escaped(addresses.summary(result.addresses))),
        ("Virtual users", f"{load.vus:,}" if load.vus else ""),
        ("Connections", _connections(load)),
        ("Protocol", load.protocol),
        ("Planned rate", "" if load.rate is None else f"{load.rate:,.0f} req/s"),
        ("Bursts", load.burst),
        ("Workers", str(load.workers or "")),
        ("Duration", format_s(result.summary.duration_s)),
        ("Started", escaped(format_instant(machine.started_at))),
        ("Cluster", escaped(_cluster(load))),
        ("Machine", escaped(compared.machine(machine))),
        ("fastbench", escaped(result.version)),
    ]
    return ["### Configuration", "", *table(("", ""), [row for row in rows if row[1]])]


def _connections(load: LoadHeading) -> str:
    if not load.connections:
        return ""
    several = f" × {load.streams:,} streams" if load.streams > 1 else ""  # noqa: RUF001
    return f"{load.connections:,}{several}"


def _cluster(load: LoadHeading) -> str:
    where = f" on {load.cluster}" if load.cluster else ""
    return f"{plural(load.machines, 'machine')}{where}" if load.machines else ""


def _stages(result: Result) -> list[str]:
    """Return the stages of the load, with what failed in them."""
    if not result.stages:
        return []
    heads = stage_rows.heads(result)
    rows = [
        (escaped(row.name), *map(escaped, row.cells), escaped("; ".join(_broken(row))))
        for row in stage_rows.rows(result, MAX_STAGES)
    ]
    names = (*(each.capitalize() for each in heads), "Failed")
    found = ["### Stages", "", *table(("Stage", *names), rows)]
    more = len(result.stages) - MAX_STAGES
    return [*found, "", f"… {more} more; the JSON document has each"] if more > 0 else found


def _broken(row: stage_rows.StageCells) -> list[str]:
    return [f"{text}: {observed}" for text, observed in row.broken.items()]


def _latencies(result: Result) -> list[str]:
    service, response = result.latency.service, result.latency.response
    counted = f"{result.noun}s".capitalize()
    head = ("Operation", counted, "Failed", result.per_s, "P50", "P95", "P99", "Max")
    s = result.summary
    rows = [
        _operation(
            f"{each.name} ({', '.join(filter(None, (asked_as(each), each.scenario)))})",
            (each.requests, each.failed, each.requests_per_s),
            each.latency,
        )
        for each in (() if request_table.of_urls(result.requests) else result.requests)
    ]
    whole = (s.requests, s.not_ok, s.requests_per_s)
    rows.append(_operation("all", whole, latency_ms(service)))
    if response is not None and not result.scripted:
        rows.append(_operation("all, from the planned instant", whole, latency_ms(response)))
    elif response is not None:
        name = f"response time of {', '.join(result.planned_by)} ({response.count:,} samples)"
        per_s = response.count / s.duration_s if s.duration_s > 0 else 0.0
        rows.append(_operation(name, (response.count, None, per_s), latency_ms(response)))
    return ["### Latency", "", *table(head, rows)]


def _urls(result: Result) -> list[str]:
    """Return the table by URL, no longer than that of the text: a comment has an end."""
    rows = result.requests
    if not request_table.of_urls(rows):
        return []
    total = sum(row.requests for row in rows)
    most = request_table.shown(rows)
    names = request_table.short_names(most)
    lines = [_url(name, row, total) for name, row in zip(names, most, strict=True)]
    head = ("URL", "Requests", "Share", "Failed", "P50", "P95", "P99", "Max", "Statuses")
    more = request_table.rest(rows, most)
    found = ["### URLs", "", *table(head, lines)]
    return [*found, "", f"… {more}; the JSON document has each"] if more else found


def _url(name: str, row: NamedRow, total: int) -> tuple[str, ...]:
    name = f"{name} ({row.method})" if row.method else name
    share = share_of(row.requests, total)
    name, count, failed, _, *times = _operation(name, (row.requests, row.failed, 0), row.latency)
    return (name, count, share, failed, *times, escaped(request_table.answers(row)))


def _operation(
    name: str, counts: tuple[int, int | None, float], latency: Mapping[str, float | None]
) -> tuple[str, ...]:
    requests, failed, per_s = counts
    times = [resolution.told_ms(latency, key) for key in PERCENTILES]
    shown = [ms(value) for value in times]
    bad = NOTHING if failed is None else f"{failed:,}"
    rate = resolution.told_per_s(requests, per_s)
    told = NOTHING if rate is None else f"{rate:,.1f}"
    return (escaped(name), f"{requests:,}", bad, told, *shown)


def _sockets(result: Result) -> list[str]:
    if result.sockets is None:
        return []
    return ["### WebSockets", "", *table(("", "Value"), socket_rows.rows(result.sockets))]


def _metrics(result: Result) -> list[str]:
    """Return what the script measured itself, and the formulas that it names."""
    rows = [(escaped(name), escaped(value)) for name, value in own_metrics.rows(result)]
    return ["### Metrics", "", *table(("", "Value"), rows)] if rows else []


def _errors(result: Result) -> list[str]:
    errors = [(f"{row.count:,}", escaped(row.message), escaped(row.hint)) for row in result.errors]
    errors += [
        (f"{row.count:,}", escaped(f"{row.type} at {row.place}: {row.text}"), "")
        for row in result.exceptions
    ]
    statuses = ", ".join(f"{escaped(c)}: {n:,}" for c, n in sorted(result.status_codes.items()))
    lines = [f"Status codes: {statuses}"] if statuses else []
    if errors:
        lines += ["", *table(("Count", "Error", "Remedy"), errors)]
    return ["### Responses", "", *lines] if lines else []


def _resources(result: Result) -> list[str]:
    used = result.resources
    rows: list[tuple[str, ...]] = []
    if used.client is not None:
        client = used.client
        size = seen(client.rss_bytes_max, format_bytes)
        rows.append(("client", share(result, client.cpu_percent), "", size))
    for each in used.targets:
        mean, most = (share(result, of) for of in (each.cpu_percent, each.cpu_percent_max))
        name = escaped(f"{each.name} ({each.pid})")
        rows.append((name, mean, most, format_bytes(each.rss_bytes_max)))
    if used.host is not None:
        host = used.host
        mean, most = (share(result, each) for each in (host.cpu_percent, host.cpu_percent_max))
        rows.append(("host (of all cores)", mean, most, memory(host)))
    head = ("Process", "CPU", "CPU, max", "Memory, max")
    return ["### Resources", "", *table(head, rows)] if rows else []


def _bottleneck(result: Result) -> list[str]:
    validity = result.validity
    found = BOTTLENECKS.get(validity.limit, escaped(validity.limit))
    lines = ["### Bottleneck and capacity", ""]
    verdict = validity.verdict if validity.verdict != "ok" else result.outcome.level
    lines.append(f"- Verdict: {escaped(verdict)}")
    lines.append(f"- Bottleneck: {found}")
    lines += [f"- {escaped(reason)}" for reason in validity.reasons]
    lines.append(f"- Capacity: {escaped(capacity_of(result))}")
    for each in result.warnings:
        lines.append(f"- ⚠ {escaped(each.text)}" + (f": {escaped(each.hint)}" if each.hint else ""))
    return lines


def capacity_of(result: Result) -> str:
    """Say what load was carried: by the stages, or by the rate of a run without some."""
    shown = stage_rows.sentence(result)
    if result.stages and shown:
        return shown
    s, validity = result.summary, result.validity
    rate = f"{s.requests_per_s:,.0f} {result.per_s}"
    if not tells_capacity(result):
        told = validity.verdict != "ok" or s.ended != "complete" or not s.ok
        return "unknown, the run is not valid" if told else resolution.TOO_SHORT
    if s.not_ok:
        met = shown and not result.thresholds_failed
        return shown if met else f"not shown, {result.noun}s failed at {rate}"
    if validity.limit in ("server", "host"):
        return f"{rate}, where the {validity.limit} was saturated"
    return f"at least {rate}, the server was not saturated"


def tells_capacity(result: Result) -> bool:
    """Tell whether a run without stages was in order, and long enough to show what it carried."""
    s = result.summary
    if result.validity.verdict != "ok" or s.ended != "complete" or not s.ok:
        return False
    return resolution.tells_shares(s.duration_s) and resolution.tells_rate(s.ok, s.duration_s)
