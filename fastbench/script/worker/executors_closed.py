"""Executors in which a VU begins an iteration when its last one has ended."""

from __future__ import annotations

from asyncio import Future, TimerHandle
from collections import deque
from time import monotonic_ns

from fastbench.script import schedule
from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.schedule import Share
from fastbench.script.worker.executing import Executor, ExecutorHost

LATER = -2  # of `take`: this machine has used its numbers up, and may be granted more
LOOK_AGAIN_S = 0.002


class ConstantVus(Executor):
    """A number of VUs that loop until the end."""

    async def live(self, vu: Vu) -> None:
        """Iterate until the end."""
        iterate = self.scene.iterate
        now_ns = monotonic_ns()
        while now_ns < self.last_ns:
            now_ns = await iterate(vu)


class PerVuIterations(Executor):
    """Each VU runs as many iterations; those that did not begin in time are dropped."""

    async def live(self, vu: Vu) -> None:
        """Iterate so many times."""
        iterate = self.scene.iterate
        left = self.share.iterations or 0
        now_ns = monotonic_ns()
        while left and now_ns < self.last_ns:
            left -= 1
            now_ns = await iterate(vu)
        if left and self.last_ns:
            self.scene.dropped.add(left)


class SharedIterations(Executor):
    """The VUs of all workers take iterations from one counter.

    Of several machines each is granted some at a time; VUs that find none wait for more.
    """

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        super().__init__(share, scene, ground)
        self._waiting: deque[Future[None]] = deque()

    async def live(self, vu: Vu) -> None:
        """Iterate while there is something to take."""
        iterate, take = self.scene.iterate, self.ground.take
        shared, limit = self._counter()
        number, now_ns = LATER, monotonic_ns()
        while now_ns < self.last_ns and number == LATER:
            while now_ns < self.last_ns and (number := take(shared, limit)) >= 0:
                vu.number = number
                now_ns = await iterate(vu)
            if number == LATER and now_ns < self.last_ns:
                await self._more()
                now_ns = monotonic_ns()

    def close(self, *, in_time: bool) -> None:
        """Drop what nobody has taken; each of it is taken by one worker, so it is exact."""
        if in_time and monotonic_ns() >= self.end_ns:
            self.scene.dropped.add(self.ground.take_rest(*self._counter()))

    async def _more(self) -> None:
        """Wait until there may be more to take, or nothing is taken any more."""
        self._waiting.append(self.loop.create_future())
        if len(self._waiting) == 1:
            self.loop.call_later(LOOK_AGAIN_S, self._look)
        await self._waiting[-1]

    def _look(self) -> None:
        """Wake as many VUs as find something; one timer for all of them."""
        left = self.ground.left(self.share.shared or 0)
        if left < 0 or monotonic_ns() >= self.last_ns:
            left = len(self._waiting)
        while self._waiting and (left > 0 or self._waiting[0].done()):
            first = self._waiting.popleft()
            if not first.done():  # whoever was halted is
                first.set_result(None)
                left -= 1
        if self._waiting:
            self.loop.call_later(LOOK_AGAIN_S, self._look)

    def _counter(self) -> tuple[int, int]:
        return self.share.shared or 0, self.share.iterations or 0


class RampingVus(Executor):
    """VUs that come and go along stages; one that goes may end its iteration first."""

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        super().__init__(share, scene, ground)
        self._steps = deque(schedule.transitions(share))
        self._wanted: set[Vu] = set()
        self._farewells: dict[Vu, TimerHandle] = {}
        self._alarm = ground.alarm(lambda due_ns: self._step())

    def prepare(self) -> None:
        """Make the VUs that are there from the start; the others are made when they come."""
        self.make(id for offset_ns, id, comes in self._steps if comes and not offset_ns)

    def begin(self) -> None:
        """Let VUs come and go from now on."""
        self._alarm.at([self.start_ns + offset_ns for offset_ns, _, _ in self._steps])

    def complete(self) -> bool:
        """Tell whether nobody is there and nobody comes."""
        return not self.running and not self._steps

    async def live(self, vu: Vu) -> None:
        """Iterate while this VU is wanted."""
        iterate, wanted = self.scene.iterate, self._wanted
        now_ns = monotonic_ns()
        while vu in wanted and now_ns < self.last_ns:
            now_ns = await iterate(vu)

    def close(self, *, in_time: bool) -> None:
        """Let nobody come any more."""
        self._alarm.stop()
        self._steps.clear()
        self._wanted.clear()

    def ended(self, vu: Vu) -> None:
        """Start the VU again if it is wanted: it was on its way out when it was asked back."""
        if vu in self._wanted and monotonic_ns() < self.last_ns:
            self.spawn(vu)

    def _step(self) -> None:
        if not self._steps:
            return
        _, id, comes = self._steps.popleft()
        if id not in self.made:
            self.make((id,))
        vu = self.made[id]
        if vu in self._farewells:
            self._farewells.pop(vu).cancel()
        if comes:
            self._wanted.add(vu)
            if vu not in self.running:
                self.spawn(vu)
            return
        self._wanted.discard(vu)
        if vu in self.running:
            stays_s = self.share.graceful_ramp_down_ns / 1e9
            self._farewells[vu] = self.loop.call_later(stays_s, self._part, vu)

    def _part(self, vu: Vu) -> None:
        """Halt a VU whose time to go has passed."""
        self._farewells.pop(vu, None)
        vu.halt()
