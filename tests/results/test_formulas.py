"""Thresholds that compute: sums and multiples of metrics, each in its own time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Judgement
from fastbench.results.thresholds import formulas, grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold, judge_formula


def read(text: str) -> Threshold:
    return grammar.parse(text, BUILT_IN)


def judged(text: str, *values: float | None) -> Judgement:
    return judge_formula(read(text), values)


@pytest.mark.parametrize(
    ("text", "values", "ok", "words"),
    [
        ("ws_msgs_sent - ws_msgs_received == 0", (5, 5), True, "0"),
        ("ws_msgs_sent - ws_msgs_received == 0", (5, 3), False, "2 (2 above the limit)"),
        ("p95[stage=b] <= 1.2 * p95[stage=a]", (240, 200), True, "240ms, exactly at the limit"),
        ("p95[stage=b] <= 1.2 * p95[stage=a]", (300, 200), False, "25% above the limit of 240ms"),
        ("target_rss max - target_rss min < 50MB", (9e7, 5e7), True, "38.1MiB, 20% below"),
        ("p99 - p50 < 10ms", (30, 10), False, "20.0ms, 2 times the limit"),
        ("p(99.9) < 2 * p(99.5)", (30, 10), False, "50% above the limit of 20.0ms"),
        ("p99 / p50 < 5", (30, 10), True, "3, 40% below the limit"),
        ("errors{name:/a} <= 2 * errors", (0.1, 0.2), True, "10%, 30 points below the limit of"),
        ("2 * (iterations + 3) / iterations < 4", (10, 10), True, "2.6, 35% below the limit"),
        ("iterations - 2 - 3 == 5", (10,), True, "5"),
        ("iterations / iterations{scenario:a} < 2", (3, 0), False, "it is divided by 0"),
        ("p95[stage=b] < p95[stage=a]", (3, None), False, "no samples of p95 [stage=a]"),
        ("p95 < 1e308 * 10 * p99", (3, 5), False, "it is too great for a number"),
    ],
)
def test_both_sides_are_computed(
    text: str, values: tuple[float | None, ...], ok: bool, words: str
) -> None:
    found = judged(text, *values)
    assert (found.ok, words in found.text) == (ok, True), found.text


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("p95[stage=b] < p95[stage=a]", [("b", 0.0), ("a", 0.0)]),
        ("p95[last=10s] < 2 * p95", [("", 10.0), ("", 0.0)]),
        ("p99 - p50 < 10ms [stage=1]", [("1", 0.0), ("1", 0.0)]),
        ("p99[stage=2] - p50 < 10ms [stage=1]", [("2", 0.0), ("1", 0.0)]),
    ],
)
def test_a_term_has_its_own_time(text: str, times: list[tuple[str, float]]) -> None:
    assert [(each.stage, each.last_s) for each in read(text).terms] == times


def test_words_that_are_no_time_are_of_the_whole() -> None:
    found = read("p95[stage=b] < 2 * p95[stage=a] [warn] [delay=5s, abort]")
    assert (found.level, found.delay_s, found.abort_on_fail) == ("warn", 5.0, True)


@pytest.mark.parametrize(
    "text", ["p95<50ms", "http_req_duration{name:/a-b}: p(95)<1e-3", "rate>10/s", "errors<1%"]
)
def test_a_plain_threshold_computes_nothing(text: str) -> None:
    try:
        assert read(text).terms == ()
    except UsageError as error:
        assert "computed" not in str(error)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("p95 - p50 < 3, 4", "column 14: nothing more is understood"),
        ("p95 - (p50 < 3", "column 12: the parenthesis is not closed"),
        ("p95 - p50) < 3", "column 10: the parenthesis was not opened"),
        ("p95 < 3 + p50 +", "column 15: a metric or a number is missing"),
        ("p95 - < 3", "column 7: a metric or a number is missing"),
        ("p95 - iteration < 3", "column 7: there is no metric iteration; did you mean iterations?"),
        ("2 - 1 < 3", "it compares numbers only"),
        ("p95 - p50 < 3 apples", "apples"),
        ("p95[stage=a < p95", "column 4: the bracket is not closed"),
        ("p95{name:a < p95", "column 4: the brace is not closed"),
        ("http_reqs - 1e400 < 0", "column 13: 1e400 is too great"),
        ("p95 - p50 < 3 [soon]", "[soon] is none of"),
        ("checks p(95) - p50 < 3", "a rate such as checks has rate, count"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_its_column(text: str, why: str) -> None:
    with pytest.raises(UsageError) as told:
        read(text)
    assert why in str(told.value)
    assert str(told.value).startswith(f"Threshold `{text}`: ") and "\n" not in str(told.value)


NUMBER = st.integers(1, 99).map(float)
SUMS = st.recursive(
    NUMBER.map(str) | st.sampled_from(["iterations", "http_reqs"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda each: f"({each[0]} {each[1]} {each[2]})"
    ),
    max_leaves=8,
)


@given(SUMS, SUMS, NUMBER, NUMBER)
def test_arithmetic_is_that_of_python(left: str, right: str, one: float, other: float) -> None:
    text = f"{left} - http_reqs < {right}"
    terms = read(text).terms
    values = [{"iterations": one, "http_reqs": other}[each.metric] for each in terms]
    found = judge_formula(read(text), values)
    names = {"iterations": one, "http_reqs": other}
    try:
        sides = [eval(side, {}, names) for side in (f"{left} - http_reqs", right)]
    except ZeroDivisionError:
        assert found.text == "it is divided by 0"
    else:
        assert found.observed is not None and math.isclose(found.observed, sides[0], abs_tol=1e-9)
        assert found.ok is (found.observed < sides[1])


@given(st.text(alphabet="p95m+-*/()<>=[]{}: 1.stagelr", max_size=30))
def test_any_text_is_a_threshold_or_a_sentence(text: str) -> None:
    try:
        read(text)
    except UsageError as error:
        assert "\n" not in str(error)


class Stages:
    """A run whose p95 is another one in each second."""

    def __init__(self, t_s: float, values: Mapping[float, float]) -> None:
        self.t_s, self.values, self.begin_s = t_s, values, 0.0

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        of = [value for at, value in self.values.items() if self.begin_s < at <= self.t_s]
        return (max(of) if of else None), ""

    def since(self, earlier: Stages) -> Stages:
        found = Stages(self.t_s, self.values)
        found.begin_s = earlier.t_s
        return found

    def kept(self, keys: frozenset[str]) -> Stages:
        return self


def test_a_stage_is_compared_with_another() -> None:
    text = "p95[stage=after] <= 1.2 * p95[stage=before]"
    judge = Judge([read(text)], {"before": (0, 2), "spike": (2, 4), "after": (4, 6)})
    values = {1.0: 100.0, 2.0: 110.0, 3.0: 900.0, 4.0: 800.0, 5.0: 130.0, 6.0: 120.0}
    for t_s in range(1, 7):
        judge.look(Stages(t_s, values))
    found = judge.judgements[text]
    assert (found.observed, found.ok) == (130.0, True)
    assert "exactly" not in found.text and "below the limit of 132ms" in found.text


LOST = {"message_loss": "ws_msgs_sent - ws_msgs_received"}


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("message_loss == 0", (5, 3), "2 (2 above the limit)"),
        ("message_loss / ws_msgs_sent < 1%", (5, 3, 5), "0.4, 40 times the limit"),
        ("message_loss <=0 target, <=3 critical", (5, 3), "2 (2 above the target)"),
    ],
)
def test_a_name_stands_for_a_formula(text: str, values: tuple[float, ...], words: str) -> None:
    (found,) = grammar.read({}, [text], BUILT_IN, LOST)
    assert (found.text, judge_formula(found, values).text) == (text, words)


def test_options_may_name_a_formula() -> None:
    found = grammar.read({"message_loss": ["<=0", "value<5 [warn]"]}, [], BUILT_IN, LOST)
    assert [each.text for each in found] == ["message_loss <=0", "message_loss <5 [warn]"]
    assert [each.level for each in found] == ["fail", "warn"]
    with pytest.raises(UsageError, match="are texts"):
        grammar.read({"message_loss": [{"threshold": "<0"}]}, [], BUILT_IN, LOST)


def test_a_computed_goal_is_judged_by_both_limits() -> None:
    goal = read("target_rss max - target_rss min <50MB target, <80MB critical [abort]")
    found = [judge_formula(goal, (each * 1e6, 40e6)) for each in (60, 100, 130)]
    assert [each.grade for each in found] == ["met", "missed", "critical"]
    assert goal.abort_on_fail
    with pytest.raises(UsageError, match="are numbers"):
        read("p95 - p50 < p99 target, <3 critical")


def test_some_names_mean_something_in_every_threshold() -> None:
    names = ("errors", "rps", "p95", "max", "drift", "target", "else", "message_loss", "p")
    assert [name for name in names if not formulas.reserved(name)] == ["message_loss", "p"]
