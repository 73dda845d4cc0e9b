"""Who hears of a run for its view: snapshots in, the figures of the last seconds out.

1. It is told as thresholds and outputs are: a snapshot once a second. What came in the last
   RECENT_S seconds is the difference of two of them.
2. Its histograms are those of the run itself, so percentiles are exact to their 0.1 %, and no mean
   of percentiles.
3. Nothing here grows with the length of a run: SECONDS rows, RECENT_S + 2 histograms.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastbench.cli.output.live.run_figures import (
    NO_TIMES,
    PERCENTS,
    Failure,
    Figures,
    NameFigures,
    RunFacts,
    ScenarioFigures,
    Second,
    Times,
)
from fastbench.foundation import errors, status_table
from fastbench.foundation.redact import printable
from fastbench.results.metric_values import OPERATION_ERRORS
from fastbench.results.result import SeriesRow
from fastbench.run.metric_sums import TrendValue
from fastbench.run.sampling import Progress
from fastbench.run.snapshot import (
    BY_NAME,
    BY_STATUS,
    EXCEPTIONS,
    RESPONSE,
    SERVICE,
    STATUSES,
    Snapshot,
)
from fastbench.run.url_snapshot import BY_CAUSE

RECENT_S = 10  # what "the last seconds" are
SECONDS = 240  # of the charts
MAX_OF_CORE = 0.005  # that full snapshots for the view may take
NAMED, MAX_NAMED = 24, 60  # rows of a table, without and with details: each costs a few us

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Instant:
    """What was counted up to an instant, as far as it is compared with later."""

    t_s: float
    times: TrendValue | None
    counts: Mapping[tuple[str, Key], float]


class RunFollower:
    """Keep what the view shows of a run; `take` once a second, `figures` when it is drawn."""

    max_of_core = MAX_OF_CORE

    def __init__(self, facts: RunFacts) -> None:
        self.facts = facts
        self.version = 0  # of the snapshot
        self.detailed = False  # more rows are wanted
        self._seconds: deque[Second] = deque(maxlen=SECONDS)
        self._row: SeriesRow | None = None
        self._instants = deque([_Instant(0.0, None, {})], maxlen=RECENT_S + 2)
        self._now: Snapshot | None = None
        self._fault: Exception | None = None
        self._told: tuple[int, bool, dict[str, Any]] = (-1, False, {})

    def begin(self, tags: object, of_scenarios: object) -> None:
        """Hear of a script's tags, which are not shown."""

    def take(self, now: Snapshot) -> None:
        """Take a snapshot; a fault is raised where the view is drawn, which contains it."""
        try:
            self._instants.append(_Instant(now.t_s, _times(now), dict(_counts(now))))
        except Exception as error:
            self._fault = error
            return
        self._now = now
        self.version += 1

    def update(self, now: Progress) -> bool:
        """Take the newest second; tell whether it is a new one."""
        row = now.row
        if row is None or row is self._row or row.span_s <= 0:
            return False
        if self._row is not None and row.t_s == self._row.t_s and row.span_s == self._row.span_s:
            return False
        self._row = row
        bad = row.failed + row.timeouts
        self._seconds.append(
            Second(
                row.t_s + row.span_s,
                row.requests / row.span_s,
                None if row.scheduled is None else row.scheduled / row.span_s,
                row.response_p50_ms or row.p50_ms,
                row.response_p99_ms or row.p99_ms,
                bad / row.span_s,
            )
        )
        return True

    def figures(self, now: Progress, printed: tuple[str, ...] = ()) -> Figures:
        """Return what there is to show at this moment."""
        if self._fault is not None:
            raise self._fault
        version, detailed, told = self._told
        if (version, detailed) != (self.version, self.detailed):
            told = {} if self._now is None else self._read(self._now)
            self._told = self.version, self.detailed, told
        return Figures(self.facts, now, tuple(self._seconds), printed=printed, **told)

    def _read(self, now: Snapshot) -> dict[str, Any]:
        newest, oldest = self._instants[-1], self._before()
        recent_s = newest.t_s - oldest.t_s
        gained = {key: count - oldest.counts.get(key, 0.0) for key, count in newest.counts.items()}
        recent = newest.times
        if recent is not None and oldest.times is not None:
            recent = recent.since(oldest.times)
        return {
            "recent_s": recent_s,
            "recent": _percentiles(recent),
            "whole": _percentiles(newest.times),
            "recent_counts": {} if recent is None else recent.counted.counts(),
            "timed": "response time" if RESPONSE in now.rows else "latency",
            "ended": _ended(now),
            "statuses": _statuses(newest.counts, gained),
            "failures": _failures(newest.counts, gained, sockets=self.facts.sockets),
            "names": _names(now, gained, recent_s, MAX_NAMED if self.detailed else NAMED),
            "scenarios": _scenarios(now, gained, recent_s),
            "checks": _checks(now),
            "processes": _processes(now),
        }

    def _before(self) -> _Instant:
        """Return where the last seconds begin: with the run in its first ones."""
        until_s = self._instants[-1].t_s - RECENT_S + 0.5
        before = [each for each in self._instants if each.t_s <= until_s]
        return before[-1] if before else self._instants[0]


