"""What client, host and target processes use while a run goes, on one time axis.

1. The window is from `start` to the last `sample`. All that is compared is taken over it.
2. Processor times of processes come in steps of 10 ms (proc(5), clock ticks), so a row shorter
   than half a second has no say in a maximum. Those of workers that have ended are exact.
3. A sample costs 0.6 ms with 2 workers and 3 processes of a target, and 10 us for each thread of a
   target. Connections are counted beside it, as seldom as keeps that cheap.
4. Memory is bounded: of processes that have ended, those that used most are kept.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from fastbench.foundation import redact
from fastbench.machine import host, processes
from fastbench.machine.connections import ConnectionCounts
from fastbench.machine.followed_process import MIN_ROW_S, FollowedProcess, percent_of_core
from fastbench.machine.processes import Found
from fastbench.machine.runs_beside import RunsBeside
from fastbench.results.usage import (
    ClientUse,
    HostSample,
    HostUse,
    ProcessSample,
    Resources,
    TargetUse,
    Use,
)

N = TypeVar("N", int, float)

LITTLE_PERCENT = 1.0  # of others: not worth finding out whose it is
MIN_RUN_S = 0.1  # in a shorter one every percentage is start-up and clock ticks
MAX_ENDED = 100


class _Targets:
    """The processes of the target and the watched ones, with all their descendants."""

    def __init__(self, found: Found, own: Iterable[int]) -> None:
        self._own = frozenset(own)
        self._roots = [(process.pid, "target") for process in found.targets]
        self._roots += [(process.pid, "watched") for process in found.watched]
        self._alive: dict[int, FollowedProcess] = {}
        self._ended: list[FollowedProcess] = []
        self._connections = ConnectionCounts()
        self._forgotten_s = 0.0
        self._start_ticks = 0

    def start(self) -> None:
        """Take the first readings: what was used so far does not count."""
        self._start_ticks = int(time.clock_gettime(time.CLOCK_BOOTTIME) * processes.TICKS_PER_S)
        for pid, role in self._roots:
            self._add(pid, role)
        self._add_children()
        for each in self._alive.values():
            each.thread_times = processes.thread_times(each.pid)

    def also(self, found: Found) -> None:
        """Follow the targets that were not known before, from now on."""
        before = set(self._alive)
        new = [process.pid for process in found.targets]
        self._roots += [(pid, "target") for pid in new if (pid, "target") not in self._roots]
        if not self._start_ticks:
            return  # `start` takes their first readings
        for pid in new:
            self._add(pid, "target")
        self._add_children()
        for pid in self._alive.keys() - before:
            self._alive[pid].thread_times = processes.thread_times(pid)

    def sample(self, gap_s: float) -> tuple[ProcessSample, ...]:
        """Read all again, and look for children born meanwhile."""
        self._add_children()
        rows = []
        for each in list(self._alive.values()):
            new = processes.reading(each.pid)
            if new is None or new.born != each.last.born:
                self._bury(each)
                continue
            row = each.take(new, gap_s)
            if row is not None:
                rows.append(row)
        connections = self._connections.of(row.pid for row in rows)
        return tuple(replace(row, connections=connections.get(row.pid)) for row in rows)

    def uses(self, window_s: float, answered: int) -> tuple[TargetUse, ...]:
        """Return what each process used, those that used most first."""
        rows = [each.use(window_s, answered, alive=True) for each in self._alive.values()]
        rows += [each.use(window_s, answered, alive=False) for each in self._ended]
        return tuple(sorted(rows, key=lambda row: (-row.cpu_s, row.pid)))

    def name(self, pid: int) -> str:
        """Return the name of one that is followed, "" of another."""
        return self._alive[pid].name if pid in self._alive else ""

    @property
    def pids(self) -> Container[int]:
        """Those that are followed and alive."""
        return self._alive.keys()

    @property
    def cpu_s(self) -> float:
        """What all of them used, the forgotten ones too."""
        return self._forgotten_s + sum(each.cpu_s for each in (*self._alive.values(), *self._ended))

    def _add_children(self) -> None:
        queue = list(self._alive.values())
        for parent in queue:  # grows while it is read
            if parent.pid == processes.INIT:  # everybody's parent
                continue
            for pid in processes.children(parent.pid):
                child = self._add(pid, parent.role)
                if child is not None:
                    queue.append(child)

    def _add(self, pid: int, role: str) -> FollowedProcess | None:
        new = processes.reading(pid)
        if new is None or pid in self._alive or pid in self._own:
            return None
        base_s = 0.0 if new.born >= self._start_ticks else new.cpu_s
        each = FollowedProcess(
            pid=pid,
            role=role,
            first=new,
            last=replace(new, cpu_s=base_s),
            base_s=base_s,
            fds=processes.open_files(pid),
            rss_bytes_max=new.rss_bytes,
        )
        each.name = processes.name(pid)
        each.cores = processes.affinity(pid)
        self._alive[pid] = each
        return each

    def _bury(self, each: FollowedProcess) -> None:
        """Keep what it had used up to its last reading; forget the least of too many."""
        del self._alive[each.pid]
        self._ended.append(each)
        if len(self._ended) > MAX_ENDED:
            least = min(self._ended, key=lambda one: one.cpu_s)
            self._ended.remove(least)
            self._forgotten_s += least.cpu_s


class _Worker:
    """One worker. Its engine is the one task beside the main thread, which only looks around."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._task = ""
        self._first: tuple[float, int] | None = None
        self._last: tuple[float, int] | None = None

    def start(self) -> None:
        self._first = self._look()

    def sample(self) -> None:
        self._last = self._look() or self._last

    @property
    def schedule(self) -> tuple[float, int] | None:
        """Seconds on the run queue and involuntary switches of the engine, since the start."""
        if self._last is None or self._first is None:
            return None
        return max(0.0, self._last[0] - self._first[0]), max(0, self._last[1] - self._first[1])

    def _look(self) -> tuple[float, int] | None:
        self._task = self._task or processes.other_task(self.pid)
        return processes.schedule(self._task) if self._task else None


