"""How a run went as a whole: one level, and the reasons for it. Every report follows it.

1. Pure: facts about a run in, an Outcome out. The level is that of the worst reason, "ok" without.
2. A run that went wrong does not look right: failed requests, a rate that was not reached,
   exceptions and missing answers count by their share, whatever else the run shows.
3. Who holds a threshold on failures has said how many are too many: then those that stay within it
   are a warning at most, and still never "ok".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Protocol

from fastbench.foundation.units import format_s, per_s, plural
from fastbench.results import resolution
from fastbench.results.metric_values import Judgement

LEVELS = ("ok", "warning", "failed")
FEW_FAILED = 0.001  # from here on failed requests are told: the share that spoils a comparison
MANY_FAILED = 0.05
FEW_MISSING = 0.01  # of what was planned, or of what was sent and not answered
MANY_MISSING = 0.1
LONG_UNANSWERED_S = 1.0  # or half of a shorter run
LONG_SILENT_S = 0.5
MAX_CAUSES, MAX_NAME = 3, 80

_VERDICTS = {
    "client-limited": "the load generator was saturated, so the rate is a lower bound",
    "late": "the load generator sent late; this lateness is part of the response times",
    "noisy-host": "other programs used this machine's processors; do not quote these numbers",
    "incomplete": "part of the run is missing",
}
_ENDED = {
    "interrupted": ("warning", "the run was interrupted"),
    "worker_lost": ("failed", "a worker was lost"),
    "nothing_succeeded": ("failed", "nothing succeeded"),
    "aborted": ("failed", "the script ended the run"),
    "marked_failed": ("failed", "the script marked the run as failed"),
    "script_failed": ("failed", "an exception ended the run"),
    "threshold_aborted": ("failed", "a threshold ended the run"),
}
_CONNECTING = ("dns", "connect_refused", "connect_timeout", "connect", "tls", "upgrade")
_OF_FAILURES = {
    **dict.fromkeys(("request", "message", "connection"), ("http_req_failed", "errors")),
    "operation": ("operation_failed",),
}
_NONE_DONE = {
    "operation": "no operation ended",
    "message": "no message came",
    "connection": "no connection opened",
}
_NOT_ENDED = {"operation": "operations had not ended", "message": "messages had no answer"}
_PARTIAL = re.compile(r"\[\s*(?:stage|last)\s*=|[*/+]|\s-\s")  # of time, or computed
_OF_EXCEPTIONS = ("script_exceptions",)


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason with its level, what was found, and what to do; `code` is for programs."""

    code: str
    level: Annotated[str, LEVELS]
    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The level of a run as a whole; the worst reasons come first."""

    level: Annotated[str, LEVELS] = "ok"
    reasons: tuple[Reason, ...] = ()

    @property
    def text(self) -> str:
        """The reasons of the worst level in one line; "" when all is well."""
        return "; ".join(each.text for each in self.reasons if each.level == self.level)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the outcome is made of.

    `causes` are what failed requests have in common, by count: statuses and kinds of errors.
    `unanswered` requests were under way at the end, longer than any answer took. `asked_per_s` is
    the planned rate, `not_sent` of `scheduled` requests never left. `silent_s` of `duration_s` is
    how long there were only failures at the end. `never_ok` names scenarios and requests that never
    succeeded, `stuck` scenarios none of whose iterations ended. `iterations` of a script, `dropped`
    of which were not started, `threw` exceptions, and others `threw_outside` of them; `checks` are
    (failed, all) of each. `retold`: made of points, which do not hold all of a run. `noun` is what
    `requests` are: requests, operations that a script timed, messages or connections of WebSockets.
    """

    ended: str
    requests: int
    not_ok: int
    started: int
    causes: Mapping[str, int]
    unanswered: int = 0
    oldest_in_flight_s: float = 0.0
    scheduled: int | None = None
    not_sent: int = 0
    asked_per_s: float = 0.0
    reached_per_s: float = 0.0
    duration_s: float = 0.0
    silent_s: float = 0.0
    never_ok: tuple[str, ...] = ()
    stuck: tuple[str, ...] = ()
    retried: int = 0
    vus: bool = False
    iterations: int = 0
    dropped: int = 0
    threw: int = 0
    threw_outside: int = 0
    checks: tuple[tuple[int, int], ...] = ()
    thresholds: Mapping[str, Judgement] | None = None
    verdict: str = "ok"
    why: tuple[str, ...] = ()
    retold: bool = False
    noun: str = "request"


