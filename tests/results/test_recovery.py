"""recovery: the time after a stage until a metric is as good as before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Judgement
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold

STAGES = {"before": (0.0, 5.0), "spike": (5.0, 10.0), "after": (10.0, 20.0)}
BEFORE, SPIKE = [100.0, 110, 90, 100, 105], [400.0, 900, 900, 800, 700]


@dataclass
class Seconds:
    """A run whose metric has one value in each second."""

    t_s: float
    values: Sequence[float | None]

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        return self.values[int(self.t_s) - 1], ""

    def since(self, earlier: Seconds) -> Seconds:
        return self

    def kept(self, keys: frozenset[str]) -> Seconds:
        return self


def judged(text: str, values: Sequence[float | None]) -> Judgement:
    judge = Judge([grammar.parse(text, BUILT_IN)], STAGES)
    for t_s in range(1, len(values) + 1):
        judge.look(Seconds(t_s, values))
    return judge.judgements[text]


LATENCY = "http_req_duration: recovery<4s [stage=spike]"


@pytest.mark.parametrize(
    ("after", "ok", "words"),
    [
        ([100.0] * 10, True, "recovered 0s after the stage"),
        ([500.0, 300, 119, 100, 100, 90, 100, 100, 100, 100], True, "recovered 2s after"),
        ([500.0] * 4 + [100.0] * 6, False, "recovered 4s after the stage, the limit is 4s"),
        ([500.0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 500], True, "recovered 1s after"),
        ([100.0, 500, 500, 500, 500, 500, 100, 100, 100, 100], False, "recovered 6s after"),
        ([500.0] * 10, False, "(median second 500ms, before the stage 100ms)"),
        ([], False, "no samples after the stage spike"),
    ],
)
def test_the_time_is_from_the_end_of_the_stage(after: list[float], ok: bool, words: str) -> None:
    found = judged(LATENCY, [*BEFORE, *SPIKE, *after])
    assert (found.ok, words in found.text) == (ok, True), found.text


DOWN = None  # nothing was answered


@pytest.mark.parametrize(
    ("after", "ok", "words"),
    [
        ([*[DOWN] * 6, *[100.0] * 10], False, "recovered 6s after the stage"),
        ([100.0, *[DOWN] * 6], False, "it had not recovered 7s after the stage"),
        ([DOWN, *[100.0] * 10], True, "recovered 0s after"),
        ([DOWN] * 6, False, "no samples after the stage spike"),
    ],
)
def test_a_server_that_answers_nothing_has_not_recovered(
    after: list[float | None], ok: bool, words: str
) -> None:
    found = judged(LATENCY, [*BEFORE, *SPIKE, *after])
    assert (found.ok, words in found.text) == (ok, True), found.text


def test_seconds_without_samples_are_usual_where_few_ask() -> None:
    before = [100.0, DOWN, DOWN, 100.0, 100.0]
    assert judged(LATENCY, [*before, *SPIKE, DOWN, DOWN, *[100.0] * 8]).ok


def test_of_a_rate_of_requests_less_is_worse() -> None:
    text = "http_reqs: recovery<4s [stage=spike]"
    assert judged(text, [*BEFORE, *SPIKE, 10, 20, 85, *([100.0] * 7)]).text.startswith(
        "recovered 2s"
    )


def test_shares_have_a_room_of_a_point() -> None:
    calm, bad = [0.001] * 5, [0.5] * 5
    text = "http_req_failed: recovery<4s [stage=spike]"
    assert judged(text, [*calm, *bad, 0.1, 0.009, *([0.001] * 8)]).text.startswith("recovered 1s")
    text = "checks: recovery<4s [stage=spike]"
    good = [1.0] * 5
    assert judged(text, [*good, *bad, 0.9, 0.95, 0.992, *([1.0] * 7)]).text.startswith(
        "recovered 2s"
    )


def test_a_goal_may_be_about_the_recovery() -> None:
    text = "http_req_duration recovery <1s target, <5s critical [stage=spike]"
    found = judged(text, [*BEFORE, *SPIKE, 500, 300, *([100.0] * 8)])
    assert (found.grade, found.level) == ("missed", "warn")
    assert found.text == "recovered 2s after the stage, the target is 1s"


def test_it_takes_seconds_before_the_stage() -> None:
    judge = Judge([grammar.parse(LATENCY, BUILT_IN)], {"spike": (2.0, 3.0)})
    for t_s in range(1, 9):
        judge.look(Seconds(t_s, [100.0] * 9))
    assert judge.judgements[LATENCY].text == "no samples before (it takes 3 s) the stage spike"


def test_without_a_stage_it_is_refused() -> None:
    with pytest.raises(UsageError, match="recovery is from a stage"):
        grammar.parse("http_req_duration: recovery<4s", BUILT_IN)
