"""The workers of one run, and the memory they share with their parent.

The first is forked as soon as the command line is read: while it imports the script, the parent
imports what judges and reports. So neither waits for the other, and no worker carries the report.
"""

from __future__ import annotations

from functools import partial

from fastbench.machine import host
from fastbench.machine import limits as machine
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.run.worker_pool import MachineMonitor
from fastbench.script.api.options import Settings
from fastbench.script.parent import target_discovery, worker_channel
from fastbench.script.parent.group import Group
from fastbench.script.parent.target_discovery import Sought
from fastbench.script.parent.worker_channel import Echo
from fastbench.script.run_request import RunRequest
from fastbench.script.worker.worker_process import WorkerContext

LEAD_NS = 20_000_000  # from `begin` to the start line, so that all workers have heard of it


class WorkerGroup(Group):
    """The processes of a run; the first of them imports the script at once.

    `echo` takes the lines that the script prints.
    """

    lead_ns = LEAD_NS

    def __init__(self, request: RunRequest, echo: Echo | None = None) -> None:
        super().__init__(request, request.workers or machine.usable_cores())
        machine.raise_open_files()  # the first worker is there before its VUs are counted
        self._echo = echo and self.workers.shown(echo)
        self.fork(0)

    def fork(self, index: int) -> None:
        """Add the worker of this index."""
        seat = partial(
            WorkerContext,
            index=index,
            workers=self.wanted,
            block=self.block,
            arena=self.arena,
            host=self.host,
        )
        worker_channel.start(self.workers, index, seat, self._echo)
        if (gate := self.host.request.gate) is not None:
            gate.forked(index)

    def monitor(self, found: Found) -> MachineMonitor:
        """Return who watches this machine."""
        pids = [child.pid for child in self.workers.children]
        return Monitor(pids, found, host.rare())

    def servers(self, settings: Settings) -> Sought:
        """Return who serves the base URL."""
        return target_discovery.find(
            settings.base_url, settings.tls.verify, self.host.request, settings.proxies
        )

    def allow_users(self, most: int) -> None:
        """See to it that each worker may open the files of its users; raises UsageError."""
        machine.allow_open_files(-(-most // self.wanted), "VUs", "-u")
