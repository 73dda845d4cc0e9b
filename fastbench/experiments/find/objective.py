"""The objective: thresholds that a rate has to keep, judged on the result of one run.

1. A rate holds when every objective does, all but MISSED_MAX of what was planned was sent, and
   what waits for an answer does not grow: in a longer run it would break the objective.
2. Failed requests are part of every objective: unless it says how many, fewer than ERRORS. One that
   has no answer at the end, and waits for longer than any answer took, counts as failed: its
   timeout would have said so in a longer run. Latencies see it at the age of the oldest.
3. The rate is the result of the search, so no objective is about it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from fastbench.foundation.usage_error import UsageError
from fastbench.results.histogram import Histogram
from fastbench.results.metric_values import Judgement, Kind
from fastbench.results.result import Result, Summary
from fastbench.results.thresholds import baseline_terms, grammar
from fastbench.results.thresholds.judging import Threshold, failed_share, judge
from fastbench.results.thresholds.seconds_grammar import BY_SECONDS
from fastbench.run.metric_sums import CounterValue, RateValue, TrendValue, Value, asked

ERRORS = "errors<1%"
MISSED_MAX = 0.01
GROWN = 1.5  # between 1, a backlog that stays, and 2, one that grew from nothing
_COUNTER, _TIME = Kind("counter"), Kind("trend", "time")
_METRICS: Mapping[str, Kind] = {  # as of a plain run, but for what grows with the rate
    **dict.fromkeys(("dropped", "retried", "timeouts"), _COUNTER),
    **dict.fromkeys(("connect", "first_byte", "lag", "response", "service"), _TIME),
    "http_req_duration": _TIME,
    "http_req_failed": Kind("rate"),
}
_WHOLE = ("http_req_duration", "response", "service")  # latencies of whole requests
_BELOW = ("<", "<=", "==", "===")


def read(texts: Iterable[str]) -> tuple[Threshold, ...]:
    """Read objectives as they stand on the command line, and add the one about errors."""
    found = []
    for text in texts:
        if text.replace(" ", "").startswith(("rps", "requests", "http_reqs")):
            raise UsageError(f"--slo `{text}`: the rate is the result of the search; leave it out.")
        each = grammar.parse(text, _METRICS)
        baseline_terms.refuse((each,))
        if each.stage or each.last_s or each.delay_s or each.abort_on_fail or each.level != "fail":
            raise UsageError(f"--slo `{text}`: an objective holds for all of a run; no brackets.")
        if each.terms or each.target is not None or each.aggregate in BY_SECONDS:
            raise UsageError(
                f"--slo `{text}`: an objective is an aggregate of one metric with one limit."
            )
        if each.tags:
            raise UsageError(
                f"--slo `{text}`: an objective holds for all requests of a run; leave "
                "{…} out, and hold one URL of several at a rate with --threshold."
            )
        if each.operator not in _BELOW:
            raise UsageError(f"--slo `{text}`: say what must stay below, for example p99<50ms.")
        found.append(each)
    if not found:
        raise UsageError("There is no objective; give one, for example --slo 'p99<50ms'.")
    if not any(each.metric == "http_req_failed" for each in found):
        found.append(grammar.parse(ERRORS, _METRICS))
    return tuple({each.text: each for each in found}.values())


def judged(result: Result, objectives: Iterable[Threshold]) -> Mapping[str, Judgement]:
    """Hold a run against every objective, by its text."""
    return {each.text: judge(each, _observed(result, each)) for each in objectives}


def holds(result: Result, judgements: Mapping[str, Judgement]) -> bool:
    """Tell whether the run kept all objectives and its plan."""
    kept = missed_share(result) <= MISSED_MAX
    return kept and not growing(result) and all(each.ok for each in judgements.values())


def growing(result: Result) -> bool:
    """Tell whether more and more requests waited, unsent or unanswered, up to the end of the run.

    A backlog that stays is the rate times the mean response time (Little's law). One that grew
    from nothing is twice that: those answered waited half as long, on average, as the last will.
    One that grew in the warm-up already is known by what was in flight when measuring began.
    """
    s, times = result.summary, result.latency.response or result.latency.service
    if not s.scheduled or not times.count or s.duration_s <= 0:
        return False
    waiting = s.queued_at_end + s.in_flight_at_end
    per_s, mean_s = s.scheduled / s.duration_s, times.mean_ns / 1e9
    chance = 3 * math.sqrt(waiting) + 2  # arrivals and answers come in clusters
    if waiting > max(MISSED_MAX * s.scheduled, GROWN * per_s * mean_s + chance):
        return True
    warmup = result.warmup
    if warmup is None or warmup.in_flight_at_end is None:
        return False
    grown = waiting + (warmup.never_answered or 0) - warmup.in_flight_at_end
    # Answers that take longer than the warm-up lasted come later than it: that is no growth.
    filling = GROWN * per_s * max(0.0, mean_s - warmup.duration_s)
    return grown > max(MISSED_MAX * s.scheduled, filling + chance)


def left_s(result: Result) -> float:
    """Return how long the server needs for what a run left unanswered, at the rate it answered."""
    s, warmup = result.summary, result.warmup
    left = s.in_flight_at_end + ((warmup.never_answered or 0) if warmup else 0)
    per_s = max(s.requests_per_s, warmup.requests_per_s if warmup else 0.0)
    return left / per_s if per_s else 0.0


def missed_share(result: Result) -> float:
    """Return the share of the plan that was not sent: dropped, or still waiting at the end."""
    s = result.summary
    return (s.dropped + s.queued_at_end) / s.scheduled if s.scheduled else 0.0


def errors_share(result: Result) -> float:
    """Return the share of requests that had no good answer, nor may still have one."""
    return failed_share(result.summary, result.summary.overdue_at_end or 0)


def unanswered_share(result: Result) -> float:
    """Return the share of requests that had no answer at the end, as far as that is known."""
    s, overdue = result.summary, result.summary.overdue_at_end or 0
    return overdue / (s.requests + overdue) if overdue else 0.0


def _observed(result: Result, objective: Threshold) -> float | None:
    s = result.summary
    if objective.kind.type == "rate":
        overdue = s.overdue_at_end or 0
        value: Value = RateValue(s.not_ok + overdue, s.requests + overdue if s.requests else 0)
    elif objective.kind.type == "counter":
        value = CounterValue(getattr(s, objective.metric))
    elif objective.metric != "connect" and not s.ok:
        return None  # as in a plain run: without an answer there is no latency
    else:
        times = _times(result, objective)
        value = TrendValue.of(Histogram.empty() if times is None else times)
        if times is not None and (objective.either or objective.metric in _WHOLE):
            return _with_overdue(times, asked(value, objective, s.duration_s), objective, s)
    return asked(value, objective, s.duration_s)


def _times(result: Result, objective: Threshold) -> Histogram | None:
    """Return the histogram that is meant; a latency without a name is the response time."""
    name = "response" if objective.either else objective.metric
    found: Histogram | None = getattr(
        result.latency, "service" if name == "http_req_duration" else name
    )
    return found


def _with_overdue(
    times: Histogram, value: float | None, objective: Threshold, s: Summary
) -> float | None:
    """Return an aggregate in ms with what has no answer: above all answers, at the oldest's age."""
    overdue = s.overdue_at_end or 0
    percents = {"med": 50.0, "max": 100.0, "p": objective.percent}
    if not overdue or value is None or objective.aggregate not in percents:
        return value
    among = percents[objective.aggregate] / 100 * (times.count + overdue)
    if among > times.count:
        return max(s.oldest_in_flight_s * 1e3, value)
    return times.percentile(100 * among / times.count) / 1e6
