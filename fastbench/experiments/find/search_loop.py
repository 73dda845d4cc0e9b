"""Carry a search out: measure, judge, and stop when it is settled or cannot be.

1. A rate that failed while the client was late, at its end, or lost says nothing about the server;
   nor does one that failed while others took the processor. Such a run is done again, REDONE_MAX
   times at most; where the noise stays, never again.
2. Where the client stays the limit the search goes below that rate once, then it ends and says so:
   what held is a lower bound. Failures on a noisy machine count, with a warning. A rate that held
   in spite of noise held.
3. A run that lost a machine or a worker says nothing at all, however it went. It is done again on
   those that are left, or the search ends with it.
4. A server that answers nothing at all, in warm-ups neither, GONE times in a row, is given up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from fastbench.experiments.find import objective, search
from fastbench.experiments.find.find_document import Border, Found, Objective, Step
from fastbench.experiments.find.lost_machines import Lost, LostMachines
from fastbench.experiments.find.search import Next, Range, Try
from fastbench.foundation.units import format_s
from fastbench.results import resolution
from fastbench.results.protocol import protocol_of
from fastbench.results.result import Environment, Result, Warning_
from fastbench.results.thresholds.judging import Threshold

REDONE_MAX = 2
GONE = 3
CLIENT_MAX = 2  # rates at which the client was the limit
_CLIENT = ("client-limited", "late", "incomplete")  # verdicts of runs that cannot blame the server

Measure = Callable[[float], Result | None]  # of a rate; None: a signal ended it; or Lost
Tell = Callable[[Step], None]
Notice = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What to look for and how long: of one run `visit_s` after `warmup_s`, of all `max_time_s`.

    `stop_when_lost`: the search ends with a machine of its cluster.
    """

    objectives: tuple[Threshold, ...]
    where: Range
    visit_s: float
    warmup_s: float
    max_time_s: float
    stop_when_lost: bool = False