class Monitor:
    """Follow the client, the host and the processes that were found."""

    def __init__(self, workers: Sequence[int], found: Found, rare: host.Rare) -> None:
        """`rare` was read before the workers began to connect: full listen queues show there."""
        self._by_index = [_Worker(pid) for pid in workers]
        self._own = (os.getpid(), *workers)
        self._found = found
        self._targets = _Targets(found, self._own)
        self._beside = RunsBeside()
        self._client_rss_bytes_max: int | None = None
        self._alive = 0  # processes of the client, at the last sample
        self._memory_used_bytes_max: int | None = None
        self._host_percent_max: float | None = None
        self._first = self._last = host.counters()
        self._rare = rare
        self._client_first_s: float | None = None
        self._client_last_s: float | None = None

    def start(self) -> None:
        """Begin at the start line: what came before does not count."""
        self._targets.start()
        self._beside.start(self._targets.pids)
        for worker in self._by_index:
            worker.start()
        self._client_first_s, self._client_rss_bytes_max = self._client()
        self._client_last_s = self._client_first_s
        self._first = self._last = host.counters()
        self._memory_used_bytes_max = self._first.memory_used_bytes

    def also(self, found: Found) -> None:
        """Follow more targets: `found` is all that is known now, while the run goes."""
        self._found = found
        self._targets.also(found)

    def sample(self) -> Use:
        """Take one sample and return what was used since the last one."""
        before, now = self._last, host.counters()
        gap_s = now.now_s - before.now_s
        targets = self._targets.sample(gap_s)
        self._beside.sample(self._targets.pids)
        for worker in self._by_index:
            worker.sample()
        client_s, rss_bytes = self._client()
        spent_s = _gained(self._client_last_s, client_s)
        client_percent = None if spent_s is None else percent_of_core(spent_s, gap_s)
        if gap_s >= MIN_ROW_S:
            self._host_percent_max = _most(self._host_percent_max, host.busy_percent(before, now))
        self._memory_used_bytes_max = _most(self._memory_used_bytes_max, now.memory_used_bytes)
        self._client_rss_bytes_max = _most(self._client_rss_bytes_max, rss_bytes)
        self._client_last_s = client_s
        self._last = now
        return Use(client_percent, rss_bytes, _host_sample(before, now), targets)

    def resources(self, client_cpu_s: float, answered: int, duration_s: float) -> Resources:
        """Sum up the window; `client_cpu_s` is the whole of the client's, start-up included."""
        window_s = self._last.now_s - self._first.now_s
        client_s = _gained(self._client_first_s, self._client_last_s)
        percent = None if client_s is None else percent_of_core(client_s, window_s)
        if percent and duration_s <= MIN_RUN_S:
            percent = 0.0
        return Resources(
            client=ClientUse(round(client_cpu_s, 3), percent, self._client_rss_bytes_max),
            host=self._host(client_s, window_s),
            targets=self._targets.uses(window_s, answered),
        )

    def name_of(self, pid: int) -> str:
        """Return the name of a process that a sample has."""
        return redact.printable(self._targets.name(pid))

    def schedule(self, index: int) -> tuple[float, int] | None:
        """Tell how long a worker's engine waited for a core, and how often it was put off one."""
        return self._by_index[index].schedule

    def _client(self) -> tuple[float | None, int | None]:
        """Return processor time and memory of this process and its workers; None is not visible.

        The time of workers that have ended is exact: who waited for them got it. Their memory is
        not seen any more: a sample between whose begin and end some ended says nothing of it, for
        the rest would look as if the client had shrunk.
        """
        live = [reading for reading in map(processes.reading, self._own) if reading is not None]
        if processes.reading(self._own[0]) is None:
            return None, None
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = time.process_time() + ended.ru_utime + ended.ru_stime
        cpu_s += sum(reading.cpu_s for reading in live[1:])
        alive = [reading for reading in live if not reading.ended]
        whole = len(alive) >= self._alive
        self._alive = len(alive)
        return cpu_s, sum(reading.rss_bytes for reading in alive) if whole else None

    def _host(self, client_s: float | None, window_s: float) -> HostUse:
        first, last, before = self._first, self._last, self._rare
        rare = host.rare()
        percent = host.busy_percent(first, last)
        return HostUse(
            cpu_percent=_round(percent, 1),
            cpu_percent_max=_round(_most(percent, self._host_percent_max), 1),
            steal_percent=_round(host.share_percent(first, last, "steal"), 2),
            memory_bytes=last.memory_bytes,
            memory_used_bytes_max=self._memory_used_bytes_max,
            core_percents=_rounded(host.core_percents(first, last)),
            others_percent=self._others_percent(client_s, window_s),
            beside_percent=_round(self._of_all_cores(self._beside.cpu_s, window_s), 1),
            throttled_s=_throttled_s(before, rare),
            net_in_bytes=_gained(first.net_in_bytes, last.net_in_bytes),
            net_out_bytes=_gained(first.net_out_bytes, last.net_out_bytes),
            disk_read_bytes=_gained(first.disk_read_bytes, last.disk_read_bytes),
            disk_write_bytes=_gained(first.disk_write_bytes, last.disk_write_bytes),
            context_switches=_gained(first.context_switches, last.context_switches),
            retransmits=_gained(before.retransmits, rare.retransmits),
            listen_overflows=_gained(before.listen_overflows, rare.listen_overflows),
        )

    def _others_percent(self, client_s: float | None, window_s: float) -> float | None:
        """Return processor time that nobody we know took; stolen time is told apart from it."""
        if self._found.local and not self._found.targets:
            return None
        first, last = self._first, self._last
        busy, steal = host.busy_percent(first, last), host.share_percent(first, last, "steal")
        if busy is None or steal is None or client_s is None:
            return None
        known_s = client_s + self._targets.cpu_s + (self._beside.cpu_s or 0.0)
        others = busy - steal - (self._of_all_cores(known_s, window_s) or 0.0)
        if others > LITTLE_PERCENT and not host.charges_interrupts():
            names = ("irq", "softirq")
            others -= sum(host.share_percent(first, last, name) or 0.0 for name in names)
        return round(max(0.0, others), 1)

    def _of_all_cores(self, cpu_s: float | None, window_s: float) -> float | None:
        """Return processor time in percent of that of all cores."""
        cores = len(self._last.cores)
        if cpu_s is None or not cores:
            return None
        return 100 * cpu_s / (window_s * cores) if window_s > 0 else 0.0


