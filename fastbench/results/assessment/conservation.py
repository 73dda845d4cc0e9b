"""The conservation laws of a run: what must add up in every Result, to the unit. Pure."""

from __future__ import annotations

from fastbench.results.result import Result


def imbalances(result: Result) -> list[str]:
    """Return a sentence for every law that does not hold; none is right."""
    s = result.summary
    laws = [
        ("started", s.started, s.requests + s.in_flight_at_end, "ended + in flight at end"),
        (
            "service times",
            result.latency.service.count,
            s.ok + s.timeouts + s.cancelled,
            "ok + timeouts + cancelled",
        ),
    ]
    if s.scheduled is not None:
        planned = s.started + s.dropped + s.queued_at_end
        laws.append(("scheduled", s.scheduled, planned, "started + dropped + queued at end"))
    return [
        f"{name} ({left:,}) is not {right_name} ({right:,})"
        for name, left, right, right_name in laws
        if left != right
    ]
