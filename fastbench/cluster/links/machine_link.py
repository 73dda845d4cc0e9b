"""The line between the parent and one machine: what is said, what is heard, and whether it is lost.

All of it but `post` and `ask` runs in the thread of the cluster's loop (`cluster_thread`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from fastbench.cluster import clock_offset
from fastbench.cluster.clock_offset import DriftWatch, Exchange, Offset
from fastbench.cluster.frames import Changes, Frame, FrameError, Reader, Said
from fastbench.cluster.limits_of_silence import ANSWER_S, BEAT_S, LOST_S
from fastbench.cluster.links import agent_fault
from fastbench.cluster.links.machine_actor import ENDED
from fastbench.cluster.links.remote_process import RemoteProcess
from fastbench.cluster.links.turns_of_machines import Turns
from fastbench.cluster.machine_report import MachineUse

CLOCK_S = 5.0  # between two looks at its clock
MAX_WAITING = 8  # pieces of files, of up to 1.4 MiB, that wait to be sent
ROOM_S = 0.002
PULL_S = 1.5 * BEAT_S  # a call waits so long for something to be said: it never ends without
LOST_STATUS = 9  # of workers of a lost machine, as if they had been killed
ANSWERS = ("hello", "examined", "found", "left", "missing", "sought", "started", "summed")
LONG = ("found", "missing", "sought", "started")  # names are looked up, files are read


@dataclass(eq=False)
class MachineLink:
    """One machine. `actor` is Dask's; `apply` takes over what changed in memory.

    `lost` says why the machine is lost, "" while it is not, `lost_s` when it was last heard of;
    `refused` why it cannot be used; `drifted` that `offset`, which the run goes by, is no longer
    true.
    """

    name: str
    address: str
    actor: Any
    cores: int = 0
    offset: Offset | None = None
    version: str = ""
    memory_bytes: int | None = None
    environment: Any = None
    lost: str = ""
    lost_s: float = 0.0  # of CLOCK_MONOTONIC
    refused: str = ""
    cure: str = ""  # of what it is refused for
    drifted: str = ""
    use: MachineUse | None = None
    late_ns: int = 0
    processes: dict[int, RemoteProcess] = field(default_factory=dict)
    apply: Callable[[Changes], None] | None = None
    on: dict[str, Callable[[Any], None]] = field(default_factory=dict)  # by what is said
    heard_s: float = field(default_factory=time.monotonic)
    _measured_ns: int = 0  # when the offset was estimated
    _loop: asyncio.AbstractEventLoop | None = None
    _out: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _answers: dict[str, Future[Any]] = field(default_factory=dict)

    # From the parent's thread.

    def post(self, kind: str, body: object) -> None:
        """Say something; a lost machine does not hear it."""
        assert self._loop is not None
        data = Said(kind, body).encoded()
        with contextlib.suppress(RuntimeError):  # the loop is closed: so is everything
            self._loop.call_soon_threadsafe(self._out.put_nowait, data)

    def ask(self, kind: str, body: object, answer: str) -> Future[Any]:
        """Say something that is answered; the answer is None of a machine that is lost."""
        future: Future[Any] = Future()
        self._answers[answer] = future
        if self.lost:
            self._answer(answer, None)
        else:
            self.post(kind, body)
        return future

    # In the loop.

    async def post_in_turn(self, kind: str, body: object) -> None:
        """Say something large, once most of what was said before is on its way."""
        while self._out.qsize() >= MAX_WAITING and not self.lost:
            await asyncio.sleep(ROOM_S)
        self._out.put_nowait(Said(kind, body).encoded())

    async def handed_on(self) -> None:
        """Wait until all that was said is on its way."""
        while not (self._out.empty() or self.lost):
            await asyncio.sleep(ROOM_S)

    async def measure(self, turns: Turns | None = None) -> Offset:
        """Estimate the offset of the machine's clock by exchanges of its time, each in its turn."""
        exchanges: list[Exchange] = []
        while not clock_offset.enough(exchanges):
            if turns is not None:
                await turns.next()
            sent_ns = time.monotonic_ns()
            theirs_ns = await self.actor.now_ns()
            exchanges.append(Exchange(sent_ns, theirs_ns, time.monotonic_ns()))
        self._measured_ns = time.monotonic_ns()
        return clock_offset.estimate(exchanges)

    def begin(self) -> None:
        """Listen, and say what is posted."""
        self._loop = asyncio.get_running_loop()
        self.heard_s = time.monotonic()
        jobs = (self._pull(), self._push(), self._watch(), self._follow_clock())
        self._tasks = [asyncio.create_task(each) for each in jobs]

    def join(self, process: RemoteProcess) -> None:
        """Pass on what the parent says to a worker."""
        self.processes[process.index] = process
        process.channel.setblocking(False)
        assert self._loop is not None
        self._loop.add_reader(process.channel.fileno(), self._pass_on, process)

    async def end(self) -> None:
        """Leave the machine: its agent ends."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(Exception):  # Dask raises what it likes about what is gone
            await asyncio.wait_for(_awaited(self.actor.close()), LOST_S)
        self.lose("the run is over")

    def lose(self, why: str) -> None:
        """Give the machine up: its workers count as killed, nobody waits for an answer."""
        if not self.lost:
            self.lost, self.lost_s = why, self.heard_s
        for process in self.processes.values():
            self._let_go(process, LOST_STATUS, process.cpu_s)
        for answer in ANSWERS:
            self._answer(answer, None)

    async def _push(self) -> None:
        number = 0
        while not self.lost:
            data = await self._out.get()
            while not self._out.empty():
                data += self._out.get_nowait()
            number += 1
            await self._call(self.actor.push, number, data)

    async def _pull(self) -> None:
        reader, number = Reader(), 0
        while not self.lost:
            number += 1
            found = await self._call(self.actor.pull, number, PULL_S)
            if found is None or self.lost:  # too late: nobody counts on it any more
                return
            if found[:1] == ENDED:
                self.lose("its agent ended")
                return
            try:
                for frame in reader.feed(found[1:]):
                    self.heard_s = time.monotonic()
                    self._take(frame)
            except FrameError as error:
                self.lose(f"it sent what cannot be read: {error}")

    async def _watch(self) -> None:
        """See whether the machine is there; that we are, it hears when it is asked what it says."""
        while not self.lost:
            await asyncio.sleep(BEAT_S)
            # Before it said hello its agent starts; what is asked before the load may keep it busy.
            busy = not self.cores or any(each in self._answers for each in LONG)
            limit_s = ANSWER_S if busy else LOST_S
            if time.monotonic() - self.heard_s > limit_s:
                self.lose(f"it was silent for {limit_s:g}s")

    async def _follow_clock(self) -> None:
        """See whether the offset stays true; each exchange has a bound of its own."""
        watch: DriftWatch | None = None
        while not self.lost:
            await asyncio.sleep(CLOCK_S)
            sent_ns = time.monotonic_ns()
            theirs_ns = await self._call(self.actor.now_ns)
            if theirs_ns is None or self.offset is None:
                continue
            now_ns = time.monotonic_ns()
            watch = watch or DriftWatch(self.name, self.offset, self._measured_ns)
            newest = clock_offset.estimate([Exchange(sent_ns, theirs_ns, now_ns)])
            self.drifted = watch.look(newest, now_ns) or self.drifted

    async def _call(self, method: Callable[..., Any], *args: object) -> Any:
        try:
            return await method(*args)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self.lose(f"its connection broke ({type(error).__name__})")
            return None

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Changes):
            if self.apply is not None:
                self.apply(frame)
            return
        kind, body = frame.kind, frame.body
        if kind in ANSWERS:
            self._answer(kind, body)
        elif kind == "said":
            self._say_as(body["worker"], body["kind"], body["body"])
        elif kind == "gone":
            self._let_go(self.processes[body["worker"]], body["status"], body["used_s"])
        elif kind in self.on:
            self.on[kind](body)
        elif kind == "begun":
            self.late_ns = body["late_ns"]
        elif kind == "refused":
            self.lose(body)
        elif kind == "broke":
            self.lose(agent_fault.sentence(body["what"], body["traceback"]))

    def _answer(self, kind: str, body: object) -> None:
        future = self._answers.pop(kind, None)
        if future is not None and not future.done():  # nobody waits any more
            future.set_result(body)

    def _say_as(self, worker: int, kind: str, body: object) -> None:
        process = self.processes[worker]
        process.unsent += json.dumps({kind: body}).encode() + b"\n"
        self._write(process)

    def _write(self, process: RemoteProcess) -> None:
        """Hand on what a worker said; the parent may be busy, and nobody waits for it here."""
        assert self._loop is not None
        if not process.write():
            self._loop.add_writer(process.channel.fileno(), self._write, process)
        elif process.channel.fileno() >= 0:
            self._loop.remove_writer(process.channel.fileno())
            if process.over:
                self._close(process)

    def _pass_on(self, process: RemoteProcess) -> None:
        try:
            data = process.channel.recv(1 << 18)
        except OSError:
            return
        if not data:
            self._stop_reading(process)
            return
        body = {"worker": process.index, "lines": data.decode("utf-8", "surrogateescape")}
        self._out.put_nowait(Said("tell", body).encoded())

    def _let_go(self, process: RemoteProcess, status: int, used_s: float) -> None:
        process.end(status, used_s)
        if not process.unsent or self.lost:
            self._close(process)

    def _close(self, process: RemoteProcess) -> None:
        self._stop_reading(process)
        process.close()

    def _stop_reading(self, process: RemoteProcess) -> None:
        if self._loop is not None and process.channel.fileno() >= 0:
            self._loop.remove_reader(process.channel.fileno())
            self._loop.remove_writer(process.channel.fileno())


async def _awaited(found: Any) -> Any:
    return await found
