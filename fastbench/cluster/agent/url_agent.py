"""A machine's part of a run of URLs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from fastbench.cluster import plan_message, url_messages
from fastbench.cluster.machine_report import MachineReport
from fastbench.cluster.worker_memory import MemorySource
from fastbench.engine.bridge import _core
from fastbench.machine import host, limits, processes
from fastbench.machine.monitor import Monitor
from fastbench.plan import resolve
from fastbench.plan.plan import Plan, UsageError
from fastbench.plan.resolve import Reach
from fastbench.results import json_codec
from fastbench.run import sampling, summarize, worker
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.run.url_snapshot import UrlReader
from fastbench.run.worker import Share


def reached(body: dict[str, Any]) -> dict[str, Any]:
    """Return the addresses of the server as this machine finds them, or the resolver's code."""
    try:
        found = resolve.reach(plan_message.plan_of(body["plan"], None))
    except resolve.ResolveError as error:
        return {"code": error.code}
    return {"reach": json_codec.plain(found)}


def started(body: dict[str, Any], folder: str, workers: Supervisor[Child]) -> UrlWork:
    """Start the workers; raises UsageError when the machine cannot carry them."""
    plan = plan_message.plan_of(body["plan"], folder)
    plan = replace(plan, bind=plan_message.of_this_machine(plan.bind))
    shares = [json_codec.read(Share, each, "share") for each in body["shares"]]
    limits.allow_open_files(shares[0].connections)
    try:
        block = _core.Block(
            len(shares),
            first=shares[0].index,
            total=body["total"],
            warmup=plan.load.warmup_s > 0,
            urls=body["urls"],
        )
    except MemoryError as error:
        raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None
    return UrlWork(plan, url_messages.reach_of(body["reach"]), block, shares, workers)


class UrlWork:
    """The workers of this machine, from the fork to the sum of what they did."""

    handlers: Mapping[str, Callable[[Any], None]] = {}

    def __init__(
        self,
        plan: Plan,
        reach: Reach,
        block: _core.Block,
        shares: list[Share],
        workers: Supervisor[Child],
    ) -> None:
        self.memory = MemorySource(block)
        self._plan = plan
        self._reach = reach
        self._block = block
        self._shares = shares
        self._workers = workers
        self._line_ns = self._start_ns = 0
        port, unix_path = reach.used[0].port or plan.target.port, plan.target.unix_path
        self._found = processes.find_all([each.host for each in reach.used], port, unix_path)
        rare = host.rare()
        cycle = worker.order(plan.requests)
        for share in shares:
            be = partial(worker.run, plan, reach.used, cycle, block, share)
            workers.start(Child(share.index), be)
        self._monitor = Monitor([child.pid for child in workers.children], self._found, rare)

    def ready(self) -> bool:
        """Tell whether every worker has connected, or tried to."""
        alive = [child.index for child in self._workers.children if not child.gone]
        return {self._block.state(index) for index in alive} <= {"ready", "ended"}

    def begin(self, *, line_ns: int, start_ns: int, stop_ns: int) -> None:
        """Open the start line."""
        self._line_ns, self._start_ns = line_ns, start_ns
        self._block.open_start_line(line_ns, start_ns, stop_ns)
        self._monitor.start()

    def tick(self) -> None:
        """Nothing is urgent: the workers go by the block."""

    def stop(self) -> None:
        """Let the workers stop now."""
        self._block.stop()

    def used(self) -> dict[str, Any]:
        """Take a sample of the machine."""
        cpu_s = {str(each.index): each.cpu_s for each in self._workers.children}
        return {"use": json_codec.plain(self._monitor.sample()), "cpu_s": cpu_s}

    def summed_up(self, body: dict[str, Any]) -> dict[str, Any]:
        """Judge this machine's part as if it were a run of its own."""
        self._monitor.sample()
        connections = sum(share.connections for share in self._shares)
        terms = replace(summarize.RunTerms.of(self._plan, self._reach), connections=connections)
        reader = UrlReader(self._block, (), planned=self._plan.load.planned)
        observed = summarize.Observed(
            terms=terms,
            block=self._block,
            workers=self._workers,
            line_ns=self._line_ns,
            start_ns=self._start_ns,
            end_ns=time.monotonic_ns(),
            series=sampling.Series(reader.read(0.0, False)),
            monitor=self._monitor,
            found=self._found,
            gave_up=False,
            thread_rates=(),
        )
        count = len(self._shares)
        schedules = tuple(self._monitor.schedule(index) for index in range(count))
        return MachineReport.of(summarize.result(observed), schedules).message()
