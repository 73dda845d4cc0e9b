"""The thread in which a cluster is spoken to: Dask's client and the lines to all machines.

Everything else of a run is plain code that looks a few times a second.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from fastbench import __version__
from fastbench.cluster import dask_cluster
from fastbench.cluster.limits_of_silence import ANSWER_S
from fastbench.cluster.links import kept_cluster
from fastbench.cluster.links.machine_actor import MachineActor
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.links.turns_of_machines import Turns
from fastbench.cluster.worker_memory import LAYOUT
from fastbench.foundation import meanwhile, redact, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import limits

LOOK_S = 0.1  # how soon a signal is heard while something is awaited
END_S = 8.0
EXCHANGES_IN_A_ROW = 2  # of clocks: an exchange keeps the loop busy for 0.2 ms

T = TypeVar("T")


class ClusterThread:
    """A cluster that is open: `machines` are those of it, in the order of their names.

    Raises UsageError when there is no cluster, or no machine of it can be used.
    """

    def __init__(self, address: str, *, listing: bool = False) -> None:
        """With `listing`, machines that cannot be used say so in `refused`."""
        self.address = address
        self._listing = listing
        self.machines: list[MachineLink] = []
        self._loop = asyncio.new_event_loop()
        self._leaving = asyncio.Event()
        self._begun: list[MachineLink] = []
        self._turns = Turns(EXCHANGES_IN_A_ROW)
        self._opened: Future[list[MachineLink]] = Future()
        self._thread = threading.Thread(target=self._turn, name="cluster", daemon=True)

    def __enter__(self) -> Self:
        limits.raise_open_files()
        self._thread.start()
        try:
            stage = meanwhile.stage("reaching the machines")
            with signals.heard(signals.leave_cleanly), stage:
                self.machines = _heard(self._opened)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def call(self, what: Coroutine[Any, Any, T]) -> T:
        """Let the loop do something, and wait for it; signals are heard meanwhile."""
        return _heard(asyncio.run_coroutine_threadsafe(what, self._loop))

    def close(self) -> None:
        """End all agents and leave the cluster."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leaving.set)
            self._thread.join(END_S)

    def lose(self, machine: MachineLink, why: str) -> None:
        """Give a machine up."""
        self._loop.call_soon_threadsafe(machine.lose, why)

    def _turn(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._live())
            except BaseException as error:
                if not self._opened.done():
                    self._opened.set_exception(error)

    async def _live(self) -> None:
        """Be in the cluster until it is left: all in one task, as Dask's client wants it."""
        scheduler = kept_cluster.scheduler_of(self.address)
        async with dask_cluster.open_cluster(self.address, scheduler) as cluster:
            opened = asyncio.gather(*(self._reach(cluster, *each) for each in cluster.workers))
            leaving = asyncio.create_task(self._leaving.wait())
            try:
                await asyncio.wait((opened, leaving), return_when=asyncio.FIRST_COMPLETED)
                if not self._leaving.is_set():
                    self._opened.set_result(opened.result())
                    await leaving
            finally:
                opened.cancel()
                await asyncio.gather(*(each.end() for each in self._begun))  # all at once

    async def _reach(self, cluster: dask_cluster.Cluster, name: str, address: str) -> MachineLink:
        """Start an agent on a machine and see whether it is one like us."""
        whose = f"{socket.gethostname()}, process {os.getpid()}, since {time.strftime('%H:%M:%S')}"
        actor = await cluster.place(MachineActor, address, whose)
        machine = MachineLink(name, address, actor)
        if taken := await actor.start():
            why = f"it carries another run already ({redact.printable(taken)})"
            self._refuse(machine, why, "wait for its end, or use other machines")
            return machine
        self._begun.append(machine)
        machine.begin()
        asked, hello = machine.ask("hello", {}, "hello"), None
        with suppress(TimeoutError):
            hello = await asyncio.wait_for(asyncio.wrap_future(asked), ANSWER_S)
        if hello is None:
            why = machine.lost or f"it did not answer within {ANSWER_S:g}s"
            raise UsageError(f"--on: {name} cannot start an agent: {why}.")
        machine.version, machine.cores = hello["version"], hello["cores"]
        machine.environment, machine.memory_bytes = hello["environment"], hello["memory_bytes"]
        machine.offset = await machine.measure(self._turns)
        if why := differs(hello):
            wanted = f"pip install 'fastbench-http[distributed]=={__version__}'"
            self._refuse(machine, why, f"install the same there: {wanted}")
            return machine
        machine.post("clock", {"offset_ns": machine.offset.offset_ns})
        return machine

    def _refuse(self, machine: MachineLink, why: str, cure: str) -> None:
        machine.refused, machine.cure = why, cure
        if not self._listing:
            raise UsageError(f"--on: {machine.name}: {why}; {cure}.")


def differs(hello: dict[str, Any]) -> str:
    """Say what a machine has that is not ours; "" if it is the same fastbench."""
    if (theirs := hello["version"]) != __version__:
        return f"it has fastbench {theirs}, and this is {__version__}"
    if hello["layout"] != LAYOUT:
        return f"it has another build of fastbench {theirs}"
    return ""


def _heard(future: Future[T]) -> T:
    """Wait for something; a handler of signals may raise meanwhile."""
    while True:
        try:
            return future.result(LOOK_S)
        except TimeoutError:
            meanwhile.beat()
            if future.done():
                raise
        except BaseException:
            future.cancel()
            raise


def awaited(futures: Sequence[Any], wait_s: float) -> list[Any]:
    """Return the answers of several machines, None of those that did not answer in time."""
    wait(futures, wait_s)
    return [each.result() if each.done() else None for each in futures]
