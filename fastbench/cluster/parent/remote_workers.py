"""What runs of URLs and of scripts have in common on a cluster: machines and their workers."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import Any, TypeVar

from fastbench.cluster.limits_of_silence import ANSWER_S
from fastbench.cluster.links.cluster_thread import ClusterThread, awaited
from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.links.remote_process import RemoteProcess
from fastbench.cluster.machine_report import MachineReport, MachineUse
from fastbench.cluster.parent import machine_rows
from fastbench.cluster.parent.cluster_monitor import ClusterMonitor
from fastbench.engine.bridge import _core
from fastbench.foundation import redact
from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_ns
from fastbench.machine import limits
from fastbench.results import json_codec
from fastbench.results.machine_row import Machines, lost_when
from fastbench.results.result import Result, Warning_
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import StartLine

# Beside the way to the slowest machine: on machines as busy as they are with a test's own load,
# Dask and the agent have needed 67 ms to hand the line on.
LEAD_NS = 200_000_000
BEHIND_NS = 100_000_000  # from the end of a second to when all have told of it

C = TypeVar("C", bound=Child)


class RemoteWorkers:
    """The machines of a cluster that is open, and which workers each of them has.

    `first` are the numbers of the first worker of each machine, and at its end how many there are.
    """

    def __init__(
        self,
        cluster: ClusterThread,
        notice: Callable[[str], None],
        *,
        stop_when_lost: bool = False,
    ) -> None:
        """A lost machine is told to `notice` at once; with `stop_when_lost` it ends the run."""
        self.cluster = cluster
        self.machines = cluster.machines
        self._notice = notice
        self._stop_when_lost = stop_when_lost
        self._name = redact.printable(redact.url(cluster.address))
        self._start_s: float | None = (
            None  # of CLOCK_MONOTONIC; None before the start line is drawn
        )
        self._told_lost: dict[str, str] = {}  # sentences about lost machines, by address
        round_trip_ns = max(each.offset.round_trip_ns for each in self.machines if each.offset)
        self.lead_ns = LEAD_NS + 4 * round_trip_ns
        self.behind_ns = BEHIND_NS + round_trip_ns
        self.first: list[int] = []
        self.terms: dict[str, Any] = {}  # what a machine cannot know and needs for its report
        self._reports: dict[int, MachineReport] | None = None
        for machine in self.machines:
            machine.on["use"] = partial(_keep_use, machine)

    def number(self, counts: Sequence[int]) -> int:
        """Give each machine so many workers; return how many there are."""
        self.first = [0, *accumulate(counts)]
        limits.allow_files_of_machines(len(counts), self.first[-1])
        return self.first[-1]

    def span(self, at: int) -> range:
        """Return the numbers of the workers of a machine, by its place."""
        return range(self.first[at], self.first[at + 1])

    def join(self, machine: MachineLink, children: Iterable[C], workers: Supervisor[C]) -> None:
        """Listen to workers that the machine is about to start."""

        def send_signal(worker: int, number: int) -> None:
            machine.post("signal", {"worker": worker, "number": number})

        processes = []
        for child in children:
            child.stream, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
            child.elsewhere = RemoteProcess(child.index, theirs, send_signal)
            workers.add(child, {})
            processes.append(child.elsewhere)
        self.cluster.call(_joined(machine, processes))

    def begin(self, line: StartLine) -> None:
        """Tell all machines the start line; each has it in its own time."""
        self._start_s = line.start_ns / 1e9
        body = json_codec.plain(line)
        for machine in self.machines:
            machine.post("begin", body)

    def look(self, *, over: bool = False) -> bool:
        """Tell of the machines that were lost since the last look; true if that ends the run.

        A load that is `over` misses nothing.
        """
        for machine in self.machines:
            if machine.lost and machine.address not in self._told_lost:
                when = lost_when(self.lost_at_s(machine))
                sentence = f"{printable(machine.name)} was {when}: {printable(machine.lost)}"
                self._told_lost[machine.address] = sentence
                so = "the run ends" if self._stop_when_lost else "its part of the load is missing"
                self._notice(f"{sentence}; {'the load was over by then' if over else so}.")
        return self._stop_when_lost and bool(self._told_lost)

    def standing(self) -> Machines:
        """Return how the machines stand, as of the last look."""
        return Machines(self._name, len(self.machines), tuple(self._told_lost.values()))

    def lost_at_s(self, machine: MachineLink) -> float | None:
        """Return when a machine was heard of for the last time before it was lost."""
        if not machine.lost:
            return None
        if self._start_s is None:
            return 0.0
        return max(0.0, round(machine.lost_s - self._start_s, 3))

    def stop(self) -> None:
        """Tell all workers to stop now; may be called from a handler of signals."""
        for machine in self.machines:
            machine.post("stop", {})

    def monitor(self) -> ClusterMonitor:
        """Return who adds up what the machines tell of themselves."""
        return ClusterMonitor(self._uses, self.reports, self._schedule)

    def reports(self) -> Mapping[int, MachineReport]:
        """Return what each machine reports, by its place; of a lost one nothing."""
        if self._reports is None:
            asked = [each.ask("sum_up", self.terms, "summed") for each in self.machines]
            told = enumerate(awaited(asked, ANSWER_S))
            self._reports = {at: MachineReport.read(body) for at, body in told if body}
        return self._reports

    def told(self, result: Result, block: _core.Block) -> Result:
        """Add the table of machines, by what `block` counts, and judge by what each of them saw."""
        reports = self.reports()
        # Nobody looked since the last worker had ended, maybe because its machine was lost.
        self.look(over=all(at in reports for at in range(len(self.machines))))
        places = [
            (machine, self.span(at), self.lost_at_s(machine))
            for at, machine in enumerate(self.machines)
        ]
        rows = machine_rows.rows(result, places, reports, block)
        more = [Warning_("clock_drift", each.drifted) for each in self.machines if each.drifted]
        more += [_late(each) for each in self.machines if each.late_ns]
        result = replace(result, machines=rows, warnings=(*result.warnings, *more))
        return machine_rows.judged(result, reports)

    def why(self, machine: MachineLink) -> str:
        """Say what became of a machine that did not answer."""
        return f"--on: {machine.name}: {machine.lost or 'it did not answer'}".rstrip(".") + "."

    def _uses(self) -> Sequence[MachineUse]:
        return [each.use for each in self.machines if each.use is not None and not each.lost]

    def _schedule(self, index: int) -> tuple[float, int] | None:
        for at, report in self.reports().items():
            if index in self.span(at):
                schedules = report.schedules
                place = index - self.first[at]
                return schedules[place] if place < len(schedules) else None
        return None


def _late(machine: MachineLink) -> Warning_:
    return Warning_(
        "late_start",
        f"{machine.name} began {format_ns(machine.late_ns)} late: it heard of the start line when "
        "that was over",
        "its planned requests of that time left late; use a network or machine that answers sooner",
    )


async def _joined(machine: MachineLink, processes: Iterable[RemoteProcess]) -> None:
    for process in processes:
        machine.join(process)


def _keep_use(machine: MachineLink, body: dict[str, Any]) -> None:
    machine.use = json_codec.read(MachineUse, body["use"], "use")
    for index, cpu_s in body["cpu_s"].items():
        machine.processes[int(index)].cpu_s = cpu_s
