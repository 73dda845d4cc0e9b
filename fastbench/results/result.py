"""What a run found: frozen values, and the versioned JSON document both ways.

1. The parts mirror the document: a dataclass per object, a field per name. `Summary` and the
   histograms hold what was counted; rates and percentiles are worked out from them, here only.
2. `from_document(to_document(result))` is the same result; else DocumentError names the field.
3. Milliseconds for latencies, seconds for times, bytes for sizes; histograms are in nanoseconds.
"""

from __future__ import annotations

import typing
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from fastbench.foundation.errors import describe, describe_of_socket
from fastbench.foundation.units import per_s
from fastbench.results import run_outcome
from fastbench.results.addresses import AddressRow
from fastbench.results.counts import ENDED, Http2, Operations, OperationsRow, SeriesRow, Summary
from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import LATER, SPARSE, DocumentError, due_in, member, plain, read
from fastbench.results.latencies import Latency, latency_ms, packed, read_latency
from fastbench.results.load_stages import StageRow
from fastbench.results.machine_row import MachineRow
from fastbench.results.metric_values import (
    Check,
    GaugeRow,
    Judgement,
    Metric,
    NamedRow,
    ScenarioRow,
    Thrown,
)
from fastbench.results.part_series import PartsOverTime
from fastbench.results.run_outcome import Facts, Outcome, outcome
from fastbench.results.run_parts import RunPart, outcome_of
from fastbench.results.socket_counts import Sockets, noun_of
from fastbench.results.usage import Resources

__all__ = [
    "ENDED",
    "LIMITS",
    "SCHEMA",
    "VERDICTS",
    "DocumentError",
    "Environment",
    "ErrorRow",
    "Operations",
    "OperationsRow",
    "Result",
    "SeriesRow",
    "Summary",
    "TlsUse",
    "Validity",
    "Warmup",
    "Warning_",
    "WorkerRow",
]

