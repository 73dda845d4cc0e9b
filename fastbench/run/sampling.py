"""The run as it goes: sums over the block's slots, second by second.

The series is bounded: rows are one second long until there are 3,600, then neighbours are merged
and rows become twice as long. A merged row's percentiles are the higher of the two, which no
percentile of their union exceeds. All but the newest rows are kept packed: 0.2 KB instead of 1.5.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.foundation.units import per_s
from fastbench.plan.workload import Pace
from fastbench.results.machine_row import Machines
from fastbench.results.merging.neighbours import last_merged, merged
from fastbench.results.metric_values import Judgement, NamedRow
from fastbench.results.result import OperationsRow, SeriesRow
from fastbench.results.usage import Use
from fastbench.run.snapshot import BY_NAME, BY_STATUS, ERRORS, RESPONSE, SERVICE, Snapshot

MAX_ROWS = 3600
PACK_ROWS = 10
KEEP_ROWS = 40  # unpacked, for the live view
FAILED_STATUS = "400"  # from here on an answer is none that was asked for
RATES_TICK_S = 0.1  # of wrk's Req/Sec column
_OF_ITERATIONS = ("vus", "iterations", "dropped_iterations")
_KEPT = frozenset({SERVICE, RESPONSE, ERRORS, BY_STATUS, *BY_NAME[1], *_OF_ITERATIONS})


def total(counters: Iterable[Mapping[str, int]]) -> Counter[str]:
    """Add up the counters of several slots by name."""
    added: Counter[str] = Counter()
    for slot in counters:
        added.update(slot)
    return added


def sums(block: _core.Block) -> Counter[str]:
    """Add up the counters of all workers by name, without those of the warm-up."""
    return Counter(block.sums())


@dataclass(frozen=True, slots=True)
class Users:
    """What a live view shows of a script. `iterations_of` is None where time ends the run."""

    vus: int
    vus_max: int
    iterations: int
    dropped: int
    iterations_of: int | None
    length_s: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What a live view may show. `rates` are requests per second of the seconds so far.

    `asked_rate` is what is planned for now, `queued` how many planned requests wait for a
    connection; `warming` while nothing of it is measured yet. `notices` are sentences for now.
    `row` is the newest second, None before the first; `judgements` are how thresholds stand,
    `by_url` the URLs of several, if asked for. `noun` is what is counted: a script that sends no
    requests shows the operations that it times itself. Beside requests, `row` has them, and
    `operations_failed` is how many failed so far. `derived` are a script's formulas: each value so
    far, and whether of time or bytes. `machines` (None) and `protocol` ("") may go without saying.
    `p95_ms` is of the newest second, 0 where that is not known; `kinds` are all errors so far,
    and `status 500` of answers.
    """

    elapsed_s: float
    requests: int
    rate: float
    p50_ms: float
    p99_ms: float
    errors: int
    rates: tuple[float, ...]
    asked_rate: float | None = None
    queued: int = 0
    warming: bool = False
    connections: int = 0
    users: Users | None = None
    notices: tuple[str, ...] = ()
    row: SeriesRow | None = None
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    by_url: tuple[NamedRow, ...] = ()
    noun: str = "request"
    operations_failed: int = 0
    derived: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    machines: Machines | None = None
    protocol: str = ""
    p95_ms: float = 0.0
    kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def per_s(self) -> str:
        """The unit of its rate."""
        return per_s(self.noun)

    @property
    def operations_per_s(self) -> float | None:
        """Operations that ended in the newest second, beside requests; None without any."""
        row = self.row
        return row.operations.ended / row.span_s if row and row.operations and row.span_s else None

    @property
    def failing(self) -> list[str]:
        """The thresholds that do not hold now."""
        judged = self.judgements.items()
        return [text for text, each in judged if not each.ok and each.observed is not None]

    def length_s(self, duration_s: float | None) -> float | None:
        """Return when the run ends, if time ends it; of a script only its run knows."""
        if self.users is None:
            return duration_s
        return None if self.users.iterations_of else self.users.length_s

    def share(self, duration_s: float | None, requests: int | None) -> float | None:
        """Return how much is done, 0 to 1; of two ends the nearer one counts."""
        length_s = self.length_s(duration_s)
        shares = [self.elapsed_s / length_s] if length_s else []
        shares += [self.requests / requests] if requests else []
        if self.users is not None and self.users.iterations_of:
            shares.append(self.users.iterations / self.users.iterations_of)
        return min(1.0, max(shares)) if shares else None