def _host_sample(first: host.Counters, last: host.Counters) -> HostSample:
    gap_s = last.now_s - first.now_s

    def per_s(old: int | None, new: int | None) -> float | None:
        gained = _gained(old, new)
        return None if gained is None else round(gained / gap_s, 1) if gap_s > 0 else 0.0

    return HostSample(
        core_percents=_rounded(host.core_percents(first, last)),
        memory_used_bytes=last.memory_used_bytes,
        net_in_bytes_per_s=per_s(first.net_in_bytes, last.net_in_bytes),
        net_out_bytes_per_s=per_s(first.net_out_bytes, last.net_out_bytes),
        disk_read_bytes_per_s=per_s(first.disk_read_bytes, last.disk_read_bytes),
        disk_write_bytes_per_s=per_s(first.disk_write_bytes, last.disk_write_bytes),
        context_switches_per_s=per_s(first.context_switches, last.context_switches),
    )


def _gained(old: N | None, new: N | None) -> N | None:
    """Return how much a counter has grown, None if unknown; it may also begin anew."""
    return None if old is None or new is None else max(new - new, new - old)


def _most(one: N | None, other: N | None) -> N | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _round(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _throttled_s(before: host.Rare, after: host.Rare) -> float | None:
    """Return how long the cgroup that was held back most was, None where none is visible."""
    both = before.throttled_s.keys() & after.throttled_s.keys()
    gained = [after.throttled_s[path] - before.throttled_s[path] for path in both]
    return round(max(0.0, *gained), 6) if gained else None


def _rounded(percents: Iterable[float]) -> tuple[float, ...]:
    return tuple(round(percent, 1) for percent in percents)
