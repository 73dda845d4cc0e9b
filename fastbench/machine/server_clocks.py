"""The processor clocks of the servers' processes: those a run in turns reads at every slice.

1. They are named to the engine: who listens at a server's address, and all descendants, looked for
   about once a second (50 us a process). The clock itself is exact to the nanosecond and covers
   every thread that the process ever had (clock_getcpuclockid(3)).
2. A process that is born meanwhile counts from its birth. One that has ended keeps what its last
   reading told: what it took after that is lost, at most a slice's, and so is one that lived
   between two looks only.
3. Nobody can see the processes of another machine, nor, without its rights, those of another user.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from fastbench.machine import processes
from fastbench.machine.processes import Found

Follow = Callable[[int, int, int, bool], bool]  # side, pid, time used before in ns, born meanwhile


@dataclass(slots=True)
class _Server:
    """One side. `known` are births by pid, in clock ticks; `whole`: every process has a place."""

    find: Callable[[], Found]
    found: Found = field(default_factory=partial(Found, local=False))
    known: dict[int, int] = field(default_factory=dict)
    whole: bool = True
    seen: bool = False


class ServerClocks:
    """Find the processes of each side, again and again, and have them followed.

    `own`: processes that are no part of a server that is their ancestor, nor are their children.
    """

    def __init__(
        self, finds: Sequence[Callable[[], Found]], follow: Follow, own: Container[int]
    ) -> None:
        self._servers = [_Server(find) for find in finds]
        self._follow = follow
        self._own = own
        self._start_ticks: float | None = None

    def look(self) -> None:
        """Look for processes: before the load begins, and once a second."""
        for side, server in enumerate(self._servers):
            born = {pid: read.born for pid in server.known if (read := processes.reading(pid))}
            server.known = {pid: at for pid, at in server.known.items() if born.get(pid) == at}
            roots = list(server.known)
            if not roots:  # at first, or when it was started anew
                server.found = server.find()
                roots = [process.pid for process in server.found.targets]
            for pid in self._with_descendants(roots):
                self._add(side, server, pid)
        if self._start_ticks is None:
            now_s = time.clock_gettime(time.CLOCK_BOOTTIME)
            self._start_ticks = now_s * processes.TICKS_PER_S

    @property
    def found(self) -> Found:
        """The servers of all sides together; none where one of this machine cannot be seen."""
        each = [server.found for server in self._servers]
        if any(one.local and not one.targets for one in each):
            return Found(local=True)
        return functools.reduce(processes.joined, each)

    def tells(self, side: int) -> bool:
        """Whether the readings of a side are all of its server's."""
        server = self._servers[side]
        return server.seen and server.whole

    def _with_descendants(self, roots: list[int]) -> Iterator[int]:
        queue, seen = list(roots), set(roots)
        for pid in queue:  # grows while it is read
            yield pid
            children = processes.children(pid)
            new = [each for each in children if each not in seen and each not in self._own]
            seen.update(new)
            queue += new if pid != processes.INIT else []  # everybody's parent

    def _add(self, side: int, server: _Server, pid: int) -> None:
        read = None if pid in server.known else processes.reading(pid)
        if read is None:
            return
        fresh = self._start_ticks is not None and read.born >= self._start_ticks
        server.known[pid] = read.born
        server.seen = True
        if not self._follow(side, pid, 0 if fresh else _used_ns(pid), fresh):
            server.whole = False


def _used_ns(pid: int) -> int:
    """Return the processor time of a process, 0 when it has ended."""
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)  # as clock_getcpuclockid(3) makes it
    except OSError:
        return 0
