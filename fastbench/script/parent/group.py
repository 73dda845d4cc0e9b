"""Who has the workers of a script: processes of this machine (WorkerGroup), or of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine import limits
from fastbench.machine.processes import Found
from fastbench.results.machine_row import Machines
from fastbench.results.result import Result
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import MachineMonitor, StartLine
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load import hosts
from fastbench.script.parent.target_discovery import Sought
from fastbench.script.parent.worker_channel import ScriptWorker
from fastbench.script.run_request import RunRequest
from fastbench.script.schedule import Share


class Group(ABC):
    """The processes of a run, and the memory they share with their parent.

    `wanted` is how many workers there may be. `on_stop` is set by who directs them, `declared` as
    soon as the first worker has said what the script declares. `lead_ns` and `behind_ns` are as of
    worker_pool.WorkerPool; what block and arena say is new every `new_every_s`, 0 always, and what
    the arena says of a worker is at most `stale_s` old.
    """

    lead_ns: int
    behind_ns = 0
    stale_s = 0.0
    new_every_s = 0.0

    def __init__(self, request: RunRequest, wanted: int, *, elsewhere: bool = False) -> None:
        """Map the memory of `wanted` workers; raises UsageError when that is short.

        Of workers `elsewhere` it is a copy; one region more of the arena is for what none counts.
        """
        self.host = hosts.host_of(request)
        self.wanted = wanted
        self.elsewhere = elsewhere
        with limits.enough_memory():
            self.block = _core.Block(wanted, private=elsewhere)
            self.arena = _client.Arena(wanted + elsewhere)
        self.declared: Declared | None = None
        self.on_stop: Callable[[], None] = lambda: None
        self.workers: Supervisor[ScriptWorker] = Supervisor(lambda: self.on_stop())
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def fork(self, index: int) -> None:
        """Add the worker of this index."""

    @abstractmethod
    def allow_users(self, most: int) -> None:
        """See to it that there may be so many users; raises UsageError."""

    @abstractmethod
    def servers(self, settings: Settings) -> Sought:
        """Return who serves the base URL; raises UsageError for an idle --watch."""

    @abstractmethod
    def monitor(self, found: Found) -> MachineMonitor:
        """Return who watches the machine."""

    # Workers on this machine share its memory, and are seen as they are: there is nothing to do.

    def share_out(self, shares: Sequence[Sequence[Share]]) -> None:  # noqa: B027
        """Learn the shares of all workers, before they get them."""

    def begin(self, line: StartLine) -> None:  # noqa: B027
        """Learn of the start line; the workers have been told."""

    def look(self) -> bool:
        """Return whether the run ends, because a part of it is lost."""
        return False

    def machines(self) -> Machines | None:
        """Return how the machines stand, None for this one alone."""
        return None

    def loaded(self) -> None:  # noqa: B027
        """Learn that the load is over, before it is summed up."""

    def told(self, result: Result) -> Result:
        """Add what only the group knows to the result."""
        return result

    def whose(self, worker: int) -> str:
        """Name the machine of a worker, for a sentence about it; "" for this one alone."""
        return ""

    def lost(self, worker: int) -> str:
        """Say why the machine of a worker is lost; "" if it is not."""
        return ""

    def close(self) -> None:
        """Leave nobody behind; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self.workers.close()
