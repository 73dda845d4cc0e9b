"""What a machine tells of itself: each second what is used there, and of its part of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from fastbench.machine import host_identity
from fastbench.machine.host_identity import Place, ProcessNames
from fastbench.machine.monitor import Monitor
from fastbench.results.json_codec import plain, read
from fastbench.results.result import Result, Validity
from fastbench.results.usage import Resources, Use


@dataclass(frozen=True, slots=True)
class MachineUse:
    """What was used in a second. `processes` and `names` are those of `use.targets`."""

    use: Use
    place: Place
    processes: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def of(cls, monitor: Monitor, known: ProcessNames) -> Self:
        """Take a sample."""
        use = monitor.sample()
        pids = [each.pid for each in use.targets]
        processes, names = map(known.of, pids), map(monitor.name_of, pids)
        return cls(use, host_identity.place(), tuple(processes), tuple(names))


@dataclass(frozen=True, slots=True)
class MachineReport:
    """The judgement of one machine about its own part, and what was used there.

    `answered` are the requests of this machine that were; `processes` name those of
    `resources.targets`. `schedules` are by worker: seconds on the run queue and involuntary
    switches, None where that is not visible.
    """

    validity: Validity
    resources: Resources
    lag_p99_ms: float | None
    answered: int
    place: Place
    processes: tuple[str, ...]
    schedules: tuple[tuple[float, int] | None, ...]

    @classmethod
    def of(
        cls,
        found: Result,
        known: ProcessNames,
        schedules: tuple[tuple[float, int] | None, ...],
    ) -> Self:
        """Return that of the result of this machine alone."""
        lag = found.main.latency.lag
        return cls(
            validity=found.validity,
            resources=found.resources,
            lag_p99_ms=lag.percentile(99) / 1e6 if lag is not None and lag.count else None,
            answered=sum(found.status_codes.values()),
            place=host_identity.place(),
            processes=tuple(known.of(each.pid) for each in found.resources.targets),
            schedules=schedules,
        )

    def message(self) -> dict[str, Any]:
        """Return it as JSON knows it."""
        told: dict[str, Any] = plain(self)
        return told

    @classmethod
    def read(cls, body: object) -> MachineReport:
        """Read it back. Raises DocumentError."""
        found: MachineReport = read(cls, body, "report")
        return found