def _times(now: Snapshot) -> TrendValue | None:
    """Return the latencies of a snapshot, None of none."""
    for name in (RESPONSE, SERVICE, "operation_duration"):
        found: TrendValue | None = now.sum(name)
        if found is not None and found.samples:
            return found
    return None


def _ended(now: Snapshot) -> tuple[int, int] | None:
    """Return how many requests ended and failed, None where nothing but operations is counted."""
    counts = now.counters
    failed = counts["failed"] + counts["timeouts"]
    return (counts["ok"] + failed, failed) if counts["ok"] + failed else None


def _percentiles(times: TrendValue | None) -> Times:
    if times is None or not times.samples:
        return NO_TIMES
    found = [times.percentile(percent) for percent in PERCENTS]
    return Times(times.samples, (*found, times.extremes()[1]))


def _counts(now: Snapshot) -> Iterator[tuple[tuple[str, Key], float]]:
    """Yield the counters whose growth is shown, by metric and labels."""
    for name in (BY_STATUS, BY_CAUSE, EXCEPTIONS, OPERATION_ERRORS, "iterations"):
        for labels, each in now.rows.get(name, {}).items():
            yield (name, tuple(text for _, text in labels)), each.count
    for name in (BY_NAME[0][0], BY_NAME[1][0]):
        for labels, each in now.named.get(name, {}).items():
            yield (name, tuple(text for _, text in labels)), each.count


def _statuses(
    counts: Mapping[tuple[str, Key], float], gained: Mapping[tuple[str, Key], float]
) -> tuple[tuple[str, int, int], ...]:
    found = [
        (key[1][0], round(count), round(gained[key]))
        for key, count in counts.items()
        if key[0] == BY_STATUS
    ]
    return tuple(sorted(found))


def _failures(
    counts: Mapping[tuple[str, Key], float],
    gained: Mapping[tuple[str, Key], float],
    *,
    sockets: bool,
) -> tuple[Failure, ...]:
    """Return what goes wrong, the most frequent first."""
    found = []
    describe = errors.describe_of_socket if sockets else errors.describe
    for (name, key), count in counts.items():
        if not count:
            continue
        cause, remedy, what = "", "", ""
        if name == BY_CAUSE:
            what = key[0]
            cause, remedy = describe(key[0], key[1], key[2])
        elif name == BY_STATUS and key[0] >= "4":
            what = f"status {key[0]}"
            cause, remedy = status_table.describe(key[0])
        elif name == EXCEPTIONS:
            what, cause = "exception", " at ".join(part for part in key if part)
            remedy = "the report has its traceback; --fail-fast ends the run at the first one"
        elif name == OPERATION_ERRORS:
            what, cause = "operation", ": ".join(part for part in key if part)
        if what:
            recent = round(gained[name, key])
            found.append(Failure(what, printable(cause), remedy, round(count), recent))
    return tuple(sorted(found, key=lambda each: -each.count))


