"""One iteration, watched: setup, one iteration of one scenario, teardown, all in this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from time import monotonic_ns
from typing import Any

import uvloop

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.foundation import signals
from fastbench.script import closing
from fastbench.script.api.operations import operation
from fastbench.script.api.socket_state import Watch
from fastbench.script.api.sockets import Socket
from fastbench.script.api.vu import ScenarioRunner, Vu
from fastbench.script.exceptions import Broken
from fastbench.script.load import hosts
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.run_request import RunRequest
from fastbench.script.worker.runtime import Runtime

Show = Callable[["_client.Exchange", "_client.Response"], None]
ShowTimed = Callable[[operation], None]
Enter = Callable[[str], None]  # called with each part: "setup", "scenario NAME", "teardown"

TEARDOWN_S = 7.0  # after a signal, as in a run


@dataclass(slots=True)
class Rehearsed:
    """What came of it. `broken` is what broke in setup or teardown."""

    others: tuple[str, ...] = ()  # scenarios that were not run
    threw: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    aborted: str | None = None
    broken: list[Broken] = field(default_factory=list)
    checks: list[tuple[str, int, int]] = field(default_factory=list)  # tags, passes, fails


def rehearse(
    asked: RunRequest, enter: Enter, show: Show, timed: ShowTimed, frame: Watch
) -> Rehearsed:
    """Run one iteration of the first scenario asked for.

    `show` gets every exchange, `timed` every operation that the script timed itself, `frame` every
    frame of a WebSocket.
    A signal ends the iteration; teardown follows, and has TEARDOWN_S. Raises script.Broken when the
    script does not load, UsageError for wrong options.
    """
    block, arena = _core.Block(1), _client.Arena(1)
    host = hosts.host_of(asked)
    host.load(arena.take)
    applied = host.applied()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    operation.watch, Socket.watch = timed, frame
    try:
        rehearsed = loop.run_until_complete(_perform(host, applied, block, arena, enter, show))
    finally:
        operation.watch = Socket.watch = None
        asyncio.set_event_loop(None)
        loop.close()
    for _, _, tags, value in arena.read(0, {"checks"}):
        passes, total = value
        rehearsed.checks.append((tags, passes, total - passes))
    return rehearsed


async def _perform(
    host: ScriptHost,
    applied: Applied,
    block: _core.Block,
    arena: _client.Arena,
    enter: Enter,
    show: Show,
) -> Rehearsed:
    first, *others = applied.scenarios
    rehearsed = Rehearsed(tuple(each.name for each in others))
    crew = Runtime(host, block, arena, 0, lambda message: _hear(rehearsed, message))
    crew.settings = replace(crew.settings, discard_response_bodies=False)
    crew.pool.trace = show
    data, settled = None, not applied.declared.setup
    vus: list[Vu] = []

    async def load() -> None:
        nonlocal data, settled
        if applied.declared.setup:
            enter("setup")
            data = await crew.setup()
            settled = True
        enter(f"scenario {first.name}")
        share = applied.shares(1)[0][0]
        crew.now.start_ns = monotonic_ns()
        scene = crew.scene(share, data)
        vu = crew.vu(scene, share, share.vus[0])
        vus.append(vu)
        vu.task = asyncio.create_task(_once(scene, vu))
        await vu.task
        vu.session.reset()

    def halt() -> bool:
        for vu in vus:
            vu.halt()
        return bool(vus)

    try:
        await _until_signalled(load(), grace_s=0, halt=halt)
        if applied.declared.teardown and settled:
            enter("teardown")
            await _until_signalled(crew.teardown(data), grace_s=TEARDOWN_S)
    except Broken as broken:
        rehearsed.broken.append(broken)
    finally:
        await closing.close_all()
        crew.close()
    return rehearsed


async def _until_signalled(
    work: Coroutine[Any, Any, None], grace_s: float, halt: Callable[[], bool] = lambda: False
) -> None:
    """Do something; a signal, now or before, halts it after `grace_s`, or else cancels it."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    with signals.heard(lambda: loop.call_later(grace_s, lambda: halt() or task.cancel())):
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def _once(scene: ScenarioRunner, vu: Vu) -> None:
    scene.enter(vu)
    await scene.iterate(vu)


def _hear(rehearsed: Rehearsed, message: dict[str, Any]) -> None:
    ((kind, said),) = message.items()
    if kind == "threw":
        rehearsed.threw.append(said)
    elif kind == "warning":
        rehearsed.warnings.append(said)
    elif kind == "abort":
        rehearsed.aborted = said["text"]
