"""The figures that the view of a run shows: plain values, of the last seconds and of the whole run.

Latency is what the report calls so: under a plan the response time, of a run without requests that
of its operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastbench.plan.workload import Pace
from fastbench.run.sampling import Progress

PERCENTS = (50.0, 90.0, 95.0, 99.0)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run before it: `target` is what it loads, `below` a line that stays.

    `duration_s` and `requests` say where the end of a run of URLs is. `connections` are asked for,
    or what `pace` says of them. `sockets`: its connections are WebSockets.
    """

    target: str = ""
    connections: int | None = None
    pace: Pace | None = None
    duration_s: float | None = None
    requests: int | None = None
    sockets: bool = False
    below: str = ""

    def connections_at(self, t_s: float) -> int | None:
        """Return the connections that are asked for so long after the start, None: not known."""
        if self.pace is not None and not self.pace.rates:
            return round(self.pace.level(t_s))
        return self.connections


@dataclass(frozen=True, slots=True)
class Second:
    """One row of the series: rates per second, latencies in ms."""

    t_s: float
    per_s: float
    asked_per_s: float | None
    p50_ms: float | None
    p99_ms: float | None
    errors_per_s: float


@dataclass(frozen=True, slots=True)
class Times:
    """Percentiles of a span in ms: p50, p90, p95, p99, and the maximum."""

    count: int
    values_ms: tuple[float | None, ...]


NO_TIMES = Times(0, (None,) * (len(PERCENTS) + 1))


@dataclass(frozen=True, slots=True)
class Failure:
    """What goes wrong: how often so far and in the last seconds, why, and what to do first."""

    what: str
    cause: str
    remedy: str
    count: int
    recent: int


@dataclass(frozen=True, slots=True)
class NameFigures:
    """Requests or operations of one name, or of one URL. `per_s` is of the last seconds.

    `beside` is a method or kind. Percentiles are of the whole run: p50, p95, p99.
    """

    name: str
    beside: str
    scenario: str
    per_s: float
    count: int
    failed: int
    times_ms: tuple[float | None, ...]
    answers: str = ""


@dataclass(frozen=True, slots=True)
class ScenarioFigures:
    """One scenario of a script; iterations per second are of the last seconds."""

    name: str
    per_s: float
    iterations: int
    dropped: int
    requests: int
    failed: int
    p95_ms: float | None  # of an iteration, in the whole run


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything a frame is drawn from. `bins` are counts of the last seconds by counter.

    `recent_s` is how long the last seconds are, 0 as long as nothing is known.
    """

    facts: RunFacts
    now: Progress
    seconds: tuple[Second, ...] = ()
    recent_s: float = 0.0
    recent: Times = NO_TIMES
    whole: Times = NO_TIMES
    recent_counts: Mapping[int, int] = field(default_factory=dict)
    timed: str = "latency"
    ended: tuple[int, int] | None = None  # how many had ended when the others were counted, failed
    statuses: tuple[tuple[str, int, int], ...] = ()  # status, so far, in the last seconds
    failures: tuple[Failure, ...] = ()
    names: tuple[NameFigures, ...] = ()
    scenarios: tuple[ScenarioFigures, ...] = ()
    checks: tuple[tuple[str, int, int], ...] = ()  # name, passes, fails
    processes: tuple[tuple[str, float, int], ...] = ()  # name, percent of a core, bytes
    printed: tuple[str, ...] = ()
