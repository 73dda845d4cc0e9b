"""The executors of a run in slices: see script/slice_gate.py.

Users iterate while the gate is open; a plan of instants begins anew in each slice.
"""

from __future__ import annotations

from asyncio import TimerHandle
from time import monotonic_ns

from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.schedule import Share
from fastbench.script.worker.executing import TURNS, Alarm, Executor, ExecutorHost
from fastbench.script.worker.executors_arrival import NO_MORE, ArrivalRate
from fastbench.script.worker.slice_turns import SliceTurns

TIMER_S = 0.001  # the loop's timers are of whole milliseconds


class InTurns(Executor):
    """A number of VUs that loop while the gate is open."""

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        super().__init__(share, scene, ground)
        assert ground.turns is not None
        self._turns: SliceTurns = ground.turns
        for _ in share.vus:
            self._turns.came()  # before the first slice: nobody may be missing in it

    async def live(self, vu: Vu) -> None:
        """Iterate in each slice, until there are no more."""
        iterate, turns = self.scene.iterate, self._turns
        try:
            while self.last_ns and not turns.over:
                now_ns = monotonic_ns()
                while now_ns < turns.until_ns:
                    begun_ns = now_ns
                    now_ns = await iterate(vu)
                    turns.ended(begun_ns, now_ns)
                await turns.rest()
        finally:
            turns.left()

    def stop(self, *, grace: bool) -> None:
        """End early: nobody waits for a slice any more."""
        super().stop(grace=grace)
        self._turns.end()


class ArrivalInTurns(ArrivalRate):
    """Iterations at a constant rate while the gate is open."""

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        super().__init__(share, scene, ground)
        self._alarm.stop()
        assert ground.turns is not None
        self._turns: SliceTurns = ground.turns
        self._turns.planned(self._slice)
        self._under_way = 0
        self._passed = True  # the slice, or there was none
        self._timer: TimerHandle | None = None

    def begin(self) -> None:
        """Start the VUs; the plan waits for its slices."""
        Executor.begin(self)

    def complete(self) -> bool:
        """Tell whether there are no more slices."""
        return self._turns.over

    async def live(self, vu: Vu) -> None:
        """Iterate at each instant that this VU gets."""
        iterate, idle, session, turns = self.scene.iterate, self._idle, vu.session, self._turns
        due_ns = self._first.pop(vu, NO_MORE)
        while not self._closed:
            if due_ns:
                session.planned_ns = due_ns
                begun_ns = monotonic_ns()
                turns.ended(begun_ns, await iterate(vu))
                self._under_way -= 1
                self._look()
            if self._closed:
                return
            call = self.loop.create_future()
            idle.append(call)
            due_ns = await call

    def close(self, *, in_time: bool) -> None:
        """Call the plan off and send idle VUs home."""
        if self._timer is not None:
            self._timer.cancel()
        super().close(in_time=in_time)

    def stop(self, *, grace: bool) -> None:
        """End early: there are no more slices."""
        super().stop(grace=grace)
        self._turns.end()

    def _slice(self, begin_ns: int, until_ns: int) -> None:
        """Begin a slice; 0, 0 is the end of them."""
        if not until_ns:
            self._changed.set()
            return
        self._passed = False
        length_s = (until_ns - begin_ns) / 1e9
        ((_, rate, _),) = self.share.stages
        self._alarm: Alarm = self.ground.alarm(self._due)
        lane, lanes = self.share.lane, self.share.lanes
        self._timer = self.loop.call_later(length_s + TIMER_S, self._end_slice)
        self._alarm.follow([(length_s, rate, rate)], begin_ns, worker=lane, workers=lanes)

    def _end_slice(self, turns: int = TURNS) -> None:
        if turns:  # instants that are due may not have been served
            self.loop.call_soon(self._end_slice, turns - 1)
            return
        self._alarm.stop()
        self._passed = True
        self._look()

    def _due(self, due_ns: int) -> None:
        """One iteration is due."""
        if self._idle or self._spare:
            self._under_way += 1
        else:
            self._turns.dropped()
        super()._due(due_ns)

    def _look(self) -> None:
        if self._passed and not self._under_way:
            self._turns.plan_home()
