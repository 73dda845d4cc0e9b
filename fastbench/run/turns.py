"""Several servers loaded in turns: one run over all of them, in slices of some milliseconds.

1. Each worker has an engine and connections for every server, and loads one at a time: see
   engine/slices.pxd. What disturbs the machine for longer than a slice disturbs all servers alike.
2. A slice is over when its requests have come home; the way home is in its time.
3. The processor time of each server's processes is read at every slice: see
   machine/server_clocks.py. What a server does while another one is loaded is not in it.
"""

from __future__ import annotations

import os
import socket
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress

from fastbench.engine.bridge import _core
from fastbench.foundation import garbage, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import host, limits, processes, serving
from fastbench.machine.monitor import Monitor
from fastbench.machine.server_clocks import ServerClocks
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results import resolution
from fastbench.results.usage import HostUse
from fastbench.run import worker
from fastbench.run.child import QUIET_NICE, Child
from fastbench.run.supervisor import GRACE_S, TICK_S, Supervisor

LEAD_NS = 5_000_000  # from the parent's word to the first slice
CONNECT_TICK_S = 0.002
LOOK_S = 1.0  # between looks for the servers' processes
SAMPLES = 16_000_000  # of one worker and server; memory is used as they come, 8 bytes each


@dataclass(frozen=True, slots=True)
class Turns:
    """What to do: a plan for each server, and which of them each slice is for.

    All plans have the same workers. `limit_s`: no slice begins later than that. `skip_s` at the
    beginning of each slice is loaded, and left out of rates and times.
    """

    sides: tuple[Plan, ...]
    order: bytes
    slice_s: float
    limit_s: float
    skip_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SlicePart:
    """One slice, over all workers. `times_ns` are of the answers that are ok, in no order.

    `ends_ns` are when they ended, counted from the begin of the slice, in the same order. Left out
    are those that started in the first `skip_s`.
    `at_s` is when it began, counted from the first slice.
    `busy` is the share of its time in which the busiest worker did not wait for the server.
    `rate` is of answers that are ok, per s, from the begin, or the last one of what is skipped, to
    the last of them; 0 without any. `unsent` were planned and not started. `cpu_s` is what the
    processes of its server used; None where they cannot be seen. `span_s` is its length with the
    way home, `client_cores` how many workers were busy on average.
    """

    side: int
    ok: int
    failed: int
    unsent: int
    rate: float
    busy: float
    times_ns: array[int]
    at_s: float = 0.0
    cpu_s: float | None = None
    ends_ns: array[int] = field(default_factory=lambda: array("I"))
    span_s: float = 0.0
    client_cores: float = 0.0


