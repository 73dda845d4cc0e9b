"""What all machines of a cluster use, as one machine's Monitor tells it.

What can be added is added. A processor's use is that of the busiest machine: a mean over machines
would hide the one that is full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from fastbench.cluster.machine_report import MachineReport
from fastbench.machine.processes import Found
from fastbench.results.usage import ClientUse, HostSample, Resources, TargetUse, Use

N = TypeVar("N", int, float)

NOTHING = HostSample((), None, None, None, None, None, None)


class ClusterMonitor:
    """`latest` gives the last sample of each machine, `reports` what each said at the end."""

    def __init__(
        self,
        latest: Callable[[], Sequence[Use]],
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
        uses = self._latest()
        return Use(
            client_cpu_percent=added(each.client_cpu_percent for each in uses),
            client_rss_bytes=added(each.client_rss_bytes for each in uses),
            host=_host([each.host for each in uses]),
            targets=tuple(target for each in uses for target in each.targets),
        )

    def resources(self, client_cpu_s: float, answered: int, duration_s: float) -> Resources:
        """Sum up what the machines reported."""
        found = [each.resources for each in self._reports().values()]
        hosts = [each.host for each in found if each.host is not None]
        return Resources(
            client=ClientUse(
                cpu_s=round(client_cpu_s, 3),
                cpu_percent=added(each.client.cpu_percent for each in found if each.client),
                rss_bytes_max=added(each.client.rss_bytes_max for each in found if each.client),
            ),
            host=max(hosts, key=lambda each: each.cpu_percent or 0.0, default=None),
            targets=_targets(found),
        )

    def name_of(self, pid: int) -> str:
        """Return the name of a process that a sample has: it is known at the end only."""
        return ""

    def schedule(self, index: int) -> tuple[float, int] | None:
        """Tell how long a worker's engine waited for a core, and how often it was put off one."""
        return self._schedule(index)


def added(numbers: object) -> N | None:
    """Add numbers up; None when one of them, or all, are not known."""
    found = list(numbers)  # type: ignore[call-overload]
    return None if not found or None in found else sum(found)


def _host(hosts: Sequence[HostSample]) -> HostSample:
    if not hosts:
        return NOTHING
    busiest = max(hosts, key=lambda each: sum(each.core_percents))
    return HostSample(
        core_percents=busiest.core_percents,
        **{
            name: added(getattr(each, name) for each in hosts)
            for name in HostSample.__slots__
            if name != "core_percents"
        },
    )


def _targets(found: Sequence[Resources]) -> tuple[TargetUse, ...]:
    rows = [row for each in found for row in each.targets]
    return tuple(sorted(rows, key=lambda row: -row.cpu_s))
