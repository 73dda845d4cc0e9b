"""Who has the workers of a script: processes of this machine (WorkerGroup), or of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Protocol, Self

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine.processes import Found
from fastbench.results.result import Result
from fastbench.run.sampling import Machines
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import MachineMonitor, StartLine
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load.script_host import ScriptHost
from fastbench.script.parent.target_discovery import Sought
from fastbench.script.parent.worker_channel import ScriptWorker
from fastbench.script.schedule import Share


class Group(Protocol):
    """The processes of a run, and the memory they share with their parent.

    `wanted` is how many workers there may be. `on_stop` is set by who directs them, `declared` as
    soon as the first worker has said what the script declares. `lead_ns` and `behind_ns` are as of
    worker_pool.WorkerPool; what the arena says of a worker is at most `stale_s` old.
    """

    host: ScriptHost
    wanted: int
    block: _core.Block
    arena: _client.Arena
    workers: Supervisor[ScriptWorker]
    declared: Declared | None
    on_stop: Callable[[], None]
    lead_ns: int
    behind_ns: int
    stale_s: float

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None: ...

    def fork(self, index: int) -> None:
        """Add the worker of this index."""

    def allow_users(self, most: int) -> None:
        """See to it that there may be so many users; raises UsageError."""

    def servers(self, settings: Settings) -> Sought:
        """Return who serves the base URL; raises UsageError for an idle --watch."""

    def monitor(self, found: Found) -> MachineMonitor:
        """Return who watches the machine."""

    def share_out(self, shares: Sequence[Sequence[Share]]) -> None:
        """Learn the shares of all workers, before they get them."""

    def begin(self, line: StartLine) -> None:
        """Learn of the start line; the workers have been told."""

    def look(self) -> bool:
        """Return whether the run ends, because a part of it is lost."""

    def machines(self) -> Machines | None:
        """Return how the machines stand, None for this one alone."""

    def loaded(self) -> None:
        """Learn that the load is over, before it is summed up."""

    def told(self, result: Result) -> Result:
        """Add what only the group knows to the result."""

    def close(self) -> None:
        """Leave nobody behind; a second time does nothing."""
