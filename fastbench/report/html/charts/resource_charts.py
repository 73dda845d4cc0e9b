"""Charts of what was used, by whom: processor, memory and network of host, client and targets.

The share of a processor is in percent of one core everywhere, so that lines can be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from fastbench.foundation.redact import printable
from fastbench.report.html.charts.chart import Chart, Line, Values, chart_over_time, line
from fastbench.results.result import SeriesRow
from fastbench.results.usage import Use

MAX_TARGETS = 4  # commands, each one line
_COUNTED = {  # of the target's processes
    "fds": "Open files of the server",
    "threads": "Threads of the server",
    "connections": "Connections of the server",
}
_AXES = {"fds": "open files", "threads": "threads", "connections": "connections"}


def used(rows: list[SeriesRow], names: Mapping[int, str]) -> list[Chart]:
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
        line("out", column(lambda use: use.host.net_out_bytes_per_s), 4, dash=1),
    ]
    return [
        chart_over_time("cpu", "Processor", "100 % is one core", "percent", cpu, "of a core"),
        chart_over_time("memory", "Memory of processes", "", "bytes", memory, "resident"),
        *(
            chart_over_time(f"target_{what}", _COUNTED[what], "", "whole", each, _AXES[what])
            for what, each in counts.items()
        ),
        chart_over_time("host_memory", "Memory of the host", "", "bytes", whole, "used"),
        chart_over_time("network", "Network of the host", "", "bytes_per_s", network, "per second"),
    ]


def _of_processes(rows: list[SeriesRow], pids: Collection[int], what: str) -> Values:
    """Return the sums over some processes."""
    found: Values = []
    for row in rows:
        samples = [each for each in (row.use.targets if row.use else ()) if each.pid in pids]
        known = [value for each in samples if (value := getattr(each, what)) is not None]
        found.append(float(sum(known)) if known else None)
    return found
