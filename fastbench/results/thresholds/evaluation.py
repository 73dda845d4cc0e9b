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
   WINDOW_PARTS + 2 snapshots for each length of window.
"""

from __future__ import annotations

import math
import operator
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol, Self

from fastbench.foundation import units
from fastbench.plan.plan import UsageError
from fastbench.results.metric_values import MACHINE, PERCENTS, Judgement, Kind
from fastbench.results.result import Result, Summary
from fastbench.results.thresholds.submetric import Tags, canonical

NEAR = 0.1  # of the limit
FAILED = "http_req_failed"
WINDOW_PARTS = 16  # a [last=T] window is at most T / 16 too long while the run goes

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "===": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit. `text` names it in the document; `limit` is in the unit of the metric's values.

    `either`: a short form of latency, so response time where requests are planned. `percent` is
    that of aggregate "p". `stage` and `last_s` narrow the time; "" and 0 mean the whole run.

    `target`: it is a goal with two limits; to miss the stricter one, the target, is a warning, and
    fails the run with `target_decides`. One with a target alone has that as limit and level warn.
    """

    text: str
    metric: str
    tags: Tags
    expression: str
    aggregate: str
    percent: float
    operator: str
    limit: float
    kind: Kind
    either: bool = False
    level: str = "fail"
    abort_on_fail: bool = False
    delay_s: float = 0.0
    stage: str = ""
    last_s: float = 0.0
    target: float | None = None
    target_decides: bool = False

    @property
    def key(self) -> str:
        """The metric in its one spelling: tags sorted, no blanks."""
        return canonical(self.metric, self.tags)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Name the metrics it may look at: which one, a short form leaves to the run."""
        return (self.metric, "http_req_response") if self.either else (self.metric,)

    @property
    def scope(self) -> str:
        """The time it looks at, as it is written; "" for the whole run."""
        last = f" [last={units.format_s(self.last_s)}]" if self.last_s else ""
        return f" [stage={self.stage}]" if self.stage else last

    def holds(self, observed: float) -> bool:
        """Tell whether the limit is kept."""
        return _OPERATORS[self.operator](observed, self.limit)

    def margin(self, observed: float) -> float | None:
        """Return the share of the limit that is left; None where a share says nothing.

        A rate that must stay above 99 % has 1 % to lose: its share is of that.
        """
        room = self.limit
        if self.operator not in ("<", "<=", ">", ">="):
            return None
        above = self.operator.startswith(">")
        if above and self.kind.type == self.aggregate == "rate":
            room = 1 - self.limit
        if room <= 0:
            return None
        return (observed - self.limit if above else self.limit - observed) / room

    def shown(self, observed: float) -> str:
        """Format a value of this threshold's metric and aggregate."""
        if self.aggregate == "count" and self.kind.contains != "data":
            return f"{observed:,.12g}"
        if self.kind.type == "rate":
            return f"{100 * observed:.4g}%"
        if self.metric in PERCENTS:
            return f"{observed:.4g}%"
        per_s = "/s" if self.aggregate == "rate" else ""
        if self.kind.contains == "time":
            return units.format_ms(observed)
        if self.kind.contains == "data":
            return units.format_bytes(observed) + per_s
        return f"{observed:,.6g}{per_s}"


def judge(threshold: Threshold, observed: float | None, what: str = "") -> Judgement:
    """Hold what was observed against the limit; `what` says what it is of, if that is open."""
    if threshold.target is not None:
        return _graded(threshold, observed, what)
    return _judged(threshold, observed, what, "limit")


def _graded(goal: Threshold, observed: float | None, what: str) -> Judgement:
    """Judge a goal, which has two limits: by its target, unless it is critical."""
    assert goal.target is not None
    if observed is None:
        return replace(_judged(goal, None, what, ""), grade="critical")
    if not goal.holds(observed):
        return replace(_judged(goal, observed, what, "critical limit"), grade="critical")
    found = _judged(replace(goal, limit=goal.target), observed, what, "target")
    if found.ok:
        return replace(found, grade="near" if found.near else "met")
    return replace(found, grade="missed", level="fail" if goal.target_decides else "warn")


def _judged(threshold: Threshold, observed: float | None, what: str, limit: str) -> Judgement:
    if observed is None:
        return Judgement(False, None, None, threshold.level, False, "no samples")
    ok = threshold.holds(observed)
    margin = threshold.margin(observed)
    near = ok and margin is not None and margin < NEAR
    words = threshold.shown(observed) + (f" ({what})" if what else "")
    if far := _far(threshold, observed, margin, limit):
        # After a number such as 53,688 a comma is no pause.
        words += f" ({far})" if threshold.aggregate == "count" else f", {far}"
    return Judgement(ok, observed, margin, threshold.level, near, words)


def failed_share(run: Summary, unanswered: int) -> float:
    """Return the share of requests that failed, where `unanswered` ones did, too; 1 of none."""
    ended = run.requests + unanswered
    return (run.not_ok + unanswered) / ended if ended else 1.0


