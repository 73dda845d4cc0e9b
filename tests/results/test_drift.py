"""Drift and slope: a leak is found, noise is none; and extremes of gauges in a window."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from running import SLOW

from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN, Judgement
from fastbench.results.thresholds import grammar
from fastbench.results.thresholds.drift import MIN_POINTS, judge_drift, line
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold, graded

MB = 1e6
RUNS = 200 if SLOW else 40
SECONDS = 600


def read(text: str) -> Threshold:
    return grammar.parse(text, BUILT_IN)


def points(values: Sequence[float]) -> list[tuple[float, float]]:
    return [(float(at), value) for at, value in enumerate(values, 1)]


def judged(text: str, values: Sequence[float]) -> Judgement:
    return graded(read(text), lambda each, limit: judge_drift(each, limit, points=points(values)))


def white(drawn: random.Random, n: int) -> list[float]:
    return [drawn.gauss(0, 10 * MB) for _ in range(n)]


def correlated(drawn: random.Random, n: int) -> list[float]:
    """A noise whose seconds are 0.9 alike: a cache that fills and empties."""
    now, found = drawn.gauss(0, 10 * MB), []
    for _ in range(n):
        now = 0.9 * now + drawn.gauss(0, 10 * MB * math.sqrt(1 - 0.9**2))
        found.append(now)
    return found


def saw(drawn: random.Random, n: int) -> list[float]:
    """A collector of garbage: memory grows for 97 s and falls."""
    begin = drawn.randrange(97)
    return [30 * MB * ((at + begin) % 97) / 97 for at in range(n)]


NOISES = [white, correlated, saw]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("text", ["target_rss: drift<=0", "target_rss: slope<=0/h"])
def test_a_stable_run_hardly_ever_alarms(
    noise: Callable[[random.Random, int], list[float]], text: str
) -> None:
    drawn = random.Random(5)
    alarms = [
        judged(text, [500 * MB + each for each in noise(drawn, SECONDS)]) for _ in range(RUNS)
    ]
    assert sum(not each.ok for each in alarms) <= RUNS // 100


@pytest.mark.parametrize("noise", [white, correlated])
def test_a_leak_is_found(noise: Callable[[random.Random, int], list[float]]) -> None:
    drawn = random.Random(6)
    found = 0
    for _ in range(RUNS):
        values = [
            500 * MB + 50 * MB * at / SECONDS + each
            for at, each in enumerate(noise(drawn, SECONDS))
        ]
        found += not judged("target_rss: drift<=0", values).ok
    assert found >= 0.95 * RUNS


@pytest.mark.parametrize(
    "grown",
    [
        lambda at: at * at / 100,
        lambda at: max(0.0, 3 * (at - 300)),
        lambda at: 1000 * (at > 300),
        lambda at: 1.02**at,
        lambda at: max(0.0, 3 * (at - 480)),
    ],
    ids=["faster and faster", "from the middle on", "at once", "exponentially", "late"],
)
def test_a_leak_that_is_no_line_is_found(grown: Callable[[int], float]) -> None:
    drawn = random.Random(8)
    values = [(500 + grown(at)) * MB + drawn.gauss(0, MB) for at in range(SECONDS)]
    assert not judged("target_rss: drift<50MB", values).ok
    assert not judged("target_rss: drift>-50000000", [-each for each in values]).ok
    assert judged("target_rss: drift>-50000000", values).ok


@pytest.mark.parametrize("begins", [400, 450, 480])
def test_a_leak_that_begins_late_is_found(begins: int) -> None:
    drawn = random.Random(9)
    found = 0
    for _ in range(RUNS // 2):
        values = [
            500 * MB + 50 * MB * max(0, at - begins) / (SECONDS - begins) + each
            for at, each in enumerate(white(drawn, SECONDS))
        ]
        found += not judged("target_rss: drift<=0", values).ok
    assert found >= 0.95 * RUNS / 2


def test_a_line_is_found_exactly() -> None:
    found = line(points([100 + 3 * at for at in range(100)]))
    assert (found.per_s, found.low_per_s, found.high_per_s) == pytest.approx((3, 3, 3))
    assert found.start == pytest.approx(100)


STEADY = [(200 + 0.5 * at + (-1) ** at) * MB for at in range(101)]  # 50 MB in 100 s


@pytest.mark.parametrize(
    ("text", "ok", "words"),
    [
        ("target_rss: drift<40MB", False, "+47.7MiB (99% interval "),
        ("target_rss: drift<60MB", True, "+47.7MiB"),
        ("target_rss: drift<20%", False, "+25%"),
        ("target_rss: drift<30%", True, "+25%"),
        ("target_rss: slope<1GB/h", False, "/h"),
        ("target_rss: slope<40MB/min", True, "+28.6MiB/min"),
        ("target_rss: slope<0.4MB/s", False, "+488KiB/s"),
        ("target_rss: drift>0", True, "+47.7MiB"),
        ("target_rss: drift <40MB target, <60MB critical", False, "+47.7MiB"),
    ],
)
def test_a_change_is_held_against_its_limit(text: str, ok: bool, words: str) -> None:
    found = judged(text, STEADY)
    assert (found.ok, words in found.text) == (ok, True), found.text
    assert found.grade == ("missed" if "target," in text else "")


def test_what_may_be_noise_holds_and_says_so() -> None:
    drawn = random.Random(1)
    values = [100 + 0.02 * at + drawn.gauss(0, 10) for at in range(60)]
    found = judged("http_req_duration: drift<0.1", values)
    assert found.ok and found.near and found.text.endswith("beyond the limit, which may be noise")


def test_a_short_run_tells_nothing() -> None:
    found = judged("target_rss: drift<1MB", [1.0] * (MIN_POINTS - 1))
    assert (found.ok, found.observed, found.text) == (
        False, None, f"no samples: it takes {MIN_POINTS} s to tell"
    )  # fmt: skip
    assert judged("target_rss: drift<1MB", [1.0] * MIN_POINTS).ok
    assert "began at 0" in judged("vus: drift<1%", [0.0] * 30).text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("target_rss: slope<5MB", "is per /s, /min or /h"),
        ("target_rss: drift<5MB/h", "drift<50MB is over the whole time"),
        ("target_rss: drift==0", "has one of < <= > >="),
        ("target_rss: drift<soon", "soon is not a number"),
        ("target_rss drift - target_rss min < 5", "stands alone"),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageError) as told:
        read(text)
    assert why in str(told.value)


@dataclass
class Gauge:
    """A run with one gauge: its values by second, and its extremes so far, as a snapshot has."""

    t_s: float
    values: Sequence[float]

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        seen = self.values[: int(self.t_s)]
        of = {"value": seen[-1], "min": min(seen), "max": max(seen)}
        return of[threshold.aggregate], ""

    def since(self, earlier: Gauge) -> Gauge:
        return self

    def kept(self, keys: frozenset[str]) -> Gauge:
        return self


@pytest.mark.parametrize(
    ("text", "observed"),
    [
        ("target_rss max < 1 [stage=2]", 5),
        ("target_rss min < 1 [stage=2]", 3),
        ("target_rss max < 1 [last=2s]", 4),
        ("target_rss max < 1", 9),
    ],
)
def test_the_extremes_of_a_gauge_are_those_of_the_time_asked_for(
    text: str, observed: float
) -> None:
    judge = Judge([read(text)], {"1": (0, 3), "2": (3, 6)})
    for t_s in range(1, 9):
        judge.look(Gauge(t_s, (1, 9, 8, 5, 3, 5, 4, 4)))
    assert judge.judgements[text].observed == observed


def test_a_line_goes_through_its_stage_only() -> None:
    values = [*range(0, 300, 10), *([500.0] * 30)]
    judges = {text: Judge([read(text)], {"1": (0, 30), "2": (30, 60)}) for text in (
        "vus: drift<=0 [stage=1]", "vus: drift<=0 [stage=2]",
    )}  # fmt: skip
    for t_s in range(1, 61):
        for judge in judges.values():
            judge.look(Gauge(t_s, values))
    assert [judge.judgements[text].ok for text, judge in judges.items()] == [False, True]
