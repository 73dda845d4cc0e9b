"""One threshold, and what becomes of it: its limit, its margin, the outcome in words."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fastbench.foundation import units
from fastbench.results.metric_values import MACHINE, PERCENTS, Judgement, Kind
from fastbench.results.result import Summary
from fastbench.results.thresholds.request_tags import open_part
from fastbench.results.thresholds.submetric import Tags, canonical

NEAR = 0.1  # of the limit
DRIFTS = ("drift", "slope")  # aggregates that are a line through the seconds
RECOVERY = "recovery"  # and one that compares seconds after a stage with those before it
PER_S = {"/s": 1.0, "/min": 60.0, "/h": 3600.0}

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "===": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_SIGNS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


Item = int | float | str  # the place of a term, a number, a sign


@dataclass(frozen=True, slots=True)
class Formula:
    """Both sides of a threshold that computes, in reverse Polish notation."""

    left: tuple[Item, ...]
    right: tuple[Item, ...]

    @property
    def constant(self) -> float | None:
        """The right side, where it is one number."""
        only = self.right[0]
        return only if len(self.right) == 1 and isinstance(only, float) else None

    def sides(self, values: Sequence[float]) -> tuple[float, float] | None:
        """Compute both sides from the values of the terms; None if something is divided by 0."""
        try:
            return _computed(self.left, values), _computed(self.right, values)
        except ZeroDivisionError:
            return None


def _computed(items: Iterable[Item], values: Sequence[float]) -> float:
    stack: list[float] = []
    for item in items:
        if isinstance(item, str):
            other = stack.pop()
            stack.append(_SIGNS[item](stack.pop(), other))
        else:
            stack.append(values[item] if isinstance(item, int) else item)
    return stack[0]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One limit. `text` names it in the document; `limit` is in the unit of the metric's values.

    `either`: a short form of latency, so response time where requests are planned. `percent` is
    that of aggregate "p". `stage` and `last_s` narrow the time; "" and 0 mean the whole run.

    `target`: it is a goal with two limits; to miss the stricter one, the target, is a warning, and
    fails the run with `target_decides`. One with a target alone has that as limit and level warn.
    `three`: these are three levels, good up to the target, plan up to the limit, else act.

    `relative`: a drift as a share of where it began. `per` is the time of a slope: /s, /min or /h.
    `terms` and `formula`: it computes both sides from what these terms observe, each in its time.
    `baseline`: a term is of an earlier run, in which it `was` that; None until it is looked up.
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
    three: bool = False
    relative: bool = False
    per: str = ""
    terms: tuple[Threshold, ...] = ()
    formula: Formula | None = None
    baseline: bool = False
    was: float | None = None

    @property
    def per_s(self) -> float:
        """The time of a slope, 0 of all else."""
        return PER_S.get(self.per, 0.0)

    @property
    def parts(self) -> tuple[Threshold, ...]:
        """What is observed: itself, or its terms."""
        return self.terms or (self,)

    @property
    def key(self) -> str:
        """The metric in its one spelling: tags sorted, no blanks."""
        return canonical(self.metric, self.tags)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Name the metrics it may look at: which one, a short form leaves to the run."""
        return (self.metric, "http_req_response") if self.either else (self.metric,)

    @property
    def part_of(self) -> Tags | None:
        """The tags without those whose values are all known, of a counter that has such tags."""
        return open_part(self.tags) if self.kind.type == "counter" else None

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
    return graded(threshold, lambda each, limit: _judged(each, observed, what, limit))


def graded(threshold: Threshold, judged: Callable[[Threshold, str], Judgement]) -> Judgement:
    """Judge by the one limit; a goal by its target, unless it is critical.

    `judged(threshold, name)` holds what was observed against the limit, which has that name.
    """
    if threshold.target is None:
        return judged(threshold, "limit")
    if threshold.three:
        return _of_three(threshold, threshold.target, judged)
    found = judged(threshold, "critical limit")
    if not found.ok:
        if threshold.level == "fail":
            return replace(found, grade="critical")
        level = "fail" if threshold.target_decides else found.level
        return replace(found, grade="missed", level=level)
    found = judged(replace(threshold, limit=threshold.target, target=None), "target")
    if found.ok:
        return replace(found, grade="near" if found.near else "met")
    return replace(found, grade="missed", level="fail" if threshold.target_decides else "warn")


def _of_three(
    threshold: Threshold, good: float, judged: Callable[[Threshold, str], Judgement]
) -> Judgement:
    """Judge by three levels; without samples there is none."""
    found = judged(threshold, "plan limit")
    if not found.ok:
        return found if found.observed is None else replace(found, grade="act")
    found = judged(replace(threshold, limit=good, target=None), "good limit")
    if found.ok:
        return replace(found, grade="good")
    return replace(found, grade="plan", level="fail" if threshold.target_decides else "warn")


def judge_formula(threshold: Threshold, values: Sequence[float | None]) -> Judgement:
    """Hold the left side of a formula against the right one, from the values of its terms."""
    return graded(threshold, lambda each, limit: _judged_formula(each, values, limit))


def _judged_formula(threshold: Threshold, values: Sequence[float | None], of: str) -> Judgement:
    assert threshold.formula is not None
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        missing = next(
            term.text for term, value in zip(threshold.terms, values, strict=True) if value is None
        )
        text = f"no samples of {missing}"
        return Judgement(False, None, None, threshold.level, False, text)
    sides = threshold.formula.sides(known)
    if sides is None or not all(map(math.isfinite, sides)):
        text = "it is divided by 0" if sides is None else "it is too great for a number"
        return Judgement(False, None, None, threshold.level, False, text)
    observed, limit = sides
    if threshold.formula.constant is not None:
        return _judged(threshold, observed, "", of)
    of = f"{of} of {threshold.shown(limit)}"
    return _judged(replace(threshold, limit=limit), observed, "", of)


def leaves(thresholds: Iterable[Threshold]) -> Iterator[Threshold]:
    """Yield what is observed: each threshold, or the terms of one that computes."""
    for each in thresholds:
        yield from each.parts


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
    tagged = [each for each in leaves(thresholds) if each.tags and each.metric not in MACHINE]
    parts = [(name, each.tags) for each in tagged for name in each.metrics]
    # Beside a counter what it is a part of: if that has samples, none of them is a count of 0.
    parts += [(each.metric, each.part_of) for each in tagged if each.part_of]
    return tuple(dict.fromkeys(parts))


def decided_by(found: Iterable[Threshold], words: Container[str]) -> tuple[Threshold, ...]:
    """Return thresholds that fail a run by these levels, too: target, plan or act."""
    return tuple(_decided_by(each, words) for each in found)


def _decided_by(threshold: Threshold, words: Container[str]) -> Threshold:
    if not threshold.three:
        return replace(threshold, target_decides="target" in words)
    level = "fail" if "plan" in words or "act" in words else threshold.level
    return replace(threshold, target_decides="plan" in words, level=level)
