"""Who starts the workers of a run of URLs, and what is known of the machine under them.

`OwnPool` is this machine. Where workers are on other machines, something else does the same (room
`cluster`): the parent has a slot of the block and a Child for each worker, wherever it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from fastbench.engine.bridge import _core
from fastbench.foundation import signals
from fastbench.machine import host, limits, serving
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results.machine_row import Machines
from fastbench.results.result import Result
from fastbench.results.usage import Resources, Use
from fastbench.run import worker
from fastbench.run.child import Child, HeardChild
from fastbench.run.supervisor import TICK_S, Supervisor
from fastbench.run.worker import Share

if TYPE_CHECKING:
    from fastbench.run.lua.lua_run import LuaRun

MAX_INSTANTS = 1000
LEAD_NS = 5_000_000  # from the parent's word to the start line, so that all workers see it first


class MachineMonitor(Protocol):
    """What `Monitor` is to a run."""

    def start(self) -> None:
        """Begin at the start line."""

    def sample(self) -> Use:
        """Return what was used since the last sample."""

    def resources(self, client_cpu_s: float, answered: int, duration_s: float) -> Resources:
        """Sum up."""

    def name_of(self, pid: int) -> str:
        """Return the name of a process that a sample has."""

    def schedule(self, index: int) -> tuple[float, int] | None:
        """Tell how long a worker's engine waited for a core, and how often it was put off one."""

    def also(self, found: Found) -> None:
        """Follow more targets."""


class WorkerPool(Protocol):
    """Who carries a run of URLs. All of it is called in this order, by the parent alone.

    `elsewhere`: no worker shares the memory of the parent, who keeps a copy. While workers connect
    they are looked at every `connect_tick_s`. `lead_ns`: from the parent's word to the start line.
    What the block says is `behind_ns` old at most, and new every `tick_s`.
    """

    elsewhere: bool
    lead_ns: int
    behind_ns: int
    tick_s: float
    connect_tick_s: float

    def workers(self, plan: Plan) -> int:
        """Return how many workers load, over all machines; raises UsageError if they cannot."""

    def reach(self, plan: Plan) -> Reach:
        """Return the addresses of the server; raises ResolveError."""

    def found(self, plan: Plan, reach: Reach) -> Found:
        """Return who serves these addresses, as far as that can be seen."""

    def start(self, load: UrlLoad, workers: Supervisor[Child]) -> None:
        """Start the workers."""

    def monitor(self, found: Found) -> MachineMonitor:
        """Return who watches the machine, from before the workers connect."""

    def open_start_line(self, block: _core.Block, line: StartLine) -> None:
        """Let the workers begin."""

    def look(self) -> bool:
        """See to it that nobody is waited for who does not come: called some times a second.

        True when the run is to end, because a part of it is lost.
        """

    def machines(self) -> Machines | None:
        """Return how the machines stand, None for this one alone."""

    def stop(self, block: _core.Block) -> None:
        """Tell the workers to stop now; may be called from a handler of signals."""

    def told(self, result: Result) -> Result:
        """Add what only the pool knows, once every worker has ended."""


@dataclass(frozen=True, slots=True)
class UrlLoad:
    """What the workers of a run of URLs load."""

    plan: Plan
    reach: Reach
    block: _core.Block
    shares: Sequence[Share]
    script: LuaRun | None = None


@dataclass(frozen=True, slots=True)
class StartLine:
    """When workers begin, measure and stop (0: no limit), of CLOCK_MONOTONIC.

    `instants_s` are when what they have counted is needed beside every second, from `start_ns` on.
    """

    line_ns: int
    start_ns: int
    stop_ns: int
    instants_s: tuple[float, ...] = ()


class OwnPool:
    """The workers are processes of this machine."""

    elsewhere = False
    lead_ns = LEAD_NS
    behind_ns = 0
    tick_s = TICK_S
    connect_tick_s = 0.002

    def __init__(self) -> None:
        self._workers: Supervisor[Child] | None = None
        self._rare: host.Rare | None = None

    def workers(self, plan: Plan) -> int:
        """Return how many there are: one per usable core, unless told."""
        load = plan.load
        count = min(load.workers or limits.usable_cores(), load.connections)
        limits.allow_open_files(worker.shares(plan, count)[0].connections)
        return count

    def reach(self, plan: Plan) -> Reach:
        """Look the name up."""
        with signals.heard(signals.leave_cleanly):
            return resolve.reach(plan)

    def found(self, plan: Plan, reach: Reach) -> Found:
        """Look for the processes of the server."""
        return serving.found(plan, reach, plan.watch)

    def start(self, load: UrlLoad, workers: Supervisor[Child]) -> None:
        """Fork."""
        self._workers, self._rare = workers, host.rare()
        cycle = worker.order(load.plan.requests)
        plan, block, script = load.plan, load.block, load.script
        for share in load.shares:
            be = partial(worker.run, plan, load.reach, cycle, block, share)
            child = Child(share.index)
            if script is not None:
                be = partial(worker.run_script, script, plan, cycle, block, share)
                child = HeardChild(share.index, hear=partial(script.hear, share.index))
            workers.start(child, be)

    def monitor(self, found: Found) -> Monitor:
        """Watch this machine."""
        assert self._workers is not None and self._rare is not None
        return Monitor([child.pid for child in self._workers.children], found, self._rare)

    def open_start_line(self, block: _core.Block, line: StartLine) -> None:
        """Write it into the block."""
        block.open_start_line(line.line_ns, line.start_ns, line.stop_ns)

    def look(self) -> bool:
        """Return false: those on this machine are seen as they are."""
        return False

    def machines(self) -> None:
        """Return None: there is this one."""

    def stop(self, block: _core.Block) -> None:
        """Write it into the block."""
        block.stop()

    def told(self, result: Result) -> Result:
        """Everything is known."""
        return result
