"""What a cluster of many machines needs that one of three does not."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from fastbench import __version__
from fastbench.cluster import dask_cluster
from fastbench.cluster.dask_cluster import Cluster
from fastbench.cluster.frames import Said
from fastbench.cluster.links import cluster_thread
from fastbench.cluster.links.cluster_thread import ClusterThread
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.worker_memory import LAYOUT
from fastbench.engine.bridge import _core
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import limits

MACHINES = 12
WORKERS = 200


class Site:
    """A cluster of machines that say hello, if they `speak`, and take a while to leave."""

    def __init__(self, *, speaks: bool = True) -> None:
        self.speaks = speaks
        self.leaving = self.leaving_at_once = 0

    @asynccontextmanager
    async def open(self, address: str, running: object) -> AsyncIterator[Cluster]:
        workers = [(f"m{at}", f"tcp://m{at}:1") for at in range(MACHINES)]
        yield cast(Cluster, Placing(self, workers))


class Placing:
    def __init__(self, site: Site, workers: list[tuple[str, str]]) -> None:
        self.site, self.workers = site, workers

    async def place(self, kind: type, address: str, *args: object) -> Any:
        return Actor(self.site)


class Actor:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.hello = site.speaks

    async def start(self) -> str:
        return ""

    async def now_ns(self) -> int:
        return time.monotonic_ns()

    async def push(self, number: int, data: bytes) -> None: ...

    async def pull(self, number: int, wait_s: float) -> bytes:
        if not self.hello:
            await asyncio.sleep(wait_s)
            return b"O"
        self.hello = False
        body = {"version": __version__, "layout": LAYOUT, "cores": 4, "memory_bytes": 1}
        return b"O" + Said("hello", {**body, "environment": {}}).encoded()

    async def close(self) -> None:
        self.site.leaving += 1
        self.site.leaving_at_once = max(self.site.leaving_at_once, self.site.leaving)
        await asyncio.sleep(0.05)
        self.site.leaving -= 1


@pytest.fixture(autouse=True)
def _same_limit_of_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_all_machines_are_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    monkeypatch.setattr(dask_cluster, "open_cluster", site.open)
    with ClusterThread("tcp://there:1") as cluster:
        assert [each.name for each in cluster.machines] == [f"m{at}" for at in range(MACHINES)]
        assert all(each.offset is not None for each in cluster.machines)
    assert site.leaving_at_once == MACHINES and site.leaving == 0


def test_a_machine_whose_agent_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "open_cluster", Site(speaks=False).open)
    monkeypatch.setattr(cluster_thread, "ANSWER_S", 0.05)
    with pytest.raises(UsageError) as raised, ClusterThread("tcp://there:1"):
        pass
    said = str(raised.value)
    assert said.startswith("--on: m")
    assert said.endswith(" cannot start an agent: it did not answer within 0.05s.")


def test_an_answer_that_nobody_waits_for_any_more_is_no_error() -> None:
    machine = MachineLink("m1", "tcp://there:1", None)
    waiting: Future[Any] = Future()
    machine._answers["hello"] = waiting
    waiting.cancel()
    machine.lose("the run is over")
    assert machine.lost == "the run is over"


def test_files_for_all_machines_and_workers_are_allowed_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    limits.allow_files_of_machines(20, 80)
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == hard
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 1024))
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)
    with pytest.raises(UsageError) as raised:
        limits.allow_files_of_machines(1000, 4000)
    said = str(raised.value)
    assert said.startswith("--on: 1,000 machines with 4,000 workers need 12,032 open files here, ")
    assert "the hard limit is 1,024; use fewer workers with -t" in said


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_copy_of_what_others_write_takes_only_the_memory_that_they_used() -> None:
    own = _core.Block(1)
    part, instants = own.parts(0)[0]
    changes = _core.MemoryChanges(part)
    part[8:16] = (7).to_bytes(8, "little")  # connections that settled
    before = _resident_bytes()
    copy = _core.Block(WORKERS, private=True)
    for name in _core.HISTOGRAMS:
        assert copy.histogram(name).count == 0
    assert copy.sums()["ok"] == 0 and copy.state(WORKERS - 1) == own.state(0)
    _core.apply_changes(copy.parts(WORKERS - 1)[0][0], changes.take(len(part), instants, 0))
    assert copy.counters(WORKERS - 1) == own.counters(0)
    assert _resident_bytes() - before < WORKERS * 50_000 < WORKERS * len(part)
