"""What the charts of the page are drawn from: columns over time, distributions, spectra.

1. All charts over time share one axis: the middle of each row, in seconds from the start line.
2. Values are rounded to what can be seen, so that an hour of rows stays far below a megabyte.
3. A chart without anything to show is left out, and a line. A short last row is, too: its rate
   says little. Who follows a run gets all of them: what shows nothing yet may do so later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from fastbench.foundation.redact import printable
from fastbench.report.html.charts.chart import (
    Chart,
    Values,
    chart_over_time,
    drawing,
    line,
    shown,
)
from fastbench.report.html.charts.latency_charts import of_latencies
from fastbench.report.html.charts.resource_charts import MAX_TARGETS, used
from fastbench.results import resolution
from fastbench.results.metric_values import GaugeRow
from fastbench.results.result import OperationsRow, Result, SeriesRow

MAX_PROCESSES = 64
MAX_GAUGES = 12
# Errors of these kinds end no request: nothing was sent yet.
_NOT_SENT = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "unsolicited")


def charts(result: Result) -> list[Chart]:
    """Return the charts that this result has something for, in the order of the page."""
    rows = whole(result)
    names = {target.pid: target.name for target in result.resources.targets}
    found = over_time(rows, {pid: names.get(pid, "") for pid in pids(rows)}, result.noun)
    found[4:4] = _of_streams(rows)  # behind the connections
    found[2:2] = _of_operations(rows)
    found += _of_gauges(rows, result.gauges)
    timed = [chart for each in found if (chart := shown(each))] if len(rows) > 1 else []
    return [*timed, *_of_latency(result)]


def document(result: Result, drawn: Iterable[Chart]) -> dict[str, object]:
    """Return what the page's script draws, JSON-ready."""
    return drawing(whole(result), drawn)


def whole(result: Result) -> list[SeriesRow]:
    """Return the rows that are long enough to mean a rate."""
    rows = [row for row in result.series if row.span_s > 0]
    return rows[:-1] if len(rows) > 2 and rows[-1].span_s < 0.5 else rows


def over_time(
    rows: list[SeriesRow], names: Mapping[int, str], noun: str = "request"
) -> list[Chart]:
    """Return all charts over time of rows of one run, with all lines that it may have.

    `names` are those of the target's processes: those of one name are one line, and no more than
    MAX_TARGETS are drawn. `noun` is what the rows count.
    """
    return [*_of_requests(rows, noun), *used(rows, names)]


def pids(rows: Iterable[SeriesRow]) -> list[int]:
    """Return the processes of the target in the order in which they were seen."""
    return list(dict.fromkeys(each.pid for row in rows if row.use for each in row.use.targets))


def _of_operations(rows: list[SeriesRow]) -> list[Chart]:
    """Return what a script timed beside its requests."""
    if not any(row.operations for row in rows):
        return []
    none = OperationsRow(0, 0, None, None)
    found = [(row.operations or none, row.span_s) for row in rows]
    rates: dict[str, Values] = {
        "ended": [each.ended / span_s for each, span_s in found],
        "failed": [each.failed / span_s for each, span_s in found],
    }
    times: dict[str, Values] = {
        "p50": [each.p50_ms for each, _ in found],
        "p99": [each.p99_ms for each, _ in found],
    }
    counts = [line(name, values, 3 * at) for at, (name, values) in enumerate(rates.items())]
    latency = [line(name, values, at) for at, (name, values) in enumerate(times.items())]
    return [
        chart_over_time(
            "operations", "Operations", "per second, requests excluded", "count", counts
        ),
        chart_over_time(
            "operation_times", "Latency of operations", "of each second", "ms", latency
        ),
    ]


