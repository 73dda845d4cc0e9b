"""The machine's own counters: processors, memory, network, disks, and what a cgroup held back.

Processor times come from /proc/stat, in steps of 10 ms (proc(5), clock ticks).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

__all__ = [
    "Counters",
    "Rare",
    "busy_percent",
    "charges_interrupts",
    "core_percents",
    "counters",
    "rare",
    "share_percent",
]

_CGROUPS = "/sys/fs/cgroup"
# guest time is already in user time (proc(5)), so it is left out
_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


@dataclass(frozen=True, slots=True)
class Counters:
    """Everything that is read once a second, at one instant. `cores` are seconds in each state."""

    now_s: float
    cores: tuple[tuple[float, ...], ...]
    memory_bytes: int
    memory_used_bytes: int
    net_in_bytes: int
    net_out_bytes: int
    disk_read_bytes: int
    disk_write_bytes: int
    context_switches: int


@dataclass(frozen=True, slots=True)
class Rare:
    """What is read at the start and at the end only. Throttling is this process's cgroups'."""

    throttled_s: tuple[float, ...]
    retransmits: int
    listen_overflows: int


def counters() -> Counters:
    """Read the counters; 0.2 ms."""
    memory = psutil.virtual_memory()
    net = psutil.net_io_counters(nowrap=False)
    disk = psutil.disk_io_counters(nowrap=False)  # None without disks
    return Counters(
        now_s=time.monotonic(),
        cores=tuple(
            tuple(getattr(core, name, 0.0) for name in _TIMES)
            for core in psutil.cpu_times(percpu=True)
        ),
        memory_bytes=memory.total,
        memory_used_bytes=memory.total - memory.available,
        net_in_bytes=net.bytes_recv if net else 0,
        net_out_bytes=net.bytes_sent if net else 0,
        disk_read_bytes=disk.read_bytes if disk else 0,
        disk_write_bytes=disk.write_bytes if disk else 0,
        context_switches=psutil.cpu_stats().ctx_switches,
    )


def core_percents(first: Counters, last: Counters) -> tuple[float, ...]:
    """Return the use of each core between two readings, 0 to 100."""
    pairs = zip(first.cores, last.cores, strict=False)  # a core may be taken away meanwhile
    return tuple(_busy(old, new) for old, new in pairs)


def busy_percent(first: Counters, last: Counters) -> float:
    """Return the use of all cores, stolen time included, 0 to 100."""
    return _busy(_sums(first), _sums(last))


def share_percent(first: Counters, last: Counters, name: str) -> float:
    """Return the share of one state, such as steal, in the time of all cores."""
    return _share(_sums(first), _sums(last), name)


def charges_interrupts(root: str = "/") -> bool:
    """Tell whether the kernel charges interrupt time to the process that it interrupts.

    It does unless built with CONFIG_IRQ_TIME_ACCOUNTING (kernel/sched/cputime.c). A loopback load
    does its network work in soft interrupts, which are then nobody's. A kernel that does not show
    how it was built is taken for one that has the option, as most distributions' do.
    """
    import gzip  # rarely needed

    option = b"\nCONFIG_IRQ_TIME_ACCOUNTING=y"
    try:
        with gzip.open(f"{root}proc/config.gz") as file:
            return option not in file.read()
    except OSError:
        pass
    try:
        with open(f"{root}boot/config-{os.uname().release}", "rb") as file:
            return option not in file.read()
    except OSError:
        return False


def _sums(reading: Counters) -> Sequence[float]:
    return [sum(times) for times in zip(*reading.cores, strict=True)]


def _busy(first: Sequence[float], last: Sequence[float]) -> float:
    if sum(last) <= sum(first):
        return 0.0
    return max(0.0, 100.0 - _share(first, last, "idle") - _share(first, last, "iowait"))


def _share(first: Sequence[float], last: Sequence[float], name: str) -> float:
    span = sum(last) - sum(first)
    at = _TIMES.index(name)
    return 100.0 * max(0.0, last[at] - first[at]) / span if span > 0 else 0.0


def rare() -> Rare:
    """Read the counters that only their change over a whole run says something about."""
    return Rare(
        throttled_s=tuple(_throttled_s(path) for path in _cpu_stats()),
        retransmits=_tcp("/proc/net/snmp", "Tcp:", "RetransSegs"),
        listen_overflows=_tcp("/proc/net/netstat", "TcpExt:", "ListenOverflows"),
    )


def _tcp(path: str, group: str, name: str) -> int:
    """Return a counter of a file that has a row of names and a row of values for each group."""
    try:
        with open(path) as file:
            names, values = [line.split() for line in file if line.startswith(group)]
        return int(values[names.index(name)])
    except (OSError, ValueError):
        return 0


def _cpu_stats() -> list[str]:
    """Name the files that tell of throttling: those of our cgroup and of all above it.

    A quota of a parent counts in the parent's file. In a container the path may be the host's
    while the mount shows ours: the walk up then ends at the mount, which is ours.
    """
    found = []
    try:
        with open("/proc/self/cgroup") as file:
            rows = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    for _, controllers, path in rows:
        if controllers == "":
            mounts = [_CGROUPS, f"{_CGROUPS}/unified"]
        elif "cpu" in controllers.split(","):
            mounts = [f"{_CGROUPS}/cpu", f"{_CGROUPS}/{controllers}"]
        else:
            continue
        below = path.strip("/")
        while True:
            found += [os.path.join(mount, below, "cpu.stat") for mount in mounts]
            if not below:
                break
            below = os.path.dirname(below)
    return found


def _throttled_s(path: str) -> float:
    units = {"throttled_usec": 1e6, "throttled_time": 1e9}  # v2, v1
    try:
        with open(path) as file:
            rows = [line.split() for line in file]
        return next((int(row[1]) / units[row[0]] for row in rows if row[0] in units), 0.0)
    except (OSError, ValueError, IndexError):
        return 0.0
