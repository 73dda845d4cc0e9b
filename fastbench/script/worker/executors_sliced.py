"""The executor of a run in slices: see script/slice_gate.py."""

from __future__ import annotations

from time import monotonic_ns

from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.schedule import Share
from fastbench.script.worker.executing import Executor, ExecutorHost
from fastbench.script.worker.slice_turns import SliceTurns


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