def _of_requests(rows: list[SeriesRow], noun: str) -> list[Chart]:
    planned = any(row.scheduled is not None for row in rows)
    rates = [line("answered", [row.requests / row.span_s for row in rows], area=True)]
    latency = [
        line("p50", [row.p50_ms for row in rows]),
        line("p99", [row.p99_ms for row in rows], 1),
    ]
    if planned:
        wanted = [None if row.scheduled is None else row.scheduled / row.span_s for row in rows]
        rates.append(line("planned", wanted, 5, dash=True))
        latency = [
            line("service p50", [row.p50_ms for row in rows]),
            line("service p99", [row.p99_ms for row in rows], 1),
            line("response p50", [row.response_p50_ms for row in rows], 2, dash=True),
            line("response p99", [row.response_p99_ms for row in rows], 3, dash=True),
        ]
    open_ones: Values = [float(row.connections) for row in rows]
    return [
        chart_over_time("rate", "Throughput", f"{noun}s per second", "count", rates, wide=True),
        chart_over_time("latency", "Latency", _of_seconds(rows), "ms", latency, wide=True),
        _bad(rows),
        chart_over_time(
            "connections", "Connections", "open", "count", [line("open", open_ones, 4)]
        ),
    ]


def _of_streams(rows: list[SeriesRow]) -> list[Chart]:
    """Return the open streams of HTTP/2, where connections carry several."""
    counts: Values = [None if row.streams is None else float(row.streams) for row in rows]
    if all((row.streams or 0) <= row.connections for row in rows):
        return []
    return [
        chart_over_time("streams", "Streams", "of HTTP/2, open", "count", [line("open", counts, 4)])
    ]


def _of_seconds(rows: list[SeriesRow]) -> str:
    """Say what the latencies of seconds are, also of those that had too few answers for a p99."""
    counts = [row.ok + row.timeouts for row in rows]
    few = any(count and not resolution.carries(count, 99) for count in counts)
    of_few = f"; p99 of fewer than {resolution.samples_needed(99)} responses is the slowest one"
    return "percentiles of each second" + (of_few if few else "")


def _bad(rows: list[SeriesRow]) -> Chart:
    """Return what went wrong, and when."""
    columns = {
        "failed": [row.failed for row in rows],
        "timeouts": [row.timeouts for row in rows],
        "no connection": [sum(row.errors.get(kind, 0) for kind in _NOT_SENT) for row in rows],
        "dropped": [row.dropped for row in rows],
    }
    lines = [
        line(name, [count / row.span_s for count, row in zip(counts, rows, strict=True)], color)
        for (name, counts), color in zip(columns.items(), (3, 1, 4, 5), strict=True)
    ]
    return Chart("errors", "Errors", "per second", "time", "count", tuple(lines))


def _of_gauges(rows: list[SeriesRow], gauges: Iterable[GaugeRow]) -> list[Chart]:
    """Return a script's gauges, one chart for each name: a gauge keeps its value until the next."""
    named: dict[str, list[GaugeRow]] = {}
    for each in gauges:
        named.setdefault(each.name, []).append(each)
    found = []
    for name, parts in list(named.items())[:MAX_GAUGES]:
        lines = []
        for color, part in enumerate(parts[:MAX_TARGETS]):
            tags = ", ".join(f"{tag} {value}" for tag, value in part.tags.items())
            ends = (bisect_right(part.t_s, row.t_s + row.span_s) for row in rows)
            values = [part.values[end - 1] if end else None for end in ends]
            lines.append(line(printable(tags) or "value", values, color))
        title = printable(name)
        found.append(chart_over_time(f"gauge_{name}", title, "gauge of the script", "count", lines))
    return found


def _of_latency(result: Result) -> list[Chart]:
    by = f" ({', '.join(result.planned_by)})" if result.planned_by else ""
    first, second = (
        ("response" + by, result.latency.response, 3),
        ("service", result.latency.service, 0),
    )
    if result.scripted:  # what is of all requests comes first
        first, second = second, first
    kinds = {
        **{name: (each, color) for name, each, color in (first, second)},
        "failed": (result.latency.failed, 1),
    }
    return of_latencies(
        {name: (each, color) for name, (each, color) in kinds.items() if each is not None}
    )
