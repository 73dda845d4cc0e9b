"""A machine's part of a run of URLs."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from fastbench.cluster import plan_message, url_messages
from fastbench.cluster.agent.work import Work
from fastbench.engine.bridge import _core
from fastbench.machine import host, limits, serving
from fastbench.machine.monitor import Monitor
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.run import worker
from fastbench.run.child import Child
from fastbench.run.summarize import RunTerms
from fastbench.run.supervisor import Supervisor
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
    with limits.enough_memory():
        block = _core.Block(
            len(shares),
            first=shares[0].index,
            total=body["total"],
            warmup=plan.load.warmup_s > 0,
            urls=body["urls"],
        )
    return UrlWork(plan, url_messages.reach_of(body["reach"]), block, shares, workers)


class UrlWork(Work):
    """The workers of this machine, from the fork to the sum of what they did."""

    def __init__(
        self,
        plan: Plan,
        reach: Reach,
        block: _core.Block,
        shares: list[Share],
        workers: Supervisor[Child],
    ) -> None:
        found = serving.found(plan, reach)
        super().__init__(block, workers, found)
        self._plan = plan
        self._reach = reach
        self._shares = shares
        rare = host.rare()
        cycle = worker.order(plan.requests)
        for share in shares:
            be = partial(worker.run, plan, reach, cycle, block, share)
            workers.start(Child(share.index), be)
        self._monitor = Monitor([child.pid for child in workers.children], found, rare)

    def ready(self) -> bool:
        """Tell whether every worker has connected, or tried to."""
        alive = [child.index for child in self._workers.children if not child.gone]
        return {self._block.state(index) for index in alive} <= {"ready", "ended"}

    def begin(self, *, line_ns: int, start_ns: int, stop_ns: int) -> None:
        """Open the start line."""
        self._line_ns, self._start_ns = line_ns, start_ns
        self._block.open_start_line(line_ns, start_ns, stop_ns)
        assert self._monitor is not None
        self._monitor.start()

    def tick(self) -> None:
        """Nothing is urgent: the workers go by the block."""

    def stop(self) -> None:
        """Let the workers stop now."""
        self._block.stop()

    def terms(self, body: dict[str, Any]) -> RunTerms:
        """Return those of the plan, with this machine's connections."""
        connections = sum(share.connections for share in self._shares)
        return replace(RunTerms.of(self._plan, self._reach), connections=connections)
