"""What a search for the highest rate found: frozen values, and the JSON document both ways.

1. A step is one run at one rate. Steps that were measured again stand in it as often as they were.
2. `rate` is the highest rate that held, `interval` what is known of the border: at and below its
   low end every step held, at and above its high end every step failed. An end that no step
   reached is null.
3. `from_document(to_document(found))` is the same. A wrong document raises DocumentError with the
   path of the field.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated

from fastbench.results.json_codec import LATER, DocumentError, due_in, member, plain, read
from fastbench.results.metric_values import CONTAINS, Judgement
from fastbench.results.result import VERDICTS, Environment, Limit, Warning_

__all__ = [
    "ENDED",
    "PHASES",
    "SCHEMA",
    "Border",
    "DocumentError",
    "Found",
    "Objective",
    "Step",
]

SCHEMA = "fastbench.find/1"
PHASES = ("stepping", "bisection", "again")
ENDED = (
    "found",
    "most",  # the highest rate that was to be tried holds, too
    "none",  # the lowest one does not
    *("client_limited", "server_gone", "interrupted", "lost", "out_of_time", "nothing_succeeded"),
)


@dataclass(frozen=True, slots=True)
class Border:
    """Where holding ends: between these two rates, None where that is open."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Objective:
    """One limit. `limit` is in ms where the metric contains "time"; a rate's 0.01 is 1 %."""

    text: str
    metric: str
    contains: Annotated[str, CONTAINS]
    limit: float


@dataclass(frozen=True, slots=True)
class Step:
    """One run at one rate, in requests per second. Times are of responses: from the plan on.

    `missed_share` are planned requests that could not be sent, `errors_share` those sent that were
    not ok, `unanswered_share` of these had no answer at the end, long after any other had. `judged`
    is what became of each objective; `held` needs all of them and that nearly all that was planned
    was sent. `redone` counts runs that were thrown away as they say nothing.
    `samples` is how many response times there were, None in older documents.
    `growing`: more and more requests waited up to the end, so that the rate is not held.
    """

    rate: float
    phase: Annotated[str, PHASES]
    held: bool
    requests_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    errors_share: float
    missed_share: float
    judged: Mapping[str, Judgement]
    verdict: Annotated[str, VERDICTS]
    limit: Limit
    reasons: tuple[str, ...] = ()
    redone: int = 0
    growing: bool = field(default=False, metadata=LATER)
    unanswered_share: float = field(default=0.0, metadata=LATER)
    samples: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Found:
    """One search. `config` is what was asked, secrets redacted, JSON-ready.

    `rate` is None if nothing held. `reasons` say what the limit was at the lowest rate that failed.
    `precision` is the share to which the border was to be found. `machines` are the names of those
    of a cluster that carried the first run, none where it was this machine alone. `protocol` is the
    version of HTTP that the runs spoke, of each where there were several; "" where none connected.
    """

    version: str
    objective: tuple[Objective, ...]
    rate: float | None
    interval: Border
    ended: Annotated[str, ENDED]
    limit: Limit
    reasons: tuple[str, ...]
    precision: float
    visit_s: float
    warmup_s: float
    elapsed_s: float
    steps: tuple[Step, ...]
    environment: Environment | None
    warnings: tuple[Warning_, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    machines: tuple[str, ...] = field(default=(), metadata=LATER)
    protocol: str = field(default="", metadata=LATER)

    def to_document(self) -> dict[str, object]:
        """Return the JSON-ready document of schema fastbench.find/1."""
        values = {name: plain(getattr(self, name)) for name in _parts()}
        values["interval"] = [self.interval.low, self.interval.high]
        return {
            "schema": SCHEMA,
            "tool": {"name": "fastbench", "version": self.version},
            **values,
        }

    @classmethod
    def from_document(cls, document: object) -> Found:
        """Read a document back. Raises DocumentError with the name of the first wrong field."""
        if (schema := member(document, "schema")) != SCHEMA:
            raise DocumentError(f"schema: this fastbench reads {SCHEMA!r}, not {schema!r}")
        hints = typing.get_type_hints(cls, include_extras=True)
        hints["interval"] = tuple[float | None, ...]
        due = [name for name in due_in(cls, document) if name in _parts()]
        values = {name: read(hints[name], member(document, name), name) for name in due}
        ends = values["interval"]
        if len(ends) != 2 or (None not in ends and ends[0] > ends[1]):
            raise DocumentError("interval: expected two numbers, the low one first")
        values["interval"] = Border(*ends)
        tool = member(document, "tool")
        return cls(version=read(str, member(tool, "version", "tool"), "tool.version"), **values)


def _parts() -> list[str]:
    return [part.name for part in fields(Found) if part.name != "version"]
