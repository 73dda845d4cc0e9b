"""Each line of docs/reference/criteria.md holds with its values, and fails with the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import scenario_samples

from fastbench.engine.bridge import _core
from fastbench.results.metric_values import (
    ANSWERED,
    BUILT_IN,
    SUCCEEDED,
    UPTIME,
    Judgement,
    Kind,
    Metric,
)
from fastbench.results.result import Result
from fastbench.results.thresholds import baseline_terms, grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue
from fastbench.run.snapshot import Rows, Snapshot
from fastbench.script.api import goals

TABLE = Path(__file__).parents[2] / "docs" / "reference" / "criteria.md"
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall(TABLE.read_text(encoding="utf-8"))
SPANS = {"before": (0.0, 10.0), "spike": (10.0, 20.0), "after": (20.0, 40.0)}
SECONDS = 40
PER_SECOND = 10_000  # samples of a rate
KNOWN = {
    **BUILT_IN,
    **dict.fromkeys(
        ("allowed", "api_errors", "limited", "rate_limited", "ws_connections"), Kind("counter")
    ),
    **dict.fromkeys(
        ("calls_active", "db_connections", "sessions_open", "sockets_open"), Kind("gauge")
    ),
    "delivered": Kind("rate"),
    **dict.fromkeys(
        (
            "message_send_duration",
            "conversation_fetch_duration",
            "analytics_duration",
            "ws_message_latency",
        ),
        Kind("trend", "time"),
    ),
}


def value_at(written: str, t_s: float) -> float:
    if ".." in written:
        first, last = map(float, written.split(".."))
        return first + (last - first) * t_s / SECONDS
    of_stages = [float(each) for each in written.split("/")]
    return of_stages[0 if len(of_stages) == 1 or t_s <= 10 else 1 if t_s <= 20 else 2]


@dataclass
class Moment:
    """One look at a run whose terms, or whose uptime, have the values of the table."""

    t_s: float
    values: dict[str, str]

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        return value_at(self.values[threshold.text], self.t_s), ""

    def since(self, earlier: Moment) -> Moment:
        return self

    def kept(self, keys: frozenset[str]) -> Moment:
        return self


def counted(threshold: Threshold, written: str) -> Iterator[Snapshot]:
    """Count samples of the metric as a run does, and yield what it knows at each second."""
    seen: list[float] = []
    times = _core.Histogram()
    for t_s in range(1, SECONDS + 1):
        now = value_at(written, t_s)
        seen.append(now)
        times.record(round(now * 1e6))
        total = now * t_s if threshold.aggregate == "rate" else now * t_s / SECONDS
        passes = sum(round(each * PER_SECOND) for each in seen)
        value = {
            "counter": CounterValue(total),
            "gauge": GaugeValue(now, min(seen), max(seen), t_s),
            "rate": RateValue(passes, PER_SECOND * t_s),
            "trend": TrendValue(times.since(_core.Histogram())),
        }[threshold.kind.type]
        ended = CounterValue(PER_SECOND * t_s)
        rows: Rows = {name: {threshold.tags: ended} for name in (ANSWERED, SUCCEEDED)}
        rows[threshold.metric] = {threshold.tags: value}
        declared = {name: kind for name, kind in KNOWN.items() if name not in BUILT_IN}
        yield Snapshot(t_s, t_s, {}, rows, declared=declared)


def before(threshold: Threshold, values: list[str]) -> Result:
    """Return an earlier run that holds what the terms with [baseline] were."""
    metrics = {}
    for term, value in zip(threshold.terms, values, strict=False):
        if term.baseline:
            name = f"p({term.percent:g})" if term.aggregate == "p" else term.aggregate
            metrics[term.key] = Metric(term.kind.type, term.kind.contains, {name: float(value)})
    return replace(scenario_samples.messages(), metrics=metrics)


def judged(line: str, written: str) -> Judgement:
    threshold = grammar.parse(line, KNOWN)
    values = [each.strip() for each in written.split(";")]
    (threshold,), _ = baseline_terms.known((threshold,), lambda: before(threshold, values))
    judge = Judge([threshold], SPANS)
    if threshold.terms or threshold.metric == UPTIME:
        texts = [each.text for each in threshold.terms or (threshold,)]
        of = dict(zip(texts, values, strict=True))
        for t_s in range(1, SECONDS + 1):
            judge.look(Moment(t_s, of))
    else:
        for each in counted(threshold, written):
            judge.look(each)
    return judge.judgements[threshold.text]


@pytest.mark.parametrize(
    ("line", "holds", "fails"), [(line, holds, fails) for _, line, _, holds, fails in ROWS]
)
def test_a_line_holds_and_fails(line: str, holds: str, fails: str) -> None:
    good, bad = judged(line, holds), judged(line, fails)
    assert (good.ok, good.grade in ("", "met", "good")) == (True, True), good.text
    assert (bad.ok, bad.grade in ("", "critical", "act")) == (False, True), bad.text


def meaning(threshold: Threshold) -> Threshold:
    """Return a threshold without its wording."""
    terms = tuple(replace(term, text="") for term in threshold.terms)
    return replace(threshold, text="", expression="", terms=terms)


def test_what_a_script_says_is_the_line() -> None:
    for _, line, script, _, _ in ROWS:
        goals.begin()
        for call in ast.parse(script).body:
            assert isinstance(call, ast.Expr) and isinstance(call.value, ast.Call)
            named: dict[str, Callable[..., None]] = {"derived": goals.derived, "goal": goals.goal}
            said = named[ast.unparse(call.value.func)]
            given = {str(each.arg): ast.literal_eval(each.value) for each in call.value.keywords}
            said(*map(ast.literal_eval, call.value.args), **given)
        (found,) = grammar.read({}, goals.declared(), KNOWN, goals.formulas())
        assert meaning(found) == meaning(grammar.parse(line, KNOWN)), line
    goals.begin()


def test_every_row_of_the_table_is_read() -> None:
    rows = [each for each in TABLE.read_text(encoding="utf-8").splitlines() if "`" in each]
    assert len(ROWS) == sum(each.startswith("| ") for each in rows) > 95
