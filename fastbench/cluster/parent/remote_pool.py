"""The workers of a run of URLs on the machines of a cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from fastbench.cluster import url_messages
from fastbench.cluster.limits_of_silence import ANSWER_S
from fastbench.cluster.links.cluster_thread import ClusterThread, awaited
from fastbench.cluster.parent.cluster_monitor import ClusterMonitor
from fastbench.cluster.parent.remote_workers import RemoteWorkers
from fastbench.cluster.worker_memory import MemoryTarget
from fastbench.engine.bridge import _core
from fastbench.foundation import signals
from fastbench.foundation.units import plural
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.processes import Found
from fastbench.plan.network.resolve import Reach, ResolveError
from fastbench.plan.plan import Plan
from fastbench.results.machine_row import Machines
from fastbench.results.result import Result
from fastbench.run import worker
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import StartLine, UrlLoad

READY_S = 5.0  # beyond the plan's own time to connect; a machine that takes longer is lost


class RemotePool:
    """The machines of a cluster that is open, as run/worker_pool.py wants them."""

    elsewhere = True
    tick_s = 1.0
    connect_tick_s = 0.02

    def __init__(
        self,
        cluster: ClusterThread,
        notice: Callable[[str], None],
        *,
        stop_when_lost: bool = False,
    ) -> None:
        self._all = RemoteWorkers(cluster, notice, stop_when_lost=stop_when_lost)
        self.lead_ns = self._all.lead_ns
        self.behind_ns = self._all.behind_ns
        self._block: _core.Block | None = None
        self._ready_s = math.inf  # until when machines may take to get ready
        self._begun = False

    def workers(self, plan: Plan) -> int:
        """Return how many workers load: one per core of each machine, or as many as -t says."""
        load, machines = plan.load, self._all.machines
        if load.connections < len(machines):
            raise UsageError(
                f"--on: {plural(load.connections, 'connection')} for {len(machines)} machines "
                f"would leave some idle; use -c {len(machines)} at least, and as many with -n."
            )
        wanted = [load.workers or each.cores for each in machines]
        return self._all.number(worker.lowered(wanted, load.connections))

    def reach(self, plan: Plan) -> Reach:
        """Let the first machine look the name up; all of them load what it finds."""
        first = self._all.machines[0]
        asked = first.ask("find", url_messages.find_message(plan), "found")
        with signals.heard(signals.leave_cleanly):  # a resolver may take its time
            found = awaited([asked], ANSWER_S)[0]
        if found is None:
            raise UsageError(self._all.why(first))
        if (code := found.get("code")) is not None:
            raise ResolveError(code)
        return url_messages.reach_of(found["reach"])

    def found(self, plan: Plan, reach: Reach) -> Found:
        """Each machine looks for the server by itself, see its report."""
        return Found(local=False)

    def start(self, load: UrlLoad, workers: Supervisor[Child]) -> None:
        """Let the machines start their workers. Raises UsageError if one cannot."""
        memory = MemoryTarget(load.block)
        total, asked = len(load.shares), []
        for at, machine in enumerate(self._all.machines):
            machine.apply = memory.apply
            shares = [load.shares[index] for index in self._all.span(at)]
            self._all.join(machine, [Child(share.index) for share in shares], workers)
            body = url_messages.load_message(load.plan, load.reach, shares, total, load.block.urls)
            asked.append(machine.ask("load_urls", body, "started"))
        found: dict[str, int] = {}
        for machine, pids in zip(self._all.machines, awaited(asked, ANSWER_S), strict=True):
            if pids is None:
                raise UsageError(self._all.why(machine))
            found |= pids
        for child in workers.children:
            child.pid = found.get(str(child.index), child.pid)
        self._block = load.block
        self._ready_s = time.monotonic() + READY_S + load.plan.load.connect_timeout_s

    def monitor(self, found: Found) -> ClusterMonitor:
        """Return who adds up what the machines tell of themselves."""
        return self._all.monitor()

    def open_start_line(self, block: _core.Block, line: StartLine) -> None:
        """Tell all machines the instants, each in its own time."""
        self._begun = True
        self._all.begin(line)

    def look(self) -> bool:
        """Lose machines that do not get ready in time; true if the run ends with a lost one."""
        if self._block is None:
            return False
        if not self._begun and time.monotonic() > self._ready_s:
            self._lose_late(self._block)
        return self._all.look()

    def machines(self) -> Machines:
        """Return how the machines stand."""
        return self._all.standing()

    def _lose_late(self, block: _core.Block) -> None:
        for at, machine in enumerate(self._all.machines):
            states = {block.state(index) for index in self._all.span(at)}
            if not states <= {"ready", "ended"} and not machine.lost:
                self._all.cluster.lose(machine, f"it was not ready after {READY_S:g}s")

    def stop(self, block: _core.Block) -> None:
        """Tell all workers to stop now."""
        self._all.stop()

    def told(self, result: Result) -> Result:
        """Add the table of machines, and judge by what each of them saw."""
        assert self._block is not None
        return self._all.told(result, self._block)
