"""How many TCP connections each process has open.

The kernel's tables give the inodes of those that are established, /proc/PID/fd says who holds them.
Both take a few microseconds for each connection, so who has many is counted seldom: what counting
costs stays below MAX_OF_CORE, and what was counted last stands meanwhile.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

from fastbench.machine import system_files

MAX_OF_CORE = 0.005
_ESTABLISHED = "01"  # TCP_ESTABLISHED, include/net/tcp_states.h
_STATE, _INODE = 3, 9  # of a row of /proc/net/tcp


class ConnectionCounts:
    """The counts of some processes, as they were at the last count."""

    def __init__(self) -> None:
        self._due_s = 0.0
        self._counts: dict[int, int | None] = {}

    def of(self, pids: Iterable[int]) -> Mapping[int, int | None]:
        """Return the connections of each process, None where its files are not visible."""
        if time.monotonic() < self._due_s:
            return self._counts
        begun_s = time.thread_time()
        tables: dict[str, set[str]] = {}  # by network namespace
        self._counts = {pid: _count(pid, tables) for pid in pids}
        cost_s = time.thread_time() - begun_s
        self._due_s = time.monotonic() + cost_s / MAX_OF_CORE
        return self._counts


def _count(pid: int, tables: dict[str, set[str]]) -> int | None:
    try:
        os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return None
    held = {link for link in system_files.links(f"/proc/{pid}/fd") if link.startswith("socket:[")}
    if not held:
        return 0
    try:
        network = os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        network = ""
    if network not in tables:
        tables[network] = _established(f"/proc/{pid}/net")
    return len(held & tables[network])


def _established(folder: str) -> set[str]:
    """Return the sockets of a network namespace that are connected, as links to them read."""
    return {
        f"socket:[{row[_INODE]}]"
        for name in ("tcp", "tcp6")
        for row in system_files.rows(f"{folder}/{name}")
        if len(row) > _INODE and row[_STATE] == _ESTABLISHED
    }