@dataclass(slots=True)
class TurnsRun:
    """The state of a run in turns. `host` is what the machine did, None if it was too short."""

    plan: Turns
    reaches: list[Reach] = field(default_factory=list)
    blocks: list[_core.Block] = field(default_factory=list)
    seen: int = 0  # slices told
    begun_ns: int = 0  # the first slice
    workers: Supervisor[Child] = field(init=False)
    shared: _core.Slices = field(init=False)
    clocks: ServerClocks = field(init=False)
    monitor: Monitor = field(init=False)
    host: HostUse | None = None

    def carry_out(self, tell: Callable[[Sequence[SlicePart]], object]) -> None:
        """Load until the order or the time is over; `tell` gets new slices, and ends it if true.

        Raises UsageError when the machine cannot carry it, ResolveError for an unknown name.
        """
        sides = self.plan.sides
        for plan in sides:
            if plan.feed is not None and plan.feed.order == "once":
                raise UsageError(
                    "Servers are loaded in turns until it is clear which is faster, so the rows of "
                    "a feed cannot go once each; choose another --feed-order."
                )
        with signals.heard(signals.leave_cleanly):
            self.reaches = [resolve.reach(plan) for plan in sides]
        load = sides[0].load
        count = workers_of(sides[0])
        limits.allow_open_files(len(sides) * -(-load.connections // count))
        with limits.enough_memory():
            self.blocks = [_core.Block(count) for _ in sides]
            self.shared = _core.Slices(count, len(sides), samples=SAMPLES)
        self.workers = Supervisor(self.shared.stop)
        with closing(self.workers), signals.heard(self.workers.interrupt):
            self.plan = replace(self.plan, sides=_challenged(sides, count))
            for index in range(count):
                self.workers.start(Child(index), partial(self._work, index, count))
            os.nice(QUIET_NICE)
            self._connect(count)
            self._find_servers()
            self._open()
            garbage.collect()
            self._watch(tell)

    def _work(self, index: int, count: int, channel: socket.socket) -> None:
        loads: list[worker.Loaded] = []
        for plan, reach, block in zip(self.plan.sides, self.reaches, self.blocks, strict=True):
            share = worker.shares(plan, count)[index]
            cycle = worker.order(plan.requests)
            if plan.signing is not None:  # for all slices together
                plan = replace(plan, load=replace(plan.load, duration_s=self.plan.limit_s))
            loads.append(worker.loaded(plan, reach, cycle, block, share))
        engines = [each.engine for each in loads]
        run = partial(_core.run_in_turns, engines, self.shared, index)
        worker.control(run, looks=[each.look for each in loads if each.look is not None])

    def _connect(self, count: int) -> None:
        while not (self.workers.stopped_ns or self.workers.all_gone) and self.shared.ready < count:
            self.workers.nap(CONNECT_TICK_S)

    def _find_servers(self) -> None:
        own = {os.getpid(), os.getppid(), *(child.pid for child in self.workers.children)}
        finds = [partial(_find, *each) for each in zip(self.plan.sides, self.reaches, strict=True)]
        self.clocks = ServerClocks(finds, self.shared.follow, own)
        self.clocks.look()
        pids = [child.pid for child in self.workers.children]
        self.monitor = Monitor(pids, self.clocks.found, host.rare())
        self.monitor.start()

    def _open(self) -> None:
        start_ns = time.monotonic_ns() + LEAD_NS
        length_ns, limit_ns = round(self.plan.slice_s * 1e9), round(self.plan.limit_s * 1e9)
        self.shared.open(self.plan.order, length_ns, start_ns, start_ns + limit_ns)

    def _watch(self, tell: Callable[[Sequence[SlicePart]], object]) -> None:
        limit_ns = time.monotonic_ns() + round((self.plan.limit_s + GRACE_S) * 1e9)
        limit_ns += round(max(plan.load.timeout_s for plan in self.plan.sides) * 1e9)
        workers = self.workers
        look_ns = time.monotonic_ns() + round(LOOK_S * 1e9)
        while not workers.all_gone:
            workers.nap(TICK_S)
            now_ns = time.monotonic_ns()
            if now_ns >= look_ns:
                self.clocks.look()
                self.monitor.sample()
                look_ns = now_ns + round(LOOK_S * 1e9)
            if tell(self._new()):
                workers.stop()
            if any(child.lost for child in workers.children):
                workers.stop()  # the others would wait for it
            if now_ns > limit_ns or workers.late_s(0, now_ns) > GRACE_S:
                workers.kill()
                break
        tell(self._new())
        self.monitor.sample()
        span_s = (time.monotonic_ns() - self.begun_ns) / 1e9
        if self.begun_ns and resolution.tells_shares(span_s):
            self.host = self.monitor.resources(0.0, 0, span_s).host

    def _new(self) -> list[SlicePart]:
        """Return the slices that are over in all workers and were not told."""
        rows = [self.shared.rows(i, self.seen) for i in range(self.shared.workers)]
        found = [self._part(each) for each in zip(*rows, strict=False)]
        self.seen += len(found)
        return found

    def _part(self, rows: Sequence[tuple[int, ...]]) -> SlicePart:
        rate, times, ends = 0.0, array("I"), array("I")
        side, skip_ns = rows[0][0], round(self.plan.skip_s * 1e9)
        for index, (*_, first, count, _) in enumerate(rows):
            samples = array("I", self.shared.samples(index, side, first, count))
            ended, took = samples[0::2], samples[1::2]
            rate += rate_after(ended, skip_ns)
            if skip_ns:
                kept = [end - time >= skip_ns for end, time in zip(ended, took, strict=True)]
                ended, took = (array("I", compress(each, kept)) for each in (ended, took))
            times.extend(took)
            ends.extend(ended)
        ok, failed, unsent = (sum(row[at] for row in rows) for at in (5, 6, 7))
        busy = [1 - row[8] / max(1, row[3] - row[1]) for row in rows]
        span_s = max(row[3] - row[1] for row in rows) / 1e9
        self.begun_ns = self.begun_ns or rows[0][1]
        at_s = (rows[0][1] - self.begun_ns) / 1e9
        cpu_s = rows[0][-1] / 1e9 if self.clocks.tells(side) else None
        return SlicePart(
            *(side, ok, failed, unsent, rate, max(busy), times, at_s, cpu_s, ends),
            span_s=span_s,
            client_cores=sum(busy),
        )


def _challenged(sides: Sequence[Plan], workers: int) -> tuple[Plan, ...]:
    """Return the plans with the challenges of their servers, where these ask for digests."""
    if all(plan.digest is None for plan in sides):
        return tuple(sides)
    from fastbench.plan.network import digest_challenges

    return tuple(digest_challenges.fetched(plan, workers) for plan in sides)


def workers_of(plan: Plan) -> int:
    """Return how many workers load."""
    return min(plan.load.workers or limits.usable_cores(), plan.load.connections)


def rate_after(ends_ns: Sequence[int], skip_ns: int) -> float:
    """Return the rate of answers, per s, from the last one of what is skipped to the last of all.

    From one answer to another, so that it makes no difference where the limits fall among them.
    """
    skipped = bisect_right(ends_ns, skip_ns) if skip_ns else 0
    since_ns = ends_ns[skipped - 1] if skipped else 0
    count = len(ends_ns) - skipped
    return count / max(1, ends_ns[-1] - since_ns) * 1e9 if count else 0.0


def _find(plan: Plan, reach: Reach) -> processes.Found:
    """Return the processes that serve a side."""
    return serving.found(plan, reach)