class Course:
    """One search. `clock` gives seconds that never go back; `tell` is called with each step.

    `notice` gets a sentence when a machine is lost.
    """

    def __init__(
        self,
        request: SearchRequest,
        measure: Measure,
        tell: Tell,
        clock: Callable[[], float],
        notice: Notice = lambda sentence: None,
    ) -> None:
        self._request = request
        self._measure = measure
        self._tell = tell
        self._clock = clock
        self._losses = LostMachines(notice, stop=request.stop_when_lost)
        self._steps: list[Step] = []
        self._history: list[Try] = []  # what the steps say of the server
        self._client: list[Step] = []  # those that only say something of the client
        self._environment: Environment | None = None
        self._protocols: set[str] = set()
        self._version = ""
        self._lost = ""  # how a run was lost
        self._silent = 0  # runs in a row without one ok answer
        self._answered = False
        self._noise_stays = False  # doing it again did not help, so it is not tried any more

    def run(self) -> Found:
        """Search to the end."""
        begin_s = self._clock()
        ended = ""
        while not ended:
            ended = self._next(begin_s)
        return self._found(ended, self._clock() - begin_s)

    def _next(self, begin_s: float) -> str:
        """Measure once more; return why the search is over, "" while it is not."""
        following = search.next_try(self._history, self._request.where)
        if following is None:
            return self._settled()
        ceiling = min((step.rate for step in self._client), default=math.inf)
        if following.rate >= ceiling:
            given_up = len(self._client) >= CLIENT_MAX
            lower = search.below(ceiling, self._history, self._request.where)
            if given_up or lower is None:
                return "client_limited"
            following = lower
        visit_s = self._request.visit_s + self._request.warmup_s
        if self._clock() - begin_s + visit_s > self._request.max_time_s:
            return "out_of_time"
        try:
            step = self._step(following)
        except Lost as error:
            self._lost = str(error)
            return "lost"
        if step is None:
            return "interrupted"
        self._steps.append(step)
        if self._blames_client(step):
            self._client.append(step)
        else:
            noisy = step.verdict == "noisy-host"
            self._history.append(Try(step.rate, step.held, noisy))
        self._tell(step)
        if not self._answered:
            return "nothing_succeeded"
        return "server_gone" if self._silent >= GONE else ""

    def _settled(self) -> str:
        ends = search.bracket(self._history)
        if ends.high is None:
            return "most"
        return "none" if ends.low is None else "found"

    def _step(self, following: Next) -> Step | None:
        """Measure one rate, again while that says nothing; None when a signal ended it."""
        lost = self._losses.runs
        for redone in range(REDONE_MAX + 1):
            result = self._whole(following.rate)
            if result is None:
                return None
            self._note(result)
            thrown = redone + self._losses.runs - lost
            step = replace(self._of(result, following), redone=thrown)
            noisy = step.verdict == "noisy-host"
            useless = self._blames_client(step) or (noisy and not self._noise_stays)
            if step.held or not useless or not result.summary.ok:
                return step
        self._noise_stays = self._noise_stays or noisy
        return step

    def _whole(self, rate: float) -> Result | None:
        """Measure a rate, again when a part of the run was lost; raises Lost."""
        while (result := self._measure(rate)) is not None:
            if not self._losses.spoilt(rate, result):
                return result
        return None

    def _note(self, result: Result) -> None:
        self._environment = self._environment or result.environment
        self._version = result.version
        self._protocols |= set(filter(None, protocol_of(result).split(" and ")))
        ok = result.summary.ok + (result.warmup.ok if result.warmup else 0)
        self._answered = self._answered or ok > 0
        self._silent = 0 if ok else self._silent + 1

    def _of(self, result: Result, following: Next) -> Step:
        judged = objective.judged(result, self._request.objectives)
        s, times = result.summary, result.headline[1]
        return Step(
            rate=following.rate,
            phase=following.phase,
            held=objective.holds(result, judged),
            requests_per_s=s.requests_per_s,
            p50_ms=times.percentile(50.0) / 1e6 if times.count else None,
            p99_ms=times.percentile(99.0) / 1e6 if times.count else None,
            errors_share=objective.errors_share(result),
            missed_share=objective.missed_share(result),
            judged=judged,
            verdict=result.validity.verdict,
            limit=result.validity.limit,
            reasons=(*_wrong(result), *result.validity.reasons),
            growing=objective.growing(result),
            unanswered_share=objective.unanswered_share(result),
            samples=times.count,
        )

    def _blames_client(self, step: Step) -> bool:
        """Tell whether a rate failed for a reason that may be the client's.

        That answers were wrong is the server's doing, however late they were asked for; that there
        was none at all, too.
        """
        if step.held or step.verdict not in _CLIENT or step.p50_ms is None:
            return False
        wrong = {o.text for o in self._request.objectives if o.metric == "http_req_failed"}
        return all(step.judged[text].ok for text in wrong)

    def _found(self, ended: str, elapsed_s: float) -> Found:
        ends = search.bracket(self._history)
        if ended == "client_limited":
            limit, reasons = "client", self._client[-1].reasons
        elif ended == "lost":
            limit, reasons = "unknown", (self._lost,)
        else:
            limit, reasons = self._limit_at(ends.high)
        return Found(
            version=self._version,
            objective=tuple(
                Objective(each.text, each.metric, each.kind.contains, each.limit)
                for each in self._request.objectives
            ),
            rate=ends.low,
            interval=search.border(self._history),
            ended=ended,
            limit=limit,
            reasons=reasons,
            precision=self._request.where.precision,
            visit_s=self._request.visit_s,
            warmup_s=self._request.warmup_s,
            elapsed_s=elapsed_s,
            steps=tuple(self._steps),
            environment=self._environment,
            warnings=tuple(self._warnings(ended, ends)),
            machines=self._losses.machines,
            protocol=" and ".join(sorted(self._protocols, reverse=True)),
        )

    def _too_short_for(self) -> str:
        """Return the first objective that allows answers of half a run or more, "" without one."""
        longest_ms = self._request.visit_s * 1e3 / 2
        times = (each for each in self._request.objectives if each.kind.contains == "time")
        return next((each.text for each in times if each.limit >= longest_ms), "")

    def _too_few_for(self, rate: float | None) -> str:
        """Return the first objective whose percentile the answers at a rate do not carry."""
        counts = [each.samples for each in self._steps if each.rate == rate and each.held]
        least = min((count for count in counts if count is not None), default=None)
        for each in self._request.objectives:
            request = each.kind.contains == "time" and each.aggregate == "p"
            if request and least is not None and not resolution.carries(least, each.percent):
                return f"{each.text} needs ({resolution.samples_needed(each.percent):,})"
        return ""

    def _limit_at(self, rate: float | None) -> tuple[str, tuple[str, ...]]:
        """Return what the bottleneck was where the objective failed."""
        failed = [step for step in self._steps if step.rate == rate and not step.held]
        if not failed:
            return ("none", ()) if self._steps else ("unknown", ())
        quiet = [step for step in failed if step.verdict != "noisy-host"] or failed
        known = [step for step in quiet if step.limit not in ("none", "unknown")]
        step = (known or quiet)[-1]
        return step.limit, step.reasons

    def _warnings(self, ended: str, ends: Border) -> list[Warning_]:
        found = self._losses.warnings()
        noisy = sum(not step.held and step.verdict == "noisy-host" for step in self._steps)
        if noisy:
            found.append(
                Warning_(
                    "noisy_host",
                    f"{noisy} of {len(self._steps)} steps failed while other programs took the "
                    "processor; the server may do more",
                    "end them (`fastbench doctor` names the busiest), and search again",
                )
            )
        grew = [step.rate for step in self._steps if _only_grew(step)]
        if grew:
            found.append(
                Warning_(
                    "growing_backlog",
                    f"at {min(grew):,.6g} req/s more and more requests waited up to the end of "
                    f"{self._request.visit_s:g}s; the run passed only because it was short",
                    "measure longer at each rate (-d)",
                )
            )
        if short := self._too_short_for():
            found.append(
                Warning_(
                    "short_steps",
                    f"{self._request.visit_s:g}s at each rate is short for {short}: while "
                    "responses may take that long, a growing backlog shows only in part",
                    "measure for several times as long (-d)",
                )
            )
        if few := self._too_few_for(ends.low):
            found.append(
                Warning_(
                    "few_answers",
                    f"{ends.low:,.6g} req/s has fewer responses in {self._request.visit_s:g}s than "
                    f"{few}: the slowest response was judged instead",
                    "measure longer at each rate (-d)",
                )
            )
        low = math.inf if ends.low is None else ends.low
        if ended == "found" and search.border(self._history).low != low:
            found.append(
                Warning_(
                    "unsteady",
                    "runs at the same rate disagreed, so the highest rate is less certain",
                    "measure longer at each rate (-d)",
                )
            )
        return found


