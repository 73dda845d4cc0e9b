"""Which processes serve the loaded address, which ones --watch names, and what one uses.

The kernel's table gives the inodes of the listening sockets, /proc/PID/fd says who holds them.
psutil.net_connections would do both, but it names one holder of several and parses every open
connection. `find` takes 3 to 6 ms among 80 processes and 8 ms beside 8,000 connections, where
psutil takes 8 and 230; an address elsewhere takes 0.1 ms.

1. A listener that several processes hold (pre-forked servers) is named by its eldest holder: the
   others are its descendants, which the monitor follows.
2. Of several listeners on a port those count that the kernel prefers: an exact address comes
   before a wildcard. Several with SO_REUSEPORT all count.
3. What other users run can only be seen by root; then there is nothing to name, and no error.
4. This process is never named.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

import psutil

from fastbench.foundation.usage_error import UsageError
from fastbench.machine import system_files
from fastbench.plan.plan import Watch

INIT = 1
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STAT = (1, 11, 12, 13, 14, 17, 19, 21)  # of proc(5), from state on: as they are named below
_LISTENS = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON, include/uapi/linux/net.h
_SYSTEMD = "/run/systemd/system"  # there while systemd is the init, sd_booted(3)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a connect to "any address" goes


@dataclass(frozen=True, slots=True)
class Found:
    """`local`: the address is this machine's. `targets` are empty when nobody could be seen.

    `unix`: it is the path of a socket.
    """

    local: bool
    targets: tuple[psutil.Process, ...] = ()
    watched: tuple[psutil.Process, ...] = ()
    unix: bool = False


def find(
    endpoint_ip: str, port: int, unix_path: str | None, watches: tuple[Watch, ...] = ()
) -> Found:
    """Look up who serves the address and who is watched. Raises UsageError for an idle watch."""
    if unix_path is not None:
        local, inodes = True, _unix_listeners(unix_path)
    else:
        address = _address(endpoint_ip)
        local = _is_local(address)
        inodes = _listeners(address, port) if local else set()
    targets = _tops(_holders(inodes))
    watched = {pid for watch in watches for pid in _watched(watch)}
    watched = {pid for pid in watched if targets.isdisjoint({pid, *ancestors(pid)})}
    unix = unix_path is not None
    return Found(local, _processes(targets), _processes(_tops(watched)), unix)


def find_all(
    hosts: Iterable[str], port: int, unix_path: str | None, watches: tuple[Watch, ...] = ()
) -> Found:
    """Look up who serves any of several addresses. Raises UsageError for an idle watch."""
    first, *others = (find(host, port, unix_path, watches) for host in hosts)
    return functools.reduce(joined, others, first)


def joined(one: Found, other: Found) -> Found:
    """Add the processes of another server; who is a target is not watched beside it."""
    known = {process.pid for process in one.targets}
    targets = (*one.targets, *(each for each in other.targets if each.pid not in known))
    pids = {process.pid for process in targets}
    watched = tuple(each for each in one.watched if each.pid not in pids)
    return Found(one.local or other.local, targets, watched, one.unix or other.unix)


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a process. `born` are clock ticks since boot: with the pid they name it.

    `waited_s` is the processor time of those of its descendants that were waited for.
    """

    parent: int
    born: int
    cpu_s: float
    rss_bytes: int
    threads: int
    waited_s: float
    ended: bool  # a zombie has no memory any more, but its time is complete


def reading(pid: int) -> Reading | None:
    """Read one process, None if it is gone or not visible: one file, where psutil reads three."""
    # The name may hold blanks and brackets.
    part = system_files.text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(part) <= max(_STAT):
        return None
    found = [system_files.whole(part[at]) for at in _STAT]
    if None in found:
        return None
    parent, user, system, of_waited, sys_of_waited, threads, born, pages = (
        each or 0 for each in found
    )
    return Reading(
        parent=parent,
        born=born,
        cpu_s=(user + system) / TICKS_PER_S,
        rss_bytes=pages * _PAGE_BYTES,
        threads=threads,
        waited_s=(of_waited + sys_of_waited) / TICKS_PER_S,
        ended=part[0] in ("Z", "X"),
    )


def name(pid: int) -> str:
    """Return the name of a process, "" when it has ended."""
    return system_files.or_default(lambda: str(psutil.Process(pid).name()), "")