def outcome(facts: Facts, beside: Facts | None = None) -> Outcome:
    """Judge a run as a whole; `beside` its requests it may have operations, which can fail, too."""
    found = [
        *(each for of in (facts, beside) if of for each in (*_failed(of), *_parts(of))),
        *_broken(facts),
        *_exceptions(facts),
        *_not_sent(facts),
        *(each for of in (facts, beside) if of for each in _unanswered(of)),
        *_retried(facts),
        *_checks(facts),
    ]
    found += _ended(facts, told=bool(found))
    found += _validity(facts, told=bool(found))
    found.sort(key=lambda each: -LEVELS.index(each.level))  # stable: else in the order of above
    return Outcome(found[0].level if found else "ok", tuple(found))


class Error(Protocol):
    """What is read of a row of errors."""

    @property
    def kind(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def count(self) -> int: ...


class Part(Protocol):
    """What is read of a scenario, and of the requests of one name."""

    @property
    def name(self) -> str: ...
    @property
    def requests(self) -> int: ...
    @property
    def failed(self) -> int: ...


def causes(
    statuses: Mapping[str, int], errors: Iterable[Error], failed: int, *, connecting: bool
) -> dict[str, int]:
    """Return what failed requests have in common: bad statuses, and errors by kind.

    `failed` is how many answers were not good. Without `connecting` what went wrong before a
    request could be sent is left out: in a run of URLs it is no request.
    """
    bad = {code: n for code, n in statuses.items() if code >= "400"}
    if sum(bad.values()) > failed:  # some of them were expected
        bad = {}
    for row in errors:
        unsent = row.kind in _CONNECTING and not connecting
        if unsent or (row.kind == "expectation" and row.code in bad):
            continue
        name = row.code if row.kind == "expectation" and row.code else row.kind.replace("_", " ")
        bad[name] = bad.get(name, 0) + row.count
    if ended := bad.get("goaway", 0):  # connections, and only now and then their requests
        rest = failed + bad.get("timeout", 0) - sum(bad.values()) + ended
        bad["goaway"] = min(ended, max(0, rest))
    return {name: n for name, n in bad.items() if n}


def never_ok(parts: Iterable[Part]) -> tuple[str, ...]:
    """Name the parts of which every request failed."""
    bad = (each.name for each in parts if each.requests and each.failed == each.requests)
    return tuple(dict.fromkeys(bad))


def unanswered_after_s(duration_s: float) -> float:
    """Return how long a request waits at least before it may be called unanswered."""
    return min(LONG_UNANSWERED_S, duration_s / 2 or LONG_UNANSWERED_S)


def silent_s(rows: Iterable[tuple[float, int, int]]) -> float:
    """Return how long nothing but failures came at the end; `rows` are seconds, ok, failures."""
    length_s = 0.0
    for span_s, ok, bad in reversed(list(rows)):
        if ok or not bad:
            break
        length_s += span_s
    return length_s


def _failed(facts: Facts) -> Iterator[Reason]:
    noun, code = facts.noun, f"{facts.noun}s_failed"
    where = {"operation": "reasons by name", "request": "status codes and the errors"}.get(noun)
    hint = f"see the {where or 'errors'} in the report"
    if facts.requests and facts.not_ok == facts.requests:
        text = f"every {noun} failed ({_causes(facts)})"
        yield Reason(code, "failed", text, hint)
    elif facts.requests and facts.not_ok >= max(1, FEW_FAILED * facts.requests):
        share = facts.not_ok / facts.requests
        text = f"{_percent(share)} of {noun}s failed ({_causes(facts)})"
        level = _level(share, MANY_FAILED, allowed=_allowed(facts, _OF_FAILURES[noun]))
        yield Reason(code, level, text, hint)
    elif not facts.requests and not facts.started and facts.causes:
        done = "opened" if noun == "connection" else "sent"
        text = f"no {noun} could be {done} ({_causes(facts)})"
        yield Reason("nothing_sent", "failed", text, hint)
    elif not facts.requests and (facts.started or not facts.vus):
        what = "got a response" if facts.started else "was sent"
        text = _NONE_DONE.get(noun, f"no request {what}")
        yield Reason("nothing_sent", "failed", text, hint)


def _parts(facts: Facts) -> Iterator[Reason]:
    """What a large part that goes well would hide: a part, or a time, in which nothing did."""
    if facts.not_ok == facts.requests:
        return
    allowed = _allowed(facts, _OF_FAILURES[facts.noun])
    if facts.never_ok:
        names = ", ".join(map(_short, facts.never_ok[:MAX_CAUSES]))
        more = len(facts.never_ok) - MAX_CAUSES
        text = f"every {facts.noun} of {names} failed"
        text += f", and of {more} more" if more > 0 else ""
        yield Reason("part_failed", "warning" if allowed else "failed", text)
    if facts.silent_s >= max(LONG_SILENT_S, MANY_MISSING * facts.duration_s):
        text = f"no {facts.noun} succeeded in the last {format_s(facts.silent_s)}"
        hint = "the server is gone, or refuses connections: see its log"
        # No share of failed requests knows of those that were never sent: nobody allowed this.
        yield Reason("silent", "failed", text, hint)
    if facts.stuck:
        text = f"no iteration of {', '.join(facts.stuck[:MAX_CAUSES])} ended"
        yield Reason("stuck", "warning", text, "use a longer run, or find out what they wait for")


def _short(name: str) -> str:
    """Cut a long name in its middle: URLs begin alike, and differ at their end."""
    half = MAX_NAME // 2
    return name if len(name) <= MAX_NAME else f"{name[: half - 1]}…{name[-half:]}"


def _broken(facts: Facts) -> Iterator[Reason]:
    for level, code in (("fail", "thresholds_failed"), ("warn", "thresholds_warned")):
        failed = {
            text: each
            for text, each in (facts.thresholds or {}).items()
            if not each.ok and each.level == level
        }
        if failed:
            grades = {each.grade for each in failed.values()}
            text = _these(list(failed), len(facts.thresholds or {}), grades)
            yield Reason(code, "failed" if level == "fail" else "warning", text)


def _these(names: list[str], of: int, grades: set[str]) -> str:
    """Say which thresholds failed, or of which goals no more than the target was missed."""
    if len(names) == 1:
        words = {"missed": "target missed", "plan": "plan", "act": "act"}
        return f"{words.get(grades.pop(), 'threshold failed')}: {names[0]}"
    if grades == {"missed"}:
        return f"{len(names)} targets missed"
    if grades <= {"plan", "act"}:
        return f"{len(names)} thresholds say {' or '.join(sorted(grades))}"
    return f"{len(names)} of {of} thresholds failed"


def _exceptions(facts: Facts) -> Iterator[Reason]:
    hint = "the report shows the first of each kind"
    allowed = _allowed(facts, _OF_EXCEPTIONS)
    if facts.threw:
        share = min(1.0, facts.threw / max(1, facts.iterations))
        text = (
            f"the script threw {plural(facts.threw, 'exception')} in "
            f"{plural(facts.iterations, 'iteration')} ({_percent(share)})"
        )
        yield Reason("script_exceptions", _level(share, MANY_FAILED, allowed=allowed), text, hint)
    if facts.threw_outside:
        share = facts.threw_outside / max(1, facts.iterations)
        text = f"the script threw {plural(facts.threw_outside, 'exception')} outside iterations"
        yield Reason("script_exceptions", _level(share, MANY_FAILED, allowed=allowed), text, hint)


def _not_sent(facts: Facts) -> Iterator[Reason]:
    if facts.scheduled and facts.not_sent > max(1, FEW_MISSING * facts.scheduled):
        reached = f"{_rate(facts.reached_per_s)} reached, "
        if resolution.told_per_s(facts.requests, facts.reached_per_s) is None:
            reached = ""
        text = (
            f"the planned rate was not reached: {_rate(facts.asked_per_s)} {per_s(facts.noun)} "
            f"planned, {reached}{facts.not_sent:,} of {facts.scheduled:,} {facts.noun}s not sent"
        )
        level = _level(facts.not_sent / facts.scheduled, MANY_MISSING)
        hint = "use more connections (-c), or a lower rate (-R)"
        yield Reason("rate_not_reached", level, text, hint)
    planned = facts.iterations + facts.dropped
    if facts.dropped > max(1, FEW_MISSING * planned):
        text = f"{facts.dropped:,} of {planned:,} planned iterations were not started"
        level = _level(facts.dropped / planned, MANY_MISSING)
        yield Reason("iterations_dropped", level, text, "raise max_vus, or lower the rate")


def _unanswered(facts: Facts) -> Iterator[Reason]:
    """Requests that were under way at the end, for longer than any answer took."""
    if facts.requests and facts.unanswered > max(1, FEW_MISSING * facts.started):
        share = facts.unanswered / max(1, facts.started)
        what = _NOT_ENDED.get(facts.noun, "requests had no response")
        text = (
            f"{_percent(share)} of {what} when the run ended, the oldest after "
            f"{format_s(facts.oldest_in_flight_s)}"
        )
        wait = "a longer graceful_stop" if facts.vus else "--drain"
        hint = f"let the run wait for them ({wait}), or set a shorter --timeout"
        yield Reason("unanswered", _level(share, MANY_MISSING), text, hint)


def _retried(facts: Facts) -> Iterator[Reason]:
    if facts.retried > max(1, FEW_MISSING * facts.requests):
        share = _percent(facts.retried / max(1, facts.requests))
        text = f"{facts.retried:,} requests were sent again, as connections were closed: {share}"
        yield Reason("retried", "warning", text, "--no-retry counts each of them as failed")


def _checks(facts: Facts) -> Iterator[Reason]:
    failed, of = (sum(each[at] for each in facts.checks) for at in (0, 1))
    if failed:
        text = f"{_percent(failed / of)} of checks failed ({failed:,} of {of:,})"
        hint = "a threshold such as 'checks>99%' makes it fail the run"
        yield Reason("checks_failed", "warning", text, hint)


def _ended(facts: Facts, *, told: bool) -> Iterator[Reason]:
    """Say why the run is not whole, unless what nobody answered says it already."""
    if facts.ended in _ENDED and not (facts.ended == "nothing_succeeded" and told):
        level, text = _ENDED[facts.ended]
        yield Reason(facts.ended, level, "; ".join(facts.why) or text)


def _validity(facts: Facts, *, told: bool) -> Iterator[Reason]:
    if facts.verdict != "ok" and not (facts.verdict == "incomplete" and told):
        level = "failed" if facts.verdict == "incomplete" and not facts.retold else "warning"
        text = _VERDICTS.get(facts.verdict, facts.verdict)
        yield Reason(f"not_valid_{facts.verdict}", level, text, facts.why[0] if facts.why else "")


def _level(share: float, many: float, *, allowed: bool = False) -> str:
    return "failed" if share >= many and not allowed else "warning"


def _allowed(facts: Facts, metrics: tuple[str, ...]) -> bool:
    """Tell whether a threshold on all of these failures decides about the run, and holds."""
    held = [
        each.ok
        for text, each in (facts.thresholds or {}).items()
        if each.level == "fail" and _of_whole(text, metrics)
    ]
    return bool(held) and all(held)


def _of_whole(text: str, metrics: tuple[str, ...]) -> bool:
    """Tell whether a threshold limits one of these metrics itself, over the whole run.

    A part by tags or time, a computed one, and a drift say nothing of how many may fail in all.
    """
    limit = re.compile(rf"\s*(?:{'|'.join(metrics)})\s*:?\s*(?:rate|count)?\s*[<>=!]=*\s*[-+.\d]")
    return limit.match(text) is not None and not _PARTIAL.search(text)


def _causes(facts: Facts) -> str:
    causes = sorted(facts.causes.items(), key=lambda each: -each[1])
    if len(causes) == 1:
        return causes[0][0]
    shown = [f"{name}: {count:,}" for name, count in causes[:MAX_CAUSES]]
    more = len(causes) - MAX_CAUSES
    return ", ".join(shown + ([f"{more} more"] if more > 0 else [])) or f"{facts.not_ok:,}"


def _rate(per_s: float) -> str:
    return f"{per_s:,.0f}" if per_s >= 100 else f"{per_s:.3g}"


def _percent(share: float) -> str:
    """Return a share that is never rounded to none or to all."""
    shown = f"{100 * share:.3g}"
    return "99.9%" if shown == "100" and share < 1 else f"{shown}%"
