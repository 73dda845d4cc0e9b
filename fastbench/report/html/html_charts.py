"""What the charts of the page are drawn from: columns over time, distributions, spectra.

1. All charts over time share one axis: the middle of each row, in seconds from the start line.
2. Values are rounded to what can be seen, so that an hour of rows stays far below a megabyte.
3. A chart without anything to show is left out, and a line. A short last row is, too: its rate
   says little. Who follows a run gets all of them: what shows nothing yet may do so later.
4. The share of a processor is in percent of one core everywhere, so that lines can be compared.
"""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from fastbench.foundation.redact import printable
from fastbench.report.html.html_chart import (
    Chart,
    Line,
    Values,
    chart_over_time,
    line,
    short,
    shown,
)
from fastbench.results import resolution
from fastbench.results.histogram import Histogram, highest_ns, lowest_ns
from fastbench.results.metric_values import GaugeRow
from fastbench.results.result import OperationsRow, Result, SeriesRow
from fastbench.results.usage import Use

BARS = 80
MIN_WIDTH = 1.01  # of a bar, as a factor: a narrower one would show the counters, not the shape
MIN_SHARE_LEFT = 1e-7  # of a spectrum: 99.99999 %
STEPS_PER_TENFOLD = 24
MAX_TARGETS = 4  # commands, each one line
MAX_PROCESSES = 64
MAX_GAUGES = 12
_COUNTED = {  # of the target's processes
    "fds": "Open files of the server",
    "threads": "Threads of the server",
    "connections": "Connections of the server",
}
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


def drawing(rows: Iterable[SeriesRow], drawn: Iterable[Chart]) -> dict[str, object]:
    """Return the same for rows whose charts these are."""
    rows = list(rows)
    return {
        "start": [short(row.t_s, 6) for row in rows],
        "span": [short(row.span_s, 4) for row in rows],
        "charts": {
            chart.name: {
                "kind": chart.kind,
                "unit": chart.unit,
                "lines": list(chart.lines),
                "marks": [[name, short(value)] for name, value in chart.marks],
            }
            for chart in drawn
        },
    }


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
    return [*_of_requests(rows, noun), *_used(rows, names)]


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


def _used(rows: list[SeriesRow], names: Mapping[int, str]) -> list[Chart]:
    """Return processor, memory and network of host, client and targets."""

    def column(value: Callable[[Use], float | None]) -> Values:
        return [None if row.use is None else value(row.use) for row in rows]

    if not any(row.use for row in rows):
        return []
    cores = max((len(row.use.host.core_percents) for row in rows if row.use), default=0)
    cpu = [
        line(
            f"host ({cores * 100} % is all of it)",
            column(lambda use: sum(use.host.core_percents) if use.host.core_percents else None),
            5,
            area=True,
        ),
        line("client", column(lambda use: use.client_cpu_percent), 0),
    ]
    memory = [line("client", column(lambda use: use.client_rss_bytes), 0)]
    counts: dict[str, list[Line]] = {what: [] for what in _COUNTED}
    commands: dict[str, list[int]] = {}
    for pid, known in names.items():
        commands.setdefault(printable(known) or f"target {pid}", []).append(pid)
    for color, (known, of) in enumerate(list(commands.items())[:MAX_TARGETS], 1):
        name = f"{known} ({of[0]})" if len(of) == 1 else f"{known}, {len(of)} processes"
        cpu.append(line(name, _of_processes(rows, of, "cpu_percent"), color))
        memory.append(line(name, _of_processes(rows, of, "rss_bytes"), color))
        for what, lines in counts.items():
            lines.append(line(name, _of_processes(rows, of, what), color))
    whole = [line("used", column(lambda use: use.host.memory_used_bytes), 5, area=True)]
    network = [
        line("in", column(lambda use: use.host.net_in_bytes_per_s), 2),
        line("out", column(lambda use: use.host.net_out_bytes_per_s), 4),
    ]
    return [
        chart_over_time("cpu", "Processor", "100 % is one core", "percent", cpu),
        chart_over_time("memory", "Memory of processes", "resident", "bytes", memory),
        *(
            chart_over_time(f"target_{what}", _COUNTED[what], "", "count", each)
            for what, each in counts.items()
        ),
        chart_over_time("host_memory", "Memory of the host", "", "bytes", whole),
        chart_over_time("network", "Network of the host", "", "bytes_per_s", network),
    ]


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


