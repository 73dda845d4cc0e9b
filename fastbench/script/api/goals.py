"""Goals that a script declares: `goal("http_req_duration p(95)", target=200, critical=500)`."""

from __future__ import annotations

import re

from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN

_goals: list[str] = []
_derived: dict[str, str] = {}
_OPERATOR = re.compile(r"\s*(<=|>=|===|==|!=|<|>)\s*$")
_COMPARISON = re.compile(r"[<>=]\s*[^\s=]")
_NAME = re.compile(r"[A-Za-z_]\w*")
_TAGS = re.compile(r"\{[^}]*\}|\[[^]]*\]")
_SIGNS = re.compile(r"[-+*/]")
_PERCENTILE = re.compile(r"p\(?[0-9.]+\)?")
_WORSE = ("errors", "failed", "exceptions", "_cpu", "_rss", "_memory")
_DERIVED = 'derived("message_loss", "ws_msgs_sent - ws_msgs_received")'
_LEVELS = 'goal("target_cpu max", good="60%", plan="80%")'
_EXAMPLE = 'goal("http_req_duration p(95)", target=200, critical=500)'


def begin() -> None:
    """Forget the goals of another script."""
    _goals.clear()
    _derived.clear()


def formulas() -> dict[str, str]:
    """Return what derived() names."""
    return dict(_derived)


def derived(name: str, formula: str) -> None:
    """Name a formula of metrics, for the thresholds and goals of this script.

    Args:
        name: A name of letters, digits and _ that no metric has.
        formula: Its terms are those of a threshold: a metric, with tags, aggregate and window if
            wanted; between them + - * / and parentheses.

    Raises:
        UsageError: The name or the formula cannot be used, or there are two of one name.

    Example::

        derived("message_loss", "ws_msgs_sent - ws_msgs_received")
        goal("message_loss", target=0, critical=10)

        @scenario
        async def talk(vu: Vu) -> None:
            async with vu.ws("/ws/echo") as socket:
                await socket.request("hello")
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"The name in derived() has letters, digits and _ only, not {name!r}.")
    if not isinstance(formula, str) or not formula.strip():
        raise UsageError(f'derived("{name}", …) needs a formula: {_DERIVED}.')
    if name in _derived:
        raise UsageError(f"The script has two derived metrics {name}; give one another name.")
    _derived[name] = formula.strip()


def declared() -> tuple[str, ...]:
    """Return the goals as thresholds are written."""
    return tuple(dict.fromkeys(_goals))


def goal(
    what: str,
    *,
    target: float | str | None = None,
    critical: float | str | None = None,
    good: float | str | None = None,
    plan: float | str | None = None,
) -> None:
    """Hold a metric to limits, at the top of a script: to miss the target is a warning.

    To break the critical limit fails the run (exit code 99), and so does a missed target under
    `--fail-on target`. With `good` and `plan` there are three levels: good, plan (the time to
    prepare), and act, beyond the limit of plan; the last two are warnings unless `--fail-on` says
    otherwise. The limits tell which side is good: a target below the critical limit is a maximum.

    Args:
        what: A metric and its aggregate as in a threshold: "http_req_duration{name:login} p(95)",
            "errors", "rps"; with one limit alone it ends in the operator: "rps >". Or a whole
            threshold: "http_reqs - iterations == 0".
        target: What is wanted: a number in the metric's unit (ms, bytes, shares of 1), or a text
            with a unit: "200ms", "1%".
        critical: What must not be passed, in the same form.
        good: What is well within capacity, in the same form; goes with `plan`.
        plan: From where on more capacity is to be planned, in the same form; goes with `good`.

    Raises:
        UsageError: Limits are missing, contradict each other, or have no side.

    Example::

        goal("http_req_duration p(95)", target=200, critical="5s")
        goal("http_req_failed rate <", critical="1%")

        @scenario
        async def main(vu: Vu) -> None:
            await vu.get("/api/health")
    """
    if not isinstance(what, str) or not what.strip():
        raise UsageError(f"A goal is of a metric and its aggregate: {_EXAMPLE}.")
    limits = {"target": target, "critical": critical, "good": good, "plan": plan}
    given = {word: limit for word, limit in limits.items() if limit is not None}
    if not given and _COMPARISON.search(what):
        _goals.append(what.strip())
        return
    if not given:
        raise UsageError(f'goal("{what}") needs a target, a critical limit, or both: {_EXAMPLE}.')
    if given.keys() & {"good", "plan"} and given.keys() != {"good", "plan"}:
        raise UsageError(f'goal("{what}") has target and critical, or good and plan: {_LEVELS}.')
    said = _OPERATOR.search(what)
    operator = said[1] if said else _between(what, [_number(what, each) for each in given.values()])
    metric = what[: said.start()] if said else what.rstrip()
    parts = [f"{operator}{limit} {word}" for word, limit in given.items()]
    _goals.append(f"{metric} {', '.join(parts)}")


def _between(what: str, limits: list[float]) -> str:
    if len(limits) == 1 or limits[0] == limits[1]:
        raise UsageError(
            f'goal("{what}") does not say which side of its limit is good; end it in < or >, '
            f'as in goal("{what} <", …).'
        )
    if limits[0] > limits[1] and _more_is_worse(what):
        raise UsageError(
            f'goal("{what}") is better the less it is, so its first limit is the smaller one; if '
            f'more is meant to be good, say so: goal("{what} >", …).'
        )
    return "<" if limits[0] < limits[1] else ">"


def _more_is_worse(what: str) -> bool:
    """Tell whether a single metric of ours, by its name, is better the less it is."""
    bare = _TAGS.sub("", what).strip()
    name = _NAME.match(bare)
    if name is None or _SIGNS.search(bare) or bare.endswith("count"):
        return False
    kind = BUILT_IN.get(name[0])
    named = name[0].endswith(_WORSE) or _PERCENTILE.fullmatch(bare) is not None
    return named or (kind is not None and kind.type == "trend" and kind.contains == "time")


def _number(what: str, limit: object) -> float:
    """Return a limit as a number, for comparing two of one unit."""
    if isinstance(limit, bool) or not isinstance(limit, int | float | str):
        raise UsageError(f'A limit of goal("{what}") is a number or a text such as "200ms".')
    text = str(limit).strip()
    for read in (float, _percent, _duration_ms, units.parse_bytes, units.parse_count):
        try:
            return float(read(text.removesuffix("/s")))
        except ValueError:
            continue
    raise UsageError(f'goal("{what}"): {text} is not a limit; write 200, "200ms", "1%" or "10k".')


def _duration_ms(text: str) -> float:
    """Return a time in ms, as a bare number of a metric of times is."""
    return units.parse_duration_s(text) * 1e3


def _percent(text: str) -> float:
    if not text.endswith("%"):
        raise ValueError(text)
    return float(text[:-1]) / 100
