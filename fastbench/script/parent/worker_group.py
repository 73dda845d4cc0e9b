"""The workers of one run, and the memory they share with their parent.

The first is forked as soon as the command line is read: while it imports the script, the parent
imports what judges and reports. So neither waits for the other, and no worker carries the report.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from types import TracebackType

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine import host
from fastbench.machine import limits as machine
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.plan.plan import UsageError
from fastbench.results.result import Result
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import MachineMonitor, StartLine
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load import hosts
from fastbench.script.parent import target_discovery, worker_channel
from fastbench.script.parent.target_discovery import Sought
from fastbench.script.parent.worker_channel import Echo, ScriptWorker
from fastbench.script.run_request import RunRequest
from fastbench.script.schedule import Share
from fastbench.script.worker import worker_process

LEAD_NS = 20_000_000  # from `begin` to the start line, so that all workers have heard of it


class WorkerGroup:
    """The processes of a run; the first of them imports the script at once.

    `echo` takes the lines that the script prints. Raises UsageError when memory is short. `on_stop`
    is set by who directs them. `lead_ns` and `behind_ns` are as of worker_pool.WorkerPool; what
    the arena says of a worker is at most `stale_s` old.
    """

    lead_ns = LEAD_NS
    behind_ns = 0
    stale_s = 0.0

    def __init__(self, request: RunRequest, echo: Echo | None = None) -> None:
        self.host = hosts.host_of(request)
        self.wanted = request.workers or machine.usable_cores()
        try:
            self.block = _core.Block(self.wanted)
            self.arena = _client.Arena(self.wanted)
        except MemoryError as error:
            raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None
        machine.raise_open_files()  # the first worker is there before its VUs are counted
        self._closed = False
        self.declared: Declared | None = None  # as soon as its first worker has said it
        self.on_stop: Callable[[], None] = lambda: None
        self.workers: Supervisor[ScriptWorker] = Supervisor(lambda: self.on_stop())
        self._echo = echo and self.workers.shown(echo)
        self.fork(0)

    def __enter__(self) -> WorkerGroup:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.close()

    def fork(self, index: int) -> None:
        """Add the worker of this index."""

        def context(channel: socket.socket, dump_fd: int) -> worker_process.WorkerContext:
            return worker_process.WorkerContext(
                index=index,
                workers=self.wanted,
                channel=channel,
                dump_fd=dump_fd,
                block=self.block,
                arena=self.arena,
                host=self.host,
            )

        worker_channel.start(self.workers, index, context, self._echo)
        if (gate := self.host.request.gate) is not None:
            gate.forked(index)

    def monitor(self, found: Found) -> MachineMonitor:
        """Return who watches this machine."""
        pids = [child.pid for child in self.workers.children]
        return Monitor(pids, found, host.rare())

    def servers(self, settings: Settings) -> Sought:
        """Return who serves the base URL."""
        return target_discovery.find(settings, self.host.request)

    def allow_users(self, most: int) -> None:
        """See to it that each worker may open the files of its users; raises UsageError."""
        machine.allow_open_files(-(-most // self.wanted), "VUs", "-u")

    def share_out(self, shares: Sequence[Sequence[Share]]) -> None:
        """Do nothing: the workers take what they share from one memory."""

    def begin(self, line: StartLine) -> None:
        """Do nothing: the workers have been told of the start line."""

    def look(self) -> bool:
        """Return false: workers on this machine are seen as they are."""
        return False

    def machines(self) -> None:
        """Return None: there is this one."""

    def loaded(self) -> None:
        """Do nothing: the workers have counted everything."""

    def told(self, result: Result) -> Result:
        """Return the result: everything is known on this machine."""
        return result

    def close(self) -> None:
        """Leave nobody behind; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self.workers.close()
