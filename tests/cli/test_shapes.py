"""--shape of a run of URLs: rates or connections by factor, in stages that have names."""

from __future__ import annotations

import math

import pytest
from running import fastbench
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.workload import Pace
from fastbench.run.run_thresholds import spans

URL = "http://127.0.0.1:1/"


def command(*words: str) -> url_args.Command:
    found = url_args.parse([*words, URL])
    assert isinstance(found, url_args.Command)
    return found


def pace(found: url_args.Command) -> Pace:
    assert found.plan.load.pace is not None
    return found.plan.load.pace


def levels(found: url_args.Command) -> list[tuple[float, float, float]]:
    return [(each.length_s, each.first, each.last) for each in pace(found).stages]


def test_connections_spike_tenfold() -> None:
    found = command("--shape", "spike", "-c", "5")
    assert levels(found) == [(120, 5, 5), (300, 50, 50), (300, 5, 5)]
    load = found.plan.load
    assert (load.connections, load.duration_s, pace(found).rates) == (50, 720, False)
    times = {name: span for name, span in spans(load.pace).items() if name.isalpha()}
    assert times == {"before": (0, 120), "spike": (120, 420), "after": (420, 720)}
    assert "before 5 connections for 2m, spike 50 connections for 5m" in found.notices[-1]


def test_a_rate_is_shaped_and_has_connections_for_its_peak() -> None:
    found = command("--shape", "spike", "-R", "100", "-c", "5", "-d", "72s")
    assert levels(found) == [(12, 100, 100), (30, 1000, 1000), (30, 100, 100)]
    assert (found.plan.load.connections, found.plan.load.duration_s) == (50, 72)
    assert "at most 50 connections" in found.notices[-1]


def test_the_ramp_is_one_line_in_ten_steps() -> None:
    found = command("--shape", "ramp", "-R", "100")
    assert levels(found)[0] == (180, 0, 100) and levels(found)[9] == (180, 900, 1000)
    assert spans(pace(found))["ramp"] == (0, 1800) and spans(pace(found))["5"] == (720, 900)
    assert "ramp 0/s to 1.00k/s for 30m" in found.notices[-1]


@pytest.mark.parametrize(("shape", "factor"), [("normal", 1), ("peak", 3)])
def test_normal_and_peak_last_as_long_as_without_a_shape(shape: str, factor: int) -> None:
    found = command("--shape", shape, "-c", "5", "-d", "7s")
    assert levels(found) == [(math.inf, 5 * factor, 5 * factor)]
    assert found.plan.load.duration_s == 7
    assert command("--shape", shape, "-c", "5", "-n", "100").plan.load.requests == 100


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--shape", "wave"), "takes one of normal, peak, spike, sustained, ramp"),
        (("--shape", "spike", "-n", "100"), "leave out -n"),
        (("--shape", "spike", "--ramp", "5s"), "leave out --ramp"),
        (("--shape", "peak", "--stages", "5s:10"), "leave out --stages"),
        (("--shape", "spike", "--arrival", "poisson"), "needs a planned rate"),
        (("--shape", "spike", "-R", "50M"), "-R must stay between"),
        (("--shape", "spike", "--threshold", "p95<1 [stage=calm]"), "there is no stage calm"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        command(*words)


def test_a_run_is_judged_by_the_parts_of_its_shape() -> None:
    limits = (
        "rps[stage=spike] > 8 * rps[stage=before]",
        "rps<100 [stage=spike]",
        "http_reqs: rate<100",
    )
    words = [word for limit in limits for word in ("--threshold", limit)]
    with Server(answering()) as server:
        flags = ("--shape", "spike", "-R", "50", "-c2", "-d", "1.2s")
        run = fastbench(*flags, *words, server.url("/"))
    found = run.document["thresholds"]
    assert [found[limit]["ok"] for limit in limits] == [True, False, False], found
    before, spike, after = run.document["stages"]
    names = [(each["name"], each["asked_per_s"]["mean"]) for each in (before, spike, after)]
    assert names == [("before", 50), ("spike", 500), ("after", 50)]
    assert list(spike["failed"]) == ["http_reqs: rate<100"] == before["held"]
    assert spike["requests"] == pytest.approx(250, abs=5)
    assert run.code == 99 and run.document["summary"]["scheduled"] == pytest.approx(285, abs=2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--threshold", "errors<=100%"), "can never fail"),
        (("--threshold", "errors>101%"), "can never pass"),
        (("--threshold", "p95<1 [last=30s]"), "[last=…] is all of it"),
        (("--threshold", "http_reqs - http_reqs == 0"), "can never fail"),
        (("--threshold", "p95<61s", "--timeout", "30s"), "past the timeout"),
    ],
)
def test_a_run_of_urls_tells_of_criteria_that_say_nothing(
    words: tuple[str, ...], says: str
) -> None:
    assert says in " ".join(command(*words).notices)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--threshold", "target_rss: drift<5MB"), "a drift takes 20s to tell, and there are 10s"),
        (("--shape", "peak", "--threshold", "target_rss: drift<5MB [stage=peak]"), "there are 10s"),
        (("--shape", "peak", "--threshold", "service: recovery<5s [stage=peak]"), "nothing"),
    ],
)
def test_a_run_of_urls_is_refused_for_what_it_can_never_judge(
    words: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        command(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("--threshold", "p95<61s", "--timeout", "30s", "-R", "5"),  # it may wait to be sent
        ("--threshold", "target_rss: drift<5MB", "-d", "1m"),
        ("--threshold", "target_rss: drift<5MB", "-n", "100"),
        ("--threshold", "p95 <200 target, <500 critical"),
        ("--threshold", "p95<1 [last=5s] [abort] [delay=2s]"),
    ],
)
def test_a_run_of_urls_whose_criteria_can_fail_is_told_nothing(words: tuple[str, ...]) -> None:
    assert command(*words).notices == ()
