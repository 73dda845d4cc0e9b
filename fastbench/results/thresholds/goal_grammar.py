"""Goals: thresholds with two limits, `p95 <200 target, <500 critical`, judged as one.

1. The target is the stricter limit: to miss it is a warning, to break the critical one a failure.
2. With a target alone nothing is critical.
3. Both limits are of one aggregate and one operator: < <= > or >=.
4. `target_cpu: max <60% good, <80% plan, else act` has three levels, and the stricter limit is that
   of good: plan and act are warnings, unless --fail-on or [fail] says otherwise.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from fastbench.results.metric_values import PERCENTS
from fastbench.results.thresholds.judging import Threshold
from fastbench.results.thresholds.limit_values import read_limit, refuse
from fastbench.results.thresholds.seconds_grammar import BY_SECONDS, read_change

WORD = re.compile(r"(?:target|warn)\s*[=\s]\s*(\S.*)")  # in brackets: [target=200ms], [warn 70]
_LEVEL = re.compile(r"(.*\S)\s+(target|critical|good|plan)")
_ELSE = re.compile(r"(?:else\s+)?act")
NAMES = frozenset({"target", "critical", "good", "plan", "else", "act"})
_OPERATOR = re.compile(r"[<>=!]")
_ORDERED = ("<", "<=", ">", ">=")
_EXAMPLE = "p95 <200 target, <500 critical"
_LEVELS = "target_cpu max <60% good, <80% plan, else act"


def of_goal(expression: str) -> bool:
    """Tell whether some limit is called target or critical, good or plan."""
    return any(_LEVEL.fullmatch(part.strip()) for part in expression.split(","))


def parts(expression: str, text: str) -> dict[str, str]:
    """Return the expressions of target and critical limit by these words; of no goal by "".

    Of three levels they are those of good and plan.
    """
    split = [part.strip() for part in expression.split(",")]
    acting = len(split) > 1 and _ELSE.fullmatch(split[-1]) is not None
    split = split[:-1] if acting else split
    found = [_LEVEL.fullmatch(part) for part in split]
    if len(split) == 1 and found[0] is None:
        return {"": expression}
    of: dict[str, str] = {}
    for part, match in zip(split, found, strict=True):
        if match is None:
            words = f"target or critical: {_EXAMPLE}; good or plan: {_LEVELS}"
            refuse(text, f"say of each limit whether it is {words}", part)
        if match[2] in of:
            refuse(text, f"there are two limits called {match[2]}; a goal has one of each", part)
        first = next(iter(of.values()), "")
        bare = not match[1][: _start(match[1])].strip()  # the aggregate is that of the first
        of[match[2]] = first[: _start(first)] + match[1] if bare else match[1]
    if (acting or not of.keys() <= {"target", "critical"}) and of.keys() != {"good", "plan"}:
        refuse(text, f"three levels have the limits of good and of plan: {_LEVELS}")
    return of


def _start(expression: str) -> int:
    found = _OPERATOR.search(expression)
    return found.start() if found else 0


def joined(found: Mapping[str, Threshold], text: str) -> Threshold:
    """Return the goal that has these limits, by the words of `parts`."""
    strict, wide = ("good", "plan") if "good" in found else ("target", "critical")
    if strict not in found:
        return next(iter(found.values()))
    target, critical = found[strict], found.get(wide)
    if any(each.formula and each.formula.constant is None for each in found.values()):
        refuse(text, f"the limits of a goal are numbers: {_EXAMPLE}")
    _refuse_unordered(target, text)
    if critical is None:
        return _alone(target, f"{target.expression} target")
    _refuse_unordered(critical, text)
    if (target.aggregate, target.percent) != (critical.aggregate, critical.percent):
        refuse(text, f"both limits are of one aggregate: {_EXAMPLE}")
    if (target.relative, target.per) != (critical.relative, critical.per):
        refuse(text, "both limits have one form: a share, a change, or one per time")
    if target.operator != critical.operator:
        refuse(text, f"both limits have one operator: {_EXAMPLE}")
    limits = critical.expression[_start(critical.expression) :]
    both = f"{target.expression} {strict}, {limits} {wide}"
    goal = replace(_with(critical, target.limit, text, strict, wide), expression=both)
    if strict == "target":
        return goal
    return replace(goal, three=True, level="warn", expression=f"{both}, else act")


def with_target(threshold: Threshold, written: str, text: str) -> Threshold:
    """Return a threshold whose limit is the critical one, with this target."""
    if threshold.target is not None:
        refuse(text, "there are two targets; a goal has one", written)
    _refuse_unordered(threshold, text)
    target = _target(threshold, written, text)
    shown = f"{threshold.expression} [target={''.join(written.split())}]"
    return replace(_with(threshold, target, text), expression=shown)


def _target(threshold: Threshold, written: str, text: str) -> float:
    """Read the target of a threshold in the form of its limit."""
    metric, kind, aggregate = threshold.metric, threshold.kind, threshold.aggregate
    if aggregate not in BY_SECONDS:
        bare = written.removesuffix("%") if metric in PERCENTS else written
        return read_limit(bare, kind, aggregate, text)
    target, relative, per = read_change(written, aggregate, metric, kind, text)
    if (relative, per) != (threshold.relative, threshold.per):
        refuse(text, "both limits have one form: a share, a change, or one per time", written)
    return target


def _alone(target: Threshold, expression: str) -> Threshold:
    never = math.inf if target.operator.startswith("<") else -math.inf
    return replace(target, limit=never, target=target.limit, level="warn", expression=expression)


def _with(
    critical: Threshold, target: float, text: str, strict: str = "target", wide: str = "critical"
) -> Threshold:
    below = critical.operator.startswith("<")
    if not (target <= critical.limit if below else target >= critical.limit):
        side = "below" if below else "above"
        refuse(text, f"the {strict} limit is stricter than the {wide} limit: it must be {side} it")
    return replace(critical, target=target)


def _refuse_unordered(threshold: Threshold, text: str) -> None:
    if threshold.operator not in _ORDERED:
        refuse(text, f"a goal has one of {' '.join(_ORDERED)}, not {threshold.operator}")