def _of_processes(rows: list[SeriesRow], pids: Collection[int], what: str) -> Values:
    """Return the sums over some processes."""
    found: Values = []
    for row in rows:
        samples = [each for each in (row.use.targets if row.use else ()) if each.pid in pids]
        known = [value for each in samples if (value := getattr(each, what)) is not None]
        found.append(float(sum(known)) if known else None)
    return found


# Latency.


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


def of_latencies(
    found: Mapping[str, tuple[Histogram, int]], *, shares: bool = False
) -> list[Chart]:
    """Return distribution and spectrum of histograms with their colours; the first has the marks.

    `shares` counts in percent of each one's samples, so that sides of unequal size can be compared:
    bars for the first, curves over them for the others.
    """
    shown = {name: (each, color) for name, (each, color) in found.items() if each.count}
    if not shown:
        return []
    main = next(iter(shown.values()))[0]
    edges = _edges([each for each, _ in shown.values()])
    bars = [_bars(name, each, color, edges) for name, (each, color) in shown.items()]
    if shares:
        bars = [_as_shares(bar) for bar in bars]
        bars[1:] = [_as_curve(bar) for bar in bars[1:]]
    marks = tuple(
        (f"p{percent:g}", value / 1e6)
        for percent in (50, 95, 99, 99.9)
        if (value := resolution.told_ns(main, percent)) is not None
    )
    lines = tuple(
        {"name": name, "color": color, "points": _spectrum(each)}
        for name, (each, color) in shown.items()
    )
    how = "share of requests by latency" if shares else "requests by latency"
    unit = "percent" if shares else "count"
    below = "latency that a share of requests stays below"
    return [
        Chart("distribution", "Latency distribution", how, "bars", unit, tuple(bars), marks),
        Chart("spectrum", "Percentile spectrum", below, "spectrum", "ms", lines),
    ]


def _bars(name: str, histogram: Histogram, color: int, edges: list[float]) -> dict[str, Any]:
    shown = [short(edge / 1e6, 5) for edge in edges]
    return {"name": name, "color": color, "edges": shown, "values": _binned(histogram, edges)}


def _as_shares(bar: dict[str, Any]) -> dict[str, Any]:
    """Return counts as percent of their sum."""
    whole = sum(bar["values"])
    return bar | {"values": [short(100 * count / whole) for count in bar["values"]]}


def _as_curve(bar: dict[str, Any]) -> dict[str, Any]:
    """Return a curve through the tops of the bars, each at its middle."""
    middles = [math.sqrt(one * other) for one, other in itertools.pairwise(bar["edges"])]
    points = [[short(x), y] for x, y in zip(middles, bar["values"], strict=True)]
    return {"name": bar["name"], "color": bar["color"], "points": points}


def _edges(histograms: list[Histogram]) -> list[float]:
    """Return the edges of bars, in ns, each wider than the one before by the same factor."""
    low = max(1.0, min(each.min_ns for each in histograms) * 0.98)
    high = max(low * 1.5, max(each.max_ns for each in histograms) * 1.02)
    bars = min(BARS, max(1, int(math.log(high / low) / math.log(MIN_WIDTH))))
    factor = (high / low) ** (1 / bars)
    return [low * factor**at for at in range(bars + 1)]


def _binned(histogram: Histogram, edges: list[float]) -> list[int]:
    """Count samples per bar, each at the middle of its counter."""
    low, step = math.log(edges[0]), math.log(edges[1] / edges[0])
    bars = [0] * (len(edges) - 1)
    for counter, count in histogram.counts.items():
        middle = max(1.0, (lowest_ns(counter) + highest_ns(counter)) / 2)
        at = int((math.log(middle) - low) / step)
        bars[min(max(at, 0), len(bars) - 1)] += count
    return bars


def _spectrum(histogram: Histogram) -> list[list[float | int | None]]:
    """Return (samples in 1 above it, latency in ms), from the median of all to the last sample."""
    points: list[list[float | int | None]] = []
    least_left = max(MIN_SHARE_LEFT, 1 / histogram.count)
    steps = math.ceil(-math.log10(least_left) * STEPS_PER_TENFOLD)
    for step in range(steps + 1):
        one_in = min(10 ** (step / STEPS_PER_TENFOLD), 1 / least_left)
        value_ns = histogram.percentile(100 * (1 - 1 / one_in))
        points.append([short(one_in, 5), short(value_ns / 1e6, 5)])
    return points