SCHEMA = "fastbench/1"
NOUNS = ("request", "operation", "message", "connection")
VERDICTS = ("ok", "client-limited", "late", "noisy-host", "incomplete")
LIMITS = ("client", "server", "host", "network", "none", "unknown")
Limit = Annotated[str, LIMITS, {"box": "host"}]  # "box" until 0.5


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """Failures of one kind, phase and code. `first_s` counts from the start line."""

    kind: str
    phase: str
    code: str
    count: int
    first_s: float
    message: str
    hint: str

    @classmethod
    def of(
        cls, kind: str, phase: str, code: str, count: int, first_s: float, *, socket: bool = False
    ) -> ErrorRow:
        """Return the row with cause and remedy from the catalogue; `socket`: of a WebSocket."""
        told = describe_of_socket if socket else describe
        return cls(kind, phase, code, count, first_s, *told(kind, phase, code))


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One worker. `busy` is the share of the run spent outside epoll_wait, 0 of a lost one.

    `run_queue` is the share of the run in which its engine could have run but another had the
    core (proc(5), schedstat); None where the kernel does not tell.
    """

    pid: int
    requests: int
    cpu_s: float
    busy: float
    lag_p99_ms: float | None = None
    lost: bool = False
    p99_ms: float | None = None
    run_queue: float | None = None
    involuntary_switches: int | None = None


@dataclass(frozen=True, slots=True)
class TlsUse:
    """What the handshakes agreed on. `resumed` of `handshakes` continued a session."""

    verified: bool
    version: str
    cipher: str
    handshakes: int
    resumed: int


@dataclass(frozen=True, slots=True)
class Warmup:
    """The phase before the measured one: shown, never merged. Percentiles of service time.

    `in_flight_at_end` of its requests had no answer when measuring began, `never_answered` of these
    none when the run ended; None where it was not counted.
    """

    duration_s: float
    requests: int
    ok: int
    failed: int
    timeouts: int
    p50_ms: float | None
    p99_ms: float | None
    in_flight_at_end: int | None = field(default=None, metadata=LATER)
    never_answered: int | None = field(default=None, metadata=LATER)

    @property
    def requests_per_s(self) -> float:
        """Ended requests per second of the warm-up."""
        return self.requests / self.duration_s if self.duration_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Validity:
    """May the numbers be trusted, and what limited them? Each reason carries its remedy."""

    verdict: Annotated[str, VERDICTS] = "ok"
    limit: Limit = "unknown"
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Warning_:
    """Something the reader should know, with its remedy."""

    code: str
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """The machine. `started_at` is when measuring began, wall-clock time in ISO 8601.

    `governor` is that of its processors, several with commas between, "unknown" in most virtual
    machines; `smt` tells whether two of them may be one core, None where the kernel does not.
    """

    kernel: str
    cpu: str
    cores: int
    python: str
    clocksource: str
    started_at: str
    governor: str = field(default="unknown", metadata=LATER)
    smt: bool | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Result:
    """One run. `config` is what was asked, secrets redacted, JSON-ready.

    `thread_rates` are req/s per worker and 100 ms for wrk's shape, `groups` the paths of a script's
    in their order, `setup_data` what its setup returned as JSON; none of these is in the document.
    `metrics`, `scenarios`, `checks`, `exceptions` and `operations` are those of a script. `sockets`
    is of a run of WebSockets, `http2` of one that may speak that; `stages` are those of its load,
    `parts` the runs of a merged result, `machines` those that carried it, `part_series` how its
    names and scenarios went over time, `noun` what the counts of `summary` are of: see `main`.
    """

    version: str
    config: Mapping[str, object]
    environment: Environment
    summary: Summary
    latency: Latency
    status_codes: Mapping[str, int]
    errors: tuple[ErrorRow, ...] = ()
    series: tuple[SeriesRow, ...] = ()
    workers: tuple[WorkerRow, ...] = ()
    resources: Resources = field(default_factory=Resources)
    tls: TlsUse | None = None
    warmup: Warmup | None = None
    validity: Validity = Validity()
    warnings: tuple[Warning_, ...] = ()
    thread_rates: tuple[float, ...] = field(default=(), compare=False)
    groups: tuple[str, ...] = field(default=(), compare=False)
    setup_data: str = field(default="", compare=False)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    thresholds: Mapping[str, Judgement] = field(default_factory=dict)
    requests: tuple[NamedRow, ...] = ()
    scenarios: tuple[ScenarioRow, ...] = ()
    checks: tuple[Check, ...] = ()
    exceptions: tuple[Thrown, ...] = ()
    addresses: tuple[AddressRow, ...] = field(default=(), metadata=LATER)
    operations: Operations | None = field(default=None, metadata=LATER)
    gauges: tuple[GaugeRow, ...] = field(default=(), metadata=LATER)
    sockets: Sockets | None = field(default=None, metadata=LATER)
    http2: Http2 | None = field(default=None, metadata=LATER)
    parts: tuple[RunPart, ...] = field(default=(), metadata=LATER)
    machines: tuple[MachineRow, ...] = field(default=(), metadata=LATER)
    stages: tuple[StageRow, ...] = field(default=(), metadata=LATER)
    part_series: PartsOverTime | None = field(default=None, metadata=SPARSE)
    noun: Annotated[str, NOUNS] = field(default="request", compare=False)

    @property
    def thresholds_failed(self) -> bool:
        """Tell whether a threshold that decides about the run does not hold."""
        return any(not each.ok and each.level == "fail" for each in self.thresholds.values())

    @property
    def scripted(self) -> bool:
        """Tell whether a script was run; only it has scenarios, and requests of several kinds."""
        return bool(self.config.get("script"))

    @property
    def main(self) -> Result:
        """The result as reports show it: its operations stand for requests if it sent none."""
        return self if self.summary.started else self.timed or self

    @property
    def timed(self) -> Result | None:
        """The same of what the script timed itself: its counts, times and rows are of these."""
        if self.operations is None:
            return None
        latency, empty = self.latency, Histogram.empty()
        return replace(
            self,
            summary=self.operations.as_requests(self.summary),
            latency=Latency(latency.operation or empty, empty, empty, empty, lag=latency.lag),
            series=tuple(row.as_requests() for row in self.series),
            scenarios=tuple(row.as_requests() for row in self.scenarios),
            requests=tuple(row for row in self.requests if row.kind != "http"),
            stages=tuple(row.as_requests() for row in self.stages),
            status_codes={},
            operations=None,
            noun="operation",
        )

    @property
    def per_s(self) -> str:
        """The unit of its rate."""
        return per_s(self.noun)

    @property
    def headline(self) -> tuple[str, Histogram]:
        """The latency of the run as a whole, with its name: "response", "service", "operation".

        Of a script it is service time: only arrival-rate scenarios have planned instants.
        """
        response = self.latency.response
        if self.scripted or response is None:
            return ("operation" if self.noun == "operation" else "service"), self.latency.service
        return "response", response

    @property
    def planned(self) -> Histogram | None:
        """Response times, where they are of all requests."""
        response = self.latency.response
        part = self.scripted and response and response.count < self.latency.service.count
        return None if part else response

    @property
    def planned_by(self) -> tuple[str, ...]:
        """The scenarios that the response times of a script come from."""
        return tuple(row.name for row in self.scenarios if row.response is not None)

    @property
    def unanswered(self) -> int:
        """Requests under way at the end, if one of them was so for longer than any answer took."""
        s, slowest_s = self.summary, self.latency.service.max_ns / 1e9
        if s.oldest_in_flight_s <= max(run_outcome.unanswered_after_s(s.duration_s), 2 * slowest_s):
            return 0
        return s.in_flight_at_end if s.overdue_at_end is None else s.overdue_at_end

    @property
    def outcome(self) -> Outcome:
        """How the run went as a whole: what every report says first, and the colour it has."""
        if self.parts:
            return outcome_of(self.parts)
        beside = self.timed if self.summary.started else None
        return outcome(self.main.facts, None if beside is None else beside.facts)

    @property
    def facts(self) -> Facts:
        """What the outcome is made of."""
        s = self.summary
        mine = [row for row in self.requests if (row.kind != "http") == (self.noun == "operation")]
        return Facts(
            ended=s.ended,
            requests=s.requests,
            not_ok=s.not_ok,
            started=s.started,
            causes=self._causes(),
            unanswered=self.unanswered,
            oldest_in_flight_s=s.oldest_in_flight_s,
            scheduled=s.scheduled,
            not_sent=s.dropped + s.queued_at_end,
            asked_per_s=self._asked_per_s(),
            reached_per_s=s.requests_per_s,
            duration_s=s.duration_s,
            silent_s=run_outcome.silent_s((row.span_s, row.ok, row.bad) for row in self.series),
            never_ok=run_outcome.never_ok((*self.scenarios, *mine)),
            stuck=tuple(r.name for r in self.scenarios if r.interrupted and not r.iterations),
            vus=self.scripted,
            iterations=sum(row.iterations for row in self.scenarios),
            dropped=sum(row.dropped_iterations for row in self.scenarios),
            threw=sum(row.count for row in self.exceptions if row.scenario),
            threw_outside=sum(row.count for row in self.exceptions if not row.scenario),
            retried=0 if self.http2 and self.http2.sent_back else s.retried,
            retold=bool(self.config.get("points") and not self.config.get("points_cut")),
            checks=tuple((each.fails, each.passes + each.fails) for each in self.checks),
            thresholds=self.thresholds,
            verdict=self.validity.verdict,
            why=self.validity.reasons,
            noun=self.noun,
        )

    def _causes(self) -> Mapping[str, int]:
        """Return what failed requests, or operations, have in common, by count."""
        if self.noun == "operation":
            return sum((Counter(row.reasons) for row in self.requests), Counter())
        s, answers = self.summary, self.status_codes
        wide = self.scripted or not s.requests or self.noun == "connection"
        return run_outcome.causes(answers, self.errors, s.failed, connecting=wide)

    def _asked_per_s(self) -> float:
        """Return the one planned rate, or what several came to over the run."""
        rate, s = self.config.get("rate"), self.summary
        if isinstance(rate, int | float):
            return float(rate)
        return (s.scheduled or 0) / s.duration_s if s.duration_s > 0 else 0.0

    def to_document(self) -> dict[str, object]:
        """Return the JSON-ready document of schema fastbench/1."""
        histograms = self.latency.by_name()
        rates = {
            "requests": self.summary.requests,
            "requests_per_s": self.summary.requests_per_s,
            "bytes_in_per_s": self.summary.bytes_in_per_s,
        }
        return {
            "schema": SCHEMA,
            "tool": {"name": "fastbench", "version": self.version},
            "config": plain(self.config),
            "environment": plain(self.environment),
            "summary": plain(self.summary) | rates,
            "latency_ms": {name: h and latency_ms(h) for name, h in histograms.items()},
            "hdr": {name: h and packed(h) for name, h in histograms.items()},
            "status_codes": plain(self.status_codes),
            **{name: plain(getattr(self, name)) for name in _PARTS},
            **{name: plain(found) for name in _SPARSE if (found := getattr(self, name))},
            "thresholdsFailed": self.thresholds_failed,
            "outcome": plain(self.outcome),
        }

    @classmethod
    def from_document(cls, document: object) -> Result:
        """Read a document back. Raises DocumentError with the name of the first wrong field."""
        if (schema := member(document, "schema")) != SCHEMA:
            raise DocumentError(f"schema: this fastbench reads {SCHEMA!r}, not {schema!r}")
        hints = typing.get_type_hints(cls)
        due = [name for name in due_in(cls, document) if name in _READ]
        values = {name: read(hints[name], member(document, name), name) for name in due}
        tool = member(document, "tool")
        return cls(
            version=read(str, member(tool, "version", "tool"), "tool.version"),
            latency=read_latency(document),
            noun=noun_of(values["config"]),
            **values,
        )


_PARTS = (
    *("errors", "series", "workers", "resources", "tls", "warmup", "validity", "warnings"),
    *("metrics", "thresholds", "requests", "scenarios", "checks", "exceptions", "addresses"),
    *("operations", "gauges", "stages"),
)
_SPARSE = ("sockets", "http2", "parts", "machines", "part_series")  # only where there are any
_READ = {"config", "environment", "summary", "status_codes", *_PARTS, *_SPARSE}
