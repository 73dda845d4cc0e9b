"""Each line of docs/criteria.md holds with the values beside it, and fails with the others."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fastbench.results.metric_values import BUILT_IN, Judgement, Kind
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold

TABLE = Path(__file__).parents[2] / "docs" / "criteria.md"
ROW = re.compile(r"^\| ([^|]+) \| `([^`]+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROWS = ROW.findall(TABLE.read_text(encoding="utf-8"))
SPANS = {"before": (0.0, 10.0), "spike": (10.0, 20.0), "after": (20.0, 40.0)}
SECONDS = 40
KNOWN = {
    **BUILT_IN,
    **dict.fromkeys(("rate_limited", "ws_connections"), Kind("counter")),
    **dict.fromkeys(("db_connections", "calls_active"), Kind("gauge")),
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
    """One look at a run whose metrics have the values of the table."""

    t_s: float
    values: dict[str, str]

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        return value_at(self.values[threshold.text], self.t_s), ""

    def since(self, earlier: Moment) -> Moment:
        return self

    def kept(self, keys: frozenset[str]) -> Moment:
        return self


def judged(line: str, written: str) -> Judgement:
    threshold = grammar.parse(line, KNOWN)
    values = [each.strip() for each in written.split(";")]
    terms = tuple(
        replace(term, was=float(value)) if term.baseline else term
        for term, value in zip(threshold.terms, values, strict=False)
    )
    threshold = replace(threshold, terms=terms)
    texts = [each.text for each in terms or (threshold,)]
    judge = Judge([threshold], SPANS)
    for t_s in range(1, SECONDS + 1):
        judge.look(Moment(t_s, dict(zip(texts, values, strict=True))))
    return judge.judgements[threshold.text]


@pytest.mark.parametrize(("line", "holds", "fails"), [row[1:] for row in ROWS])
def test_a_line_holds_and_fails(line: str, holds: str, fails: str) -> None:
    good, bad = judged(line, holds), judged(line, fails)
    assert (good.ok, good.grade in ("", "met", "good")) == (True, True), good.text
    assert (bad.ok, bad.grade in ("", "critical", "act")) == (False, True), bad.text


def test_every_row_of_the_table_is_read() -> None:
    rows = [each for each in TABLE.read_text(encoding="utf-8").splitlines() if "`" in each]
    assert len(ROWS) == sum(each.startswith("| ") for each in rows) > 60
