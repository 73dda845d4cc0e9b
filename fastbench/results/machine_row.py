"""The machines of a run that several carried: what each did, and what it says of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastbench.foundation.units import format_s
from fastbench.results.json_codec import LATER

VERDICTS = ("ok", "client-limited", "late", "noisy-host", "incomplete")


@dataclass(frozen=True, slots=True)
class MachineRow:
    """One machine. `verdict`, `limit` and `reasons` are of its part alone, as if that were a run.

    `cpu_percent` is what fastbench used there, 100 % is one core, `host_percent` the use of all
    its cores. `requests` are those that ended, of a run without any its operations.
    `clock_bound_ms` is how far its clock may be from where it was estimated: so exact is its start
    line. `began_late_ms`: it heard so much too late of the start line, 0 in time.
    `lost` says why the machine was lost, "" if it was not; its counts are those it told before.
    `lost_at_s` is when it was heard of for the last time, from the start on: 0 before the start,
    None of one that was not lost.
    """

    name: str
    address: str
    cores: int
    workers: int
    requests: int
    requests_per_s: float
    lag_p99_ms: float | None
    cpu_percent: float | None
    host_percent: float | None
    clock_bound_ms: float
    began_late_ms: float
    verdict: Annotated[str, VERDICTS]
    limit: str
    reasons: tuple[str, ...]
    lost: str
    lost_at_s: float | None = field(default=None, metadata=LATER)

    @property
    def loss(self) -> str:
        """When and why it was lost, as it follows its name; "" if it was not."""
        return f"{lost_when(self.lost_at_s)}: {self.lost}" if self.lost else ""


@dataclass(frozen=True, slots=True)
class Machines:
    """What a live view shows of a cluster; `lost` has a sentence for each machine that is lost."""

    cluster: str
    count: int
    lost: tuple[str, ...] = ()

    @property
    def working(self) -> str:
        """How many there are, and of how many."""
        lost = len(self.lost)
        return f"{self.count - lost} of {self.count} machines" if lost else f"{self.count} machines"


def lost_when(at_s: float | None) -> str:
    """Say when a machine was lost, in s from the start; None is not known."""
    if at_s is None:
        return "lost"
    return f"lost at {format_s(at_s)}" if at_s else "lost before the start"
