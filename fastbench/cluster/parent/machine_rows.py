"""The table of machines of a result, and its verdict: that of the machine in the most trouble."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastbench.cluster.links.machine_link import MachineLink
from fastbench.cluster.machine_report import MachineReport
from fastbench.engine.bridge import _core
from fastbench.results.machine_row import MachineRow
from fastbench.results.result import Result, Validity
from fastbench.run.sampling import ended_names

_TROUBLE = ("ok", "late", "client-limited", "noisy-host", "incomplete")
_QUIET_LIMITS = ("none", "unknown")
_MS = 1e6


def rows(
    result: Result,
    places: Sequence[tuple[MachineLink, range, float | None]],
    reports: Mapping[int, MachineReport],
    block: _core.Block,
) -> tuple[MachineRow, ...]:
    """Return a row for each machine, which comes with its workers and when it was lost.

    What ended are requests, or operations where the run sent none: what it counts elsewhere, too.
    """
    span_s, names = result.summary.duration_s, ended_names(result.main.noun)
    found = []
    for at, (machine, span, lost_at_s) in enumerate(places):
        own = [result.workers[index] for index in span]
        counters = [block.counters(index) for index in span]
        ended = sum(each[name] for each in counters for name in names)
        report = reports.get(at)
        host = None if report is None else report.resources.host
        client = None if report is None else report.resources.client
        lags = [each.lag_p99_ms for each in own if each.lag_p99_ms is not None]
        found.append(
            MachineRow(
                name=machine.name,
                address=machine.address,
                cores=machine.cores,
                workers=len(span),
                requests=ended,
                requests_per_s=round(ended / span_s, 3) if span_s > 0 else 0.0,
                lag_p99_ms=max(lags, default=None) if report is None else report.lag_p99_ms,
                cpu_percent=None if client is None else client.cpu_percent,
                host_percent=None if host is None else host.cpu_percent,
                clock_bound_ms=0.0 if machine.offset is None else machine.offset.bound_ns / _MS,
                began_late_ms=machine.late_ns / _MS,
                verdict="incomplete" if report is None else report.validity.verdict,
                reasons=() if report is None else report.validity.reasons,
                limit="unknown" if report is None else report.validity.limit,
                lost=machine.lost if report is None else "",
                lost_at_s=lost_at_s if report is None else None,
            )
        )
    return tuple(found)


def judged(result: Result, reports: Mapping[int, MachineReport]) -> Result:
    """Return the result with the verdict of all machines together.

    What is missing of the whole run comes first. Otherwise the verdict is that of the machine in
    the most trouble, its reasons with the machine's name.
    """
    lost = [f"{row.name} was {row.loss}" for row in result.machines if row.lost]
    own = result.validity
    if own.verdict == "incomplete" or lost:
        reasons = tuple(dict.fromkeys((*lost, *own.reasons)))
        return replace(result, validity=Validity("incomplete", own.limit, reasons))
    worst = max((row.verdict for row in result.machines), key=_TROUBLE.index)
    first = next(row for row in result.machines if row.verdict == worst)
    limits = [row.limit for row in result.machines if row.limit not in _QUIET_LIMITS]
    limit = first.limit if first.limit not in _QUIET_LIMITS else next(iter(limits), first.limit)
    told = [row for row in result.machines if row.verdict == worst or row.limit == limit]
    reasons = tuple(_named(told, result))
    return replace(result, validity=Validity(worst, limit, reasons))


def _named(told: Sequence[MachineRow], result: Result) -> list[str]:
    """Return the reasons of machines; what all of them say has no name before it."""
    found: dict[str, list[str]] = {}
    for row in told:
        for reason in row.reasons:
            found.setdefault(reason, []).append(row.name)
    return [
        reason if len(names) == len(result.machines) else f"{', '.join(names)}: {reason}"
        for reason, names in found.items()
    ]
