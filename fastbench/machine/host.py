"""The machine's own counters: processors, memory, network, disks, and what a cgroup held back.

Processor times come from /proc/stat, in steps of 10 ms (proc(5), clock ticks).
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.machine import system_files

_CGROUPS = "/sys/fs/cgroup"
# guest time is already in user time (proc(5)), so it is left out
_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
_IDLE = _TIMES.index("idle")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SECTOR_BYTES = 512  # of /proc/diskstats, whatever the disk has: Documentation/admin-guide/iostats


@dataclass(frozen=True, slots=True)
class Counters:
    """Everything that is read once a second, at one instant; None or empty is not visible.

    `cores` are seconds in each state.
    """

    now_s: float
    cores: tuple[tuple[float, ...], ...]
    memory_bytes: int | None
    memory_used_bytes: int | None
    net_in_bytes: int | None
    net_out_bytes: int | None
    disk_read_bytes: int | None
    disk_write_bytes: int | None
    context_switches: int | None


@dataclass(frozen=True, slots=True)
class Rare:
    """What is read at the start and at the end only; None or empty is not visible.

    Throttling is this process's cgroups', by file.
    """

    throttled_s: dict[str, float]
    retransmits: int | None
    listen_overflows: int | None


def counters() -> Counters:
    """Read the counters; 0.2 ms."""
    stat = system_files.table("/proc/stat")
    size, used = _memory()
    arrived, left = _network()
    read, written = _disks()
    return Counters(
        now_s=time.monotonic(),
        cores=_cores(stat),
        memory_bytes=size,
        memory_used_bytes=used,
        net_in_bytes=arrived,
        net_out_bytes=left,
        disk_read_bytes=read,
        disk_write_bytes=written,
        context_switches=system_files.whole("".join(stat.get("ctxt", ())[:1])),
    )


def _cores(stat: dict[str, list[str]]) -> tuple[tuple[float, ...], ...]:
    """Return the rows of processors; a kernel before 2.6.11 has no steal."""
    found = []
    for name, words in stat.items():
        ticks = [system_files.whole(word) for word in words[: len(_TIMES)]]
        if name[:3] == "cpu" and name[3:].isdecimal() and len(ticks) > _IDLE and None not in ticks:
            ticks += [0] * (len(_TIMES) - len(ticks))
            found.append(tuple((each or 0) / _TICKS_PER_S for each in ticks))
    return tuple(found)


def _memory() -> tuple[int | None, int | None]:
    """Return size and use; MemAvailable is there since Linux 3.14."""
    table = system_files.table("/proc/meminfo")
    size, free = (
        system_files.whole("".join(table.get(name, ())[:1]))
        for name in ("MemTotal", "MemAvailable")
    )
    if not size:
        return None, None
    return size * 1024, None if free is None or free > size else (size - free) * 1024


def _network() -> tuple[int | None, int | None]:
    """Add up what all devices received and sent: /proc/net/dev, a name, then 16 counters."""
    found = []
    for line in system_files.text("/proc/net/dev").splitlines():
        _, colon, rest = line.rpartition(":")  # a device may have colons in its name
        words = rest.split()
        if colon and len(words) > 8:
            found.append((system_files.whole(words[0]), system_files.whole(words[8])))
    return _added(found)


def _disks() -> tuple[int | None, int | None]:
    """Add up what was read from whole disks and written to them: /proc/diskstats."""
    disks = {name.replace("!", "/") for name in system_files.names("/sys/block")}
    found = []
    for row in system_files.rows("/proc/diskstats"):
        if len(row) > 9 and row[2] in disks:
            found.append((system_files.whole(row[5]), system_files.whole(row[9])))
    read, written = _added(found)
    return (
        None if read is None else read * _SECTOR_BYTES,
        None if written is None else written * _SECTOR_BYTES,
    )


def _added(pairs: list[tuple[int | None, int | None]]) -> tuple[int | None, int | None]:
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if not known:
        return None, None
    return sum(one for one, _ in known), sum(other for _, other in known)


def core_percents(first: Counters, last: Counters) -> tuple[float, ...]:
    """Return the use of each core between two readings, 0 to 100; none where it is not visible."""
    pairs = zip(first.cores, last.cores, strict=False)  # a core may be taken away meanwhile
    return tuple(_busy(old, new) for old, new in pairs)


def busy_percent(first: Counters, last: Counters) -> float | None:
    """Return the use of all cores, stolen time included, 0 to 100; None if it is not visible."""
    if not (first.cores and last.cores):
        return None
    return _busy(_sums(first), _sums(last))


def share_percent(first: Counters, last: Counters, name: str) -> float | None:
    """Return the share of one state, such as steal, in the time of all cores; None as above."""
    if not (first.cores and last.cores):
        return None
    return _share(_sums(first), _sums(last), name)


def charges_interrupts(root: str = "/") -> bool:
    """Tell whether the kernel charges interrupt time to the process that it interrupts.

    It does unless built with CONFIG_IRQ_TIME_ACCOUNTING (kernel/sched/cputime.c). A loopback load
    does its network work in soft interrupts, which are then nobody's. A kernel that does not show
    how it was built is taken for one that has the option, as most distributions' do.
    """
    import gzip  # rarely needed
    import zlib

    option = b"\nCONFIG_IRQ_TIME_ACCOUNTING=y"
    for path in (f"{root}proc/config.gz", f"{root}boot/config-{os.uname().release}"):
        try:
            opened = gzip.open if path.endswith(".gz") else open
            with opened(path, "rb") as file:
                return option not in file.read()
        except (OSError, EOFError, zlib.error):  # the last two of a file that is damaged
            continue
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
    throttled = {path: _throttled_s(path) for path in _cpu_stats()}
    return Rare(
        throttled_s={path: known for path, known in throttled.items() if known is not None},
        retransmits=_tcp("/proc/net/snmp", "Tcp:", "RetransSegs"),
        listen_overflows=_tcp("/proc/net/netstat", "TcpExt:", "ListenOverflows"),
    )


def _tcp(path: str, group: str, name: str) -> int | None:
    """Return a counter of a file that has a row of names and a row of values for each group."""
    found = [row for row in system_files.rows(path) if row and row[0] == group]
    if len(found) != 2:
        return None
    return system_files.whole(dict(zip(*found, strict=False)).get(name, ""))


def _cpu_stats() -> list[str]:
    """Name the files that tell of throttling: those of our cgroup and of all above it.

    A quota of a parent counts in the parent's file. In a container the path may be the host's
    while the mount shows ours: the walk up then ends at the mount, which is ours.
    """
    found = []
    for line in system_files.text("/proc/self/cgroup").splitlines():
        _, colon, rest = line.partition(":")
        controllers, colon, path = rest.partition(":")
        if not colon:
            continue
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


def _throttled_s(path: str) -> float | None:
    units = {"throttled_usec": 1e6, "throttled_time": 1e9}  # v2, v1
    table = system_files.table(path)
    for name, per_s in units.items():
        count = system_files.whole("".join(table.get(name, ())[:1]))
        if count is not None:
            return count / per_s
    return 0.0 if table else None  # a root has no quota, and nothing to say of it
