"""What an agent does for its parent: one load, of URLs or of a script."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from fastbench.cluster.machine_report import MachineReport, MachineUse
from fastbench.cluster.worker_memory import MemorySource
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine.host_identity import ProcessNames
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.results import json_codec
from fastbench.run import sampling, summarize
from fastbench.run.snapshot import Snapshot
from fastbench.run.summarize import RunTerms
from fastbench.run.supervisor import Supervisor


class Work(ABC):
    """One load on this machine. `handlers` are of what the parent says to this kind of load."""

    handlers: Mapping[str, Callable[[Any], None]] = {}

    def __init__(
        self,
        block: _core.Block,
        workers: Supervisor[Any],
        found: Found,
        arena: _client.Arena | None = None,
    ) -> None:
        """`found` are the processes of the server, as far as they are on this machine."""
        self.memory = MemorySource(block, arena)
        self._block = block
        self._workers = workers
        self._found = found
        self._monitor: Monitor | None = None
        self._names = ProcessNames()
        self._line_ns = self._start_ns = 0

    @abstractmethod
    def ready(self) -> bool:
        """Tell whether the workers wait for the start line."""

    @abstractmethod
    def begin(self, *, line_ns: int, start_ns: int, stop_ns: int) -> None:
        """Open the start line: instants of this machine's clock; stop 0 is no limit."""

    @abstractmethod
    def tick(self) -> None:
        """Do what is to be done at once; called many times a second."""

    def heard(self, kind: str, body: Any) -> None:  # noqa: B027
        """Learn what a worker says; it is passed on to the parent in any case."""

    @abstractmethod
    def stop(self) -> None:
        """Let the workers stop now."""

    @abstractmethod
    def terms(self, body: dict[str, Any]) -> RunTerms:
        """Return what was asked of this machine; `body` is what the parent says of it."""

    @property
    def over(self) -> bool:
        """Whether no worker loads any more; one of a script waits for what its parent says next."""
        alive = [child.index for child in self._workers.children if not child.gone]
        return {self._block.state(index) for index in alive} <= {"ended"}

    def used(self) -> dict[str, Any]:
        """Return what was used since the last time."""
        assert self._monitor is not None
        cpu_s = {str(each.index): each.cpu_s for each in self._workers.children}
        return {"use": json_codec.plain(MachineUse.of(self._monitor, self._names)), "cpu_s": cpu_s}

    def summed_up(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Judge this machine's part as if it were a run of its own; None if it never began."""
        if self._monitor is None:
            return None
        self._monitor.sample()
        observed = summarize.Observed(
            terms=self.terms(body),
            block=self._block,
            workers=self._workers,
            line_ns=self._line_ns,
            start_ns=self._start_ns,
            end_ns=time.monotonic_ns(),
            series=sampling.Series(Snapshot(0.0, 0.0, {}, {})),
            monitor=self._monitor,
            found=self._found,
            gave_up=False,
            thread_rates=(),
        )
        schedules = tuple(self._monitor.schedule(i) for i in range(len(self._workers.children)))
        return MachineReport.of(summarize.result(observed), self._names, schedules).message()