class Series:
    """Rows between snapshots. The first is of `before` the start line, so that nothing is missed.

    Instants are seconds from the start line.
    """

    def __init__(self, before: Snapshot) -> None:
        self._last = replace(before, t_s=0.0)
        self._packed: list[bytes] = []  # PACK_ROWS rows each
        self._rows: list[SeriesRow] = []
        self.added: SeriesRow | None = None  # the last one, as it was before any merging
        self.span_s = 1.0

    @property
    def t_s(self) -> float:
        """When the last row ended."""
        return self._last.t_s

    @property
    def due_s(self) -> float:
        """When the next row is complete."""
        return self._last.t_s + self.span_s

    @property
    def kinds(self) -> dict[str, int]:
        """How many errors there were of each kind, up to the last row."""
        errors = self._last.rows.get(ERRORS, {})
        return {dict(labels)["kind"]: round(each.count) for labels, each in errors.items()}

    @property
    def newest(self) -> list[SeriesRow]:
        """The last rows, at least KEEP_ROWS of them where there are as many."""
        return self._rows

    @property
    def rows(self) -> list[SeriesRow]:
        """All rows."""
        if not self._packed:
            return self._rows
        import pickle  # short runs do without it: 4 ms

        return [row for packed in self._packed for row in pickle.loads(packed)] + self._rows

    def add(self, now: Snapshot, use: Use | None, connections: int = 0) -> SeriesRow:
        """Close the row that ends now and return it; `use` is what was used meanwhile.

        `connections` are the open ones, where `now` has none because the workers have ended.
        """
        now = now.only(_KEPT)
        window = now.since(self._last)
        row = series_row(window, now.counters["connected"] or connections)
        row = replace(row, use=use, streams=_streams(now.counters))
        self._last = now
        self.added = row
        self._rows.append(row)
        if len(self._packed) * PACK_ROWS + len(self._rows) >= MAX_ROWS:
            self._rows = [merged(*pair) for pair in _pairs(self.rows)]
            self._packed = []
            self.span_s *= 2
        while len(self._rows) >= KEEP_ROWS + PACK_ROWS:
            self._pack()
        return row

    def _pack(self) -> None:
        import pickle

        self._packed.append(pickle.dumps(self._rows[:PACK_ROWS], pickle.HIGHEST_PROTOCOL))
        del self._rows[:PACK_ROWS]

    def finish(self, end: Snapshot, use: Use | None, connections: int = 0) -> None:
        """Close the last, partial row; one too short to mean a rate joins its neighbour."""
        if end.t_s <= self._last.t_s:
            return
        row = self.add(end, use, connections)
        if len(self._rows) < 2:
            return
        before = self._rows[-2]
        self._rows[-1] = self.added = replace(row, vus=before.vus)  # they have ended meanwhile
        if row.span_s < self.span_s / 4:
            self._rows[-2:] = [last_merged(before, row)]


def series_row(window: Snapshot, connections: int) -> SeriesRow:
    """Return the row of what came between two snapshots; `connections` are those at its end."""
    counters = window.counters
    errors, statuses = _counts(window, ERRORS), _counts(window, BY_STATUS)
    p50_ms, p95_ms, p99_ms = _percentiles(window, SERVICE)
    row = SeriesRow(
        t_s=round(window.t_s - window.span_s, 3),
        span_s=round(window.span_s, 3),
        requests=counters["ok"] + counters["failed"] + counters["timeouts"],
        ok=counters["ok"],
        failed=counters["failed"],
        timeouts=counters["timeouts"],
        bytes_in=counters["bytes_in"],
        p50_ms=p50_ms,
        p95_ms=p95_ms,
        p99_ms=p99_ms,
        errors=errors,
        statuses=statuses,
        connections=connections,
        dropped=counters["dropped"],
        operations=_operations(window),
        **_iterations(window),
    )
    if RESPONSE not in window.rows:
        return row
    p50_ms, p95_ms, p99_ms = _percentiles(window, RESPONSE)
    return replace(
        row,
        scheduled=counters["scheduled"],
        response_p50_ms=p50_ms,
        response_p95_ms=p95_ms,
        response_p99_ms=p99_ms,
    )


def _counts(window: Snapshot, name: str) -> dict[str, int]:
    """Return what was counted by one label."""
    rows = window.rows.get(name, {}).items()
    return {labels[0][1]: round(each.count) for labels, each in rows if each.count}


def _iterations(window: Snapshot) -> dict[str, Any]:
    """Return what only a script has; the "vus" of a run of URLs are its connections."""
    if window.plain or "iterations" not in window.rows:
        return {}
    vus = window.sum("vus")
    return {
        **({} if vus is None else {"vus": round(vus.value)}),
        **{name: round(window.counted(name)) for name in _OF_ITERATIONS[1:]},
    }


def _streams(counters: Mapping[str, int]) -> int | None:
    """Return the requests under way over HTTP/2; None where no connection speaks it."""
    under_way = counters["started"] - sum(counters[name] for name in ("ok", "failed", "timeouts"))
    return max(0, under_way) if counters.get("sessions") else None