def _far(threshold: Threshold, observed: float, margin: float | None, of: str) -> str:
    """Say how far from its limit a value is; "" where nothing is to be said: a kept `==`, or 0.

    `of` names the limit.

    Rates in points: a share of a share is misread. Counts, and what is held to 0 or less, as a
    difference. All else in percent of the limit, from twice the limit on how often it holds it.
    """
    limit, above = threshold.limit, observed > threshold.limit
    if threshold.operator == "!=" or (margin is None and observed == limit):
        return ""
    if observed == limit:
        return f"exactly at the {of}"
    if not observed and margin is not None and margin > 0:
        return ""  # who must stay below a limit is as far from it as can be
    side = "above" if above else "below"
    if threshold.kind.type == "rate" and threshold.aggregate != "count":
        return f"{_points(abs(observed - limit))} {side} the {of}"
    if threshold.aggregate == "count" or margin is None:
        return f"{threshold.shown(abs(observed - limit))} {side} the {of}"
    times = observed / limit
    if times >= 2:
        return f"{times:,.3g} times the {of}" if times < 1000 else f"{times:,.0f} times the {of}"
    return f"{_share(abs(margin))} {side} the {of}"


def _share(share: float) -> str:
    """Write a share so that it is neither nothing nor all, unless it is."""
    percent = 100 * share
    if 99.5 <= percent < 100:
        return "more than 99%"
    return f"{percent:.2g}%" if percent < 1 else f"{percent:.0f}%"


def _points(difference: float) -> str:
    """Write the difference of two shares in percentage points."""
    points = f"{100 * difference:.3g}" if difference >= 1e-6 else "less than 0.0001"
    return f"{points} {'point' if points == '1' else 'points'}"


def submetrics(
    thresholds: Iterable[Threshold],
) -> tuple[tuple[str, Tags], ...]:
    """Return metric and tags of what must be counted apart; the same in every process."""
    tagged = [each for each in thresholds if each.tags and each.metric not in MACHINE]
    parts = ((name, each.tags) for each in tagged for name in each.metrics)
    return tuple(dict.fromkeys(parts))


def decided_by_targets(found: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """Return thresholds that fail a run that misses the target of one."""
    return tuple(replace(each, target_decides=True) for each in found)


class Source(Protocol):
    """What was measured up to an instant of the run, or between two."""

    @property
    def t_s(self) -> float:
        """The instant, from the start of the run on."""

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value, None without samples; and what it is of, where that is open."""

    def since(self, earlier: Self) -> Self:
        """Return what came after an earlier instant."""

    def kept(self, keys: frozenset[str]) -> Self:
        """Return a copy that later samples do not change, of the metrics with these keys."""


_Time = tuple[float, float, float]  # begin, end, or the length of what is last
_WHOLE: _Time = (0.0, math.inf, 0.0)


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

    Call `look` with a snapshot now and then, about once a second, and also at the instants that
    `next_s` names; at the end once more.
    """

    def __init__(
        self,
        thresholds: Iterable[Threshold],
        spans: Mapping[str, tuple[float, float]] | None = None,
    ) -> None:
        self.thresholds = tuple(thresholds)
        times = {each.text: _time(each, spans or {}) for each in self.thresholds}
        self._windows: dict[_Time, _Window] = {}
        for time in set(times.values()) - {_WHOLE}:
            looking = [each for each in self.thresholds if times[each.text] == time]
            keys = frozenset(
                canonical(name, each.tags) for each in looking for name in each.metrics
            )
            self._windows[time] = _Window(*time, keys, deque())
        self._window_of = {text: self._windows.get(time) for text, time in times.items()}
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
        return min((edge for edge in edges + moves if edge > t_s), default=math.inf)

    def look(self, now: Source) -> bool:
        """Judge anew; true when a threshold that is broken asks for the end of the run."""
        for window in self._windows.values():
            window.look(now)
        for each in self.thresholds:
            judgement = self._judged(each, now)
            self.judgements[each.text] = judgement
            broken = not judgement.ok and judgement.observed is not None
            broken = broken and judgement.grade != "missed"
            if broken and each.abort_on_fail and now.t_s >= each.delay_s and not self.stopped_by:
                self.stopped_by = each.text
        return bool(self.stopped_by)

    def final(self, run: Result) -> dict[str, Judgement]:
        """Return the judgements of a run that has ended.

        A limit on failures of the whole run breaks if it holds only because some requests had no
        answer at the end: these count as failed.
        """
        found = dict(self.judgements)
        views = {FAILED: (run, "had no response"), "operation_failed": (run.timed, "had not ended")}
        for each in self.thresholds:
            of, what = views.get(each.metric, (None, ""))
            whole = not (each.tags or self._window_of[each.text])
            if of is None or not (of.unanswered and whole and each.aggregate == "rate"):
                continue
            worst = failed_share(of.summary, of.unanswered)
            if found[each.text].ok and not each.holds(worst):
                why = f"with {units.plural(of.unanswered, of.noun)} that {what} at the end"
                found[each.text] = judge(each, worst, why)
        return found

    def _judged(self, threshold: Threshold, now: Source) -> Judgement:
        window = self._window_of[threshold.text]
        source = window.of(now) if window is not None else now
        return judge(threshold, *(source.observe(threshold) if source is not None else (None, "")))

    @property
    def failed(self) -> bool:
        """Tell whether a threshold of level "fail" is broken."""
        return any(not each.ok and each.level == "fail" for each in self.judgements.values())


def _time(threshold: Threshold, spans: Mapping[str, tuple[float, float]]) -> _Time:
    """Return begin, end and length of what it looks at; a tag scenario:x may say whose stage."""
    if not threshold.stage:
        return 0.0, math.inf, threshold.last_s
    scenario = dict(threshold.tags).get("scenario", "")
    for name in (f"{scenario}.{threshold.stage}", threshold.stage):
        if name in spans:
            return *spans[name], 0.0
    there = f"there are {', '.join(spans)}" if spans else "this run has none"
    raise UsageError(f"Threshold `{threshold.text}`: there is no stage {threshold.stage}; {there}.")
