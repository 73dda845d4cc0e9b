"""A worker's part of a run in slices: its users wait at the gate, and go through while it is open.

1. A slice begins when the worker hears of it: how long the word took is not the server's time.
2. It is over when all users of all scenarios wait again. Counters are read then, while the gate is
   closed: that costs neither side anything.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from time import monotonic_ns, thread_time_ns
from typing import Any

from fastbench.engine.bridge._core import Block
from fastbench.run.child import EXIT_FAILED
from fastbench.script.slice_gate import Home, Meter, SliceGate
from fastbench.script.worker.channel import Channel


class SliceTurns:
    """The gate as one worker sees it; its iterations begin before `until_ns`, 0 while closed."""

    def __init__(self, gate: SliceGate, block: Block, index: int) -> None:
        self.until_ns = 0
        self.over = False
        self._channel = Channel(gate.seat(index))
        self._meter = Meter(block, index)
        self._loop = asyncio.get_running_loop()
        self._users = 0
        self._resting: set[asyncio.Future[None]] = set()
        self._open = False
        self._plans: list[Callable[[int, int], None]] = []
        self._plans_home = 0
        self._begin_ns = self._last_ns = self._used_ns = 0
        self._iterations = self._spent_ns = self._longest_ns = self._dropped = 0

    async def begin(self, workers: int) -> None:
        """Be ready; `workers` are those of this run."""
        await self._channel.open(self._hear, lambda: os._exit(EXIT_FAILED))
        self._channel.send({"ready": {"workers": workers, "planned": self._meter.planned}})

    def planned(self, slice_begins: Callable[[int, int], None]) -> None:
        """Call with begin and end of each slice, in ns, who says `plan_home` after it; 0, 0: over.

        Times are counted from planned instants then.
        """
        self._plans.append(slice_begins)
        self._plans_home += 1
        self._meter.planned = True

    def plan_home(self) -> None:
        """All iterations of a plan have ended in this slice."""
        self._plans_home += 1
        self._look()

    def dropped(self) -> None:
        """Count an iteration that had no user."""
        self._dropped += 1

    def came(self) -> None:
        """Count one more user, who will rest before the first slice."""
        self._users += 1

    def left(self) -> None:
        """Count one user less: it has ended."""
        self._users -= 1
        self._look()

    async def rest(self) -> None:
        """Wait for the next slice, or for the end."""
        if self.over:
            return
        call: asyncio.Future[None] = self._loop.create_future()
        self._resting.add(call)
        self._look()
        try:
            await call
        finally:
            self._resting.discard(call)

    def ended(self, begun_ns: int, ended_ns: int) -> None:
        """Count an iteration."""
        self._iterations += 1
        self._last_ns = ended_ns
        took_ns = ended_ns - begun_ns
        self._spent_ns += took_ns
        if took_ns > self._longest_ns:
            self._longest_ns = took_ns

    def end(self) -> None:
        """Let everybody go: there are no more slices."""
        if self.over:
            return
        self.over = True
        self.until_ns = 0
        self._wake()
        for each in self._plans:
            each(0, 0)

    def _hear(self, kind: str, said: Any) -> None:
        if kind == "over":
            self.end()
        elif kind == "open" and not self.over:
            self._meter.since()
            self._open = True
            self._iterations = self._spent_ns = self._longest_ns = self._dropped = 0
            self._plans_home = 0
            self._used_ns = thread_time_ns()
            self._begin_ns = self._last_ns = monotonic_ns()
            self.until_ns = self._begin_ns + said["length_ns"]
            self._wake()
            for each in self._plans:
                each(self._begin_ns, self.until_ns)
            self._look()

    def _wake(self) -> None:
        calls, self._resting = self._resting, set()
        for call in calls:
            if not call.done():
                call.set_result(None)

    def _look(self) -> None:
        """Say what was counted, once all users are home; a worker may have none."""
        plans = len(self._plans)
        if not self._open or len(self._resting) < self._users or self._plans_home < plans:
            return
        self._open, self.until_ns = False, 0
        used_ns = thread_time_ns() - self._used_ns
        ok, failed, times = self._meter.since()
        home = Home(
            self._begin_ns,
            self._last_ns,
            used_ns,
            self._iterations,
            self._spent_ns,
            self._longest_ns,
            self._dropped,
            ok,
            failed,
            times,
        )
        self._channel.send({"home": home.to_json()})
