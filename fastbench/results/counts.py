"""The counts of a run, of the whole and of each second: of requests, and of other operations.

Frozen values as they stand in the document. Rates are worked out from counts, here only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Protocol

from fastbench.results.json_codec import LATER, SPARSE
from fastbench.results.usage import Use

ENDED = (
    *("complete", "interrupted", "worker_lost", "nothing_succeeded"),
    *("aborted", "marked_failed", "script_failed", "threshold_aborted"),  # of scenarios only
)
SEVERITY = (  # the same, the worst last; by what exit_codes says of them
    *("complete", "threshold_aborted", "marked_failed", "nothing_succeeded"),
    *("script_failed", "aborted", "worker_lost", "interrupted"),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of a run. Times in seconds, from the start line to the stop, drain excluded.

    `cancelled` of the `failed` ones were given up by the script; `overdue_at_end` of those in
    flight waited for more than twice as long as any answer took, None where it was not counted.
    """

    duration_s: float
    started: int
    ok: int
    failed: int
    timeouts: int
    bytes_in: int
    bytes_out: int
    in_flight_at_end: int = 0
    oldest_in_flight_s: float = 0.0
    retried: int = 0
    scheduled: int | None = None
    dropped: int = 0
    queued_at_end: int = 0
    oldest_queued_s: float = 0.0
    ended: Annotated[str, ENDED] = "complete"
    cancelled: int = field(default=0, metadata=LATER)
    overdue_at_end: int | None = field(default=None, metadata=LATER)

    @property
    def not_ok(self) -> int:
        """Requests that ended without a good answer: failed and timed out."""
        return self.failed + self.timeouts

    @property
    def requests(self) -> int:
        """Requests that came to an end: ok, failed and timed out."""
        return self.ok + self.failed + self.timeouts

    @property
    def requests_per_s(self) -> float:
        """Ended requests per second of the run; 0 for a run without length."""
        return self.requests / self.duration_s if self.duration_s > 0 else 0.0

    @property
    def bytes_in_per_s(self) -> float:
        """Bytes received per second of the run; 0 for a run without length."""
        return self.bytes_in / self.duration_s if self.duration_s > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Operations:
    """What a script timed itself, requests excluded. Bytes are those that it told of.

    Those that the end of the run cut off are in flight; `overdue_at_end` of them took more than
    twice as long as any that ended.
    """

    started: int
    ok: int
    failed: int
    bytes_in: int
    bytes_out: int
    in_flight_at_end: int = 0
    oldest_in_flight_s: float = 0.0
    overdue_at_end: int = 0

    @classmethod
    def of(cls, slots: Sequence[Mapping[str, int]]) -> Operations | None:
        """Add up the counters of workers; None where nothing was timed but requests.

        What was started and did not end is in flight.
        """
        total = {
            name: sum(slot[f"operations_{name}"] for slot in slots)
            for name in ("started", "ok", "failed", "bytes_in", "bytes_out", "overdue")
        }
        oldest_ns = max((slot["operations_oldest_ns"] for slot in slots), default=0)
        if not total["started"]:
            return None
        return cls(
            overdue_at_end=total.pop("overdue"),
            in_flight_at_end=total["started"] - total["ok"] - total["failed"],
            oldest_in_flight_s=oldest_ns / 1e9,
            **total,
        )

    @property
    def ended(self) -> int:
        """Operations that came to an end, ok or failed."""
        return self.ok + self.failed

    def as_requests(self, summary: Summary) -> Summary:
        """Return the counts of a run that is about these operations only."""
        return replace(summary, timeouts=0, cancelled=0, **asdict(self))


@dataclass(frozen=True, slots=True)
class OperationsRow:
    """Operations that ended in one row of the series; their percentiles are in ms."""

    ended: int
    failed: int
    p50_ms: float | None
    p99_ms: float | None
    p95_ms: float | None = field(default=None, metadata=SPARSE)


CONNECT_KINDS = ("dns", "connect_refused", "connect_timeout", "connect", "tls")
READ_KINDS = ("reset", "truncated", "protocol", "too_large", "unsolicited")


class CountedError(Protocol):
    """What a row of errors says."""

    @property
    def kind(self) -> str:
        """One of foundation.errors.KINDS."""

    @property
    def phase(self) -> str:
        """How far it came."""

    @property
    def count(self) -> int:
        """How often."""


