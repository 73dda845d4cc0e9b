"""Results of planned runs as a search meets them, and a server that has a knee."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import samples

from fastbench.experiments.find import objective
from fastbench.experiments.find.find_document import Found, Step
from fastbench.experiments.find.search import Range
from fastbench.experiments.find.search_loop import Course, SearchRequest
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import Latency
from fastbench.results.result import ErrorRow, Result, Summary, Validity

__all__ = ["Knee", "answered", "clock_of", "searching", "silent"]

VISIT_S = 1.0


def answered(
    rate: float,
    p99_ms: float,
    *,
    failed: int = 0,
    queued: int = 0,
    unanswered: int = 0,
    validity: Validity = Validity(),  # noqa: B008  it is frozen
) -> Result:
    """Return a run of one second at a rate; every answer took as long."""
    scheduled = round(rate * VISIT_S)
    started = scheduled - queued
    times = Histogram.from_values([round(p99_ms * 1e6)] * (started - failed - unanswered))
    none = Histogram.empty()
    return replace(
        samples.good(),
        summary=Summary(
            duration_s=VISIT_S,
            started=started,
            ok=started - failed - unanswered,
            failed=failed,
            timeouts=0,
            bytes_in=0,
            bytes_out=0,
            scheduled=scheduled,
            queued_at_end=queued,
            in_flight_at_end=unanswered,
        ),
        latency=Latency(times, none, none, none, response=times, lag=times),
        status_codes={"200": started - failed - unanswered} | ({"429": failed} if failed else {}),
        validity=validity,
    )


def silent() -> Result:
    """Return a run in which nobody answered."""
    none = Histogram.empty()
    return replace(
        samples.good(),
        summary=Summary(VISIT_S, 0, 0, 0, 0, 0, 0, scheduled=0, ended="nothing_succeeded"),
        latency=Latency(none, none, none, none, response=none, lag=none),
        status_codes={},
        errors=(ErrorRow.of("connect_refused", "connect", "ECONNREFUSED", 3, 0.1),),
        validity=Validity("incomplete", "unknown", ("no answer was ok",)),
    )


@dataclass
class Knee:
    """A server whose answers take 1 ms up to its capacity, and 1 s above.

    `spoilt` runs, by number from 0 on, come with another verdict; `gone_at` ends its answers.
    """

    capacity: float
    client: float = 1e9
    spoilt: dict[int, Result] = field(default_factory=dict)
    gone_at: float = 1e9
    asked: list[float] = field(default_factory=list)

    def __call__(self, rate: float) -> Result | None:
        self.asked.append(rate)
        if (spoilt := self.spoilt.get(len(self.asked) - 1)) is not None:
            return spoilt
        if max(self.asked) >= self.gone_at:
            return silent()
        if rate > self.client:
            why = ("the client's busiest worker was 99% busy: add workers (-t 2)",)
            return answered(rate, 1000, validity=Validity("client-limited", "client", why))
        if rate > self.capacity:
            why = ("python (pid 7) used all of a core it can use (99%): this is its rate",)
            return answered(rate, 1000, validity=Validity("ok", "server", why))
        return answered(rate, 1, validity=Validity("ok", "none"))


def clock_of(knee: Knee, each_s: float = 1.5) -> Callable[[], float]:
    """Return a clock that each run moves on."""
    return lambda: each_s * len(knee.asked)


def searching(
    knee: Callable[[float], Result | None],
    *slo: str,
    where: Range = Range(100, 10, 1e6, 0.02),  # noqa: B008  it is frozen
    max_time_s: float = 1e9,
    clock: Callable[[], float] = lambda: 0.0,
    told: list[Step] | None = None,
    notices: list[str] | None = None,
    stop_when_lost: bool = False,
) -> Found:
    """Search without a server."""
    read = objective.read(slo or ("p99<50ms",))
    asked = SearchRequest(read, where, VISIT_S, 0.5, max_time_s, stop_when_lost)
    tell = (lambda step: None) if told is None else told.append
    heard: list[str] = [] if notices is None else notices
    return Course(asked, knee, tell, clock, heard.append).run()
