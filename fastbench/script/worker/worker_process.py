"""A worker: the process that imports the script and runs its VUs, as the parent says.

1. `run` is called right after the fork, and the process ends with it: see child.py.
2. Worker 0 sends what the script declares, the others that they have loaded it; then the parent
   directs: setup, begin, stop, teardown, cut (cancel it), quit. When the parent is gone the worker
   ends at once.
3. SIGINT and SIGHUP are the parent's business. SIGTERM ends a worker that has not been heard of
   for STUCK_NS, and no other: a signal to the whole process group loses nobody. SIGUSR1 dumps the
   stack, even from code that never comes back, and then names the VU where Python gets to it.
4. What the script prints goes to stderr, at a bounded rate: stdout belongs to the document.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from time import monotonic_ns
from types import FrameType
from typing import Any

import uvloop

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.run.child import EXIT_FAILED
from fastbench.script import closing
from fastbench.script.api.vu import Vu
from fastbench.script.exceptions import Broken, Spot
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.recording_context import VU
from fastbench.script.schedule import Share
from fastbench.script.worker.channel import Channel
from fastbench.script.worker.runtime import Runtime
from fastbench.script.worker.script_output import Printed

STUCK_NS = 5_000_000_000
GC_THRESHOLDS = 10_000, 5, 20  # Python's first is 700: 500 looks a second at nothing to collect


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """Where a worker sits. `dump_fd` takes the stack at SIGUSR1.

    `workers` is how many there may be; how many there are is known when the shares are.
    """

    index: int
    workers: int
    channel: socket.socket
    dump_fd: int
    block: _core.Block
    arena: _client.Arena
    host: ScriptHost


def run(seat: WorkerContext) -> None:
    """Be a worker; the process ends with it."""
    printed = Printed(2, getattr(sys.stderr, "encoding", None) or "utf-8")
    _settle(seat)
    sys.stdout = sys.stderr = printed
    try:
        _Worker(seat).work()
    finally:
        printed.end()


def _settle(seat: WorkerContext) -> None:
    """Make this process a worker."""
    signal.signal(signal.SIGTERM, lambda number, frame: _end_if_stuck(seat, frame))
    signal.signal(signal.SIGUSR1, lambda number, frame: _name_vu(seat))
    faulthandler.register(signal.SIGUSR1, file=seat.dump_fd, all_threads=False, chain=True)
    os.dup2(2, 1)


def _end_if_stuck(seat: WorkerContext, frame: FrameType | None) -> None:
    if monotonic_ns() - seat.arena.beat_ns(seat.index) > STUCK_NS:
        os._exit(EXIT_FAILED)


def _name_vu(seat: WorkerContext) -> None:
    """Add to the stack who runs: a handler sees the context of what it interrupts."""
    vu = VU.get(None)
    if isinstance(vu, Vu):
        os.write(seat.dump_fd, f"VU {vu.id}\n".encode())


def record_pauses(book: _client.MetricRegistry) -> None:
    """Record from now on how long each garbage collection takes."""
    add = book.times("gc.pause").add
    begun_ns = 0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal begun_ns
        now_ns = monotonic_ns()
        if phase == "start":
            begun_ns = now_ns
        else:
            add(now_ns - begun_ns)

    gc.callbacks.append(note)


class _Worker:
    """What a worker does at each message."""

    def __init__(self, seat: WorkerContext) -> None:
        self._seat = seat
        self._channel = Channel(seat.channel)
        self._crew: Runtime | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._setup_task: asyncio.Task[None] | None = None
        self._teardown_task: asyncio.Task[None] | None = None
        self._quit: asyncio.Future[None] | None = None

    def work(self) -> None:
        """Load the script, then do what the parent says until it says quit."""
        gc.set_threshold(*GC_THRESHOLDS)  # the script may choose others
        loaded = False
        try:
            self._seat.host.load(self._seat.arena.take)
        except Broken as broken:
            self._broken(broken)
        else:
            loaded = True
            # Before the parent knows of it: its start line is 20 ms away, and data may be large.
            gc.collect()
            gc.freeze()  # modules live until the end
            self._tell_loaded()
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._attend(loaded))

    def _tell_loaded(self) -> None:
        declared = self._seat.host.declared
        said: dict[str, object] = {"loaded": {}} if self._seat.index else {"declared": declared}
        try:
            self._channel.send(said)
        except TypeError as error:  # the script's own types, in a threshold or a tag
            what = redact.printable(str(error))
            text = f"Options must be made of texts, numbers, lists and dicts: {what}."
            self._broken(self._wrong(text))

    async def _attend(self, loaded: bool) -> None:
        self._quit = asyncio.get_running_loop().create_future()
        if loaded:
            self._make_crew()
        _client.set_state(self._seat.block, self._seat.index, "ready")
        await self._channel.open(self._hear, lambda: os._exit(EXIT_FAILED))
        await self._quit

    def _make_crew(self) -> None:
        seat = self._seat
        try:
            self._crew = Runtime(seat.host, seat.block, seat.arena, seat.index, self._channel.send)
            self._crew.tell_servers()
        except UsageError as error:  # the parent finds the same, and says it
            self._broken(self._wrong(str(error)))

    def _hear(self, kind: str, said: Any) -> None:
        if kind == "quit":
            self._do(self._leave())
        elif self._crew is None:
            pass  # there is no script: only quit is of interest
        elif kind == "setup":
            self._setup_task = self._do(self._setup(self._crew))
        elif kind == "prepare":
            self._do(self._prepare(self._crew, said))
        elif kind == "begin":
            self._do(self._begin(self._crew, said["start_ns"], said["begun_ns"]))
        elif kind == "elsewhere":
            self._crew.now.hear(said["vus"], said["counts"])
        elif kind == "stop":
            self._crew.stop(grace=said["grace"])
            if self._setup_task is not None:
                self._setup_task.cancel()
        elif kind == "teardown":
            self._teardown_task = self._do(self._teardown(self._crew, said["data"]))
        elif kind == "cut" and self._teardown_task is not None:
            self._teardown_task.cancel()

    def _do(self, what: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(what)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        """Let what is wrong with us, not with the script, end the worker."""
        self._tasks.discard(task)
        if self._quit is None or self._quit.done() or task.cancelled():
            return
        if error := task.exception():
            self._quit.set_exception(error)

    async def _setup(self, crew: Runtime) -> None:
        try:
            self._channel.send({"setup": {"data": await crew.setup()}})
        except Broken as broken:
            self._broken(broken)

    async def _prepare(self, crew: Runtime, said: dict[str, Any]) -> None:
        crew.prepare(said["data"], [Share.from_json(each) for each in said["shares"]])
        self._channel.send({"prepared": {}})

    async def _begin(self, crew: Runtime, start_ns: int, begun_ns: int) -> None:
        seat = self._seat
        record_pauses(seat.arena.writer(seat.index))  # those while VUs were made delayed nothing
        _client.set_state(seat.block, seat.index, "running")
        ends = await crew.run(start_ns, begun_ns)
        _client.set_state(seat.block, seat.index, "ended")
        self._channel.send({"ended": {"scenarios": ends, "addresses": crew.addresses()}})

    async def _teardown(self, crew: Runtime, data: Any) -> None:
        await crew.end_monitors()
        try:
            await crew.teardown(data)
        except Broken as broken:
            self._broken(broken)
        except asyncio.CancelledError:
            self._channel.send({"cut": {}})
        else:
            self._channel.send({"torn_down": {}})

    async def _leave(self) -> None:
        if self._crew is not None:
            await self._crew.end_monitors()
        await closing.close_all()
        if self._crew is not None:
            self._crew.close()
        if self._quit is not None and not self._quit.done():
            self._quit.set_result(None)

    def _wrong(self, text: str) -> Broken:
        return Broken("options", text, Spot(self._seat.host.request.script, 0))

    def _broken(self, broken: Broken) -> None:
        self._channel.send({"broken": broken.to_json()})
