"""Commands of many processes, as one each: a pre-forked server, a database."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastbench.results.counts import SeriesRow
from fastbench.results.usage import TargetUse


@dataclass(frozen=True, slots=True)
class CommandTotal:
    """All processes of one name and role, ended ones included. 100 % is one core.

    `cpu_percent_max` and `rss_bytes_max` are the most of all of them at once, over a second; memory
    that they share counts in each. Threads and files are those at the end, files None where they
    are not visible.
    """

    name: str
    role: str
    processes: int
    cpu_percent: float
    cpu_percent_max: float
    rss_bytes_max: int
    threads: int
    fds: int | None
    cpu_us_per_request: float | None
    cpu_s: float


def totals(targets: Iterable[TargetUse], series: Sequence[SeriesRow]) -> list[CommandTotal]:
    """Return the names that several processes have, those that used most first."""
    named: dict[tuple[str, str], list[TargetUse]] = {}
    for each in targets:
        named.setdefault((each.role, each.name), []).append(each)
    found = [_total(every, series) for every in named.values() if len(every) > 1]
    return sorted(found, key=lambda each: -each.cpu_s)


def _total(every: Sequence[TargetUse], series: Sequence[SeriesRow]) -> CommandTotal:
    pids = {each.pid for each in every}
    cpu, rss = (
        [sum(each.cpu_percent for each in every)],
        [sum(each.rss_bytes_end for each in every)],
    )
    for row in series:
        samples = [each for each in (row.use.targets if row.use else ()) if each.pid in pids]
        rss.append(sum(each.rss_bytes for each in samples))
        if row.span_s >= 0.5:  # a shorter one is a few clock ticks
            cpu.append(sum(each.cpu_percent for each in samples))
    fds = [each.fds for each in every if each.fds is not None]
    costs = [each.cpu_us_per_request for each in every if each.cpu_us_per_request is not None]
    return CommandTotal(
        name=every[0].name,
        role=every[0].role,
        processes=len(every),
        cpu_percent=cpu[0],
        cpu_percent_max=max(cpu),
        rss_bytes_max=max(rss),
        threads=sum(each.threads for each in every),
        fds=sum(fds) if fds else None,
        cpu_us_per_request=sum(costs) if costs else None,
        cpu_s=sum(each.cpu_s for each in every),
    )
