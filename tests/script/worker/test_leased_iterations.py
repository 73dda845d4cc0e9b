"""Shared iterations on one of several machines: VUs wait for what it is granted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest
import uvloop
from executing import Code, Ground, Ran, brief, carry_out, forever, share
from running import until
from workers import worker

from fastbench.engine.client import _client
from fastbench.script.worker.executing import Executor

pytestmark = pytest.mark.alone


class LeasedGround(Ground):
    """The crew of a worker whose machine is one of several."""

    def __init__(self) -> None:
        super().__init__()
        self.arena = _client.Arena(1)
        self.arena.grant(0, 0, 0)
        self.looks = 0

    def take(self, shared: int, limit: int) -> int:
        return self.arena.take(shared, limit)

    def take_rest(self, shared: int, limit: int) -> int:
        return self.arena.take_rest(shared, limit)

    def left(self, shared: int) -> int:
        self.looks += 1
        left = self.arena.left(shared)
        return left if left or self.arena.grants_open(shared) else -1

    async def granted(self, *ranges: tuple[int, int]) -> None:
        """Grant them one after the other, each some time after the last one was used up."""
        for first, count in ranges:
            await self.used_up()
            await asyncio.sleep(0.01)
            self.arena.grant(0, first, count)
        await self.used_up()

    async def used_up(self) -> None:
        while self.arena.left(0):
            await asyncio.sleep(0.001)


def carried(
    vus: int,
    ms: float,
    code: Code,
    meanwhile: Callable[[LeasedGround, Executor], Awaitable[None]],
    graceful_ms: float = 0,
) -> tuple[Ran, LeasedGround]:
    async def go() -> tuple[Ran, LeasedGround]:
        ground = LeasedGround()
        ids, more = range(1, vus + 1), {"iterations": 10**6, "graceful_ms": graceful_ms}
        asked = share("shared-iterations", ms, ids, shared=0, **more)
        told = lambda executor: meanwhile(ground, executor)  # noqa: E731
        found = await carry_out(asked, code, ground=ground, meanwhile=told)
        assert ground.vus == 0 and not ground.warnings
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return found, ground

    loop = uvloop.new_event_loop()
    try:
        return loop.run_until_complete(go())
    finally:
        loop.close()


@pytest.mark.parametrize("vus", [1, 50])
def test_vus_wait_for_more_and_end_when_none_will_come(vus: int) -> None:
    async def grant(ground: LeasedGround, executor: Executor) -> None:
        await ground.granted((0, 7), (100, 1), (200, 30))
        ground.arena.close_grants(0)

    found, ground = carried(vus, 5000, brief, grant)
    assert (found.iterations, found.dropped, found.interrupted) == (38, 0, 0)
    assert found.lasted_ms < 1000
    assert 0 < ground.looks <= found.lasted_ms / 2 + 10  # one timer, however many wait


def test_what_was_granted_and_not_begun_in_time_is_dropped_and_the_rest_is_not_ours() -> None:
    async def grant(ground: LeasedGround, executor: Executor) -> None:
        ground.arena.grant(0, 0, 5)

    found, ground = carried(3, 100, forever, grant)
    assert (found.iterations, found.interrupted, found.dropped) == (0, 3, 2)
    assert (ground.arena.left(0), ground.arena.grants_open(0)) == (0, False)


def test_vus_that_wait_end_with_the_time_and_when_told() -> None:
    async def nothing_comes(ground: LeasedGround, executor: Executor) -> None:
        pass

    async def stop(ground: LeasedGround, executor: Executor) -> None:
        await ground.granted((0, 4))
        executor.stop(grace=True)

    found, _ = carried(2, 60, brief, nothing_comes)
    assert (found.iterations, found.dropped, found.interrupted) == (0, 0, 0)
    found, ground = carried(2, 5000, brief, stop, graceful_ms=2000)
    assert (found.iterations, found.dropped, found.interrupted) == (4, 0, 0)
    assert found.lasted_ms < 1000 and ground.arena.grants_open(0)


def test_a_worker_runs_what_its_machine_is_granted(tmp_path: Path) -> None:
    code = """
from fastbench import scenario

@scenario(executor="shared-iterations", vus=2, iterations=1000)
async def one(vu):
    pass
"""
    with worker(tmp_path, code) as one:

        def ran(count: int) -> bool:
            return one.counts().get("iterations", 0) == count

        one.arena.grant(0, 0, 3)
        one.begin()
        for first, count, sum_ in ((3, 0, 3), (500, 4, 7), (600, 90, 97)):
            one.arena.grant(0, first, count)
            until(partial(ran, sum_))
        one.arena.close_grants(0)
        one.hear("ended")
        assert ran(97) and not one.counts().get("dropped_iterations")
        assert one.quit() == 0
