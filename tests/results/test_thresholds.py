"""Limits that a run is held to: how they are written, and judged over time."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Judgement, Kind
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import NEAR, Threshold, judge, submetrics
from fastbench.results.thresholds.submetric import Tags

KNOWN = {
    **BUILT_IN,
    "errors_of_mine": Kind("rate"),
    "size": Kind("gauge"),
    "length": Kind("trend"),
    "upload_time": Kind("trend", "time"),
    "api_errors": Kind("counter"),
}


def read(text_: str) -> Threshold:
    return grammar.parse(text_, KNOWN)


# What is written.

TABLE = {
    "p99<50ms": ("http_req_duration", "p", 99, "<", 50),
    "p(99.9) <= 1s": ("http_req_duration", "p", 99.9, "<=", 1000),
    "p99.9<100us": ("http_req_duration", "p", 99.9, "<", 0.1),
    "avg<200": ("http_req_duration", "avg", 0, "<", 200),
    "mean<200": ("http_req_duration", "avg", 0, "<", 200),
    "med<0.5s": ("http_req_duration", "med", 0, "<", 500),
    "max<1m30s": ("http_req_duration", "max", 0, "<", 90_000),
    "errors<1%": ("http_req_failed", "rate", 0, "<", 0.01),
    "errors == 0": ("http_req_failed", "rate", 0, "==", 0),
    "rps>=1000": ("http_reqs", "rate", 0, ">=", 1000),
    "rps >= 1k/s": ("http_reqs", "rate", 0, ">=", 1000),
    "requests>10k": ("http_reqs", "count", 0, ">", 10_000),
    "checks>99%": ("checks", "rate", 0, ">", 0.99),
    "dropped_iterations<1": ("dropped_iterations", "count", 0, "<", 1),
    "size<5": ("size", "value", 0, "<", 5),
    "size: max!=5": ("size", "max", 0, "!=", 5),
    "length: min===-2.5e3": ("length", "min", 0, "===", -2500),
    "http_req_duration: p(95)<500": ("http_req_duration", "p", 95, "<", 500),
    "http_req_duration:p95<500ms": ("http_req_duration", "p", 95, "<", 500),
    "http_req_duration p(95) < 500": ("http_req_duration", "p", 95, "<", 500),
    "http_reqs: count>1": ("http_reqs", "count", 0, ">", 1),
    "data_received: rate<4MiB/s": ("data_received", "rate", 0, "<", 4 * 2**20),
    "data_sent: count<10kB": ("data_sent", "count", 0, "<", 10_000),
    "errors_of_mine: rate<0.01": ("errors_of_mine", "rate", 0, "<", 0.01),
    "upload_time: p(95)<2s": ("upload_time", "p", 95, "<", 2000),
    "upload_time: count>3": ("upload_time", "count", 0, ">", 3),
}


@pytest.mark.parametrize("written", TABLE)
def test_a_threshold_is_read(written: str) -> None:
    found = read(written)
    parts = (found.metric, found.aggregate, found.percent, found.operator, found.limit)
    assert parts == TABLE[written]
    assert found.text == " ".join(written.split())
    assert (found.level, found.abort_on_fail, found.stage, found.last_s) == ("fail", False, "", 0)


@pytest.mark.parametrize(
    ("written", "tags", "percent"),
    [
        ("p99{name:/items/1}<1s", (("name", "/items/1"),), 99),
        ("p(99.9){name:/a}<1s [warn]", (("name", "/a"),), 99.9),
        ('p99.9 {name:"/a<b}", method:GET}: <= 1s', (("method", "GET"), ("name", "/a<b}")), 99.9),
    ],
)
def test_a_short_form_takes_tags(written: str, tags: Tags, percent: float) -> None:
    found = read(written)
    assert (found.metric, found.tags, found.percent) == ("http_req_duration", tags, percent)
    assert (found.limit, found.either, found.text) == (1000, True, written)
    both = {("http_req_duration", tags), ("http_req_response", tags)}
    assert set(submetrics([found])) == both, "the run says which it is"


def test_words_in_brackets_say_how() -> None:
    found = read("p99<50ms [abort, delay=10s] [warn] [stage=spike]")
    said = (found.abort_on_fail, found.delay_s, found.level, found.stage)
    assert said == (True, 10, "warn", "spike")
    assert read("errors<1% [last=30s]").last_s == 30
    assert read("http_req_duration[stage=2]: p(95)<5").stage == "2"


WRONG = {
    "": "write METRIC",
    "5": "write METRIC",
    "p99<": "operator and a number",
    "p99<fast": "column 5: fast is not a number",
    "p99<5x": "column 5: `5x` is not a duration",
    "p99<1e999": "1e999 is not a number",
    "p99=5": "operator and a number",
    "p101<5": "p(100)",
    "p99": "p99 has no limit; write an operator and a number, as in p99<50ms",
    "nothing<5": "there is no metric nothing; there are p99 (or another percentile), errors, ",
    "rss<5": "there is no metric rss; did you mean target_rss?",
    "error<1%": "there is no metric error; did you mean errors?",
    "p99{name:/a}": "p99 has no limit",
    "count{name:/a}<5": "count of what",
    "http_req_durations: p(95)<5": "column 1: there is no metric http_req_durations; did you mean",
    "count<5": "count of what",
    "rate<5": "rate of what",
    "value<5": "value of what",
    "http_req_duration<5": "has avg, min",
    "http_req_duration: rate<5": "column 20: a trend such as http_req_duration has avg, min",
    "errors_of_mine: p(95)<5": "has rate",
    "api_errors: avg<5": "count, rate",
    "size: count<5": "value, min, max",
    "size<5%": "not a count",
    "errors<5ms": "leave it out",
    "http_reqs: count<5%": "not a count",
    "http_req_duration{scenario: p(95)<5": "brace",
    "http_req_duration{scenario}: p(95)<5": "{name:value",
    "p99<5 [": "not closed",
    "p99<5 [stage=a] [stage=b]": "column 18: [stage=a] and [stage=b] cannot both be",
    "p99<5 [last=2s, last=3s]": "column 17: [last=2s] and [last=3s] cannot both be",
    "p99<5 [warn] [fail]": "column 15: [warn] and [fail] cannot both be",
    "p99<5 [never]": "column 8: [never] is none of [warn] [abort]",
    "p99<5 [last=0.5s]": "at least 1s",
    "p99<5 [last=soon]": "not a duration",
    "p99<5 [stage=1,last=5s]": "not both",
    "p99<5\x1b[31m": "column 6: the character U+001B cannot be seen; in the quotes",
    "http_reqs{name:\u200bx}: count<5": r"column 16: the character U+200B cannot be seen",
    'http_reqs{name:"a}: count<5': "column 16: the quote is not closed",
    'http_reqs{name:"a" b}: count<5': "column 20: behind the closing quote comes , or }",
    "http_reqs{name:'tis}: count<5": "column 16: the quote is not closed",
    "http_reqs{name:/t/{id}: count<5": "column 10: the brace is not closed",
    "http_reqs{:x}: count<5": "column 11: a tag is missing; write METRIC{tag:value",
    "http_reqs{}: count<5": "column 11: a tag is missing",
    "http_reqs{": "column 10: a tag is missing",
    "http_reqs: count<5 {x": "column 21: a tag is missing",
    "http_reqs [stage=a": "column 11: the bracket is not closed",
}


@pytest.mark.parametrize("written", WRONG)
def test_what_is_wrong_is_one_sentence(written: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(written)
    sentence = str(caught.value)
    assert WRONG[written] in sentence
    assert sentence.startswith("Threshold `")
    assert "\x1b" not in sentence


@pytest.mark.slow
@settings(max_examples=1000 if SLOW else 100)
@given(st.text(alphabet="pmaxrps(99.)<>=!1{}:,[] %k\x00é", max_size=24) | st.text(max_size=40))
def test_any_text_is_a_threshold_or_a_sentence(written: str) -> None:
    try:
        assert math.isfinite(read(written).limit)
    except UsageError as error:
        assert redact.printable(str(error)) == str(error)


def test_options_take_texts_lists_and_the_long_form() -> None:
    options: dict[str, object] = {
        "http_req_failed": "rate<0.01",
        "http_req_duration": ["p(95) < 200", {"threshold": "p(99)<500", "abort_on_fail": True}],
        "checks": [
            {"threshold": "rate>0.9", "abortOnFail": True, "delayAbortEval": "1m", "level": "warn"}
        ],
        "http_reqs": ({"threshold": "count>5", "delay": 10, "last": "30s", "level": None},),
    }
    found = grammar.read(options, ["errors<1%", "errors<1% "], KNOWN)
    assert [each.text for each in found] == [
        *("http_req_failed: rate<0.01", "http_req_duration: p(95)<200"),
        *("http_req_duration: p(99)<500", "checks: rate>0.9"),
        *("http_reqs: count>5 [last=30s]", "errors<1%"),
    ]
    assert [each.abort_on_fail for each in found] == [False, False, True, True, False, False]
    assert (found[3].delay_s, found[3].level, found[4].delay_s) == (60, "warn", 10)


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (5, "is a text"),
        ([None], "is a text"),
        ({"abort_on_fail": True}, "is a text"),
        ({"threshold": "p(95)<5", "abort": True}, "has no abort"),
        ({"threshold": "p(95)<5", "level": "bad"}, '"fail" or "warn"'),
        ({"threshold": "p(95)<5", "delay": "soon"}, "not a duration"),
    ],
)
def test_a_wrong_long_form_is_one_sentence(value: object, word: str) -> None:
    with pytest.raises(UsageError, match=re.escape(word)):
        grammar.read({"http_req_duration": value}, [], KNOWN)


def test_a_metric_of_the_script_goes_before_a_short_form() -> None:
    known = {**KNOWN, "errors": Kind("rate"), "p95": Kind("gauge")}
    assert grammar.parse("errors<1%", known).metric == "errors"
    assert grammar.parse("p95<1", known).metric == "p95"


# What is observed.


@pytest.mark.parametrize(
    ("written", "observed", "ok", "margin", "near", "words"),
    [
        ("p99<1s", 1.9, True, 0.9981, False, "1.90ms, more than 99% below the limit"),
        ("p99<50ms", 20.0, True, 0.6, False, "20.0ms, 60% below the limit"),
        ("p99<50ms", 46.0, True, 0.08, True, "46.0ms, 8% below the limit"),
        ("p99<50ms", 50.0, False, 0.0, False, "50.0ms, exactly at the limit"),
        ("p99<=50ms", 50.0, True, 0.0, True, "50.0ms, exactly at the limit"),
        ("p99<50ms", 61.0, False, -0.22, False, "61.0ms, 22% above the limit"),
        ("p99<50ms", 500.0, False, -9.0, False, "500ms, 10 times the limit"),
        ("rps>=1000", 1050.0, True, 0.05, True, "1,050/s, 5% above the limit"),
        ("rps>=1000", 900.0, False, -0.1, False, "900/s, 10% below the limit"),
        ("rps>=1000", 3000.0, True, 2.0, False, "3,000/s, 3 times the limit"),
        ("errors<1%", 0.0095, True, 0.05, True, "0.95%, 0.05 points below the limit"),
        ("checks>99%", 0.995, True, 0.5, False, "99.5%, 0.5 points above the limit"),
        ("checks>99%", 0.9905, True, 0.05, True, "99.05%, 0.05 points above the limit"),
        ("checks>99%", 0.98, False, -1.0, False, "98%, 1 point below the limit"),
        ("checks>99%", 0.0, False, -99.0, False, "0%, 99 points below the limit"),
        ("checks>=99%", 0.99, True, 0.0, True, "99%, exactly at the limit"),
        (
            "checks>99%",
            0.98999999999,
            False,
            -1e-9,
            False,
            "99%, less than 0.0001 points below the limit",
        ),
        ("checks==100%", 1.0, True, None, False, "100%"),
        ("checks==100%", 0.5, False, None, False, "50%, 50 points below the limit"),
        ("checks!=100%", 0.5, True, None, False, "50%"),
        ("errors<1%", 1.0, False, -99.0, False, "100%, 99 points above the limit"),
        ("http_req_failed: count<20", 5.0, True, 0.75, False, "5 (15 below the limit)"),
        ("errors<=0", 0.05, False, None, False, "5%, 5 points above the limit"),
        ("requests>=10k", 9000.0, False, -0.1, False, "9,000 (1,000 below the limit)"),
        ("dropped_iterations==0", 3.0, False, None, False, "3 (3 above the limit)"),
        ("max<0", 12.0, False, None, False, "12.0ms, 12.0ms above the limit"),
        ("size>=-5", 3.0, True, None, False, "3, 8 above the limit"),
        ("length: avg<0", -2.0, True, None, False, "-2, 2 below the limit"),
        ("errors<=0", 0.0, True, None, False, "0%"),
        ("dropped_iterations<1", 0.0, True, 1.0, False, "0"),
        (
            "data_received: count<1MiB",
            524_288.0,
            True,
            0.5,
            False,
            "512KiB (512KiB below the limit)",
        ),
    ],
)
def test_a_value_is_held_against_the_limit(
    written: str, observed: float, ok: bool, margin: float | None, near: bool, words: str
) -> None:
    found = judge(read(written), observed)
    assert (found.ok, found.near, found.text) == (ok, near, words)
    assert found.margin == (margin if margin is None else pytest.approx(margin, rel=1e-4))
    assert found.observed == observed


def test_no_samples_fail_and_say_so() -> None:
    found = judge(read("checks>99% [warn]"), None)
    assert found == Judgement(False, None, None, "warn", False, "no samples")


def test_near_is_a_tenth() -> None:
    limits = (judge(read("avg<100"), value).near for value in (89.9, 90.1, 99.9, 100.1))
    assert list(limits) == [False, True, True, False]
    assert NEAR == 0.1


# Over time.


@dataclass(frozen=True, slots=True)
class Counted:
    """A run that counts one request a second, ten of them in its fifth second."""

    t_s: float
    count: float

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        return (self.count, "") if self.count else (None, "")

    def since(self, earlier: Counted) -> Counted:
        return Counted(self.t_s, self.count - earlier.count)

    def kept(self, keys: frozenset[str]) -> Counted:
        assert keys == {"http_reqs"}
        return self


def counted(t_s: float) -> Counted:
    return Counted(t_s, t_s + (9 if t_s >= 5 else 0))


def judged(
    written: str, until_s: float = 10, spans: Mapping[str, tuple[float, float]] | None = None
) -> tuple[Judge, dict[float, float | None]]:
    """Look each second; say what was observed then."""
    found: Judge = Judge([read(written)], spans)
    seen: dict[float, float | None] = {}
    t_s = 0.0
    while t_s < until_s:
        t_s = min(math.floor(t_s + 1), until_s, found.next_s(t_s))
        found.look(counted(t_s))
        seen[t_s] = next(iter(found.judgements.values())).observed
    return found, seen


def test_the_last_seconds_are_those_before_now() -> None:
    _, seen = judged("requests<100 [last=3s]", 10)
    least = {1: 1, 3: 3, 4: 3, 5: 12, 7: 12, 9: 3, 10: 3}
    for t_s, count in least.items():
        assert count <= (seen[t_s] or 0) <= count + 3 / 16, "a window is a 16th too long at most"


def test_a_run_shorter_than_the_window_is_judged_whole() -> None:
    _, seen = judged("requests<100 [last=30s]", 6)
    assert seen[6] == 15


def test_a_stage_is_judged_from_its_begin_to_its_end() -> None:
    spans = {"1": (0.0, 4.5), "2": (4.5, 7.0), "spike": (4.5, 7.0), "3": (7.0, 99.0)}
    assert judged("requests<99 [stage=1]", 10, spans)[1][10] == 4.5
    seen = judged("requests<99 [stage=spike]", 10, spans)[1]
    assert [seen[t_s] for t_s in (4, 5, 7, 8, 10)] == [None, 9.5, 11.5, 11.5, 11.5]
    assert judged("requests<99 [stage=3]", 10, spans)[1][10] == 3


def test_a_stage_that_never_came_has_no_samples() -> None:
    found, _ = judged("requests<99 [stage=2]", 3, {"2": (4.0, 6.0)})
    assert found.failed
    assert [each.text for each in found.judgements.values()] == ["no samples"]


def test_a_stage_of_a_scenario_is_found_by_its_tag() -> None:
    spans = {"1": (0.0, 1.0), "b.1": (2.0, 3.0)}
    found: Judge = Judge([read("http_reqs{scenario:b}: count>0 [stage=1]")], spans)
    assert [found.next_s(t_s) for t_s in (0, 2, 3)] == [2, 3, math.inf]


def test_an_unknown_stage_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="no stage 3; there are 1, 2"):
        judged("requests<99 [stage=3]", 1, {"1": (0, 1), "2": (1, 2)})
    with pytest.raises(UsageError, match="this run has none"):
        judged("requests<99 [stage=3]", 1)


def test_the_past_is_kept_no_longer_than_needed() -> None:
    found: Judge = Judge([read("requests<99 [last=2s]")])
    for tick in range(5000):
        found.look(counted(tick / 100))
    (window,) = found._windows.values()
    assert len(window.past) <= 18


def test_a_broken_threshold_ends_the_run_only_after_its_delay_and_only_if_it_may() -> None:
    ends: dict[str, float | None] = {}
    for written in ("requests<3", "requests<3 [abort]", "requests<3 [abort,delay=6s]"):
        found: Judge = Judge([read(written)])
        looks = itertools.takewhile(lambda t_s: t_s < 10, itertools.count(1))
        ends[written] = next((t_s for t_s in looks if found.look(counted(t_s))), None)
    assert list(ends.values()) == [None, 3, 6]


def test_what_has_no_samples_yet_does_not_end_the_run() -> None:
    found: Judge = Judge([read("requests>3 [abort]")])
    assert not found.look(Counted(1, 0))
    assert found.failed


def test_a_warning_is_no_failure() -> None:
    found: Judge = Judge([read("requests<3 [warn]")])
    found.look(counted(9))
    assert not found.failed
    assert not found.judgements["requests<3 [warn]"].ok