def errors_as_wrk(rows: Iterable[CountedError]) -> tuple[int, int, int]:
    """Sum errors up as wrk sorts them: connect, read, write."""
    rows = list(rows)
    connect = sum(row.count for row in rows if row.kind in CONNECT_KINDS)
    others = [row for row in rows if row.kind in READ_KINDS]
    write = sum(row.count for row in others if row.phase == "send")
    return connect, sum(row.count for row in others) - write, write


@dataclass(frozen=True, slots=True)
class Http2:
    """What connections that may speak HTTP/2 agreed on, counted as often as they were opened.

    `streams` is how many requests each was to carry at a time, `stream_limit` how many it could:
    fewer where the server allows fewer, the least over all workers; 0 without a connection.
    `goaways` are connections that the server ended by GOAWAY, `refused` streams that it sent back
    without looking at them (REFUSED_STREAM).
    """

    connections: int
    http1_connections: int
    streams: int
    stream_limit: int
    goaways: int
    refused: int

    @classmethod
    def of(
        cls, slots: Sequence[Mapping[str, int]], warm: Sequence[Mapping[str, int]], asked: object
    ) -> Http2:
        """Add up the counters of workers; of their warm-up what was opened in it."""
        sessions = sum(slot["sessions"] for slot in slots)
        limit = min((n for slot in slots if (n := slot["stream_limit"])), default=0)
        return cls(
            connections=sessions,
            http1_connections=sum(slot["connects"] for slot in (*slots, *warm)) - sessions,
            streams=asked if isinstance(asked, int) else limit,
            stream_limit=limit,
            goaways=sum(slot["goaways"] for slot in slots),
            refused=sum(slot["refused"] for slot in slots),
        )

    @property
    def limited(self) -> bool:
        """Tell whether the server allows fewer streams than were asked for."""
        return 0 < self.stream_limit < self.streams

    @property
    def sent_back(self) -> bool:
        """Tell whether the server told us to send requests again, as HTTP/2 allows."""
        return bool(self.goaways or self.refused)

    @property
    def protocol(self) -> str:
        """What was spoken: "HTTP/2", "HTTP/1.1", both, or "" without a connection."""
        spoken = (("HTTP/2", self.connections), ("HTTP/1.1", self.http1_connections))
        return " and ".join(name for name, count in spoken if count)


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """What ended between `t_s` and `t_s + span_s`; percentiles are None where nothing ended.

    `p50_ms` and `p99_ms` are of service time. `connections` are open at the end of the row, and so
    are `streams`, requests under way over HTTP/2; None where nobody speaks it.
    `operations` are those that are no requests, None where nothing was timed but requests.
    `statuses` are the answers by status. `vus` of a script are busy at the end of the row,
    `iterations` ended in it, and `dropped_iterations` had no VU to run them. None and empty in
    documents before 0.7.0.
    """

    t_s: float
    span_s: float
    requests: int
    ok: int
    failed: int
    timeouts: int
    bytes_in: int
    p50_ms: float | None
    p99_ms: float | None
    errors: Mapping[str, int] = field(default_factory=dict)
    connections: int = 0
    scheduled: int | None = None
    dropped: int = 0
    response_p50_ms: float | None = None
    response_p99_ms: float | None = None
    use: Use | None = None
    operations: OperationsRow | None = field(default=None, metadata=LATER)
    streams: int | None = field(default=None, metadata=SPARSE)
    p95_ms: float | None = field(default=None, metadata=SPARSE)
    response_p95_ms: float | None = field(default=None, metadata=SPARSE)
    statuses: Mapping[str, int] = field(default_factory=dict, metadata=SPARSE)
    vus: int | None = field(default=None, metadata=SPARSE)
    iterations: int | None = field(default=None, metadata=SPARSE)
    dropped_iterations: int | None = field(default=None, metadata=SPARSE)

    @property
    def bad(self) -> int:
        """Requests that ended without a good answer, and other errors, such as to connect."""
        return max(self.failed + self.timeouts, sum(self.errors.values()))

    def as_requests(self) -> SeriesRow:
        """Return the row of a run that is about its operations only."""
        found = self.operations or OperationsRow(0, 0, None, None)
        return replace(
            self,
            requests=found.ended,
            ok=found.ended - found.failed,
            failed=found.failed,
            p50_ms=found.p50_ms,
            p95_ms=found.p95_ms,
            p99_ms=found.p99_ms,
            operations=None,
        )
