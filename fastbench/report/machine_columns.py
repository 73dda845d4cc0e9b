"""The machines of a run as rows: how much each sent, how late, and what it says of itself."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.foundation.units import plural
from fastbench.report.columns import NOTHING, ms, per_s, percent, whole
from fastbench.results.machine_row import MachineRow

HEADS = ("workers", "ended", "per s", "lag p99", "client", "host", "clock ±")
NOTE = (
    "client: processor time of fastbench, 100% is one core; host: of all cores; clock ±: how "
    "exactly its start line is known"
)


def cells(row: MachineRow) -> list[str]:
    """Return what stands below HEADS."""
    used = (row.cpu_percent, row.host_percent)
    return [
        str(row.workers),
        whole(row.requests),
        per_s(row.requests, row.requests_per_s),
        ms(row.lag_p99_ms),
        *(NOTHING if each is None else percent(round(each / 100, 2)) for each in used),
        ms(round(row.clock_bound_ms, 3)),
    ]


def about(row: MachineRow) -> str:
    """Return what else is to be said of a machine: where it is, and how it went there."""
    told = [row.address, plural(row.cores, "core")]
    told += [row.loss] if row.lost else [row.verdict]
    told += [f"began {ms(row.began_late_ms)} late"] if row.began_late_ms else []
    return printable(" · ".join(told))


def bad(row: MachineRow) -> bool:
    """Tell whether a machine did not do its part."""
    return bool(row.lost) or row.verdict == "incomplete"
