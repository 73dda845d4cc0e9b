"""Thresholds with three levels: good, plan, act; in every report of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from running import fastbench
from servers import Server, answering
from test_goals import LIMIT, Seen

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold, decided_by, judge
from fastbench.script.api import goals

CPU = "target_cpu: max <60% good, <80% plan, else act"


def read(text: str) -> Threshold:
    return grammar.parse(text, BUILT_IN)


@pytest.mark.parametrize(
    ("written", "good", "plan", "level"),
    [
        (CPU, 60, 80, "warn"),
        ("target_cpu: max<60 good, <80 plan, act", 60, 80, "warn"),
        ("target_cpu{process:postgres} max <80% plan, max <60% good", 60, 80, "warn"),
        ("p95 <500 good, <1s plan [fail]", 500, 1000, "fail"),
        ("rps >=1k good, >=500 plan, else act", 1000, 500, "warn"),
        ("target_rss: drift<10MB good, <50MB plan", 10e6, 50e6, "warn"),
        ("target_rss max - target_rss min <20MB good, <50MB plan, else act", 20e6, 50e6, "warn"),
    ],
)
def test_three_levels_have_two_limits(written: str, good: float, plan: float, level: str) -> None:
    found = read(written)
    assert (found.target, found.limit, found.level, found.three) == (good, plan, level, True)
    if not found.terms:
        again = read(f"{found.key}: {found.expression}{found.scope}")
        assert (again.target, again.limit, again.three) == (good, plan, True)


@pytest.mark.parametrize(
    ("observed", "grade", "ok", "near", "words"),
    [
        (30, "good", True, False, "30%, 50% below the good limit"),
        (58, "good", True, True, "58%, 3% below the good limit"),
        (60, "plan", False, False, "60%, exactly at the good limit"),
        (70, "plan", False, False, "70%, 17% above the good limit"),
        (100, "act", False, False, "100%, 25% above the plan limit"),
        (None, "", False, False, "no samples"),
    ],
)
def test_one_row_says_the_level(
    observed: float | None, grade: str, ok: bool, near: bool, words: str
) -> None:
    found = judge(read(CPU), observed)
    assert (found.grade, found.ok, found.near, found.text) == (grade, ok, near, words)
    assert found.ok or found.level == "warn"


@pytest.mark.parametrize(
    ("asked", "failing"),
    [
        ((), ()),
        (("critical", "target"), ()),
        (("act",), (100,)),
        (("plan",), (70, 100)),
        (("target", "plan"), (70, 100)),
    ],
)
def test_the_command_line_says_which_level_fails(
    asked: tuple[str, ...], failing: tuple[float, ...]
) -> None:
    (limit,) = decided_by([read(CPU)], asked)
    found = [each for each in (30, 70, 100) if not judge(limit, each).ok]
    assert found == [70, 100]
    assert tuple(each for each in found if judge(limit, each).level == "fail") == failing


def test_fail_is_for_act_alone_and_so_is_abort() -> None:
    limit = read(f"{CPU} [fail] [abort]")
    assert [judge(limit, each).level for each in (70, 100)] == ["warn", "fail"]
    assert [Judge([limit]).look(Seen(each)) for each in (30, 70, 100)] == [False, False, True]


@given(LIMIT, LIMIT, LIMIT)
def test_levels_are_their_two_limits(one: float, other: float, observed: float) -> None:
    good, plan = sorted((one, other))
    found = judge(read(f"p95 <{good} good, <{plan} plan, else act"), observed)
    below = [judge(read(f"p95<{limit}"), observed).ok for limit in (good, plan)]
    assert found.grade == ("good" if below[0] else "plan" if below[1] else "act")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("p95 <200 good", "limits of good and of plan"),
        ("p95 <200 plan, else act", "limits of good and of plan"),
        ("p95 <200 target, <500 plan", "limits of good and of plan"),
        ("p95 <200 target, <500 critical, else act", "limits of good and of plan"),
        ("p95 <200 good, <100 plan", "the good limit is stricter than the plan limit"),
        ("p95 <200 good, <500 plan, else panic", "good or plan"),
        ("p95 <200 good, >500 plan", "one operator"),
        ("p95 <200 good, <500 plan [target=100]", "two targets"),
    ],
)
def test_what_is_wrong_with_levels_is_one_sentence(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=r"^Threshold `") as told:
        read(written)
    assert why in str(told.value) and "\n" not in str(told.value)


def test_a_script_declares_levels() -> None:
    goals.begin()
    goals.goal("target_cpu max", good="60%", plan="80%")
    assert goals.declared() == ("target_cpu max <60% good, <80% plan",)
    assert read(goals.declared()[0]).three
    for wrong in ({"good": 1}, {"good": 1, "critical": 2}, {"good": 1, "plan": 2, "target": 1}):
        with pytest.raises(UsageError, match="good and plan"):
            goals.goal("p95", **wrong)
    goals.begin()


def test_every_report_says_the_level(tmp_path: Path) -> None:
    limits = {
        "good": "p95 <60s good, <61s plan, else act",
        "plan": "p95 <1ns good, <60s plan, else act",
        "act": "p95 <1ns good, <2ns plan, else act",
    }
    close = "requests <42 good, <50 plan, else act"
    words = [word for limit in (*limits.values(), close) for word in ("--threshold", limit)]
    files = [f"--{form}={tmp_path / form}" for form in ("html", "md", "junit")]
    with Server(answering()) as server:
        run = fastbench("-n", "40", "-c2", *words, *files, server.url("/"))
        failed = fastbench("-n", "40", "-c2", *words, "--fail-on", "act", server.url("/"))
    assert run.code == 0 and failed.code == 99, (run.err, failed.err)
    found = run.document["thresholds"]
    assert {found[limit]["grade"]: limit for limit in limits.values()} == limits
    assert found[close]["near"] and found[close]["grade"] == "good"
    near = "good: 40 (2 below the good limit), near the limit"
    assert near in " ".join(run.out.split())
    assert "THRESHOLDS  1 act, 1 plan" in run.out and "2 thresholds say act or plan" in run.out
    assert "THRESHOLDS  1 of 4 failed, 1 plan" in failed.out
    html, markdown, junit = ((tmp_path / form).read_text() for form in ("html", "md", "junit"))
    for level, mark in (("good", "✓"), ("plan", "⚠"), ("act", "⚠")):
        assert f"{mark} {limits[level]}" in run.out and f" {level}: " in run.out
        assert f"{mark} {level}" in html
        assert f"{level}&#58; " in markdown and f"{level}: " in junit
    assert "⚠ good, near" in html
    assert 'failures="0"' in junit and junit.count("warning, ") == 2