def affinity(pid: int) -> tuple[int, ...]:
    """Return the processors a process may run on, nothing if they cannot be read."""
    try:
        return tuple(sorted(os.sched_getaffinity(pid)))
    except OSError:
        return ()


def open_files(pid: int) -> int | None:
    """Count open files; the size of the folder since Linux 6.2, its entries before.

    None is not visible: a process of somebody else.
    """
    folder = f"/proc/{pid}/fd"
    try:
        return os.stat(folder).st_size or len(os.listdir(folder))
    except OSError:
        return None


def thread_times(pid: int) -> dict[int, float]:
    """Return the processor seconds of each thread, nothing if they cannot be read."""
    rows = system_files.or_default(lambda: psutil.Process(pid).threads(), None) or []
    return {row.id: row.user_time + row.system_time for row in rows}


def other_task(pid: int) -> str:
    """Return the folder of the one task beside the main one, "" if there is no such task."""
    tasks = [name for name in system_files.names(f"/proc/{pid}/task") if name != str(pid)]
    return f"/proc/{pid}/task/{tasks[0]}" if len(tasks) == 1 else ""


def schedule(task: str) -> tuple[float, int] | None:
    """Return a task's seconds on the run queue and its involuntary switches, None if unknown."""
    words = system_files.text(f"{task}/schedstat").split()
    switches = system_files.table(f"{task}/status").get("nonvoluntary_ctxt_switches", [])
    waited_ns = system_files.whole("".join(words[1:2]))
    count = system_files.whole("".join(switches[:1]))
    return None if waited_ns is None or count is None else (waited_ns / 1e9, count)


def children(pid: int) -> list[int]:
    """List the children of a process; none if it has ended."""
    if not _lists_children():
        rows = system_files.or_default(lambda: psutil.Process(pid).children(), None) or []
        return [child.pid for child in rows]
    words: list[str] = []
    for task in system_files.names(f"/proc/{pid}/task"):
        words += system_files.text(f"/proc/{pid}/task/{task}/children").split()
    return [child for word in words if (child := system_files.whole(word))]


@functools.cache
def _lists_children() -> bool:
    """Tell whether the kernel has CONFIG_PROC_CHILDREN; psutil reads all of /proc instead."""
    own = os.getpid()
    return os.path.exists(f"/proc/{own}/task/{own}/children")


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ipaddress.ip_address(_LOOPBACK.get(text, text))
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_local(address: IPv4Address | IPv6Address) -> bool:
    if address.is_loopback:
        return True
    families = (socket.AF_INET, socket.AF_INET6)
    devices = system_files.or_default(psutil.net_if_addrs, None) or {}
    rows = [row for rows in devices.values() for row in rows]
    ours = {row.address.partition("%")[0] for row in rows if row.family in families}
    return address in {ipaddress.ip_address(each) for each in ours}


def _listeners(address: IPv4Address | IPv6Address, port: int) -> set[str]:
    """Return the inodes of the sockets that get connections to the address."""
    six = [IPv6Address(0)]
    if isinstance(address, IPv6Address):
        return _first(_table("tcp6"), [address, *six], port)
    found = _first(_table("tcp"), [address, IPv4Address(0)], port)
    return found or _first(_table("tcp6"), [IPv6Address(f"::ffff:{address}"), *six], port)


def _first(
    table: dict[str, set[str]], addresses: Iterable[IPv4Address | IPv6Address], port: int
) -> set[str]:
    names = [f"{_as_the_kernel_writes(address)}:{port:04X}" for address in addresses]
    return next((table[name] for name in names if name in table), set())


def _port_listeners(port: int) -> set[str]:
    """Return the inodes of all sockets that listen on a port, whatever the address."""
    rows = [*_table("tcp").items(), *_table("tcp6").items()]
    return {inode for name, inodes in rows if name.endswith(f":{port:04X}") for inode in inodes}


def _as_the_kernel_writes(address: IPv4Address | IPv6Address) -> str:
    packed = address.packed  # 32-bit words of this machine's byte order
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


def _table(name: str) -> dict[str, set[str]]:
    """Return inodes by address of the TCP sockets that listen, from one of the kernel's tables."""
    found: dict[str, set[str]] = {}
    for row in _rows(f"/proc/net/{name}", 10):
        if row[3] != _LISTENS:
            break  # listeners come first, and there may be many thousand connections
        found.setdefault(row[1], set()).add(row[9])
    return found


