"""What all machines of a cluster use, as one machine's Monitor tells it.

What can be added is added. A processor's use is that of the busiest machine: a mean over machines
would hide the one that is full. Several machines may be on one host, as with `--on local:2`: what
is of the host, and a server that runs there, counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from fastbench.cluster.machine_report import MachineReport, MachineUse
from fastbench.machine.processes import Found
from fastbench.results.usage import (
    ClientUse,
    HostSample,
    ProcessSample,
    Resources,
    TargetUse,
    Use,
)

N = TypeVar("N", int, float)

NOTHING = HostSample((), None, None, None, None, None, None)


class ClusterMonitor:
    """`latest` gives the last sample of each machine, `reports` what each said at the end."""

    def __init__(
        self,
        latest: Callable[[], Sequence[MachineUse]],
        reports: Callable[[], Mapping[int, MachineReport]],
        schedule: Callable[[int], tuple[float, int] | None],
    ) -> None:
        self._latest = latest
        self._reports = reports
        self._schedule = schedule

    def start(self) -> None:
        """Each machine begins at the start line by itself."""

    def also(self, found: Found) -> None:
        """Each machine knows its own servers."""

    def sample(self) -> Use:
        """Return what was used in the last second that all machines told of."""
        found = self._latest()
        uses = [each.use for each in found]
        seen = {
            key: target
            for each in found
            for key, target in _named(each.processes, each.use.targets)
        }
        return Use(
            client_cpu_percent=added(each.client_cpu_percent for each in uses),
            client_rss_bytes=added(each.client_rss_bytes for each in uses),
            host=_host(found),
            targets=tuple(seen.values()),
        )

    def resources(self, client_cpu_s: float, answered: int, duration_s: float) -> Resources:
        """Sum up what the machines reported."""
        reports = list(self._reports().values())
        found = [each.resources for each in reports]
        hosts = [each.host for each in found if each.host is not None]
        return Resources(
            client=ClientUse(
                cpu_s=round(client_cpu_s, 3),
                cpu_percent=added(each.client.cpu_percent for each in found if each.client),
                rss_bytes_max=added(each.client.rss_bytes_max for each in found if each.client),
            ),
            host=max(hosts, key=lambda each: each.cpu_percent or 0.0, default=None),
            targets=_targets(reports, answered),
        )

    def name_of(self, pid: int) -> str:
        """Return the name of a process that a sample has."""
        for each in self._latest():
            for target, name in zip(each.use.targets, each.names, strict=True):
                if target.pid == pid:
                    return name
        return ""

    def schedule(self, index: int) -> tuple[float, int] | None:
        """Tell how long a worker's engine waited for a core, and how often it was put off one."""
        return self._schedule(index)


def added(numbers: object) -> N | None:
    """Add numbers up; None when one of them, or all, are not known."""
    found = list(numbers)  # type: ignore[call-overload]
    return None if not found or None in found else sum(found)


def _host(found: Sequence[MachineUse]) -> HostSample:
    if not found:
        return NOTHING
    busiest = max((each.use.host for each in found), key=lambda each: sum(each.core_percents))
    return HostSample(
        core_percents=busiest.core_percents,
        **{
            name: added(getattr(each, name) for each in _once(found, name.startswith("net_")))
            for name in HostSample.__slots__
            if name != "core_percents"
        },
    )


def _once(found: Sequence[MachineUse], network: bool) -> Iterable[HostSample]:
    """Return one sample of each host, or of each network namespace where that is what counts."""
    seen: dict[object, HostSample] = {}
    for at, each in enumerate(found):
        place = each.place
        of = (place.host, place.network) if network else place.host
        seen.setdefault(of if place.host else at, each.use.host)
    return seen.values()


T = TypeVar("T", ProcessSample, TargetUse)


def _named(names: Sequence[str], targets: Sequence[T]) -> Iterator[tuple[object, T]]:
    """Give each process with what names it; one without a name is nobody else's."""
    for name, target in zip(names, targets, strict=True):
        yield name or object(), target


def _targets(reports: Sequence[MachineReport], answered: int) -> tuple[TargetUse, ...]:
    """Return the processes of all machines, each once: as the machine saw it that saw most of it.

    Its processor time is per request of all machines, for it may have answered any of them; where
    hosts have servers of their own, of the machines on its host.
    """
    found: dict[object, tuple[TargetUse, str]] = {}
    for report in reports:
        for key, row in _named(report.processes, report.resources.targets):
            if key not in found or row.cpu_s > found[key][0].cpu_s:
                found[key] = row, report.place.host
    hosts = {host for row, host in found.values() if row.role == "target"}
    of_host = {
        host: sum(each.answered for each in reports if each.place.host == host) for host in hosts
    }
    rows = [
        _per_request(row, of_host[host] if len(hosts) > 1 else answered) if host in hosts else row
        for row, host in found.values()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.cpu_s, row.pid)))


def _per_request(row: TargetUse, answered: int) -> TargetUse:
    if row.role != "target" or not answered:
        return row
    return replace(row, cpu_us_per_request=round(1e6 * row.cpu_s / answered, 3))
