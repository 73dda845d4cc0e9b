"""What a machine tells of its part of a run when that is over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from fastbench.results.json_codec import plain, read
from fastbench.results.result import Result, Validity
from fastbench.results.usage import Resources


@dataclass(frozen=True, slots=True)
class MachineReport:
    """The judgement of one machine about its own part, and what was used there.

    `schedules` are by worker: seconds on the run queue and involuntary switches, None where that
    is not visible.
    """

    validity: Validity
    resources: Resources
    lag_p99_ms: float | None
    schedules: tuple[tuple[float, int] | None, ...]

    @classmethod
    def of(cls, found: Result, schedules: tuple[tuple[float, int] | None, ...]) -> Self:
        """Return that of the result of this machine alone."""
        lag = found.main.latency.lag
        return cls(
            validity=found.validity,
            resources=found.resources,
            lag_p99_ms=lag.percentile(99) / 1e6 if lag is not None and lag.count else None,
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
