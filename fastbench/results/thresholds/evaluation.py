"""Hold a run to its thresholds: while it goes, and at its end.

1. A threshold without samples fails and says so. A counter counts from 0, and so does a rate that
   the script declared (0 of 0 is 0 %, told as "0 samples"), so these always have a value, except
   where they are narrowed by tags: there nothing may be a slip of the pen. The times of requests
   have a value only if a request was answered: timeouts and cancelled requests count in them at
   their age, but a server that answers nothing has no latency to keep within a limit.
2. A window is the difference of two snapshots: a stage from its begin to its end, [last=30s]
   back from now or from the end of the run; a run that is shorter is judged whole. A sample
   belongs to the time in which it was recorded, so to the end of its request.
3. Memory does not grow: of the past only what a window needs is kept, and at most
   WINDOW_PARTS + 2 snapshots for each length of window; of a threshold that looks at seconds at
   most MAX_POINTS of them (see `traces`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.results.load_stages import LoadStage, StageRow
from fastbench.results.metric_values import Judgement
from fastbench.results.result import Result
from fastbench.results.thresholds.judging import (
    DRIFTS,
    RECOVERY,
    Threshold,
    failed_share,
    graded,
    judge,
    judge_formula,
    leaves,
)
from fastbench.results.thresholds.stage_judging import StageJudge
from fastbench.results.thresholds.submetric import canonical
from fastbench.results.thresholds.traces import WHOLE, Source, Time, Trace, needed

FAILED = "http_req_failed"
WINDOW_PARTS = 16  # a [last=T] window is at most T / 16 too long while the run goes


@dataclass(slots=True)
class _Window:
    """The past of one length or stage. `ended` is set when nothing more belongs to it."""

    begin_s: float
    end_s: float
    last_s: float
    keys: frozenset[str]
    past: deque[Source]
    ended: Source | None = None

    def look(self, now: Source) -> None:
        if self.last_s:
            self._look_back(now)
        elif self.ended is None:
            if not self.past and now.t_s >= self.begin_s > 0:
                self.past.append(now.kept(self.keys))
            if now.t_s >= self.end_s:
                self.ended = self.of(now.kept(self.keys))

    def _look_back(self, now: Source) -> None:
        """Keep a snapshot for the future, and of the past one that is old enough."""
        if not self.past or now.t_s >= self.past[-1].t_s + self.last_s / WINDOW_PARTS:
            self.past.append(now.kept(self.keys))
        while len(self.past) > 1 and self.past[1].t_s <= now.t_s - self.last_s:
            self.past.popleft()

    def of(self, now: Source) -> Source | None:
        """Return what belongs to the window now; None if it has not begun."""
        if self.ended is not None:
            return self.ended
        if self.last_s:
            old = self.past and self.past[0].t_s <= now.t_s - self.last_s
            return now.since(self.past[0]) if old else now
        if now.t_s < self.begin_s:
            return None
        return now.since(self.past[0]) if self.past else now


class Judge:
    """Thresholds over the time of one run. `spans` says when each stage begins and ends, in s.

    `stages` are those of the load, to each of which the thresholds of the whole run are held, too;
    `users_are_sockets`: each user of the run is a WebSocket.

    Call `look` with a snapshot now and then, about once a second, and also at the instants that
    `next_s` names; at the end `end`.
    """

    def __init__(
        self,
        thresholds: Iterable[Threshold],
        spans: Mapping[str, tuple[float, float]] | None = None,
        stages: Sequence[LoadStage] = (),
        *,
        users_are_sockets: bool = False,
    ) -> None:
        self.thresholds = tuple(thresholds)
        self._stages = StageJudge(self.thresholds, stages, users_are_sockets=users_are_sockets)
        observed = [each for each in leaves(self.thresholds) if not each.baseline]
        times = {each.text: _time(each, spans or {}) for each in observed}
        self._times = times
        self._windows: dict[Time, _Window] = {}
        for time in set(times.values()) - {WHOLE}:
            looking = [each for each in observed if times[each.text] == time]
            keys = frozenset(
                canonical(name, each.tags) for each in looking for name in each.metrics
            )
            self._windows[time] = _Window(*time, keys, deque())
        self._window_of = {text: self._windows.get(time) for text, time in times.items()}
        self._traces = {
            each.text: Trace(each, WHOLE if each.aggregate == RECOVERY else times[each.text])
            for each in observed
            if needed(each, times[each.text])
        }
        self.judgements: dict[str, Judgement] = {
            each.text: judge(each, None) for each in self.thresholds
        }
        self.stopped_by = ""  # the text of the threshold that asked to end the run

    def next_s(self, t_s: float) -> float:
        """Return the next instant after `t_s` at which a stage begins or ends, or a window moves.

        It is inf if there is none.
        """
        edges = [edge for each in self._windows.values() for edge in (each.begin_s, each.end_s)]
        moves = [t_s + each.last_s / WINDOW_PARTS for each in self._windows.values() if each.last_s]
        edges.append(self._stages.next_s(t_s))
        return min((edge for edge in edges + moves if edge > t_s), default=math.inf)

    def instants_s(self, most: int) -> tuple[float, ...]:
        """Return the first instants at which something is to be counted, see `next_s`."""
        found: list[float] = []
        t_s = 0.0
        while len(found) < most and math.isfinite(t_s := self.next_s(t_s)):
            found.append(t_s)
        return tuple(found)

    def look(self, now: Source) -> bool:
        """Judge anew; true when a threshold that is broken asks for the end of the run."""
        for window in self._windows.values():
            window.look(now)
        for trace in self._traces.values():
            trace.look(now)
        self._stages.look(now)
        for each in self.thresholds:
            judgement = self._judged(each, now)
            self.judgements[each.text] = judgement
            broken = not judgement.ok and judgement.observed is not None
            broken = broken and judgement.grade not in ("missed", "plan")
            if broken and each.abort_on_fail and now.t_s >= each.delay_s and not self.stopped_by:
                self.stopped_by = each.text
        return bool(self.stopped_by)

    def end(self, now: Source) -> None:
        """Look for the last time at the load: what comes after is of none of its stages."""
        self.look(now)
        self._stages.end(now)

    def stages(self, run: Result) -> tuple[StageRow, ...]:
        """Return what became of the stages of the load of a run that has ended."""
        return self._stages.rows(run)

    def final(self, run: Result) -> dict[str, Judgement]:
        """Return the judgements of a run that has ended.

        A limit on failures of the whole run breaks if it holds only because some requests had no
        answer at the end: these count as failed.
        """
        found = dict(self.judgements)
        views = {FAILED: (run, "had no response"), "operation_failed": (run.timed, "had not ended")}
        for each in self.thresholds:
            of, what = views.get(each.metric, (None, ""))
            whole = not (each.tags or each.terms or self._window_of[each.text])
            if of is None or not (of.unanswered and whole and each.aggregate == "rate"):
                continue
            worst = failed_share(of.summary, of.unanswered)
            if found[each.text].ok and not each.holds(worst):
                why = f"with {units.plural(of.unanswered, of.noun)} that {what} at the end"
                found[each.text] = judge(each, worst, why)
        return found

    def _judged(self, threshold: Threshold, now: Source) -> Judgement:
        if threshold.aggregate in (*DRIFTS, RECOVERY):
            return graded(threshold, self._by_seconds(threshold))
        if threshold.terms:
            return judge_formula(threshold, [self._observed(e, now)[0] for e in threshold.terms])
        return judge(threshold, *self._observed(threshold, now))

    def _by_seconds(self, threshold: Threshold) -> Callable[[Threshold, str], Judgement]:
        from fastbench.results.thresholds.drift import judge_drift  # rare
        from fastbench.results.thresholds.recovery import judge_recovery

        points = self._traces[threshold.text].points
        if threshold.aggregate in DRIFTS:
            return partial(judge_drift, points=points)
        begin_s, end_s, _ = self._times[threshold.text]
        return partial(judge_recovery, points=points, stage=(begin_s, end_s))

    def _observed(self, threshold: Threshold, now: Source) -> tuple[float | None, str]:
        if threshold.baseline:
            return threshold.was, ""
        if threshold.text in self._traces:
            return self._traces[threshold.text].extreme, ""
        window = self._window_of[threshold.text]
        source = window.of(now) if window is not None else now
        return source.observe(threshold) if source is not None else (None, "")

    @property
    def failed(self) -> bool:
        """Tell whether a threshold of level "fail" is broken."""
        return any(not each.ok and each.level == "fail" for each in self.judgements.values())


def _time(threshold: Threshold, spans: Mapping[str, tuple[float, float]]) -> Time:
    """Return begin, end and length of what it looks at; a tag scenario:x may say whose stage."""
    if not threshold.stage:
        return 0.0, math.inf, threshold.last_s
    scenario = dict(threshold.tags).get("scenario", "")
    for name in (f"{scenario}.{threshold.stage}", threshold.stage):
        if name in spans:
            return *spans[name], 0.0
    names = f"{'are' if len(spans) > 1 else 'is'} {', '.join(spans)}"
    there = f"there {names}" if spans else "this run has none"
    raise UsageError(f"Threshold `{threshold.text}`: there is no stage {threshold.stage}; {there}.")
