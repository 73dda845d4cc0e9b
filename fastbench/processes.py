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

import contextlib
import functools
import ipaddress
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

import psutil

from fastbench.plan import UsageError, Watch

__all__ = [
    "INIT",
    "TICKS_PER_S",
    "Found",
    "Reading",
    "children",
    "find",
    "name",
    "open_files",
    "reading",
    "thread_times",
]

INIT = 1
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_LISTENS = "0A"  # TCP_LISTEN, include/net/tcp_states.h
_ACCEPTS = 0x10000  # __SO_ACCEPTCON, include/uapi/linux/net.h
_SYSTEMD = "/run/systemd/system"  # there while systemd is the init, sd_booted(3)
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where a connect to "any address" goes


@dataclass(frozen=True, slots=True)
class Found:
    """`local`: the address is this machine's. `targets` are empty when nobody could be seen."""

    local: bool
    targets: tuple[psutil.Process, ...] = ()
    watched: tuple[psutil.Process, ...] = ()


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
    watched = {pid for pid in watched if targets.isdisjoint({pid, *_ancestors(pid)})}
    return Found(local, _processes(targets), _processes(_tops(watched)))


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a process. `born` are clock ticks since boot: with the pid they name it."""

    parent: int
    born: int
    cpu_s: float
    rss_bytes: int
    threads: int
    ended: bool  # a zombie has no memory any more, but its time is complete


def reading(pid: int) -> Reading | None:
    """Read one process, None if it is gone: one file, where psutil reads three."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    part = text[text.rindex(b")") + 2 :].split()  # the name may hold blanks and brackets
    return Reading(
        parent=int(part[1]),
        born=int(part[19]),
        cpu_s=(int(part[11]) + int(part[12])) / TICKS_PER_S,
        rss_bytes=int(part[21]) * _PAGE_BYTES,
        threads=int(part[17]),
        ended=part[0] in (b"Z", b"X"),
    )


def name(pid: int) -> str:
    """Return the name of a process, "" when it has ended."""
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return ""


def open_files(pid: int) -> int:
    """Count open files; the size of the folder since Linux 6.2, its entries before."""
    try:
        return os.stat(f"/proc/{pid}/fd").st_size or len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:  # somebody else's
        return 0


def thread_times(pid: int) -> dict[int, float]:
    """Return the processor seconds of each thread, nothing if they cannot be read."""
    try:
        return {row.id: row.user_time + row.system_time for row in psutil.Process(pid).threads()}
    except psutil.Error:
        return {}


def children(pid: int) -> list[int]:
    """List the children of a process; none if it has ended."""
    if not _lists_children():
        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += map(int, file.read().split())
    except OSError:  # it, or one of its threads, has just ended: the next look sees the rest
        pass
    return found


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
    rows = [row for rows in psutil.net_if_addrs().values() for row in rows]
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
    for row in _rows(f"/proc/net/{name}"):
        if row[3] != _LISTENS:
            break  # listeners come first, and there may be many thousand connections
        found.setdefault(row[1], set()).add(row[9])
    return found


def _unix_listeners(path: str) -> set[str]:
    real = os.path.realpath(path)
    return {
        row[6]
        for row in _rows("/proc/net/unix")
        if len(row) == 8 and int(row[3], 16) & _ACCEPTS and os.path.realpath(row[7]) == real
    }


def _rows(path: str) -> Iterator[list[str]]:
    """Give the rows of a kernel table without its heading; a Unix path keeps its blanks."""
    most = 7 if path.endswith("unix") else -1
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            next(file, None)
            for line in file:
                yield line.rstrip("\n").split(None, most)
    except FileNotFoundError:  # no IPv6
        return


def _holders(inodes: set[str]) -> set[int]:
    """Return the processes that hold one of the sockets and are not this one."""
    if not inodes:
        return set()
    links = {f"socket:[{inode}]" for inode in inodes}
    pids = set(psutil.pids()) - {os.getpid()}
    found = {pid for pid in pids if not links.isdisjoint(_links(pid))}
    # An init that holds a socket passes it on (systemd) or forked those who serve (a container).
    if found != {INIT} or os.path.isdir(_SYSTEMD):
        found.discard(INIT)
    return found


def _links(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # somebody else's, or it has ended
        return
    for name in names:
        with contextlib.suppress(OSError):  # a busy server closes some meanwhile
            yield os.readlink(f"{folder}/{name}")


def _tops(pids: set[int]) -> set[int]:
    """Leave out those whose ancestor is among them."""
    return {pid for pid in pids if pids.isdisjoint(_ancestors(pid))}


def _ancestors(pid: int) -> Iterator[int]:
    """Give parent, grandparent and so on, without the init and what is above it."""
    one = reading(pid)
    while one is not None and one.parent > INIT:
        yield one.parent
        one = reading(one.parent)


def _processes(pids: Iterable[int]) -> tuple[psutil.Process, ...]:
    found = []
    for pid in sorted(pids):
        try:
            found.append(psutil.Process(pid))
        except psutil.Error:
            continue
    return tuple(found)


def _watched(watch: Watch) -> set[int]:
    """Return the processes a --watch names. Raises UsageError if there are none."""
    look = {"pid": _by_pid, "port": _by_port, "cmd": _by_command}[watch.by]
    pids = look(watch.value) - {os.getpid()}
    if not pids:
        raise UsageError(_IDLE[watch.by].format(watch.value[:80]))
    return pids


_IDLE = {
    "pid": "--watch pid:{0}: no process has this number; `pgrep -a NAME` lists those of a command.",
    "port": "--watch port:{0}: nobody can be seen listening on TCP port {0}; start it first, or "
    "run as its user or as root.",
    "cmd": "--watch cmd:{0}: no process runs a command of this name; `ps -e` lists the names.",
}


def _by_pid(text: str) -> set[int]:
    return {pid for pid in psutil.pids() if str(pid) == text.lstrip("0")}


def _by_port(text: str) -> set[int]:
    digits = text.lstrip("0")
    return _holders(_port_listeners(int(digits))) if 0 < len(digits) <= 5 else set()


def _by_command(name: str) -> set[int]:
    """Match what `ps` shows, the file that runs, or what it was called as."""
    found = set()
    for process in psutil.process_iter(["name", "exe", "cmdline"], ad_value=None):
        known = process.info
        called = (known["cmdline"] or [""])[0]
        names = {known["name"], *(os.path.basename(each or "") for each in (known["exe"], called))}
        if name in names:
            found.add(process.pid)
    return found
