"""Criteria that cannot fail or cannot be met, by what a plan shows of them. Pure.

1. A value is at least and at most what its kind allows: a share is of 0 to 1, counts and times are
   not negative. A sum is what its terms allow (interval arithmetic, Moore 1966), and where it has
   one term only, what a line through this one can be.
2. A time is that of the plan: when stages begin, and when the run ends at the latest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from fastbench.foundation import units
from fastbench.results.metric_values import MACHINE, Kind
from fastbench.results.thresholds.drift import MIN_POINTS
from fastbench.results.thresholds.judging import DRIFTS, RECOVERY, Formula, Item, Threshold
from fastbench.results.thresholds.recovery import MIN_BEFORE
from fastbench.results.thresholds.traces import MIN_GAP_S

_OF_SOME_VALUES = (0.0, 1e-9, 1e-3, 0.5, 1.0, 3.0, 1e3, 1e9, 1e15)
_TIMED = ("http_req_duration", "http_req_waiting")  # no longer than the timeout

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a plan.

    `unjudgeable`: the plan itself, and no guess at what a script does, shows that a criterion can
    never be judged; a run is refused for it.
    """

    level: Literal["error", "warning"]
    text: str
    unjudgeable: bool = False


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """What criteria are held against: times in s, and how many VUs there may be.

    `end_s` is when the last of what was started ends at the latest; `spans` are those of stages.
    `rates`: requests are planned, so that they may wait for longer than the timeout.
    """

    length_s: float
    end_s: float
    timeout_s: float
    spans: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    most_vus: float = math.inf
    rates: bool = False


def of_limits(threshold: Threshold, planned: PlannedRun) -> Iterator[Finding]:
    """Find limits beyond what there can be: each of a goal is one."""
    named = ("good", "plan") if threshold.three else ("target", "critical")
    limits = {named[1] if threshold.target is not None else "": threshold.limit}
    if threshold.target is not None:
        limits = {named[0]: threshold.target} | {
            k: v for k, v in limits.items() if math.isfinite(v)
        }
    for at, (name, limit) in enumerate(limits.items()):
        verdict, why = _always(replace(threshold, limit=limit, target=None), planned)
        whose = f"its limit `{name}`" if len(limits) > 1 else "it"
        if verdict is False and not at:
            yield Finding("error", f"{threshold.text}: {whose} can never pass; {why}.")
            return
        if verdict:
            yield Finding("warning", f"{threshold.text}: {whose} can never fail, {why}.")
            return


def _always(threshold: Threshold, planned: PlannedRun) -> tuple[bool | None, str]:
    """Tell whether a limit is kept by all values or by none; and why, None if that depends."""
    if threshold.formula is not None:
        return _of_formula(threshold, threshold.formula, planned)
    least, most = bounds(threshold, planned)
    if threshold.aggregate in DRIFTS:  # a change has no bounds
        return None, ""
    if threshold.operator in ("==", "===", "!="):
        if least <= threshold.limit <= most:
            return None, ""
        low = high = threshold.operator == "!="
    else:
        low, high = threshold.holds(least), threshold.holds(most)
    if low != high:
        return None, ""
    if not low:
        return False, "check its limit"
    timeout = most == planned.timeout_s * 1000
    return True, "the limit is past the timeout" if timeout else "every value passes"


def bounds(threshold: Threshold, planned: PlannedRun) -> Range:
    """Return the least and the greatest value that there can be."""
    if threshold.aggregate == RECOVERY:
        return 0.0, math.inf
    if threshold.metric in ("vus", "vus_max"):
        return 0.0, planned.most_vus
    if threshold.metric == "host_cpu":
        return 0.0, 100.0
    least, most = _range(threshold.kind, threshold.aggregate)
    if threshold.metric in MACHINE:
        least = 0.0
    waits = threshold.either and planned.rates
    if threshold.metric in _TIMED and threshold.aggregate not in ("count", "rate") and not waits:
        most = planned.timeout_s * 1000
    return least, most


def _range(kind: Kind, aggregate: str) -> Range:
    if kind.type == "rate" and aggregate != "count":
        return 0.0, 1.0
    of_times = kind.type == "trend" and kind.contains == "time"
    if kind.type == "counter" or of_times or aggregate == "count":
        return 0.0, math.inf
    return -math.inf, math.inf


# Thresholds that compute.


def _of_formula(
    threshold: Threshold, formula: Formula, planned: PlannedRun
) -> tuple[bool | None, str]:
    right = formula.right if formula.constant is None else (threshold.limit,)
    ranges = [bounds(term, planned) for term in threshold.terms]
    kept = _by_ranges(threshold.operator, _reach(formula.left, ranges), _reach(right, ranges))
    if kept is None:
        kept = _by_values(replace(threshold, formula=replace(formula, right=right)), ranges)
    if kept is None:
        return None, ""
    if kept:
        return True, "every value passes"
    return False, "no values are so"


def _by_ranges(operator: str, left: Range, right: Range) -> bool | None:
    """Compare two ranges; None where they meet."""
    if operator in (">", ">="):
        left, right = right, left
        operator = "<" if operator == ">" else "<="
    apart = left[1] < right[0] or left[0] > right[1]
    if operator in ("==", "===", "!="):
        return (operator == "!=") if apart else None
    strict = operator == "<"
    if left[1] < right[0] or (not strict and left[1] == right[0]):
        return True
    if left[0] > right[1] or (strict and left[0] == right[1]):
        return False
    return None


