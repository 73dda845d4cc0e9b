"""Planned load: sent when the plan says, late ones keep their instant, none is lost."""

from __future__ import annotations

import base64
import itertools
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from programs import cores, pinned
from running import ONE, SLOW, Run, Running, fastbench, start, until
from servers import OK, CServer, Peer, Server, answering, c_server

from fastbench.results.histogram import Histogram

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99_9": 0.999}


def histogram_of(document: dict[str, Any], name: str) -> Histogram:
    return Histogram.from_v2(base64.b64decode(document["hdr"][name]))


def kept(run: Run, count: int, *, late: int = 0) -> None:
    """The plan had so many instants, and each became one request that ended well.

    Up to `late` of them may not be sent yet at the end: a busy machine comes to them too late.
    """
    s = run.summary
    assert (s["scheduled"], s["dropped"]) == (count, 0)
    assert count - s["started"] == s["queued_at_end"] <= late
    assert s["failed"] == s["timeouts"] == 0
    assert s["ok"] + s["in_flight_at_end"] == s["started"]
    assert run.document["latency_ms"]["lag"]["count"] == s["started"]
    assert run.document["latency_ms"]["response"]["count"] == s["ok"]


def pause(running: Running, seconds: float) -> None:
    """Let a run go on for a while."""
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(seconds)


def stalled(server: CServer, running: Running, seconds: float) -> float:
    """Stop a server for about so long; return for how long it was, s.

    On a busy machine it is longer: what a test expects follows from what there was.
    """
    server.process.send_signal(signal.SIGSTOP)
    begin_s = time.monotonic()
    pause(running, seconds)
    server.process.send_signal(signal.SIGCONT)
    return time.monotonic() - begin_s


@pytest.mark.alone
@pytest.mark.slow
def test_a_stall_shows_in_the_response_time_as_long_as_it_was() -> None:
    """A share S/T of the requests waits for up to S: Q(p) = S - (1 - p) T."""
    duration_s, stall_s, connections = (30, 1.0, 200) if SLOW else (2.5, 0.3, 16)
    flags = ("-R", "1000", "-d", f"{duration_s}s", "-c", str(connections))
    with c_server() as server, start(*flags, server.url) as running:
        until(lambda: server.connected() == connections)
        pause(running, duration_s / 3)
        stall_s = stalled(server, running, stall_s)
        run = running.finish()
    kept(run, round(1000 * duration_s), late=100)
    service, response = (run.document["latency_ms"][name] for name in ("service", "response"))
    for name, share in (("p99", 0.99), ("p99_9", 0.999)):
        expected_ms = 1000 * (stall_s - (1 - share) * duration_s)
        assert 0.9 * expected_ms - 5 <= response[name] <= 1.1 * expected_ms + 30
    if SLOW:
        assert 650 <= response["p99"] <= 800 and 930 <= response["p99_9"] <= 1050
        assert service["p99"] < 50
    assert response["p50"] < 5
    assert service["p99"] < response["p99"] / 2, "one request of each connection met the stall"
    assert run.document["validity"]["limit"] == "none"


@pytest.mark.alone
@pytest.mark.slow
def test_what_finds_no_connection_is_dropped_and_counted() -> None:
    duration_s, stall_s = (30, 1.0) if SLOW else (1.2, 0.4)
    flags = ("-R", "1000", "--on-overload", "drop", "-c", "50", "-d", f"{duration_s}s")
    with c_server() as server, start(*flags, server.url) as running:
        until(lambda: server.connected() == 50)
        pause(running, duration_s / 4)
        stall_s = stalled(server, running, stall_s)
        run = running.finish()
    s = run.summary
    assert s["scheduled"] == 1000 * duration_s == s["started"] + s["dropped"]
    assert 0.85 * (1000 * stall_s - 50) <= s["dropped"] <= 1.15 * (1000 * stall_s - 50) + 30
    assert run.document["latency_ms"]["response"]["max"] < 1000 * stall_s + 200
    assert sum(row["dropped"] for row in run.document["series"]) == s["dropped"]


