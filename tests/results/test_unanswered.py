"""Requests that have no answer when a run ends, long after every other had one."""

from __future__ import annotations

import json
from dataclasses import replace

from commandline import invoke
from running import ONE, fastbench
from searching import answered
from servers import OK, Peer, Server

from fastbench.experiments.find import objective
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result, Warmup


def never_all(peer: Peer) -> None:
    """Answer at once, but on two of five connections never."""
    while True:
        peer.request()
        if peer.number % 5 < 2:
            peer.stall()
        peer.send(OK)


def test_a_run_counts_what_waits_for_longer_than_any_answer_took() -> None:
    with Server(never_all) as server:
        run = fastbench("-c", "5", "-t", "1", "-r", "100", "-d", "0.4s", server.url())
    s = run.summary
    assert (s["in_flight_at_end"], s["overdue_at_end"]) == (2, 2)
    told = [reason["code"] for reason in run.document["outcome"]["reasons"]]
    assert "unanswered" in told
    with Server(lambda peer: slowly(peer, 0.15)) as server:
        run = fastbench(*ONE, "-d", "0.4s", server.url())
    assert (run.summary["in_flight_at_end"], run.summary["overdue_at_end"]) == (1, 0)


def slowly(peer: Peer, each_s: float) -> None:
    while True:
        peer.request()
        peer.pause(each_s)
        peer.send(OK)


def test_a_search_holds_no_rate_at_which_some_are_never_answered() -> None:
    words = ("--slo", "p99<30s", "--from", "100", "--to", "100", "-d0.3s", "-W0", "-c5", "-t1")
    with Server(never_all) as server:
        done = invoke("find", "--json", *words, server.url())
    found = json.loads(done.stdout)
    assert (done.returncode, found["ended"]) == (99, "none")
    step = found["steps"][-1]
    assert step["unanswered_share"] > 0.01 and not step["judged"]["errors<1%"]["ok"]
    assert "had no response)" in done.stderr


def waiting(overdue: int, age_s: float) -> Result:
    """Return a run at 100/s in which all others were answered in 5 ms."""
    result = answered(100, 5, unanswered=overdue)
    summary = replace(result.summary, overdue_at_end=overdue, oldest_in_flight_s=age_s)
    return replace(result, summary=summary)


def verdict(result: Result, *slo: str) -> dict[str, bool]:
    judged = objective.judged(result, objective.read(slo))
    return {text: each.ok for text, each in judged.items()}


def test_latencies_see_them_at_the_age_of_the_oldest() -> None:
    two = waiting(2, 0.95)
    assert not verdict(two, "p99<900ms")["p99<900ms"] and verdict(two, "p99<1s")["p99<1s"]
    assert verdict(two, "p95<6ms")["p95<6ms"], "98 in 100 were answered"
    assert not verdict(two, "max<900ms")["max<900ms"]


def test_they_count_as_failed() -> None:
    assert not verdict(waiting(2, 0.95), "p50<1s")["errors<1%"]
    assert verdict(waiting(2, 0.95), "errors<3%")["errors<3%"]
    assert objective.errors_share(waiting(2, 0.95)) == 0.02
    assert objective.errors_share(answered(100, 5, unanswered=2)) == 0, "they may yet be answered"
    older = answered(100, 5)
    assert objective.unanswered_share(older) == 0 and older.summary.overdue_at_end is None


def grown(rate: float, capacity: float, warmup_s: float = 1.0) -> Result:
    """Return a second of a server that answers one by one, after a warm-up at the same rate."""
    backlog = max(0.0, rate - capacity) * warmup_s
    starts = [at / rate for at in range(round(rate))]
    took_s = [0.005 + (backlog + max(0.0, rate - capacity) * at) / capacity for at in starts]
    times = [took for at, took in zip(starts, took_s, strict=True) if at + took < 1]
    result = answered(rate, 5, unanswered=round(rate) - len(times))
    ns = Histogram.from_values([round(took * 1e9) for took in times])
    latency = replace(result.latency, service=ns, response=ns)
    sent = round(rate * warmup_s)
    ended = sent - round(backlog)
    warmup = Warmup(warmup_s, ended, ended, 0, 0, 5.0, 5.0, round(backlog), 0)
    return replace(result, latency=latency, warmup=warmup)


def test_a_backlog_that_grew_in_the_warm_up_grows() -> None:
    assert objective.growing(grown(300, 200))
    assert objective.growing(grown(250, 200))
    assert not objective.growing(grown(190, 200))
    assert not objective.growing(replace(grown(250, 200), warmup=None)), "it is not seen otherwise"


def test_answers_that_take_longer_than_the_warm_up_are_no_growth() -> None:
    slow = answered(100, 400, unanswered=40)
    warmup = Warmup(0.1, 0, 0, 0, 0, None, None, 10, 0)
    assert not objective.growing(replace(slow, warmup=warmup))
    assert objective.growing(replace(slow, warmup=replace(warmup, duration_s=1.0)))


def test_what_a_run_left_unanswered_takes_its_time() -> None:
    left = answered(100, 5, unanswered=50)
    assert objective.left_s(left) == 1.0
    assert objective.left_s(answered(100, 5)) == 0
