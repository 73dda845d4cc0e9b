"""What the charts of the page are drawn from: columns over time, distributions, spectra.

1. All charts over time share one axis: rows, in seconds from the start line to the end of the run.
2. Values are rounded to what can be seen, and rows of a long run are joined, so that the page of
   an hour stays below a megabyte.
3. A chart without anything to show is left out, and a line. A short last row joins the one before:
   its rate says little. Who follows a run gets all lines: what shows nothing yet may do so later.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastbench.foundation.redact import printable
from fastbench.report.html.charts import asked, error_charts, limit_lines, part_charts
from fastbench.report.html.charts.chart import (
    Chart,
    Line,
    Values,
    chart_over_time,
    drawing,
    line,
    shown,
)
from fastbench.report.html.charts.latency_charts import of_latencies
from fastbench.report.html.charts.limit_lines import Limits
from fastbench.report.html.charts.resource_charts import MAX_TARGETS, used
from fastbench.results import resolution
from fastbench.results.merging.neighbours import last_merged, merged
from fastbench.results.metric_values import GaugeRow
from fastbench.results.result import OperationsRow, Result, SeriesRow

MAX_PROCESSES = 64
MAX_GAUGES = 12
ASKED = 8  # the colour of text: it shows on any line that it lies on
MAX_ROWS = 1800  # of longer runs neighbours are joined: a picture has no more pixels
MIN_ROW = 0.5  # of the row before: a shorter last one joins it


@dataclass(frozen=True, slots=True)
class Known:
    """What lines there are whatever the rows show: of whom a run is followed while it goes.

    `names` are those of the target's processes by pid; `causes` of errors and `statuses` in the
    order in which they came first, None where the rows are all there is.
    """

    names: Mapping[int, str] = field(default_factory=dict)
    causes: Sequence[str] | None = None
    statuses: Sequence[str] | None = None

    @property
    def all_rows(self) -> bool:
        """Tell whether the rows are all there is: what they do not show has no chart then."""
        return self.causes is None


def charts(result: Result) -> list[Chart]:
    """Return the charts that this result has something for, in the order of the page."""
    rows = whole(result)
    names = {target.pid: target.name for target in result.resources.targets}
    known = Known({pid: names.get(pid, "") for pid in pids(rows)})
    found = [*over_time(rows, known, result.noun), *_of_gauges(rows, result.gauges)]
    found = [
        _judged(_asked(each, result, rows), limit_lines.limits_of(result), rows) for each in found
    ]
    timed = [chart for each in found if (chart := shown(each))] if len(rows) > 1 else []
    return [*timed, *_of_latency(result)]


def document(result: Result, drawn: Iterable[Chart]) -> dict[str, object]:
    """Return what the page's script draws, JSON-ready."""
    found = drawing(whole(result), drawn)
    parts = part_charts.parts(result, limit_lines.limits_of(result))
    return found | ({"parts": parts} if parts is not None and len(result.series) > 1 else {})


def whole(result: Result) -> list[SeriesRow]:
    """Return the rows, from the start line to the end of the run; MAX_ROWS at most."""
    rows = [row for row in result.series if row.span_s > 0]
    while len(rows) > MAX_ROWS:
        rows = [merged(*pair) if len(pair) > 1 else pair[0] for pair in _pairs(rows)]
    if len(rows) > 2 and rows[-1].span_s < MIN_ROW * rows[-2].span_s:
        rows[-2:] = [last_merged(*rows[-2:])]
    return rows


def _pairs(rows: Sequence[SeriesRow]) -> list[Sequence[SeriesRow]]:
    return [rows[at : at + 2] for at in range(0, len(rows), 2)]


def over_time(rows: list[SeriesRow], known: Known, noun: str = "request") -> list[Chart]:
    """Return all charts over time of rows of one run, with all lines that it may have.

    Processes of the target of one name are one line, and no more than MAX_TARGETS are drawn.
    `noun` is what the rows count.
    """
    return [
        *_of_requests(rows, noun),
        error_charts.errors(rows, known.causes),
        *error_charts.statuses(rows, known.statuses),
        *(_of_operations(rows) if known.all_rows else ()),
        *_of_users(rows),
        *(_of_streams(rows) if known.all_rows else ()),
        *used(rows, known.names),
    ]


def pids(rows: Iterable[SeriesRow]) -> list[int]:
    """Return the processes of the target in the order in which they were seen."""
    return list(dict.fromkeys(each.pid for row in rows if row.use for each in row.use.targets))