@pytest.mark.alone
@pytest.mark.slow
def test_the_percentiles_are_those_of_the_servers_own_log() -> None:
    """bench/delays.py: 90 % wait 10 ms, 9.8 % 50 ms, 0.2 % 200 ms, each timed by itself."""
    flags = (*(("-R200", "-d40s") if SLOW else ("-R400", "-d1s")), "-c", "24", "-w", *ONE[2:])
    program = Path(__file__).parents[2] / "bench" / "delays.py"
    with subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, text=True, preexec_fn=pinned(cores()[0])
    ) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}/"
            run = fastbench(*flags, url, limits=pinned(cores()[-1]))
        finally:
            server.terminate()
        log_ns = [int(line) for line in server.stdout]
    assert run.summary["ok"] == len(log_ns)
    log = Histogram.from_values(log_ns)
    late_ms = run.document["latency_ms"]["lag"]["max"]  # what the client itself waited for a core
    for name, share in QUANTILES.items():
        if name == "p99_9" and not SLOW:
            continue  # of 400 requests it is the slowest one, and who held it up is in no log
        measured, logged = run.document["latency_ms"]["service"][name], log.percentile(100 * share)
        bound_ms = max(0.01 * logged / 1e6, 0.2) if SLOW else max(0.1 * logged / 1e6, 3)
        assert -bound_ms <= measured - logged / 1e6 <= bound_ms + late_ms, name


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("rate", [50, 1000, 10_000])
def test_a_rate_is_met_to_the_request(rate: int) -> None:
    duration_s = 10 if SLOW else 0.5
    with c_server() as server:
        run = fastbench(
            "-R", str(rate), "-d", f"{duration_s}s", "-c", "50", "-t", "1", "-w", server.url
        )
    kept(run, round(rate * duration_s), late=0 if SLOW else rate // 10)
    assert server.read == server.answered == run.summary["started"]
    assert run.summary["requests_per_s"] == pytest.approx(server.read / duration_s, rel=0.001)
    lag = run.document["latency_ms"]["lag"]
    assert lag["p50"] < 0.5
    if SLOW:
        assert lag["p99"] < 0.5
    assert run.document["workers"][0]["lag_p99_ms"] == pytest.approx(lag["p99"])


@pytest.mark.alone
def test_nothing_is_sent_on_a_lattice_of_milliseconds() -> None:
    """The gaps of a 1,700/s plan are 588 us: a timer of 1 ms would show as pairs and holes.

    It would in every stretch of them, and other programs disturb only some: the best one is judged.
    """
    arrived_ns: list[int] = []

    def stamping(peer: Peer) -> None:
        while True:
            peer.request()
            arrived_ns.append(time.monotonic_ns())
            peer.send(OK)

    with Server(stamping) as server:
        fastbench("-R", "1700", "-n", "1000", *ONE, server.url())
    gaps_us = [(b - a) / 1e3 for a, b in itertools.pairwise(arrived_ns)]
    stretches = [gaps_us[at : at + 30] for at in range(0, 960, 30)]
    near = [sum(400 < gap_us < 780 for gap_us in stretch) for stretch in stretches]
    assert max(near) > 18, near


@pytest.mark.alone
@pytest.mark.slow
def test_a_ramp_follows_its_integral() -> None:
    length_s = 10.0 if SLOW else 1.2
    arrived_ns: list[int] = []

    def stamping(peer: Peer) -> None:
        while True:
            peer.request()
            arrived_ns.append(time.monotonic_ns())
            peer.send(OK)

    with Server(stamping) as server:
        run = fastbench(
            *("-R", "1000", "--ramp", f"{length_s}s", "-d", f"{length_s}s", "-c", "20", "-w"),
            server.url(),
        )
    kept(run, round(500 * length_s), late=0 if SLOW else 50)
    latency = run.document["latency_ms"]
    assert latency["lag"]["p50"] < 20, "the most of it is sent when it is due"
    zero_ns = arrived_ns[0]
    # A thread that stamps may wait for a core, but not beyond the answer that it sends then.
    slack_s = latency["response"]["max"] / 1000
    for mark in range(1, round(length_s * 10)):
        t_s = mark / 10
        sent = sum(at - zero_ns < t_s * 1e9 for at in sorted(arrived_ns))
        low, high = (
            (1000 / length_s) * max(0.0, at_s) ** 2 / 2 for at_s in (t_s - slack_s, t_s + slack_s)
        )
        assert low - 1 <= sent <= high + 1


def limited(peer: Peer) -> None:
    """50 answers a second on each connection."""
    while True:
        peer.request()
        peer.pause(0.02)
        peer.send(OK)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--arrival", "poisson"), ("-p", "2")])
def test_an_overload_shows_as_a_queue_with_an_age(flags: tuple[str, ...]) -> None:
    duration_s = 20 if SLOW else 1
    with Server(limited) as server:
        run = fastbench("-R", "400", "-c", "4", "-d", f"{duration_s}s", *flags, server.url())
    s = run.summary
    assert s["scheduled"] == s["started"] + s["dropped"] + s["queued_at_end"]
    assert s["scheduled"] == pytest.approx(400 * duration_s, rel=0 if not flags else 0.2)
    assert s["dropped"] == 0
    # Arrivals may be random, what the server answers is not.
    assert s["queued_at_end"] >= 0.9 * (s["scheduled"] - 200 * duration_s)
    assert s["oldest_queued_s"] == pytest.approx(s["queued_at_end"] / 400, rel=0.2)
    latency = run.document["latency_ms"]
    assert latency["response"]["max"] > 0.4 * 1000 * duration_s > latency["service"]["max"]
    assert run.document["validity"]["limit"] in ("server", "unknown")
    assert "queued" in run.out


def test_a_count_ends_a_plan_and_a_drop_counts_as_one() -> None:
    with Server(limited) as server:
        run = fastbench("-R", "1000", "-n", "100", "--on-overload", "drop", "-c", "2", server.url())
    s = run.summary
    assert (s["scheduled"], s["started"] + s["dropped"], s["ok"]) == (100, 100, s["started"])
    assert s["dropped"] > 80
    assert server.seen.requests == s["started"]


@pytest.mark.parametrize("load", [("-c", "8"), ("-R", "500", "-c", "8")])
def test_a_warm_up_is_shown_and_not_counted(load: tuple[str, ...]) -> None:
    with c_server() as server:
        run = fastbench(*load, "-W", "300ms", "-n", "400", server.url)
    warmup = run.document["warmup"]
    assert run.summary["started"] == run.summary["ok"] == 400
    assert warmup["duration_s"] == pytest.approx(0.3)
    assert warmup["requests"] == warmup["ok"] > 0
    in_flight_between = server.read - warmup["requests"] - 400
    assert 0 <= in_flight_between <= 8
    assert "Warm-up" in run.out
    assert sum(row["requests"] for row in run.document["series"]) == 400


def test_a_stall_in_the_warm_up_leaves_the_measured_numbers_alone() -> None:
    def slow_at_first(peer: Peer) -> None:
        peer.request()
        peer.pause(0.25)
        peer.send(OK)
        answering()(peer)

    with Server(slow_at_first) as server:
        run = fastbench("-c", "4", "-W", "400ms", "-d", "400ms", server.url())
    assert run.document["latency_ms"]["service"]["max"] < 200
    assert run.document["warmup"]["p99_ms"] >= 250 or run.document["warmup"]["p50_ms"] < 200


def test_a_drain_waits_for_what_is_in_flight() -> None:
    with Server(limited) as server:
        run = fastbench("-c", "8", "-d", "310ms", "-w", server.url())
    s = run.summary
    assert s["in_flight_at_end"] == 0
    assert s["started"] == s["ok"] == server.seen.requests
    assert s["duration_s"] == pytest.approx(0.31), "the drain is not part of the run"


def test_a_drain_ends_with_the_timeout_of_its_last_request() -> None:
    def silent(peer: Peer) -> None:
        if peer.number:
            answering()(peer)
        peer.request()
        peer.stall()

    with Server(silent) as server:
        run = fastbench("-c", "2", "-d", "300ms", "-w", "--timeout", "600ms", server.url())
    assert (run.summary["timeouts"], run.summary["in_flight_at_end"]) == (1, 0)
    assert run.elapsed_s < 3


def test_stages_of_connections_rise_and_fall() -> None:
    with Server(limited) as server:
        run = fastbench("--stages", "1s:9,1s:9,1s:2,600ms:2", server.url())
    found = [row["connections"] for row in run.document["series"]]
    assert [abs(a - b) <= 1 for a, b in zip(found, (9, 9, 2), strict=False)] == [True] * 3, found
    assert run.summary["failed"] == 0 and run.errors == []
    assert run.summary["duration_s"] == pytest.approx(3.6, abs=0.01)
    assert run.document["warnings"] == []
    assert run.document["config"]["connections"] == 9


def test_stages_of_rates_start_at_the_rate() -> None:
    with c_server() as server:
        run = fastbench("-R", "100", "--stages", "1s:300,500ms:300,500ms:0", "-w", server.url)
    kept(run, 200 + 150 + 75)
    assert server.read == 425


def test_a_planned_request_is_sent_again_like_any_other() -> None:
    with Server(answering(per_connection=3)) as server:
        run = fastbench("-R", "300", "-n", "150", "-c", "5", server.url())
    assert run.summary["ok"] == 150 == server.seen.requests
    assert run.errors == []


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-R 0", "sends no requests"),
        ("-R many", "is not a rate; write 1000"),
        ("-R 10/0s", "is not a rate"),
        ("--arrival poisson", "add one with -R"),
        ("--on-overload drop", "add one with -R"),
        ("-R 5 --arrival random", "constant or poisson"),
        ("-R 5 --on-overload wait", "queue or drop"),
        ("--stages 1s", "DURATION:TARGET"),
        ("--stages 1s:2,0s:4", "DURATION:TARGET"),
        ("--stages 1s:0.5", "connections is whole"),
        ("--stages 1s:5 -d 3s", "leave out -d"),
        ("--stages 1s:5 --ramp 1s", "first stage, such as"),
        ("--ramp 20s", "longer than the run"),
        ("--ramp 0s", "longer than 0"),
        ("-W never", "-W: `never` is not a duration"),
        ("--watch 12", "pid:NUMBER"),
        ("--watch pid:x", "needs a number"),
        ("--watch pid:999999999", "no process"),
        ("--watch port:1", "port"),
        ("--watch cmd:no-such-command-anywhere", "no-such-command-anywhere"),
        ("--hdr -  --json -", "standard output"),
    ],
)
def test_what_makes_no_plan_is_refused(words: str, sentence: str) -> None:
    run = fastbench(*words.split(), "http://127.0.0.1:9/")
    assert run.code == 1 and not run.document
    assert sentence in run.err
    assert len(run.err.strip().splitlines()) == 1


def test_heys_rate_is_told_apart() -> None:
    with c_server() as server:
        run = fastbench("-q", "100", "-n", "10", server.url)
    assert "in hey it is per connection" in run.err
    assert run.summary["scheduled"] == 10
