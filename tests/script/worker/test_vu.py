"""Iterations of a VU: exceptions, interruptions, giving way, and what happens between them."""

from __future__ import annotations

import asyncio
import itertools
from time import monotonic_ns

import pytest
from executing import MS, forever, ran, share

from fastbench.script.api.checks import Aborted
from fastbench.script.api.vu import IterationOptions, Vu
from fastbench.script.recording_context import PLACE, VU


def test_an_exception_ends_its_iteration_only() -> None:
    async def code(vu: Vu) -> None:
        if vu.iteration == 1:
            raise ValueError("second")
        if vu.iteration == 2:
            raise SystemExit(3)

    found = ran(share("per-vu-iterations", 5000, iterations=4), code)
    assert [type(error) for error in found.ground.errors] == [ValueError, SystemExit]
    assert (found.iterations, found.interrupted) == (4, 0)


def test_a_cancellation_of_the_script_is_its_exception() -> None:
    async def code(vu: Vu) -> None:
        task = asyncio.ensure_future(asyncio.sleep(3600))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    found = ran(share("per-vu-iterations", 5000, iterations=2), code)
    assert [type(error) for error in found.ground.errors] == [asyncio.CancelledError] * 2
    assert (found.iterations, found.interrupted) == (2, 0)


def test_abort_is_told() -> None:
    async def code(vu: Vu) -> None:
        raise Aborted("no more")

    found = ran(share("per-vu-iterations", 5000, iterations=1), code)
    assert found.ground.aborts == ["no more"]
    assert found.ground.errors == []


def test_iterations_that_wait_for_nothing_give_way() -> None:
    order: list[int] = []

    async def code(vu: Vu) -> None:
        order.append(vu.id)

    ran(share("per-vu-iterations", 5000, (1, 2), iterations=3), code)
    assert order == [1, 2, 1, 2, 1, 2]


def test_iterations_that_only_throw_give_way() -> None:
    order: list[int] = []

    async def code(vu: Vu) -> None:
        order.append(vu.id)
        raise ValueError

    ran(share("per-vu-iterations", 5000, (1, 2), iterations=2), code)
    assert order == [1, 2, 1, 2]


@pytest.mark.alone
def test_nothing_of_an_interruption_is_left_on_the_task() -> None:
    seen: list[tuple[asyncio.Task[None] | None, int]] = []

    async def code(vu: Vu) -> None:
        assert vu.task is not None
        seen.append((vu.task, vu.task.cancelling()))
        try:
            await asyncio.sleep(0.02 if vu.iteration else 3600)
        finally:
            await asyncio.sleep(0.02)  # in the first iteration it is asked back meanwhile

    stages = ((0.01, 1.0, 1.0), (0.0, 1.0, 0.0), (0.01, 0.0, 0.0), (0.0, 0.0, 1.0), (0.05, 1, 1))
    asked = share("ramping-vus", 70, (1,), stages=stages, start_vus=1, graceful_ms=500)
    found = ran(asked, code)
    assert found.interrupted == 1
    assert found.iterations == len(seen) - 1 > 0
    assert len({task for task, _ in seen}) == 1  # else there is nothing to forget
    assert {cancelled for _, cancelled in seen} == {0}


def test_code_that_will_not_stop_is_left_alone() -> None:
    async def code(vu: Vu) -> None:
        while True:
            try:
                await forever(vu)
            except BaseException as error:
                if isinstance(error, GeneratorExit):
                    raise

    found = ran(share("constant-vus", 20), code)
    assert found.ground.warnings == ["will_not_stop"]
    assert (found.iterations, found.interrupted) == (0, 0)


@pytest.mark.parametrize("keep", [True, False])
def test_cookies_are_new_in_each_iteration_or_kept(keep: bool) -> None:
    seen: list[str] = []

    async def code(vu: Vu) -> None:
        seen.append(vu.cookies.header("example.com", "/", secure=False))
        vu.cookies.set("a", "b", url="http://example.com/")

    habits = IterationOptions(keep_cookies=keep)
    ran(share("per-vu-iterations", 5000, iterations=2), code, habits=habits)
    assert seen == ["", "a=b" if keep else ""]


def test_iterations_may_have_a_least_duration() -> None:
    begun_ms: list[float] = []

    async def code(vu: Vu) -> None:
        begun_ms.append(monotonic_ns() / MS)

    habits = IterationOptions(least_ns=30 * MS)
    found = ran(share("per-vu-iterations", 5000, iterations=3), code, habits=habits)
    assert all(later - earlier >= 29 for earlier, later in itertools.pairwise(begun_ms))
    assert max(found.cells["iteration_duration"].values) < 20 * MS  # the rest is no part of it


def test_code_knows_where_it_runs() -> None:
    seen: list[tuple[object, str]] = []

    async def code(vu: Vu) -> None:
        seen.append((VU.get(), PLACE.get().scenario))
        await asyncio.sleep(0)
        seen.append((VU.get(), PLACE.get().scenario))

    found = ran(share("per-vu-iterations", 5000, iterations=1), code)
    assert seen == [(found.ground.made[0], "s")] * 2
