"""Executors on a real loop, with stand-ins for what a worker gives them."""

from __future__ import annotations

import asyncio
import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any

import uvloop

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.plan.network import resolve
from fastbench.script import recording_context
from fastbench.script.api.vu import K6_HABITS, IterationOptions, ScenarioRunner, Vu
from fastbench.script.http.client import Maker, Settings
from fastbench.script.schedule import Share
from fastbench.script.worker import executors
from fastbench.script.worker.executing import Executor

__all__ = [
    "LATE_MS",
    "MS",
    "Code",
    "Ground",
    "Ran",
    "brief",
    "carry_out",
    "forever",
    "nothing",
    "ran",
    "share",
]

MS = 1_000_000
LATE_MS = 60  # what a busy machine may add to anything

Code = Callable[[Vu], Coroutine[Any, Any, Any]]


@dataclass(slots=True)
class Cell:
    """Stand for a cell in shared memory."""

    values: list[float] = field(default_factory=list)

    def add(self, value: float) -> None:
        self.values.append(value)

    @property
    def sum(self) -> float:
        return sum(self.values)


class Recorder:
    """Stand for the recorder: a cell for each name."""

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = defaultdict(Cell)

    def counter(self, name: str, scenario: str, tags: object) -> Cell:
        return self.cells[name]

    times = counter


class Ground:
    """Stand for the crew of a worker: real clock, real alarms, real sessions; no shared memory."""

    def __init__(self, taken: itertools.count[int] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        self.start_ns = monotonic_ns() + 10 * MS
        self.pool = _client.Pool(_core.Block(1), 0, self.loop, resolve=resolve.soon)
        self.maker = Maker(self.pool, Settings())
        self.taken = taken if taken is not None else itertools.count()
        self.closed = False
        self.turns = None
        self.vus = self.most_vus = 0
        self.made: list[Vu] = []
        self.warnings: list[str] = []
        self.errors: list[BaseException] = []
        self.aborts: list[str] = []

    def vu(self, scene: ScenarioRunner, share: Share, id: int) -> Vu:
        self.made.append(Vu(id, scene.name, _client.Session(self.pool), self.maker))
        return self.made[-1]

    def alarm(self, callback: Callable[[int], None]) -> _client.Ticker:
        return _client.Ticker(self.loop, callback)

    def take(self, shared: int, limit: int) -> int:
        number = next(self.taken)
        return number if number < limit else -1

    def take_rest(self, shared: int, limit: int) -> int:
        return sum(1 for _ in iter(lambda: self.take(shared, limit), -1))

    def left(self, shared: int) -> int:
        raise NotImplementedError  # nothing is granted here

    def alive(self, change: int) -> None:
        self.vus += change
        self.most_vus = max(self.vus, self.most_vus)

    def warn(self, code: str, text: str, hint: str) -> None:
        self.warnings.append(code)

    def at(self, vu: int, iteration: int) -> None:
        pass

    def threw(self, error: BaseException, scenario: str) -> None:
        self.errors.append(error)

    def aborted(self, text: str) -> None:
        self.aborts.append(text)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a run."""

    ground: Ground
    cells: dict[str, Cell]
    lasted_ms: float

    @property
    def iterations(self) -> int:
        return int(self.cells["iterations"].sum)

    @property
    def dropped(self) -> int:
        return int(self.cells["dropped_iterations"].sum)

    @property
    def interrupted(self) -> int:
        return int(self.cells["iterations.interrupted"].sum)


def share(executor: str, ms: float, vus: Sequence[int] = (1,), **more: Any) -> Share:
    """Make a share of one worker; `ms` is how long iterations are started."""
    stop_ns = round(more.pop("graceful_ms", 0) * MS)
    down_ns = round(more.pop("ramp_down_ms", 0) * MS)
    return Share(
        scenario="s",
        executor=executor,
        function="f",
        worker=0,
        workers=1,
        start_ns=more.pop("start_ns", 0),
        duration_ns=round(ms * MS),
        graceful_stop_ns=stop_ns,
        graceful_ramp_down_ns=down_ns,
        vus=tuple(vus),
        last_vu=max(vus),
        **more,
    )


async def carry_out(
    asked: Share,
    code: Code,
    *,
    ground: Ground | None = None,
    habits: IterationOptions = K6_HABITS,
    meanwhile: Callable[[Executor], Awaitable[None]] | None = None,
) -> Ran:
    ground = ground or Ground()
    recorder: Any = Recorder()
    root = recording_context.root(recorder, "s")
    scene = ScenarioRunner(root, code, ground, habits)
    executor = executors.make(asked, scene, ground)
    executor.prepare()
    executor.line_up()
    beside = asyncio.ensure_future(meanwhile(executor)) if meanwhile else None
    await executor.run()
    lasted_ms = (monotonic_ns() - ground.start_ns) / MS
    if beside is not None:
        await beside
    ground.pool.close()
    return Ran(ground, recorder.cells, lasted_ms)


def ran(asked: Share, code: Code, **more: Any) -> Ran:
    """Carry out a share in a loop of its own."""
    loop = uvloop.new_event_loop()
    try:
        found = loop.run_until_complete(carry_out(asked, code, **more))
        if not found.ground.warnings:
            assert found.ground.vus == 0
            assert not asyncio.all_tasks(loop)
        return found
    finally:
        loop.close()


async def nothing(vu: Vu) -> None:
    pass


async def brief(vu: Vu) -> None:
    await asyncio.sleep(0.002)


async def forever(vu: Vu) -> None:
    await asyncio.sleep(3600)
