"""The servers of all sides, alive at the same time: started one after the other, ended together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fastbench.experiments.trials import side_server, trial_servers
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.experiments.trials.side_server import SideServer
from fastbench.experiments.trials.trial import Job, Side
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import programs, serving
from fastbench.machine.programs import Program
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan


class ServerDied(Exception):
    """A server has ended while it was measured; the sentence says whose, and how."""


@dataclass(slots=True)
class Servers:
    """Starts the servers of all sides, as often as is asked; sides that are URLs run already."""

    sides: Sequence[Side]
    names: Sequence[str]
    ready: set[int] = field(default_factory=set)  # sides whose server once was
    _ports: dict[int, int] = field(default_factory=dict)

    @property
    def starts_any(self) -> bool:
        """Whether there is a server to start."""
        return any(side.command is not None for side in self.sides)

    @property
    def all_were_ready(self) -> bool:
        """Whether each server that is started here has been ready once."""
        return self.ready == {at for at, side in enumerate(self.sides) if side.command is not None}

    @contextlib.contextmanager
    def started(self, order: Sequence[int], stop: Interrupts) -> Iterator[Running]:
        """Start the servers in this order and wait until each is ready; end them afterwards.

        Raises ServerError for one that does not become ready.
        """
        found: dict[int, SideServer] = {}
        with contextlib.ExitStack() as stack:
            for at in order:
                if self.sides[at].command is not None:
                    found[at] = self._start(at, stop, stack)
            jobs = [
                found[at].job if at in found else side.make(None)
                for at, side in enumerate(self.sides)
            ]
            yield Running(jobs, {self.names[at]: each for at, each in found.items()})

    def _start(self, at: int, stop: Interrupts, stack: contextlib.ExitStack) -> SideServer:
        # Those before it listen already, so that no two get one port.
        self._ports[at] = trial_servers.free_port(self._ports.get(at))
        one = side_server.of(self.sides[at], self._ports[at], self.names[at])
        stack.enter_context(one.server)
        one.wait_ready(stop)
        self.ready.add(at)
        return one


@dataclass(frozen=True, slots=True)
class Running:
    """All servers at work. `jobs` are what a trial of each side runs."""

    jobs: Sequence[Job]
    servers: dict[str, SideServer]

    def check(self) -> None:
        """Raise ServerDied when one has ended."""
        for name, each in self.servers.items():
            if died := each.death():
                raise ServerDied(f"{name}: {died}")

    def programs(self) -> tuple[Program | None, ...]:
        """Return what program serves each side, None where it is not visible from here."""
        return tuple(_program(job) if isinstance(job, Plan) else None for job in self.jobs)


def _program(plan: Plan) -> Program | None:
    try:
        reach = resolve.reach(plan)
    except UsageError:  # an unknown name is told where it is loaded
        return None
    hosts, port = serving.server(plan, reach)
    return programs.serving(hosts, port, plan.target.unix_path) if hosts else None
