"""Be many machines of a cluster in one process, for cluster_many.py.

    python bench/simulated_machines.py scheduler
    python bench/simulated_machines.py ADDRESS FIRST COUNT

The first is the scheduler, and says its address. Both end with standard input; the second says then
what its first machine has told: [[time, bytes], …].

Each of them is a Dask worker of its own, as `dask worker` starts it, with the name m0, m1, … from
FIRST on. The first has a real agent with real workers. The others say what that one says, frame by
frame, as if their own workers had done it: with the numbers of these, and not before they were
asked. To the parent, and to Dask, there is no difference; here it costs what the messages do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import deque
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import Any

from fastbench.cluster import local_cluster
from fastbench.cluster.frames import Changes, Frame, Reader, Said
from fastbench.cluster.links import machine_actor
from fastbench.cluster.links.machine_actor import OPEN, MachineActor

SETTINGS = {
    **local_cluster.SETTINGS,
    "distributed.admin.system-monitor.interval": "1h",
    "distributed.admin.tick.interval": "1h",
    "distributed.comm.timeouts.connect": "60s",
}
HOST = "127.0.0.1"
AT_ONCE = 20
# What is said only after a question was heard. Of what is not here, and of no worker, nothing is
# repeated: one machine alone is asked for it.
AFTER = {
    "hello": "hello",
    "missing": "files",
    "sought": "seek",
    "begun": "begin",
    "use": "begin",
    "summed": "sum_up",
    "left": "tell_left",
    "beat": "hello",
}
LOADED = ("load_urls", "load_script")

_followers: list[Follower] = []
_said: list[tuple[Frame, int]] = []  # by the leader so far
_leading: set[str] = set()  # the names of workers
_told: list[tuple[float, int]] = []  # by the leader: when, and how many bytes


class Leader(MachineActor):
    """The machine that has an agent."""

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.first = 0
        self._said, self._heard = Reader(), Reader()

    async def push(self, number: int, data: bytes) -> None:
        """Give bytes to the agent, and read in them which its first worker is."""
        for frame in self._heard.feed(data):
            if isinstance(frame, Said) and frame.kind in LOADED:
                self.first = first_of(frame)
        await super().push(number, data)

    async def pull(self, number: int, wait_s: float) -> bytes:
        """Return what the agent said; all others say the same."""
        found = await super().pull(number, wait_s)
        _told.append((time.time(), len(found)))
        for frame in self._said.feed(found[1:]):
            if isinstance(frame, Said) and frame.kind in ("found", "need"):
                continue
            _said.append((frame, self.first))
            for each in _followers:
                each.follow(frame, self.first)
        return found

    async def close(self) -> None:
        """End the agent."""
        _said.clear()
        await super().close()


class Follower:
    """A machine that says what the leader says."""

    def __init__(self, run: str) -> None:
        self._heard = Reader()
        self._asked: set[object] = set()
        self._waiting: deque[tuple[Frame, int]] = deque()
        self._first = 0
        self._ready, self._more = bytearray(), asyncio.Event()
        self._pulled, self._kept = 0, b""
        _followers.append(self)
        self._waiting.extend(_said)

    async def start(self) -> str:
        """There is nothing to start."""
        return ""

    async def push(self, number: int, data: bytes) -> None:
        """Note what was asked."""
        for frame in self._heard.feed(data):
            assert isinstance(frame, Said)
            if frame.kind == "fork":
                self._asked.add(frame.body["worker"])
            elif frame.kind in LOADED:
                self._first = first_of(frame)
                self._asked.add("loaded")
            self._asked.add(frame.kind)
        self._go_on()

    async def pull(self, number: int, wait_s: float) -> bytes:
        """Return what there is to say, once there is something."""
        if number == self._pulled:
            return self._kept
        if not self._ready:
            self._more.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), wait_s)
        self._pulled, self._kept = number, OPEN + bytes(self._ready)
        self._ready.clear()
        return self._kept

    async def close(self) -> None:
        """Leave."""
        if self in _followers:
            _followers.remove(self)

    def follow(self, frame: Frame, first: int) -> None:
        """Learn what the leader said, whose first worker has that number."""
        self._waiting.append((frame, first))
        self._go_on()

    def _go_on(self) -> None:
        while self._waiting and self._may_say(*self._waiting[0]):
            frame, first = self._waiting.popleft()
            self._ready += moved(frame, self._first - first).encoded()
            self._more.set()

    def _may_say(self, frame: Frame, first: int) -> bool:
        if isinstance(frame, Changes) or frame.kind == "started":
            return "loaded" in self._asked
        if (after := AFTER.get(frame.kind)) is not None:
            return after in self._asked
        if "load_script" in self._asked and isinstance(frame.body, dict):
            return frame.body["worker"] - first + self._first in self._asked
        return "loaded" in self._asked


def first_of(frame: Said) -> int:
    """Return the number of the first worker of a machine, from what it is told to load."""
    body = frame.body
    first: int = body["first"] if frame.kind == "load_script" else body["shares"][0]["index"]
    return first


def moved(frame: Frame, by: int) -> Frame:
    """Return what a machine says whose workers have numbers larger by this."""
    if isinstance(frame, Changes):
        return replace(frame, worker=frame.worker + by)
    body: Any = frame.body
    if frame.kind == "started":
        return Said(frame.kind, {str(int(index) + by): pid for index, pid in body.items()})
    if frame.kind == "use":
        cpu_s = {str(int(index) + by): value for index, value in body["cpu_s"].items()}
        return Said(frame.kind, {**body, "cpu_s": cpu_s})
    if isinstance(body, dict) and "worker" in body:
        return Said(frame.kind, {**body, "worker": body["worker"] + by})
    return frame


class Machine:
    """What Dask makes on each worker in place of a MachineActor; the parent sees no difference."""

    def __init__(self, run: str) -> None:
        from distributed import get_worker

        self._is = (Leader if get_worker().name in _leading else Follower)(run)

    async def start(self) -> str:
        """As MachineActor."""
        return await self._is.start()

    async def now_ns(self) -> int:
        """As MachineActor."""
        return time.monotonic_ns()

    async def push(self, number: int, data: bytes) -> None:
        """As MachineActor."""
        await self._is.push(number, data)

    async def pull(self, number: int, wait_s: float) -> bytes:
        """As MachineActor."""
        return await self._is.pull(number, wait_s)

    async def close(self) -> None:
        """As MachineActor."""
        await self._is.close()


async def schedule() -> None:
    """Be the scheduler until standard input ends."""
    from distributed import Scheduler

    async with Scheduler(host=HOST, dashboard=False, dashboard_address=f"{HOST}:0") as scheduler:
        print(scheduler.address, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def serve(scheduler: str, first: int, count: int, folder: str) -> None:
    """Be workers of a scheduler until standard input ends."""
    from distributed import Worker

    limit = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def started(number: int, stack: AsyncExitStack) -> None:
        async with limit:
            await stack.enter_async_context(
                Worker(
                    scheduler,
                    name=f"m{number}",
                    host=HOST,
                    nthreads=1,
                    memory_limit=0,
                    local_directory=folder,
                    dashboard=False,
                    dashboard_address=f"{HOST}:0",
                    heartbeat_interval="5s",
                )
            )

    async with AsyncExitStack() as stack:
        await asyncio.gather(*(started(first + at, stack) for at in range(count)))
        print("ready", flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Be machines, as the command line says."""
    import dask

    dask.config.set(SETTINGS)
    logging.disable()
    if sys.argv[1] == "scheduler":
        asyncio.run(schedule())
        return
    scheduler, first, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _leading.add(f"m{first}")
    # Classes travel by their names: ours has that of the one whose place it takes.
    Machine.__module__, Machine.__qualname__ = MachineActor.__module__, MachineActor.__qualname__
    machine_actor.MachineActor = Machine  # type: ignore[assignment, misc]
    with tempfile.TemporaryDirectory(prefix="fastbench-many-") as folder:
        asyncio.run(serve(scheduler, first, count, folder))
    print(json.dumps(_told), flush=True)


if __name__ == "__main__":
    main()