def _operations(window: Snapshot) -> OperationsRow | None:
    """Return what a script timed itself; None as long as it timed nothing but requests."""
    timed = window.sum("operation_failed")
    if timed is None:
        return None
    p50_ms, p95_ms, p99_ms = _percentiles(window, "operation_duration")
    return OperationsRow(timed.total, timed.passes, p50_ms, p99_ms, p95_ms)


def _percentiles(window: Snapshot, name: str) -> list[float | None]:
    """Return the median, the 95th and the 99th percentile of times, in ms."""
    times = window.sum(name)
    known = times is not None and times.samples
    return [times.percentile(percent) if known else None for percent in (50, 95, 99)]


def _pairs(rows: list[SeriesRow]) -> list[tuple[SeriesRow, SeriesRow]]:
    return list(zip(rows[::2], rows[1::2], strict=True))


def ended_names(noun: str) -> tuple[str, ...]:
    """Return the counters of what ended, first what went well."""
    if noun == "operation":
        return "operations_ok", "operations_failed"
    return "ok", "failed", "timeouts"


class Ticks:
    """What the parent keeps from one look at the block to the next, one phase long."""

    def __init__(
        self,
        start_ns: int,
        pace: Pace | None,
        *,
        warming: bool,
        noun: str = "request",
        whole_s: bool = False,
    ) -> None:
        """With `whole_s` counts come once a second, and nothing is known of the time between."""
        self.start_ns = start_ns
        self.now_ns = start_ns
        self.pace = pace
        self.warming = warming
        self.ended: list[int] = []
        self.rate = 0.0
        self.whole_s = whole_s
        self.noun = self.counted = noun
        self.total: Counter[str] = Counter()
        self.block: _core.Block | None = None
        self.slots = range(0)

    def look(
        self, now_ns: int, block: _core.Block, slots: range, thread_rates: list[float] | None
    ) -> None:
        """Take the counters of some slots in; `thread_rates` gains a sample per worker."""
        self.total = Counter(block.sums(slots))
        self.block, self.slots = block, slots
        timed = self.total["operations_started"] and not self.total["started"]
        self.noun = "operation" if timed else self.counted
        apart = thread_rates is not None and not self.warming
        counters = [block.counters(slot) for slot in slots] if apart else [self.total]
        ended = [sum(slot[name] for name in ended_names(self.noun)) for slot in counters]
        span_s = (now_ns - self.now_ns) / 1e9
        if span_s < RATES_TICK_S / 2:
            return
        before = self.ended or [0] * len(ended)
        rates = [max(0, new - old) / span_s for new, old in zip(ended, before, strict=True)]
        if apart and thread_rates is not None:
            thread_rates += rates
        self.rate = sum(rates)
        self.ended = ended
        self.now_ns = now_ns

    def progress(self, series: Series) -> Progress:
        """Return what a live view shows now."""
        rows, row = series.newest, series.added
        if self.noun == "operation":
            rows, row = [each.as_requests() for each in rows], row and row.as_requests()
        last = rows[-1] if rows else None
        elapsed_s = max(0.0, (self.now_ns - self.start_ns) / 1e9)
        counts = self.total
        return Progress(
            elapsed_s=elapsed_s,
            requests=sum(self.ended),
            rate=self._rate(last, elapsed_s),
            p50_ms=(last and (last.response_p50_ms or last.p50_ms)) or 0.0,
            p99_ms=(last and (last.response_p99_ms or last.p99_ms)) or 0.0,
            errors=sum(counts[name] for name in ended_names(self.noun)[1:]),
            rates=tuple(each.requests / each.span_s for each in rows if each.span_s),
            asked_rate=self._asked_rate(elapsed_s),
            queued=max(0, counts["scheduled"] - counts["started"] - counts["dropped"]),
            warming=self.warming,
            connections=counts["connected"],
            row=row,
            noun=self.noun,
            operations_failed=counts["operations_failed"],
            p95_ms=(row and (row.response_p95_ms or row.p95_ms)) or 0.0,
            kinds=self._kinds(series),
        )

    def _kinds(self, series: Series) -> dict[str, int]:
        """Return the errors so far by kind, then the statuses of answers that are none."""
        found = {kind: count for kind, count in series.kinds.items() if count}
        if self.block is not None and self.total["failed"] > sum(found.values()):
            codes = total(
                {str(k): n for k, n in self.block.status_codes(at).items()} for at in self.slots
            )
            found |= {f"status {code}": n for code, n in codes.items() if code >= FAILED_STATUS}
        return found

    def _rate(self, last: SeriesRow | None, elapsed_s: float) -> float:
        """Return the rate since the last look, or where that means nothing of the last second."""
        if not self.whole_s:
            return self.rate
        if last is not None and last.span_s:
            return last.requests / last.span_s
        return sum(self.ended) / elapsed_s if elapsed_s else 0.0

    def _asked_rate(self, elapsed_s: float) -> float | None:
        if self.pace is None or not self.pace.rates:
            return None
        return self.pace.start if self.warming else self.pace.level(elapsed_s)
