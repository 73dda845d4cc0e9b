"""The six executors on a real loop: how many iterations, when, and what becomes of late ones."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import replace
from time import monotonic_ns
from typing import Any

import pytest
import uvloop
from executing import LATE_MS, MS, Ground, Ran, brief, carry_out, forever, nothing, ran, share

from fastbench.script.api.vu import Vu
from fastbench.script.schedule import transitions
from fastbench.script.worker.executing import Executor

pytestmark = pytest.mark.alone

# Iterations.


def test_each_vu_runs_its_iterations() -> None:
    seen: list[tuple[int, int]] = []

    async def code(vu: Vu) -> None:
        seen.append((vu.id, vu.iteration))

    found = ran(share("per-vu-iterations", 5000, (2, 4), iterations=3), code)
    assert sorted(seen) == [(2, 0), (2, 1), (2, 2), (4, 0), (4, 1), (4, 2)]
    assert (found.iterations, found.dropped, found.interrupted) == (6, 0, 0)
    assert len(found.cells["iteration_duration"].values) == 6
    assert found.lasted_ms < LATE_MS + 40  # not the maximum: it ends when all is done


def test_what_did_not_begin_in_time_is_dropped() -> None:
    asked = share("per-vu-iterations", 50, (1, 2), iterations=3)
    found = ran(asked, forever)
    assert (found.iterations, found.dropped, found.interrupted) == (0, 4, 2)


def test_shared_iterations_are_exact_over_workers() -> None:
    async def both() -> list[Ran]:
        taken = itertools.count()
        asked = share("shared-iterations", 5000, iterations=101, shared=0)
        shares = [replace(asked, vus=(1, 3)), replace(asked, vus=(2, 4))]
        runs = [carry_out(each, brief, ground=Ground(taken)) for each in shares]
        return list(await asyncio.gather(*runs))

    loop = uvloop.new_event_loop()
    runs = loop.run_until_complete(both())
    loop.close()
    assert sum(each.iterations for each in runs) == 101
    assert min(each.iterations for each in runs) > 40
    assert sum(each.dropped for each in runs) == 0


def test_shared_iterations_that_nobody_took_are_dropped_once() -> None:
    async def both() -> list[Ran]:
        taken = itertools.count()
        asked = share("shared-iterations", 50, iterations=1000, shared=0, graceful_ms=500)
        shares = [replace(asked, vus=(1, 3)), replace(asked, vus=(2, 4))]
        runs = [carry_out(each, brief, ground=Ground(taken)) for each in shares]
        return list(await asyncio.gather(*runs))

    loop = uvloop.new_event_loop()
    runs = loop.run_until_complete(both())
    loop.close()
    begun = sum(each.iterations + each.interrupted for each in runs)
    assert 0 < begun < 1000
    assert begun + sum(each.dropped for each in runs) == 1000


# Time.


def test_constant_vus_begin_nothing_after_the_end() -> None:
    begun: list[int] = []

    async def code(vu: Vu) -> None:
        begun.append(monotonic_ns())
        await asyncio.sleep(0.005)

    found = ran(share("constant-vus", 100, (1, 2, 3), graceful_ms=1000), code)
    assert found.ground.start_ns <= min(begun)
    assert max(begun) < found.ground.start_ns + 100 * MS
    assert found.iterations == len(begun) > 20
    assert found.lasted_ms < 100 + LATE_MS  # graceful is what it may last, not what it lasts
    assert found.ground.most_vus == 3


def test_iterations_may_end_within_the_graceful_stop() -> None:
    async def code(vu: Vu) -> None:
        await asyncio.sleep(0.08 if vu.id == 1 else 3600)

    found = ran(share("constant-vus", 30, (1, 2), graceful_ms=100), code)
    assert (found.iterations, found.interrupted) == (1, 1)
    assert 130 <= found.lasted_ms < 130 + LATE_MS


def test_a_scenario_begins_at_its_start_time() -> None:
    begun: list[int] = []

    async def code(vu: Vu) -> None:
        begun.append(monotonic_ns())

    asked = share("per-vu-iterations", 1000, iterations=1, start_ns=80 * MS)
    found = ran(asked, code)
    assert 0 <= begun[0] - found.ground.start_ns - 80 * MS < LATE_MS * MS


@pytest.mark.parametrize("grace", [True, False])
def test_a_stop_ends_it_early(grace: bool) -> None:
    async def stop(executor: Executor) -> None:
        await asyncio.sleep(0.04)
        executor.stop(grace=grace)

    async def code(vu: Vu) -> None:
        await asyncio.sleep(0.06)

    asked = share("per-vu-iterations", 60_000, (1,), iterations=9, graceful_ms=60_000)
    found = ran(asked, code, meanwhile=stop)
    assert (found.iterations, found.interrupted) == ((1, 0) if grace else (0, 1))
    assert found.dropped == 0  # nobody ran out of time
    assert found.lasted_ms < 70 + LATE_MS


def test_a_stop_before_the_start_runs_nothing() -> None:
    async def stop(executor: Executor) -> None:
        executor.stop(grace=True)

    asked = share("constant-arrival-rate", 60_000, start_ns=60_000 * MS, stages=((60.0, 9, 9),))
    found = ran(replace(asked, pre_allocated=(1,)), nothing, meanwhile=stop)
    assert found.iterations == 0
    assert found.lasted_ms < LATE_MS


# Ramps.


def test_the_number_of_vus_follows_the_stages() -> None:
    asked = share(
        *("ramping-vus", 300, range(1, 9)),
        stages=((0.1, 2.0, 8.0), (0.1, 8.0, 8.0), (0.1, 8.0, 0.0)),
        start_vus=2,
        ramp_down_ms=1000,
    )
    counts: list[tuple[float, int]] = []

    async def watch(executor: Executor) -> None:
        ground: Any = executor.ground
        while (now_ms := (monotonic_ns() - ground.start_ns) / MS) < 300:
            counts.append((now_ms, ground.vus))
            await asyncio.sleep(0.004)

    found = ran(asked, brief, meanwhile=watch)
    assert found.ground.most_vus == 8
    assert found.interrupted == 0

    def line(ms: float) -> float:
        return 2 + ms * 6 / 100 if ms < 100 else 8 if ms < 200 else 8 - (ms - 200) * 8 / 100

    during = [(ms, count) for ms, count in counts if ms > 1]
    wrong = [(ms, count) for ms, count in during if not _near(count, ms, line)]
    assert len(during) > 30
    assert len(wrong) <= len(during) * 0.05, wrong  # the machine may have looked away


def _near(count: int, ms: float, line: Callable[[float], float]) -> bool:
    """Tell whether the count is within one of the line, give or take an iteration."""
    return any(abs(count - line(max(0, ms - back))) <= 1 for back in (0, 3, 6))


def test_a_vu_that_must_go_is_halted_after_the_graceful_ramp_down() -> None:
    ended_ms: list[float] = []

    async def code(vu: Vu) -> None:
        try:
            await forever(vu)
        finally:
            ended_ms.append(monotonic_ns() / MS)

    asked = share(
        *("ramping-vus", 200, (1,)),
        stages=((0.05, 1.0, 1.0), (0.0, 1.0, 0.0), (0.15, 0.0, 0.0)),
        start_vus=1,
        ramp_down_ms=50,
        graceful_ms=5000,
    )
    found = ran(asked, code)
    assert found.interrupted == 1
    assert 100 <= ended_ms[0] - found.ground.start_ns / MS < 100 + LATE_MS


def test_a_vu_that_comes_back_is_the_same_one() -> None:
    seen: list[tuple[int, int]] = []

    async def code(vu: Vu) -> None:
        vu.state["times"] = vu.state.get("times", 0) + 1
        seen.append((vu.iteration, vu.state["times"]))
        await forever(vu)

    asked = share(
        *("ramping-vus", 150, (1,)),
        stages=((0.05, 1.0, 1.0), (0.0, 1.0, 0.0), (0.05, 0.0, 0.0), (0.0, 0.0, 1.0), (0.05, 1, 1)),
        start_vus=1,
    )
    found = ran(asked, code)
    assert seen == [(0, 1), (1, 2)]
    assert found.interrupted == 2
    assert len(found.ground.made) == 1


def test_a_vu_that_is_asked_back_in_time_is_not_halted() -> None:
    async def code(vu: Vu) -> None:
        await asyncio.sleep(0.1)

    stages = ((0.03, 1.0, 1.0), (0.0, 1.0, 0.0), (0.02, 0.0, 0.0), (0.0, 0.0, 1.0), (0.1, 1, 1))
    asked = share(
        *("ramping-vus", 150, (1,)),
        stages=stages,
        start_vus=1,
        ramp_down_ms=40,
        graceful_ms=500,
    )
    assert [comes for _, _, comes in transitions(asked)] == [True, False, True]
    found = ran(asked, code)
    assert (found.iterations, found.interrupted) == (2, 0)


# Arrival rates.


def test_iterations_arrive_at_the_rate() -> None:
    begun: list[int] = []

    async def code(vu: Vu) -> None:
        begun.append(monotonic_ns())
        await asyncio.sleep(0.001)

    asked = share("constant-arrival-rate", 200, range(1, 41), stages=((0.2, 500.0, 500.0),))
    found = ran(replace(asked, pre_allocated=tuple(range(1, 21)), graceful_stop_ns=MS * 500), code)
    assert found.iterations == 100
    assert found.dropped == 0
    late_ms = [(at - found.ground.start_ns) / MS - i * 2 for i, at in enumerate(begun)]
    assert min(late_ms) >= 0
    assert sorted(late_ms)[50] < 1  # not rounded to the loop's milliseconds


def test_a_rate_may_follow_stages() -> None:
    asked = share("ramping-arrival-rate", 200, range(1, 41))
    stages = ((0.1, 0.0, 1000.0), (0.1, 1000.0, 0.0))
    found = ran(replace(asked, pre_allocated=asked.vus, stages=stages), nothing)
    assert found.iterations == 100


def test_instants_of_several_workers_add_up() -> None:
    asked = share("constant-arrival-rate", 100, range(1, 9), stages=((0.1, 510.0, 510.0),))
    asked = replace(asked, pre_allocated=asked.vus, lanes=3)
    counts = [ran(replace(asked, lane=lane), nothing).iterations for lane in range(3)]
    assert counts == [17, 17, 17]


def test_the_vu_that_was_idle_longest_comes_first() -> None:
    seen: list[int] = []

    async def code(vu: Vu) -> None:
        seen.append(vu.id)

    asked = share("constant-arrival-rate", 120, (1, 2, 3), stages=((0.12, 50.0, 50.0),))
    ran(replace(asked, pre_allocated=(1, 2, 3)), code)
    assert seen == [1, 2, 3, 1, 2, 3]


def test_vus_are_made_as_they_are_needed_then_iterations_are_dropped() -> None:
    asked = share("constant-arrival-rate", 100, (1, 2, 3), stages=((0.1, 100.0, 100.0),))
    found = ran(replace(asked, pre_allocated=(1,)), forever)
    assert [vu.id for vu in found.ground.made] == [1, 2, 3]
    assert (found.dropped, found.interrupted, found.iterations) == (7, 3, 0)


def test_a_planned_iteration_knows_its_instant() -> None:
    late_ns: list[int] = []

    async def code(vu: Vu) -> None:
        assert vu.session.paced
        late_ns.append(monotonic_ns() - vu.session.planned_ns)
        await asyncio.sleep(0)

    asked = share("constant-arrival-rate", 50, (1, 2, 3, 4), stages=((0.05, 200.0, 200.0),))
    found = ran(replace(asked, pre_allocated=(1, 2)), code)
    assert found.iterations == len(late_ns) == 10
    assert min(late_ns) >= 0
    assert max(late_ns) < LATE_MS * MS