def _only_grew(step: Step) -> bool:
    """Tell whether all else held."""
    sent = step.missed_share <= objective.MISSED_MAX
    return step.growing and sent and all(each.ok for each in step.judged.values())


def _wrong(result: Result) -> list[str]:
    """Say what most of the requests that failed met, or why there were none."""
    s, warmup = result.summary, result.warmup
    waited = objective.unanswered_share(result)
    if not s.requests and s.started and warmup is not None and warmup.requests:
        return [
            f"the server was busy with {warmup.in_flight_at_end or 0:,} requests of the warm-up: "
            f"none of the {s.started:,} after it got a response within {format_s(s.duration_s)}"
        ]
    if waited and waited >= s.not_ok / s.started:
        return [
            f"{100 * waited:.3g}% of requests had no response when the run ended, the oldest after "
            f"{format_s(s.oldest_in_flight_s)}"
        ]
    if s.ok and not s.failed + s.timeouts:
        return []
    errors = max(result.errors, key=lambda row: row.count, default=None)
    statuses = {code: n for code, n in result.status_codes.items() if code >= "400"}
    code = max(statuses, key=lambda code: statuses[code], default="")
    if code and (errors is None or statuses[code] >= errors.count):
        return [f"{statuses[code]:,} of {s.requests:,} responses were {code}"]
    return [f"{errors.message}; {errors.hint}"] if errors is not None else []
