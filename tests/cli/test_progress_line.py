"""The line about how a command goes: its parts, its width, when it is due. No sockets."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from comparing import SUBJECT, limited, sliced
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cli.output.lines import progress_line, trial_lines
from fastbench.cli.output.lines.progress_line import Before, Part, clock, fitted, of_run, of_stage
from fastbench.cli.output.lines.progress_lines import ProgressLines, RunLines
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.decision import judge
from fastbench.experiments.compare.interval_history import interval_confidence, look
from fastbench.experiments.trials.pairing import Standing
from fastbench.foundation import meanwhile
from fastbench.foundation.meanwhile import Stage
from fastbench.report.change import signed_interval
from fastbench.results.machine_row import Machines
from fastbench.results.metric_values import Judgement
from fastbench.results.result import SeriesRow
from fastbench.run.sampling import Progress, Users

ROW = SeriesRow(19.0, 1.0, 5000, 5000, 0, 0, 1, 1.0, 2.0)
NOW = Progress(20.0, 100_000, 5000.0, 1.21, 3.4, 0, (), connections=64, p95_ms=2.1, row=ROW)
BAD = replace(NOW, errors=120, kinds={"reset": 20, "connect_timeout": 100})
FAILED = Judgement(False, 0.9, -0.1, "fail", False, "0.9")


def line(now: Progress, label: str = "", duration_s: float | None = 600.0) -> str:
    return fitted(of_run(now, Before(10.0, 50_000), duration_s), label)


def test_a_line_has_time_rate_times_failures_and_load() -> None:
    assert line(NOW) == (
        "fastbench: 20s of 10m  5.00k req/s  p50 1.21ms  p95 2.10ms  p99 3.40ms  0 failed"
        "  64 connections"
    )


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (BAD, "0.12% failed (connect timeout)"),
        (replace(NOW, errors=1), "<0.01% failed"),
        (replace(NOW, errors=100_000, kinds={"status 500": 9}), "100% failed (status 500)"),
        (replace(NOW, asked_rate=6000.0), "5.00k of 6.00k req/s"),
        (replace(NOW, noun="message"), "5.00k msg/s"),
        (replace(NOW, queued=1200), "1,200 queued"),
        (replace(NOW, machines=Machines("tcp://c", 4, ("b is lost",))), "3 of 4 machines"),
        (replace(NOW, users=Users(50, 100, 5, 3, None, 600.0)), "50 VUs  3 dropped"),
        (
            replace(NOW, judgements={"p95<1": FAILED, "rps>9k": FAILED, "errors<1%": FAILED}),
            "fails: p95<1 and 2 more",
        ),
    ],
)
def test_what_a_reader_of_a_log_has_to_know(now: Progress, words: str) -> None:
    assert words in line(now)


def test_a_threshold_that_holds_is_no_news() -> None:
    assert "fails" not in line(
        replace(NOW, judgements={"p95<9": Judgement(True, 2.1, 0.5, "fail", False, "2.1")})
    )


def test_the_rate_is_that_since_the_line_before() -> None:
    assert "7.50k req/s" in fitted(of_run(NOW, Before(10.0, 25_000)))
    assert "5.00k req/s" in fitted(of_run(NOW, Before())), "of the first line since the start"
    warm = Before(30.0, 90_000, warming=True)
    assert "5.00k req/s" in fitted(of_run(NOW, warm)), "a warm-up has counts of its own"


def test_the_end_is_a_time_or_a_share() -> None:
    assert line(NOW, duration_s=None).startswith("fastbench: 20s  ")
    counted = fitted(of_run(NOW, Before(), None, 400_000))
    assert counted.startswith("fastbench: 20s (25%)  ")
    iterations = replace(NOW, users=Users(5, 5, 30, 0, 40, 600.0))
    assert line(iterations).startswith("fastbench: 20s (75%)  ")


def test_a_warm_up_says_so_and_has_no_percentiles() -> None:
    now = replace(NOW, warming=True, p50_ms=0.0, p99_ms=0.0, p95_ms=0.0, row=None)
    assert fitted(of_run(now, Before())) == (
        "fastbench: warming up 20s  5.00k req/s  0 failed  64 connections"
    )


def test_a_tail_is_named_by_what_the_answers_carry() -> None:
    assert "p99 " in line(NOW) and "max 3.40ms" in line(replace(NOW, row=replace(ROW, ok=9)))


def test_before_the_first_answer_nothing_is_said_of_failures() -> None:
    now = Progress(0.2, 0, 0.0, 0.0, 0.0, 0, ())
    assert fitted(of_run(now, Before(), 10.0)) == "fastbench: 0.2s of 10s  0 req/s".replace(
        "0.2s", "200ms"
    )


@pytest.mark.parametrize(
    ("elapsed_s", "told"),
    [(0.0, "0s"), (0.2, "200ms"), (1.24, "1.2s"), (9.98, "10s"), (19.7, "20s"), (605.2, "10m5s")],
)
def test_a_clock_is_as_exact_as_a_reader_needs(elapsed_s: float, told: str) -> None:
    assert clock(elapsed_s) == told


def test_what_has_no_figures_has_a_name() -> None:
    assert fitted(of_stage(Stage("setup", 100.0), 112.0)) == "fastbench: 12s  setup"
    limited_ = Stage("waiting for http://a/", 100.0, 30.0)
    assert fitted(of_stage(limited_, 112.0), "home (2 of 5)") == (
        "fastbench: home (2 of 5): 12s of 30s  waiting for http://a/"
    )


names = st.text(max_size=200)


@given(
    requests=st.integers(0, 10**15),
    errors=st.integers(0, 10**12),
    p50_ms=st.floats(0, 1e9),
    asked=st.none() | st.floats(0, 1e9),
    label=names,
    threshold=names,
    kind=names,
    vus=st.integers(0, 10**9),
    queued=st.integers(0, 10**12),
)
def test_no_line_is_wider_than_a_hundred_columns(
    requests: int, errors: int, p50_ms: float, asked: float | None, label: str, threshold: str,
    kind: str, vus: int, queued: int,
) -> None:  # fmt: skip
    now = replace(
        NOW,
        requests=requests,
        errors=min(errors, requests),
        p50_ms=p50_ms,
        asked_rate=asked,
        queued=queued,
        users=Users(vus, vus, requests, errors, None, 3600.0),
        judgements={threshold: FAILED},
        kinds={kind: 1},
    )
    told = line(now, label)
    assert len(told) <= progress_line.COLUMNS and "\n" not in told and "\x1b" not in told
    assert told.startswith("fastbench: ")
    assert f"{now.per_s}" in told, "the rate is left out of no line"


def test_parts_that_tell_least_go_first() -> None:
    parts = [Part("a" * 30), Part("b" * 30, 2), Part("c" * 30, 9), Part("d" * 20, 1)]
    assert fitted(parts) == f"fastbench: {'a' * 30}  {'b' * 30}  {'d' * 20}"


# When


class Log(io.StringIO):
    encoding = "ascii"


@pytest.fixture
def clock_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_lines_are_due_in_step_and_the_first_after_one_interval(clock_s: list[float]) -> None:
    log = Log()
    lines = ProgressLines(10.0, stream=log)
    lines.show(lambda: [Part(f"{clock_s[0] - 1000:g}")])
    for at_s in (0.0, 9.9, 10.1, 10.2, 19.9, 20.3, 47.0, 49.9, 50.0):
        clock_s[0] = 1000.0 + at_s
        lines.beat()
    assert log.getvalue().split() == [f"{'fastbench:'}", "10.1", "fastbench:", "20.3",
                                      "fastbench:", "47", "fastbench:", "50"]  # fmt: skip


def test_a_log_that_is_not_unicode_gets_ascii(clock_s: list[float]) -> None:
    log = Log()
    lines = ProgressLines(1.0, "größe", log)
    lines.show(lambda: [Part("x")])
    clock_s[0] += 1
    lines.beat()
    assert log.getvalue() == "fastbench: gr??e: x\n"


def test_a_stage_stands_before_figures(clock_s: list[float]) -> None:
    log = Log()
    lines = ProgressLines(1.0, stream=log)
    lines.show(lambda: [Part("figures")])
    with meanwhile.stage("teardown"):
        clock_s[0] += 1
        lines.beat()
    clock_s[0] += 1
    lines.beat()
    assert log.getvalue().splitlines() == ["fastbench: 1s  teardown", "fastbench: figures"]


def test_the_end_of_the_load_is_told_once_there_is_nothing_new(clock_s: list[float]) -> None:
    log = Log()
    lines = ProgressLines(10.0, stream=log)
    run = RunLines(lines, 20.0, None)
    for now in (NOW, None):
        if now is not None:
            run.update(now)
        clock_s[0] += 10
        lines.beat()
    first, second = log.getvalue().splitlines()
    assert "5.00k req/s" in first
    assert second == "fastbench: 20s of 20s  the load is over, waiting for what is under way"


def test_a_log_that_nobody_reads_ends_nothing(clock_s: list[float]) -> None:
    class Gone(Log):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    lines = ProgressLines(1.0, stream=Gone())
    lines.show(lambda: [Part("x")])
    for _ in range(3):
        clock_s[0] += 1
        lines.beat()


# Comparisons


def common(of: Sequence[Pair] = ()) -> Comparison:
    return judge(of, "requests_per_s", SUBJECT)


def pair_line(pairs: Sequence[Pair], **more: object) -> str:
    now = Standing("pairs", tuple(pairs), "base", len(pairs), 0, "running", None, 9.0)
    now = replace(now, **more)  # type: ignore[arg-type]
    return fitted(trial_lines.pair_parts(now, common(), 0, 15.0, (), Part("9s")))


def test_pairs_say_what_the_decision_uses_and_both_rates() -> None:
    pairs = sliced(60, -0.03)
    seen = look(pairs, "requests_per_s", interval_confidence(common()))
    assert seen is not None and seen.interval is not None
    told = pair_line(pairs)
    assert signed_interval(seen.interval) in told and "(99 %: " in told
    assert "  requests/s -2.9 % (" in told and "of 15s" in told
    assert "  base 10.0k, candidate 9.60k req/s" in told and len(told) <= 100


def test_pairs_that_do_not_count_say_nothing_of_a_difference() -> None:
    assert "no pair counts so far" in pair_line([limited(each) for each in sliced(4, 0.0)])


def test_candidates_have_a_part_each() -> None:
    pairs, other = tuple(sliced(20, -0.03)), tuple(sliced(20, 0.05))
    now = Standing("pairs", pairs, "base", 20, 0, "running", None, 9.0, others=(other,))
    told = fitted(trial_lines.pair_parts(now, common(), 0, 15.0, ("B", "C"), Part("")))
    first, second = (look(each, "requests_per_s", 0.99) for each in (pairs, other))
    assert first is not None and second is not None
    assert f"  B {100 * (first.ratio - 1):+.1f} %" in told
    assert f"  C {100 * (second.ratio - 1):+.1f} %" in told
    many = fitted(
        trial_lines.pair_parts(
            replace(now, others=(other,) * 6), common(), 0, 15.0, ("a" * 16,) * 7, Part("")
        )
    )
    assert len(many) <= 100


def test_visits_say_which_side_is_measured() -> None:
    now = Standing("pairs", (), "candidate", 3, 1, "running", None, 9.0)
    told = fitted(trial_lines.pair_parts(now, common(), 12, 0.0, (), Part("9s")))
    assert told.startswith("fastbench: 9s  pair 3 of 12: candidate running, again (1x)  ")