def _of_requests(rows: list[SeriesRow], noun: str) -> list[Chart]:
    planned = any(row.scheduled is not None for row in rows)
    rates = [line("reached", [row.requests / row.span_s for row in rows], area=True)]
    latency = _percentiles("", [(row.p50_ms, row.p95_ms, row.p99_ms) for row in rows])
    if planned:
        wanted = [None if row.scheduled is None else row.scheduled / row.span_s for row in rows]
        rates.append(line("asked", wanted, ASKED, dash=1))
        times = [(row.response_p50_ms, row.response_p95_ms, row.response_p99_ms) for row in rows]
        service = [{**each, "name": f"service {each['name']}", "dash": 2} for each in latency]
        latency = [*_percentiles("response ", times), service[0], service[2]]
    return [
        chart_over_time(
            "rate", "Throughput", f"{noun}s that ended", "count", rates, f"{noun}s/s", wide=True
        ),
        chart_over_time(
            "latency", "Latency", _of_seconds(rows), "ms", latency, "latency", wide=True
        ),
    ]


def _percentiles(
    of: str, times: Iterable[tuple[float | None, float | None, float | None]]
) -> list[Line]:
    columns = list(zip(*times, strict=True)) or [(), (), ()]
    names_and_colors = (("p50", 0), ("p95", 1), ("p99", 3))
    return [
        line(of + name, column, color)
        for (name, color), column in zip(names_and_colors, columns, strict=True)
    ]


def _of_operations(rows: list[SeriesRow]) -> list[Chart]:
    """Return what a script timed beside its requests."""
    if not any(row.operations for row in rows):
        return []
    none = OperationsRow(0, 0, None, None)
    found = [(row.operations or none, row.span_s) for row in rows]
    counts = [
        line("ended", [each.ended / span_s for each, span_s in found], area=True),
        line("failed", [each.failed / span_s for each, span_s in found], 3),
    ]
    latency = _percentiles("", [(each.p50_ms, each.p95_ms, each.p99_ms) for each, _ in found])
    note = "requests excluded"
    return [
        chart_over_time("operations", "Operations", note, "count", counts, "operations/s"),
        chart_over_time(
            "operation_times", "Latency of operations", "of each second", "ms", latency, "latency"
        ),
    ]


def _of_users(rows: list[SeriesRow]) -> list[Chart]:
    """Return users and iterations of a script, and connections."""
    open_ones = [line("open", [float(row.connections) for row in rows], 4)]
    connections = chart_over_time("connections", "Connections", "", "whole", open_ones, "open")
    if not any(row.vus is not None for row in rows):
        return [connections]
    users = [line("active", [None if row.vus is None else float(row.vus) for row in rows], 2)]
    ended = [None if row.iterations is None else row.iterations / row.span_s for row in rows]
    iterations = [line("reached", ended, 0, area=True)]
    return [
        chart_over_time("vus", "Virtual users", "", "whole", users, "users"),
        chart_over_time("iterations", "Iterations", "", "count", iterations, "iterations/s"),
        connections,
    ]


def _of_streams(rows: list[SeriesRow]) -> list[Chart]:
    """Return the open streams of HTTP/2, where connections carry several."""
    counts: Values = [None if row.streams is None else float(row.streams) for row in rows]
    if all((row.streams or 0) <= row.connections for row in rows):
        return []
    lines = [line("open", counts, 4)]
    return [chart_over_time("streams", "Streams", "of HTTP/2", "whole", lines, "open")]


def _asked(chart: Chart, result: Result, rows: Sequence[SeriesRow]) -> Chart:
    """Add what was asked for to what was reached."""
    wanted: Values = []
    if chart.name == ("vus" if result.scripted else "connections"):
        wanted = asked.users(result, rows)
    elif chart.name == "iterations":
        wanted = asked.iterations_per_s(result, rows)
    if not any(wanted):
        return chart
    return replace(chart, lines=(*chart.lines, line("asked", wanted, ASKED, dash=1)))


def _judged(chart: Chart, limits: Limits, rows: Sequence[SeriesRow]) -> Chart:
    """Add the thresholds of the whole run that the chart can show."""
    per_s = [row.requests / row.span_s for row in rows] if chart.name == "errors" else ()
    found = limits.of(chart.name, per_s)
    return replace(chart, limits=found) if found else chart


def _of_seconds(rows: list[SeriesRow]) -> str:
    """Say what the latencies of seconds are, also of those that had too few answers for a p99."""
    counts = [row.ok + row.timeouts for row in rows]
    few = any(count and not resolution.carries(count, 99) for count in counts)
    of_few = f"; p99 of fewer than {resolution.samples_needed(99)} responses is the slowest one"
    return "percentiles of each second" + (of_few if few else "")


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
        found.append(
            chart_over_time(f"gauge_{name}", title, "gauge of the script", "count", lines, "value")
        )
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
        {name: (each, color) for name, (each, color) in kinds.items() if each is not None},
        nouns=f"{result.noun}s",
    )
