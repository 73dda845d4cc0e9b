"""Executors in which iterations begin at planned instants, whatever became of earlier ones.

An instant takes the VU that has been idle longest; if none is idle, a new one is made at once, up
to the largest number of VUs; beyond it the iteration is dropped, and not made up for later.
"""

from __future__ import annotations

from asyncio import Future
from collections import deque
from collections.abc import Iterable

from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.schedule import Share
from fastbench.script.worker.executing import Executor, ExecutorHost

NO_MORE = 0  # what a VU gets instead of an instant


class ArrivalRate(Executor):
    """Iterations at a rate that is constant or follows stages."""

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        super().__init__(share, scene, ground)
        self._idle: deque[Future[int]] = deque()
        self._spare = deque(id for id in share.vus if id not in set(share.pre_allocated))
        self._first: dict[Vu, int] = {}  # the instants of VUs that were made for them
        self._alarm = ground.alarm(self._due)
        self._closed = False

    def prepare(self) -> None:
        """Make the VUs that exist from the start."""
        self.make(self.share.pre_allocated)

    def make(self, ids: Iterable[int]) -> None:
        """Make VUs whose requests are measured from their instants, too."""
        ids = tuple(ids)
        super().make(ids)
        for id in ids:
            self.made[id].session.paced = True

    def begin(self) -> None:
        """Start the VUs, and the plan once they wait for it."""
        super().begin()
        self.loop.call_soon(self._follow)

    def complete(self) -> bool:
        """Tell whether all is done: not before the end."""
        return False

    async def live(self, vu: Vu) -> None:
        """Iterate at each instant that this VU gets."""
        iterate, idle, session = self.scene.iterate, self._idle, vu.session
        due_ns = self._first.pop(vu, NO_MORE)
        while not self._closed:
            if due_ns:
                session.planned_ns = due_ns
                await iterate(vu)
            if self._closed:
                return
            call = self.loop.create_future()
            idle.append(call)
            due_ns = await call

    def close(self, *, in_time: bool) -> None:
        """Call the plan off and send idle VUs home."""
        self._closed = True
        self._alarm.stop()
        for call in self._idle:
            call.set_result(NO_MORE)
        self._idle.clear()

    def _follow(self) -> None:
        share = self.share
        if not self._closed:
            levels = list(share.stages)
            self._alarm.follow(levels, self.start_ns, worker=share.lane, workers=share.lanes)

    def _due(self, due_ns: int) -> None:
        """One iteration is due."""
        if not self.last_ns:
            return
        if self._idle:
            self._idle.popleft().set_result(due_ns)
        elif self._spare:
            id = self._spare.popleft()
            self.make((id,))
            self._first[self.made[id]] = due_ns
            self.spawn(self.made[id])
        else:
            self.scene.dropped.add(1)
