"""Goals: thresholds with a target and a critical limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold, decided_by, judge


def read(text: str) -> Threshold:
    return grammar.parse(text, BUILT_IN)


@pytest.mark.parametrize(
    ("written", "target", "critical"),
    [
        ("p95 <200 target, <500 critical", 200, 500),
        ("p95 <500 critical, <200 target", 200, 500),
        ("http_req_duration: p(95)<200ms target, p(95)<0.5s critical", 200, 500),
        ("http_req_duration p(95)<500 [target=200]", 200, 500),
        ("errors <0.1% target, <1% critical", 0.001, 0.01),
        ("rps >=1000 target, >=500 critical", 1000, 500),
        ("target_cpu{process:postgres}: max<85 [warn 70]", 70, 85),
        ("target_cpu{process:postgres}: max<85% [target=70%]", 70, 85),
        ("http_req_duration: drift<50% [target=10%]", 0.1, 0.5),
        ("target_rss: slope<5MB/h [target=1MB/h]", 1e6, 5e6),
        ("http_req_duration: recovery<30s [stage=1] [target=5s]", 5, 30),
        ("http_req_duration recovery <5s target, <30s critical [stage=1]", 5, 30),
        ("dropped <=0 target, <=0 critical", 0, 0),
    ],
)
def test_a_goal_has_two_limits(written: str, target: float, critical: float) -> None:
    if "dropped" in written:
        written = written.replace("dropped", "dropped_iterations")
    goal = read(written)
    assert (goal.target, goal.limit, goal.level) == (target, critical, "fail")
    again = read(f"{goal.key}: {goal.expression}{goal.scope}")
    assert (again.target, again.limit, again.key) == (goal.target, goal.limit, goal.key)


@pytest.mark.parametrize(
    ("observed", "grade", "level", "words"),
    [
        (100, "met", "fail", "100ms, 50% below the target"),
        (190, "near", "fail", "190ms, 5% below the target"),
        (200, "missed", "warn", "200ms, exactly at the target"),
        (300, "missed", "warn", "300ms, 50% above the target"),
        (500, "critical", "fail", "500ms, exactly at the critical limit"),
        (700, "critical", "fail", "700ms, 40% above the critical limit"),
        (None, "critical", "fail", "no samples"),
    ],
)
def test_one_row_says_how_a_goal_stands(
    observed: float | None, grade: str, level: str, words: str
) -> None:
    found = judge(read("p95 <200 target, <500 critical"), observed)
    assert (found.grade, found.level, found.text) == (grade, level, words)
    assert found.ok is (grade in ("met", "near"))
    assert found.near is (grade == "near")


def test_the_margin_is_that_to_the_limit_that_counts() -> None:
    goal = read("rps >1000 target, >500 critical")
    margins = [judge(goal, observed).margin for observed in (1500, 900, 400)]
    assert margins == pytest.approx([0.5, -0.1, -0.2])


def test_a_target_alone_is_never_critical() -> None:
    goal = read("p95 <200 target")
    assert [judge(goal, each).grade for each in (100, 1e9)] == ["met", "missed"]
    assert [judge(goal, each).level for each in (1e9, None)] == ["warn", "warn"]


def test_a_critical_limit_alone_is_a_threshold_as_any() -> None:
    found = judge(read("p95 <500 critical"), 600)
    assert (found.grade, found.level, found.ok) == ("", "fail", False)


def test_a_target_decides_where_that_is_asked_for() -> None:
    (goal,) = decided_by([read("p95 <200 target, <500 critical")], ("target",))
    found = judge(goal, 300)
    assert (found.grade, found.level) == ("missed", "fail")
    for text in ("p95 <200 target", "p95 <200 target, <500 critical [warn]"):
        for observed in (300, 600, None):
            found = judge(decided_by([read(text)], ("target",))[0], observed)
            assert (found.grade, found.level) == ("missed", "fail")


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("p95 <200 target, <100 critical", "it must be below"),
        ("rps >200 target, >300 critical", "it must be above"),
        ("p95 <200, <500 critical", "say of each limit"),
        ("p95 <200 target, <300 target", "two limits called target"),
        ("p95 ==200 target", "not =="),
        ("p95 <200 target, >500 critical", "one operator"),
        ("p95 <200 target, p99 <500 critical", "one aggregate"),
        ("http_req_duration: p(95)<2 target, p(99)<5 critical", "one aggregate"),
        ("p95 <200 target, <500 critical [target=100]", "two targets"),
        ("http_req_duration: drift<50ms [target=10%]", "column 39: both limits have one form"),
        ("http_req_duration drift <10% target, <50ms critical", "both limits have one form"),
        ("p95 <500 [target=10 apples]", "column 18: `10 apples`"),
    ],
)
def test_what_is_wrong_with_a_goal_is_one_sentence(written: str, why: str) -> None:
    with pytest.raises(UsageError, match=r"^Threshold `") as told:
        read(written)
    assert why in str(told.value)
    assert "\n" not in str(told.value)


LIMIT = st.floats(0.001, 1e6).map(lambda each: float(f"{each:.4g}"))


@given(LIMIT, LIMIT, LIMIT)
def test_a_goal_is_its_two_thresholds(one: float, other: float, observed: float) -> None:
    target, critical = sorted((one, other))
    goal = judge(read(f"p95 <{target} target, <{critical} critical"), observed)
    kept = [judge(read(f"p95<{limit}"), observed) for limit in (target, critical)]
    assert goal.ok is kept[0].ok
    assert (goal.grade == "critical") is not kept[1].ok
    assert (goal.grade == "near") is kept[0].near


class Seen:
    """A run in which one value was observed."""

    def __init__(self, value: float) -> None:
        self.value, self.t_s = value, 1.0

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        return self.value, ""

    def since(self, earlier: Seen) -> Seen:
        return self

    def kept(self, keys: frozenset[str]) -> Seen:
        return self


@pytest.mark.parametrize(("value", "ends"), [(100, False), (300, False), (600, True)])
def test_a_run_ends_where_a_goal_is_critical(value: float, ends: bool) -> None:
    judges = Judge([read("p95 <200 target, <500 critical [abort]")])
    assert judges.look(Seen(value)) is ends
