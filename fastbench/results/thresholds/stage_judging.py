"""The thresholds of the whole run, held to each stage of the load, and what was measured in it.

1. Judged are limits on how well the load was served. How much there was is no matter of a stage:
   lower limits of counters and their rates, VUs, and what looks at a time of its own or at a line
   through the seconds are left out, and so is a formula that is to be equal to something: what is
   sent in one stage is received in the next.
2. Without samples a threshold fails where the stage shows that there should be some: requests, or
   operations, ended and none had a response, or nothing ended at all. Else it is not judged: who
   would give samples may not run in this stage, and so may those whom tags mean.
3. A stage is judged once, when it has ended; then what it looked at is forgotten. Stages that are
   under way keep one snapshot each.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastbench.foundation import units
from fastbench.results.load_stages import LoadStage, StageRow
from fastbench.results.metric_values import Judgement, Kind
from fastbench.results.result import Result
from fastbench.results.thresholds.judging import (
    DRIFTS,
    RECOVERY,
    Threshold,
    judge,
    judge_formula,
)
from fastbench.results.thresholds.submetric import canonical
from fastbench.results.thresholds.traces import Source, Trace

EDGE_S = 0.05  # a look may come so much before the end of a stage


def _measured(metric: str, kind: Kind, aggregate: str, *, either: bool = False) -> Threshold:
    """Return what a stage observes without a limit."""
    return Threshold(
        *(f"{metric}: {aggregate}", metric, (), "", aggregate, 95.0, "<", math.inf, kind),
        either=either,
    )


_COUNTER, _RATE, _TIME = Kind("counter"), Kind("rate"), Kind("trend", "time")
_REQUESTS = _measured("http_reqs", _COUNTER, "count")
_FAILED = _measured("http_req_failed", _RATE, "count")
_P95 = _measured("http_req_duration", _TIME, "p", either=True)
_OPERATIONS = _measured("operations", _COUNTER, "count")
_OPERATIONS_FAILED = _measured("operation_failed", _RATE, "count")
_OPERATION_P95 = _measured("operation_duration", _TIME, "p")
_USERS = _measured("vus", Kind("gauge"), "value")
_OPENED = _measured("ws_sessions", _COUNTER, "count")
_CLOSED = _measured("ws_session_duration", _TIME, "count")
MEASURED = (
    *(_REQUESTS, _FAILED, _P95, _OPERATIONS, _OPERATIONS_FAILED, _OPERATION_P95),
    *(_USERS, _OPENED, _CLOSED),
)


def judged_in_stages(threshold: Threshold) -> bool:
    """Tell whether a threshold of a run can be held to each of its stages."""
    if threshold.aggregate in (*DRIFTS, RECOVERY):
        return False
    if any(each.stage or each.last_s for each in (threshold, *threshold.terms)):
        return False
    equal = threshold.operator in ("==", "===", "!=")
    if threshold.terms:
        return not equal
    if threshold.kind.type == "counter" or threshold.aggregate == "count":
        none = threshold.operator in ("==", "===") and threshold.limit == 0
        return none or threshold.operator in ("<", "<=")
    return threshold.metric not in ("vus", "vus_max")


class _Mean:
    """The mean of a value over a stage, from what it was at the looks.

    Near its edges a step may be under way, or that of the next stage: what was seen there counts
    only where no look lies between them.
    """

    def __init__(self) -> None:
        self._area = self._span_s = 0.0
        self._last: tuple[float, float] | None = None
        self._edges: list[float] = []

    def add(self, t_s: float, value: float | None, *, edge: bool) -> None:
        if value is None:
            return
        if edge:
            self._edges.append(value)
            return
        if self._last is not None:
            step_s = t_s - self._last[0]
            self._area += step_s * (value + self._last[1]) / 2
            self._span_s += step_s
        self._last = (t_s, value)

    @property
    def value(self) -> float | None:
        if self._last is not None:
            return round(self._area / self._span_s if self._span_s else self._last[1], 3)
        return round(sum(self._edges) / len(self._edges), 3) if self._edges else None


@dataclass(slots=True)
class _Stage:
    """A stage that has not ended."""

    plan: LoadStage
    traces: dict[str, Trace]
    begun: bool = False
    before: Source | None = None
    since_s: float = 0.0  # when that was
    users: _Mean = field(default_factory=_Mean)
    sockets: _Mean = field(default_factory=_Mean)


class StageJudge:
    """The stages of one run. Call `look` as that of a Judge, and `end` when the load has ended."""

    def __init__(
        self,
        thresholds: Iterable[Threshold],
        stages: Sequence[LoadStage],
        *,
        users_are_sockets: bool = False,
    ) -> None:
        self._thresholds = tuple(each for each in thresholds if judged_in_stages(each))
        self._keys = frozenset(
            canonical(name, part.tags)
            for each in (*self._thresholds, *MEASURED)
            for part in each.parts
            for name in part.metrics
        )
        self._waiting = [_Stage(each, self._traces(each)) for each in stages]
        self._users_are_sockets = users_are_sockets
        self._rows: list[tuple[StageRow, bool]] = []  # and whether it waits for the end of the run

    def _traces(self, stage: LoadStage) -> dict[str, Trace]:
        """Return what looks at the seconds of a stage: the extremes of gauges."""
        parts = [part for each in self._thresholds for part in each.parts if not part.baseline]
        return {
            part.text: Trace(part, (stage.begin_s, stage.end_s, 0.0))
            for part in parts
            if part.kind.type == "gauge" and part.aggregate in ("min", "max")
        }

    def next_s(self, t_s: float) -> float:
        """Return the next instant after `t_s` at which a stage begins or ends; inf: none."""
        edges = [edge for each in self._waiting for edge in (each.plan.begin_s, each.plan.end_s)]
        return min((edge for edge in edges if edge > t_s), default=math.inf)

    def look(self, now: Source) -> None:
        """Take what was measured up to now."""
        if not self._waiting:
            return
        open_sockets = self._open_sockets(now)
        users, _ = now.observe(_USERS)
        waiting = []
        for each in self._waiting:
            if now.t_s >= each.plan.begin_s:
                if not each.begun and each.plan.begin_s > 0:
                    each.before, each.since_s = now.kept(self._keys), now.t_s
                edge = each.plan.near_edge(now.t_s)
                each.begun = True
                each.users.add(now.t_s, users, edge=edge)
                each.sockets.add(now.t_s, open_sockets, edge=edge)
                for trace in each.traces.values():
                    trace.look(now)
            if now.t_s >= each.plan.end_s:
                self._end(each, now)
            else:
                waiting.append(each)
        self._waiting = waiting

    def _open_sockets(self, now: Source) -> float | None:
        if self._users_are_sockets:
            return now.observe(_USERS)[0]
        opened = now.observe(_OPENED)[0]
        return opened - (now.observe(_CLOSED)[0] or 0.0) if opened else None

    def end(self, now: Source) -> None:
        """End the stages that are under way: the load has ended."""
        for each in self._waiting:
            if each.begun and now.t_s > each.plan.begin_s:
                self._end(each, now)
        self._waiting = []

    def rows(self, run: Result) -> tuple[StageRow, ...]:
        """Return the stages of a run that has ended.

        What had no response at the end counts as failed in the last of them.
        """
        complete = run.summary.ended == "complete"
        found = [
            replace(row, complete=row.complete or (waits and complete)) for row, waits in self._rows
        ]
        found.sort(key=lambda row: (row.begin_s, row.end_s))
        if found and (waiting := run.unanswered):
            found[-1] = self._with_unanswered(found[-1], waiting, run.noun)
        return tuple(found)

    def _with_unanswered(self, row: StageRow, waiting: int, noun: str) -> StageRow:
        share = (row.not_ok + waiting) / (row.requests + waiting)
        for each in self._thresholds:
            rate = each.metric == _FAILED.metric and each.aggregate == "rate" and not each.tags
            if not rate or each.terms or each.text not in row.held or each.holds(share):
                continue
            why = f"with {units.plural(waiting, noun)} that had no response at the end"
            told = judge(each, share, why)
            held = tuple(text for text in row.held if text != each.text)
            row = replace(row, held=held)
            if told.level == "fail":
                row = replace(row, failed={**row.failed, each.text: told.text})
            else:
                row = replace(row, warned={**row.warned, each.text: told.text})
        return row

    def _end(self, stage: _Stage, now: Source) -> None:
        plan, part = stage.plan, now if stage.before is None else now.since(stage.before)
        held: list[str] = []
        missing: list[str] = []
        failed: dict[str, str] = {}
        warned: dict[str, str] = {}
        ended = {"http": _count(part, _REQUESTS), "operation": _count(part, _OPERATIONS)}
        if _asks(plan):
            for each in self._thresholds:
                found = self._judged(each, stage, part)
                if found.observed is None and not _silent(each, ended):
                    missing.append(each.text)
                elif found.ok:
                    held.append(each.text)
                else:
                    (failed if found.level == "fail" else warned)[each.text] = found.text
        row = StageRow(
            name=plan.name,
            begin_s=plan.begin_s,
            end_s=min(plan.end_s, now.t_s),
            complete=now.t_s >= plan.end_s - EDGE_S,
            measured_s=now.t_s - stage.since_s,
            asked_users=plan.users,
            asked_per_s=plan.per_s,
            users=stage.users.value,
            sockets=stage.sockets.value,
            requests=ended["http"],
            not_ok=_count(part, _FAILED),
            p95_ms=part.observe(_P95)[0],
            operations=ended["operation"],
            operations_failed=_count(part, _OPERATIONS_FAILED),
            operation_p95_ms=part.observe(_OPERATION_P95)[0],
            held=tuple(held),
            failed=failed,
            warned=warned,
            no_samples=tuple(missing),
        )
        self._rows.append((row, plan.open_ended))

    def _judged(self, threshold: Threshold, stage: _Stage, part: Source) -> Judgement:
        def observed(each: Threshold) -> tuple[float | None, str]:
            if each.baseline:
                return each.was, ""
            if each.text in stage.traces:
                return stage.traces[each.text].extreme, ""
            return part.observe(each)

        if threshold.terms:
            return judge_formula(threshold, [observed(each)[0] for each in threshold.terms])
        return judge(threshold, *observed(threshold))


def _asks(stage: LoadStage) -> bool:
    """Tell whether a stage asks for load: one at 0 has nothing to judge."""
    return any(level is not None and level.mean > 0 for level in (stage.users, stage.per_s))


def _silent(threshold: Threshold, ended: Mapping[str, int]) -> bool:
    """Tell whether no samples are a failure of the server; `ended` counts by begin of a metric."""
    if any(part.tags for part in threshold.parts):
        return False
    known = any(
        count and part.metric.startswith(name)
        for name, count in ended.items()
        for part in threshold.parts
    )
    return known or not any(ended.values())


def _count(part: Source, threshold: Threshold) -> int:
    return round(part.observe(threshold)[0] or 0.0)