def _names(
    now: Snapshot, gained: Mapping[tuple[str, Key], float], recent_s: float, most: int
) -> tuple[NameFigures, ...]:
    """Return requests and operations by name, those that fail and the most frequent first."""
    rows = []
    for count, failed, times in BY_NAME:
        bad, took = now.named.get(failed, {}), now.named.get(times, {})
        for labels, each in now.named.get(count, {}).items():
            if each.count:
                wrong = bad[labels].passes if labels in bad else 0
                key = (count, tuple(text for _, text in labels))
                rows.append((wrong, round(each.count), labels, key, took.get(labels)))
    if len(rows) < 2:
        return ()
    if len(rows) > most:
        rows = sorted(rows, key=lambda row: (-row[0], -row[1]))[:most]
    if not now.plain:
        rows.sort(key=lambda row: -row[1])
    statuses: dict[Key, list[str]] = {}
    for labels, each in now.named.get(STATUSES, {}).items():
        *whose, status = (text for _, text in labels)
        statuses.setdefault(tuple(whose), []).append(f"{status}: {round(each.count):,}")
    found = []
    for wrong, count_now, labels, key, value in rows:
        said = dict(labels)
        found.append(
            NameFigures(
                name=printable(said.get("name", "")),
                beside=printable(said.get("method") or said.get("kind", "")),
                scenario=printable(said.get("scenario", "")),
                per_s=gained[key] / recent_s if recent_s > 0 else 0.0,
                count=count_now,
                failed=wrong,
                times_ms=_three(value),
                answers=", ".join(statuses.get(key[1], ())),
            )
        )
    return tuple(found)


def _three(times: TrendValue | None) -> tuple[float | None, ...]:
    if times is None or not times.samples:
        return None, None, None
    return tuple(times.percentile(percent) for percent in (50.0, 95.0, 99.0))


def _scenarios(
    now: Snapshot, gained: Mapping[tuple[str, Key], float], recent_s: float
) -> tuple[ScenarioFigures, ...]:
    """Return the scenarios of a script."""
    iterations = now.by("iterations", ("scenario",))
    others = {
        name: now.by(name, ("scenario",))
        for name in ("dropped_iterations", "http_req_failed", "iteration_duration")
    }
    grown: dict[str, float] = {}
    for labels in now.rows.get("iterations", {}):
        scenario = dict(labels).get("scenario", "")
        key = ("iterations", tuple(text for _, text in labels))
        grown[scenario] = grown.get(scenario, 0.0) + gained.get(key, 0.0)
    found = []
    for (scenario,), count in sorted(iterations.items()):
        dropped, sent, took = (of.get((scenario,)) for of in others.values())
        found.append(
            ScenarioFigures(
                name=printable(scenario),
                per_s=grown.get(scenario, 0.0) / recent_s if recent_s > 0 else 0.0,
                iterations=round(count.count),
                dropped=0 if dropped is None else round(dropped.count),
                requests=0 if sent is None else sent.total,
                failed=0 if sent is None else sent.passes,
                p95_ms=took.percentile(95.0) if took is not None and took.samples else None,
            )
        )
    return tuple(found)


def _checks(now: Snapshot) -> tuple[tuple[str, int, int], ...]:
    """Return the checks of a script, those that fail first."""
    rates = now.by("checks", ("check",)) if "checks" in now.rows else {}
    found = [
        (printable(name), each.passes, each.total - each.passes)
        for (name,), each in rates.items()
        if each.total
    ]
    return tuple(sorted(found, key=lambda row: -row[2]))


def _processes(now: Snapshot) -> tuple[tuple[str, float, int], ...]:
    """Return the processes of the server, by name: processor and memory as last seen."""
    memory = now.rows.get("target_rss", {})
    found = []
    for labels, each in now.rows.get("target_cpu", {}).items():
        if labels:
            size = memory[labels].value if labels in memory else 0
            found.append((printable(dict(labels)["process"]), float(each.value), round(size)))
    return tuple(sorted(found, key=lambda row: -row[1]))
