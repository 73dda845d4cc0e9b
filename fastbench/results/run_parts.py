"""The runs that a merged result is made of: what each was, how it went, where it took place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated

from fastbench.results.run_outcome import LEVELS, Outcome, Reason
from fastbench.results.usage import Resources


@dataclass(frozen=True, slots=True)
class RunPart:
    """One run of several at the same time. Percentiles are in ms, of its headline latency.

    `what` is its script or URL, `noun` what its counts are of. `offset_s` is how much later than
    the first of all its load began. `outcome` and `reasons` are its own; `verdict` and `limit` say
    what its client was.
    """

    name: str
    what: str
    noun: str
    started_at: str
    offset_s: float
    duration_s: float
    requests: int
    not_ok: int
    requests_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    ended: str
    outcome: Annotated[str, LEVELS]
    reasons: tuple[Reason, ...]
    verdict: str
    limit: str
    cpu: str
    cores: int
    resources: Resources


def outcome_of(parts: Iterable[RunPart]) -> Outcome:
    """Return how the whole went: as badly as the worst of its runs, each reason with its run."""
    found = [
        replace(reason, text=f"{part.name}: {reason.text}")
        for part in parts
        for reason in part.reasons
    ]
    found.sort(key=lambda each: -LEVELS.index(each.level))  # stable: else in the order of the runs
    return Outcome(found[0].level if found else "ok", tuple(found))