def _unix_listeners(path: str) -> set[str]:
    real = _real(path)
    return {
        row[6]
        for row in _rows("/proc/net/unix", 8, 7)
        if _flags(row[3]) & _ACCEPTS and _real(row[7]) == real
    }


def _rows(path: str, least: int, most: int = -1) -> Iterator[list[str]]:
    """Give the whole rows of a kernel table without its heading; a Unix path keeps its blanks."""
    rows = system_files.rows(path, most)
    next(rows, None)
    yield from (row for row in rows if len(row) >= least)


def _flags(word: str) -> int:
    try:
        return int(word, 16)
    except ValueError:
        return 0


def _real(path: str) -> str:
    if path.startswith("@"):  # abstract, no file
        return path
    try:
        return os.path.realpath(path)
    except ValueError:  # a name that is no path: abstract sockets have what they like
        return ""


def _holders(inodes: set[str]) -> set[int]:
    """Return the processes that hold one of the sockets and are not this one."""
    if not inodes:
        return set()
    links = {f"socket:[{inode}]" for inode in inodes}
    pids = set(_all()) - {os.getpid()}
    found = {pid for pid in pids if not links.isdisjoint(system_files.links(f"/proc/{pid}/fd"))}
    # An init that holds a socket passes it on (systemd) or forked those who serve (a container).
    if found != {INIT} or os.path.isdir(_SYSTEMD):
        found.discard(INIT)
    return found


def _all() -> list[int]:
    """Return the processes that are visible."""
    return [pid for name in system_files.names("/proc") if (pid := system_files.whole(name))]


def _tops(pids: set[int]) -> set[int]:
    """Leave out those whose ancestor is among them."""
    return {pid for pid in pids if pids.isdisjoint(ancestors(pid))}


def ancestors(pid: int) -> Iterator[int]:
    """Give parent, grandparent and so on, without the init and what is above it."""
    seen = {pid}
    one = reading(pid)
    while one is not None and one.parent > INIT and one.parent not in seen:
        yield one.parent
        seen.add(one.parent)  # the kernel knows no circle; a damaged file may show one
        one = reading(one.parent)


def _processes(pids: Iterable[int]) -> tuple[psutil.Process, ...]:
    found = (system_files.or_default(partial(psutil.Process, pid), None) for pid in sorted(pids))
    return tuple(each for each in found if each is not None)


def _watched(watch: Watch) -> set[int]:
    """Return the processes a --watch names. Raises UsageError if there are none."""
    look = {"pid": _by_pid, "port": _by_port, "cmd": _by_command}[watch.by]
    pids = look(watch.value) - {os.getpid()}
    if not pids and os.getpid() not in _all():
        raise UsageError(
            f"--watch {watch.by}:{watch.value[:80]}: processes are not visible here; mount /proc "
            "(in a container, without a mask), or leave --watch out."
        )
    if not pids:
        raise UsageError(_IDLE[watch.by].format(watch.value[:80]))
    return pids


_IDLE = {
    "pid": "--watch pid:{0}: no process has this number; `pgrep -a NAME` lists those of a command.",
    "port": "--watch port:{0}: no visible process listens on TCP port {0}; start it first, or "
    "run as its user or as root.",
    "cmd": "--watch cmd:{0}: no process runs a command of this name; `ps -e` lists the names.",
}


def _by_pid(text: str) -> set[int]:
    return {pid for pid in _all() if str(pid) == text.lstrip("0")}


def _by_port(text: str) -> set[int]:
    digits = text.lstrip("0")
    return _holders(_port_listeners(int(digits))) if 0 < len(digits) <= 5 else set()


def _by_command(name: str) -> set[int]:
    """Match what `ps` shows, the file that runs, or what it was called as."""
    found = set()
    for process in _processes(_all()):
        known = system_files.or_default(partial(process.as_dict, ["name", "exe", "cmdline"]), None)
        if known is None:
            continue
        called = (known["cmdline"] or [""])[0]
        names = {known["name"], *(os.path.basename(each or "") for each in (known["exe"], called))}
        if name in names:
            found.add(process.pid)
    return found
