"""The workers of one run, and the memory they share with their parent.

The first is forked as soon as the command line is read: while it imports the script, the parent
imports what judges and reports. So neither waits for the other, and no worker carries the report.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import TracebackType

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.machine import limits as machine
from fastbench.plan.plan import UsageError
from fastbench.run.supervisor import Supervisor
from fastbench.script.api.options import Declared
from fastbench.script.load import hosts
from fastbench.script.parent import worker_channel
from fastbench.script.parent.worker_channel import Echo, ScriptWorker
from fastbench.script.run_request import RunRequest
from fastbench.script.worker import worker_process


class WorkerGroup:
    """The processes of a run; the first of them imports the script at once.

    `echo` takes the lines that the script prints. Raises UsageError when memory is short. `on_stop`
    is set by who directs them.
    """

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

        worker_channel.start(self.workers, context, self._echo)
        if (gate := self.host.request.gate) is not None:
            gate.forked(index)

    def close(self) -> None:
        """Leave nobody behind; a second time does nothing."""
        if not self._closed:
            self._closed = True
            self.workers.close()
