"""The line to a machine whose clock goes its own way."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
import samples

from fastbench.cluster.frames import Reader, Said
from fastbench.cluster.links import machine_link
from fastbench.cluster.links.cluster_thread import ClusterThread
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.parent.remote_workers import RemoteWorkers
from fastbench.engine.bridge import _core

HOUR_NS = 3_600 * 10**9


class Machine:
    """Dask's actor on a machine that says nothing but the time, with a clock an hour ahead."""

    def __init__(self) -> None:
        self.ahead_ns = HOUR_NS
        self.asked = 0

    async def now_ns(self) -> int:
        self.asked += 1
        return time.monotonic_ns() + self.ahead_ns

    async def push(self, number: int, data: bytes) -> None: ...

    async def pull(self, number: int, wait_s: float) -> bytes:
        await asyncio.sleep(wait_s)
        return b"O"

    async def close(self) -> None: ...


async def _followed(stepped_ns: int) -> MachineLink:
    """Follow a machine whose clock steps after it was measured, until that was looked at."""
    actor = Machine()
    machine = MachineLink("m1", "tcp://there:1", cast(Any, actor))
    machine.offset = await machine.measure()
    assert abs(machine.offset.offset_ns - HOUR_NS) <= machine.offset.bound_ns
    actor.ahead_ns += stepped_ns
    looked = actor.asked
    machine.begin()
    async with asyncio.timeout(20):
        while actor.asked < looked + 3 or (stepped_ns and not machine.drifted):
            await asyncio.sleep(0.001)
    await machine.end()
    return machine


@pytest.fixture
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_link, "CLOCK_S", 0.01)


@pytest.mark.usefixtures("_looks_often")
def test_a_clock_that_stepped_in_the_run_is_told_with_the_result() -> None:
    machine = asyncio.run(_followed(-60 * 10**9))
    assert machine.drifted.startswith("The clock of m1 stepped by ")
    assert ": it was suspended, or its virtual machine was stopped" in machine.drifted
    assert machine.offset is not None and machine.offset.offset_ns > HOUR_NS - 10**9  # it is kept
    cluster = SimpleNamespace(address="local:1", machines=[machine])
    workers = RemoteWorkers(cast(ClusterThread, cluster), lambda told: None)
    workers.number([0])
    workers._reports = {}
    told = workers.told(samples.good(), _core.Block(1))
    assert [each.text for each in told.warnings if each.code == "clock_drift"] == [machine.drifted]


def test_who_looks_up_a_name_may_be_silent_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver whose first server is down takes 5 s and more, resolv.conf(5)."""
    for name, value in (("BEAT_S", 0.005), ("LOST_S", 0.02), ("PULL_S", 60)):
        monkeypatch.setattr(machine_link, name, value)

    async def lost(asked: str) -> str:
        first, *others = (MachineLink(name, "", cast(Any, Machine()), cores=2) for name in "abc")
        first.begin()
        first.ask(asked, {}, asked)
        for other in others:
            other.begin()
            async with asyncio.timeout(20):
                while not other.lost:
                    await asyncio.sleep(0.001)
        found = first.lost
        for machine in (first, *others):
            await machine.end()
        return found

    assert [asyncio.run(lost(asked)) for asked in ("found", "sought", "started")] == [""] * 3
    assert asyncio.run(lost("summed")) == "it was silent for 0.02s"


def test_files_do_not_pile_up_in_memory_before_a_slow_way() -> None:
    """So many pieces wait at most; all arrive once the way is free."""

    async def sent() -> tuple[int, list[int]]:
        machine = MachineLink("m1", "tcp://there:1", actor := cast(Any, Machine()))
        free, reader, arrived = asyncio.Event(), Reader(), list[int]()

        async def push(number: int, data: bytes) -> None:
            await free.wait()
            found = [each for each in reader.feed(data) if isinstance(each, Said)]
            arrived.extend(each.body for each in found if each.kind == "file")

        actor.push = push
        machine.begin()
        posting = [asyncio.create_task(machine.post_in_turn("file", each)) for each in range(60)]
        async with asyncio.timeout(20):
            while sum(each.done() for each in posting) < machine_link.MAX_WAITING:
                await asyncio.sleep(0)
            for _ in range(100):
                await asyncio.sleep(0)
            waiting = sum(each.done() for each in posting)
            free.set()
            await asyncio.gather(*posting)
            while len(arrived) < 60:
                await asyncio.sleep(0.001)
        await machine.end()
        return waiting, arrived

    waiting, arrived = asyncio.run(sent())
    assert waiting <= 2 * machine_link.MAX_WAITING  # one load on its way, one that waits
    assert sorted(arrived) == list(range(60))


@pytest.mark.usefixtures("_looks_often")
def test_a_clock_that_is_an_hour_ahead_all_the_time_is_no_drift() -> None:
    assert asyncio.run(_followed(0)).drifted == ""
