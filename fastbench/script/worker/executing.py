"""What all executors do: start on time, end on time, let iterations end or halt them.

1. Iterations begin from `start_ns` until `end_ns`. Those that run then may end within the graceful
   stop; what is left after it is halted and counts as interrupted.
2. All instants are of CLOCK_MONOTONIC, the same for all workers. A loop of a VU looks at the clock
   itself before each iteration, so that no timer that comes late makes it run longer.
3. A VU whose code does not end when it is halted is halted again, then left alone and told of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import copy_context
from time import monotonic_ns
from typing import Protocol

from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.schedule import Share
from fastbench.script.worker.slice_turns import SliceTurns

HALT_AGAIN_S = 0.3
GIVE_UP_NS = 1_000_000_000  # after the first halt
VU_GIVE_UP_NS = 200_000  # more for each VU: halting ten thousand takes its time
TURNS = 2  # a timer is served before alarms that were due earlier: let those come first
LATE_NS = 2_000_000  # uvloop's timers may be early or late by a millisecond


class Alarm(Protocol):
    """What calls back at planned instants; `_client.Ticker` is one."""

    def at(self, instants_ns: list[int], /) -> None:
        """Call back at these instants, ascending."""

    def follow(
        self,
        levels: list[tuple[float, float, float]],
        start_ns: int,
        /,
        *,
        worker: int,
        workers: int,
    ) -> None:
        """Call back at the instants of a plan of rates."""

    def stop(self) -> None:
        """Call back no more."""


class ExecutorHost(Protocol):
    """What a worker gives to its executors."""

    @property
    def start_ns(self) -> int:
        """The start line."""

    @property
    def turns(self) -> SliceTurns | None:
        """The gate of a run in slices."""

    def vu(self, scene: ScenarioRunner, share: Share, id: int, /) -> Vu:
        """Make a VU."""

    def alarm(self, callback: Callable[[int], None], /) -> Alarm:
        """Make what calls back at planned instants."""

    def take(self, shared: int, limit: int, /) -> int:
        """Take the next number of a counter that all workers share; -1 at the limit, -2: later."""

    def take_rest(self, shared: int, limit: int, /) -> int:
        """Take all numbers that are left of a counter; how many those were."""

    def left(self, shared: int, /) -> int:
        """Tell how many numbers of a lease are left; -1 when none is and none will come."""

    def alive(self, change: int, /) -> None:
        """So many VUs more are there, or fewer."""

    def warn(self, code: str, text: str, hint: str, /) -> None:
        """Tell the user."""


class Executor:
    """Run one scenario in one worker; what iterations begin when is said by the kinds of it."""

    def __init__(self, share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> None:
        self.share = share
        self.scene = scene
        self.ground = ground
        self.start_ns = self.end_ns = 0  # until `line_up`
        self.last_ns = 1  # no iteration begins from here on; 0 once told to stop
        self.made: dict[int, Vu] = {}
        self.running: set[Vu] = set()
        self.loop = asyncio.get_running_loop()
        self._stop_ns: int | None = None  # when what still runs is halted, once that is known
        self._changed = asyncio.Event()

    # What the kinds say.

    def prepare(self) -> None:
        """Get ready before the start."""
        self.make(self.share.vus)

    def begin(self) -> None:
        """Let VUs run: it is the start."""
        for vu in self.made.values():
            self.spawn(vu)

    async def live(self, vu: Vu) -> None:
        """Be the task of a VU: one level of coroutines less for each answer to pass through."""
        raise NotImplementedError

    def complete(self) -> bool:
        """Tell whether all is done before the end."""
        return not self.running

    def close(self, *, in_time: bool) -> None:
        """Let no iteration begin any more; `in_time`: the end has come, nobody said stop."""

    def ended(self, vu: Vu) -> None:
        """The task of a VU has ended."""

    # What they share.

    def line_up(self) -> None:
        """Learn when to begin and to end: the start line is known, and all is prepared."""
        self.start_ns = self.ground.start_ns + self.share.start_ns
        self.end_ns = self.start_ns + self.share.duration_ns
        self.last_ns = self.last_ns and self.end_ns

    async def run(self) -> None:
        """Run from before the start until every VU has ended; `line_up` comes first."""
        await self._start()
        if self.last_ns:
            self.begin()
            await self._until(self._over, self.end_ns + LATE_NS)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        self.close(in_time=self._stop_ns is None)
        if self._stop_ns is None:
            self._stop_ns = self.end_ns + self.share.graceful_stop_ns
        while self.running and monotonic_ns() < self._stop_ns:
            await self._until(self._halt_due, self._stop_ns)
        await self._halt_all()
        for vu in self.made.values():
            vu.session.reset()

    def stop(self, *, grace: bool) -> None:
        """End early; with grace, iterations may end within the graceful stop."""
        now_ns = monotonic_ns()
        stop_ns = now_ns + self.share.graceful_stop_ns if grace else now_ns
        self._stop_ns = stop_ns if self._stop_ns is None else min(stop_ns, self._stop_ns)
        self.last_ns = 0
        self._changed.set()

    def make(self, ids: Iterable[int]) -> None:
        """Make VUs; they do not run yet."""
        for id in ids:
            self.made[id] = self.ground.vu(self.scene, self.share, id)

    def spawn(self, vu: Vu) -> None:
        """Start the task of a VU."""
        vu.halted = vu.session.halted = False
        self.running.add(vu)
        self.ground.alive(1)
        context = copy_context()
        context.run(self.scene.enter, vu)
        vu.task = self.loop.create_task(self.live(vu), name=f"vu {vu.id}", context=context)
        vu.task.add_done_callback(lambda _: self._ended(vu))

    def _ended(self, vu: Vu) -> None:
        task, vu.task = vu.task, None
        self.running.discard(vu)
        self.ground.alive(-1)
        if task is not None and not task.cancelled() and (error := task.exception()):
            what = {"message": f"{vu} broke", "exception": error, "task": task}
            self.loop.call_exception_handler(what)
        else:
            self.ended(vu)
        if not self.running:
            self._changed.set()

    def _over(self) -> bool:
        return not self.last_ns or self.complete()

    def _halt_due(self) -> bool:
        return not self.running or (self._stop_ns or 0) <= monotonic_ns()

    async def _start(self) -> None:
        """Wait for the start, or until told to stop."""
        alarm = self.ground.alarm(lambda due_ns: self._changed.set())
        alarm.at([self.start_ns])
        started = lambda: not self.last_ns or monotonic_ns() >= self.start_ns  # noqa: E731
        await self._until(started, self.start_ns + LATE_NS)
        alarm.stop()

    async def _until(self, holds: Callable[[], bool], deadline_ns: int) -> None:
        """Wait until something holds, or for the deadline; looked at when something changes."""
        while not holds():
            left_ns = deadline_ns - monotonic_ns()
            if left_ns <= 0:
                return
            self._changed.clear()
            timer = self.loop.call_later(left_ns / 1e9 + 0.001, self._changed.set)
            await self._changed.wait()
            timer.cancel()

    async def _halt_all(self) -> None:
        """Halt what runs; code that goes on all the same is left alone at last."""
        give_up_ns = monotonic_ns() + GIVE_UP_NS + len(self.running) * VU_GIVE_UP_NS
        while self.running and monotonic_ns() < give_up_ns:
            for vu in tuple(self.running):
                vu.halt()
            soon_ns = monotonic_ns() + round(HALT_AGAIN_S * 1e9)
            await self._until(lambda: not self.running, soon_ns)
        if self.running:
            vu = min(self.running, key=lambda vu: vu.id)
            self.ground.warn(
                "will_not_stop",
                f"{len(self.running)} VUs of {self.scene.name} kept running after the end, "
                f"such as VU {vu.id}; their last iterations are not counted.",
                "Code that catches asyncio.CancelledError (or everything) must raise it again.",
            )
