"""What client, host and target processes used: frozen values, parts of the result document.

None is what the machine does not show (see systemfiles).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated

from fastbench.results.json_codec import LATER, SPARSE

ROLES = ("target", "watched")


@dataclass(frozen=True, slots=True)
class ProcessSample:
    """One process at the end of a second. `cpu_percent` of one core, over that second.

    `connections` are its TCP connections when they were last counted: who has many of them is
    counted seldom.
    """

    pid: int
    cpu_percent: float
    rss_bytes: int
    fds: int | None
    threads: int
    connections: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class HostSample:
    """The machine over one second: use of each core in percent, then what moved per second."""

    core_percents: tuple[float, ...]
    memory_used_bytes: int | None
    net_in_bytes_per_s: float | None
    net_out_bytes_per_s: float | None
    disk_read_bytes_per_s: float | None
    disk_write_bytes_per_s: float | None
    context_switches_per_s: float | None


@dataclass(frozen=True, slots=True)
class Use:
    """What client (all its processes), host and targets used in one second."""

    client_cpu_percent: float | None
    client_rss_bytes: int | None
    host: HostSample
    targets: tuple[ProcessSample, ...] = ()

    def with_levels_of(self, before: Use | None) -> Use:
        """Return it with the levels of an earlier sample: memory of the client, and what processes
        of the target have open.
        """
        if before is None:
            return self
        known = {each.pid: each for each in before.targets}
        targets = tuple(
            replace(each, fds=was.fds, threads=was.threads, connections=was.connections)
            if (was := known.get(each.pid))
            else each
            for each in self.targets
        )
        return replace(self, client_rss_bytes=before.client_rss_bytes, targets=targets)


@dataclass(frozen=True, slots=True)
class ClientUse:
    """What fastbench itself used, parent and workers. 100 % is one core."""

    cpu_s: float
    cpu_percent: float | None
    rss_bytes_max: int | None


@dataclass(frozen=True, slots=True)
class HostUse:
    """What the whole machine did during the run. 100 % is all cores.

    `others_percent` is processor time that neither client nor targets took, nor the runs that were
    started together with this one (`beside_percent`, None of one alone); None where a server on
    this machine could not be told from the others. Network and disk are sums of all devices;
    `retransmits` and `listen_overflows` are TCP's own counts, of the whole machine.
    """

    cpu_percent: float | None
    cpu_percent_max: float | None
    steal_percent: float | None
    memory_bytes: int | None
    memory_used_bytes_max: int | None
    core_percents: tuple[float, ...] = ()
    others_percent: float | None = None
    throttled_s: float | None = 0.0
    net_in_bytes: int | None = 0
    net_out_bytes: int | None = 0
    disk_read_bytes: int | None = 0
    disk_write_bytes: int | None = 0
    context_switches: int | None = 0
    retransmits: int | None = 0
    listen_overflows: int | None = 0
    beside_percent: float | None = field(default=None, metadata=SPARSE)


@dataclass(frozen=True, slots=True)
class TargetUse:
    """One process of the target, or one that --watch named. 100 % is one core.

    `cpu_percent` is the mean over the run, `thread_percent` that of its busiest thread. `cores` are
    those it may run on. `role` says how it was found. `fds` and `threads` are those at the end.
    """

    pid: int
    name: str
    cpu_s: float
    cpu_percent_max: float
    rss_bytes_start: int
    rss_bytes_end: int
    rss_bytes_max: int
    fds: int | None
    threads: int
    cpu_percent: float = 0.0
    thread_percent: float = 0.0
    cpu_us_per_request: float | None = None
    cores: tuple[int, ...] = ()
    role: Annotated[str, ROLES] = "target"


@dataclass(frozen=True, slots=True)
class Resources:
    """Processor and memory of client, host and target; None where it could not be read."""

    client: ClientUse | None = None
    host: HostUse | None = None
    targets: tuple[TargetUse, ...] = ()