def _reach(items: Iterable[Item], ranges: Sequence[Range]) -> Range:
    """Return the least and the greatest that a side can come to, were its terms independent."""
    stack: list[Range] = []
    for item in items:
        if isinstance(item, int):
            stack.append(ranges[item])
        elif isinstance(item, str):
            other = stack.pop()
            stack.append(_combined(item, stack.pop(), other))
        else:
            stack.append((item, item))
    return stack[0]


def _combined(sign: str, one: Range, other: Range) -> Range:
    if sign == "+":
        return one[0] + other[0], one[1] + other[1]
    if sign == "-":
        return one[0] - other[1], one[1] - other[0]
    if sign == "/":
        if other[0] <= 0 <= other[1] and other[0] < 0:
            return -math.inf, math.inf
        # Divided by 0 it fails, so that only what is above counts.
        other = (1 / other[1] if other[1] else math.inf, 1 / other[0] if other[0] else math.inf)
    ends = [a * b if a and b else 0.0 for a in one for b in other]
    return min(ends), max(ends)


def _by_values(threshold: Threshold, ranges: Sequence[Range]) -> bool | None:
    """Try some values where a formula is of one term only, and nothing is multiplied by itself."""
    same = {
        (each.key, each.aggregate, each.percent, each.scope, each.either, each.baseline)
        for each in threshold.terms
    }
    formula = threshold.formula
    if formula is None or len(same) > 1 or not _linear(formula):
        return None
    least, most = ranges[0]
    found = set()
    for value in _OF_SOME_VALUES:
        sides = formula.sides([min(max(value, least), most)] * len(ranges))
        if sides is not None:
            found.add(replace(threshold, limit=sides[1]).holds(sides[0]))
    return found.pop() if len(found) == 1 else None


def _linear(formula: Formula) -> bool:
    """Tell whether each side is a sum of multiples of terms."""
    for side in (formula.left, formula.right):
        stack: list[int] = []  # the degree
        for item in side:
            if isinstance(item, str):
                other, one = stack.pop(), stack.pop()
                if item == "/" and other:
                    return False
                stack.append(one + other if item in ("*", "/") else max(one, other))
            else:
                stack.append(int(isinstance(item, int)))
        if stack[0] > 1:
            return False
    return True


# Times.


def of_times(threshold: Threshold, planned: PlannedRun) -> Iterator[Finding]:
    """Find delays and windows that say nothing, and times too short to tell."""
    length_s = planned.length_s
    if threshold.abort_on_fail and threshold.delay_s >= length_s:
        delay, shown = units.format_s(threshold.delay_s), units.format_s(length_s)
        text = f"its delay of {delay} is no shorter than the run, {shown}; it aborts nothing"
        yield Finding("warning", f"{threshold.text}: {text}.")
    elif threshold.delay_s and not threshold.abort_on_fail:
        yield Finding(
            "warning", f"{threshold.text}: a delay is for [abort]; add it, or leave both."
        )
    for part in threshold.parts:
        for level, text in _of_window(part, planned):
            yield Finding(level, f"{threshold.text}: {text}.", unjudgeable=level == "error")


def _of_window(
    part: Threshold, planned: PlannedRun
) -> Iterator[tuple[Literal["error", "warning"], str]]:
    run_s, end_s = planned.length_s, planned.end_s
    if part.last_s >= run_s > 0:
        yield "warning", f"the run takes {units.format_s(run_s)}, so [last=…] is all of it"
    stage = stage_of(part, planned.spans)
    if stage is not None and stage[0] == stage[1]:
        yield "error", f"the stage {part.stage} has no length"
    if part.aggregate in DRIFTS:
        most_s = stage[1] - stage[0] if stage else part.last_s or math.inf
        surely_s, likely_s = min(most_s, end_s), min(most_s, run_s)
        if min(surely_s, likely_s) < MIN_POINTS * MIN_GAP_S:
            need, there = f"{MIN_POINTS}s", units.format_s(likely_s)
            sure = surely_s < MIN_POINTS * MIN_GAP_S
            text = f"a {part.aggregate} takes {need} to tell, and there are {there}; run it longer"
            yield "error" if sure else "warning", text
    if part.aggregate == RECOVERY and stage is not None:
        yield from _of_recovery(part, stage, run_s)


def _of_recovery(
    part: Threshold, stage: Range, run_s: float
) -> Iterator[tuple[Literal["error", "warning"], str]]:
    before_s, after_s = stage[0], run_s - stage[1]
    if before_s < MIN_BEFORE * MIN_GAP_S:
        there = units.format_s(before_s) if before_s else "nothing"
        yield "error", f"it takes {MIN_BEFORE}s before the stage {part.stage}, and there is {there}"
    if after_s <= 0:
        yield "error", f"nothing comes after the stage {part.stage}; add a stage"
    elif part.operator.startswith("<") and after_s < part.limit < math.inf:
        there = units.format_s(after_s)
        yield "warning", f"only {there} come after the stage, so a recovery that takes more fails"


def stage_of(part: Threshold, named: Mapping[str, Range]) -> Range | None:
    """Return when the stage of a threshold or term begins and ends; None if it has none."""
    scenario = dict(part.tags).get("scenario", "")
    return named.get(f"{scenario}.{part.stage}") or named.get(part.stage) if part.stage else None


def findings(thresholds: Iterable[Threshold], planned: PlannedRun) -> tuple[Finding, ...]:
    """Return what is wrong with the limits and times of thresholds, in their order."""
    found = [
        finding
        for each in thresholds
        for finding in (*of_times(each, planned), *of_limits(each, planned))
    ]
    return tuple(dict.fromkeys(found))
