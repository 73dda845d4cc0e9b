"""The numbers are true: no sample invented or lost, the server counts the same."""

from __future__ import annotations

import base64
import signal
import subprocess
from typing import Any

import pytest
from case import answer
from running import SLOW, fastbench, kinds, start, until
from servers import OK, Peer, Server, c_server

from fastbench.results.histogram import Histogram, lowest_ns


def service_of(document: dict[str, Any]) -> Histogram:
    return Histogram.from_v2(base64.b64decode(document["hdr"]["service"]))


def samples_above(document: dict[str, Any], value_ns: int) -> int:
    """Count the samples of the service time whose counter lies above a value."""
    counts = service_of(document).counts
    return sum(count for index, count in counts.items() if lowest_ns(index) >= value_ns)


@pytest.mark.slow
def test_a_stall_gives_one_late_sample_for_each_connection_and_invents_none() -> None:
    duration_s, stall_s = (30, 1.0) if SLOW else (1.5, 0.4)
    with c_server() as server, start("-d", f"{duration_s}s", "-c", "100", server.url) as running:
        until(lambda: server.connected() == 100)
        for stopped in (False, True):  # a while of load, then the stall
            if stopped:
                server.process.send_signal(signal.SIGSTOP)
            with pytest.raises(subprocess.TimeoutExpired):
                running.process.wait(stall_s)
        server.process.send_signal(signal.SIGCONT)
        run = running.finish()
    assert 90 <= samples_above(run.document, round(stall_s * 0.9e9)) <= 100
    assert service_of(run.document).count == run.summary["requests"] == run.summary["ok"]
    assert run.document["latency_ms"]["service"]["max"] < stall_s * 1000 + 200
    assert run.document["latency_ms"]["service"]["p50"] < 20
    assert run.code == 0


@pytest.mark.parametrize("flags", [(), ("-p", "8"), ("-t", "1"), ("--no-keepalive",)])
def test_with_a_count_the_server_counts_the_same(flags: tuple[str, ...]) -> None:
    with c_server() as server:
        run = fastbench("-n", "5003", "-c", "13", *flags, server.url)
    assert run.summary["ok"] == server.read == server.answered == 5003
    assert run.summary["bytes_in"] == 5003 * 127
    assert server.connections == (5003 if "--no-keepalive" in flags else 13)


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("-p", "8"), ("--no-keepalive",)])
def test_with_a_duration_the_counts_differ_by_what_is_in_flight(flags: tuple[str, ...]) -> None:
    with c_server() as server:
        run = fastbench("-d", "3s" if SLOW else "700ms", "-c", "20", *flags, server.url)
    assert run.code == 0
    in_flight = run.summary["in_flight_at_end"]
    assert 0 <= in_flight <= 20 * (8 if "-p" in flags else 1)
    assert run.summary["requests"] <= server.read <= run.summary["started"]
    assert run.summary["started"] == run.summary["requests"] + in_flight


def test_the_server_counts_the_same_with_every_kind_of_failure_mixed_in() -> None:
    def moody(peer: Peer) -> None:
        while True:
            peer.request()
            mood = peer.server.seen.requests % 50
            if mood == 0:
                peer.reset()
            if mood == 10:
                peer.cut()
            if mood == 20:
                peer.stall()
            if mood == 30:
                peer.send(b"nonsense")
                peer.finish()
            peer.send(answer("Content-Length: 0", start="HTTP/1.1 500 X") if mood == 40 else OK)

    with Server(moody) as server:
        run = fastbench("-n", "1001", "-c", "10", "-m", "POST", "--timeout", "250ms", server.url())
    summary = run.summary
    assert summary["started"] == summary["requests"] == server.seen.requests == 1001
    assert set(kinds(run)) == {"reset", "truncated", "timeout", "protocol"}
    assert kinds(run)["timeout"] == summary["timeouts"] > 10
    assert run.document["status_codes"] == {"200": summary["ok"], "500": 1001 // 50}
    assert sum(kinds(run).values()) - summary["timeouts"] + 1001 // 50 == summary["failed"]
    assert summary["bytes_in"] == server.seen.bytes_out
    assert summary["bytes_out"] == server.seen.bytes_in


@pytest.mark.slow
def test_connections_that_are_never_answered_time_out_each_time() -> None:
    duration_s, timeout_s = (10, 1.0) if SLOW else (1.1, 0.25)

    def five_silent(peer: Peer) -> None:
        if peer.number < 5 or peer.number >= 32:  # and whatever comes in their place
            peer.request()
            peer.stall()
        while True:
            peer.request()
            peer.pause(0.01)
            peer.send(OK)

    with Server(five_silent) as server:
        run = fastbench(
            "-c", "32", "-d", f"{duration_s}s", "--timeout", f"{timeout_s}s", server.url()
        )
    rounds = int(duration_s / timeout_s)
    assert 5 * (rounds - 1) <= run.summary["timeouts"] <= 5 * rounds
    assert kinds(run) == {"timeout": run.summary["timeouts"]}
    assert samples_above(run.document, round(timeout_s * 0.99e9)) == run.summary["timeouts"]
    assert timeout_s * 1000 <= run.document["latency_ms"]["service"]["max"] < timeout_s * 1400
    assert server.seen.connections == 32 + run.summary["timeouts"]


def test_a_server_that_hangs_longer_than_the_run_is_no_success() -> None:
    def silent(peer: Peer) -> None:
        peer.request()
        peer.stall()

    with Server(silent) as server:
        run = fastbench("-c", "8", "-d", "400ms", "--timeout", "5s", server.url())
    assert run.code == 122
    assert (run.summary["requests"], run.summary["in_flight_at_end"]) == (0, 8)
    assert 0.35 <= run.summary["oldest_in_flight_s"] <= 0.6
    assert run.summary["ended"] == "nothing_succeeded"
    assert "8" in run.out and "in flight" in run.out


@pytest.mark.parametrize("delay_ms", [20, 50])
def test_a_known_delay_is_what_is_measured(delay_ms: int) -> None:
    def slow(peer: Peer) -> None:
        while True:
            peer.request()
            peer.pause(delay_ms / 1000)
            peer.send(OK)

    with Server(slow) as server:
        run = fastbench("-d", "700ms", "-c", "4", "-t", "1", server.url())
    latency = run.document["latency_ms"]["service"]
    assert delay_ms <= latency["min"] <= latency["p50"] < delay_ms * 1.25 + 2
    held_s = latency["mean"] * latency["count"] / 1000
    assert 0.8 * 4 * 0.7 <= held_s <= 4 * 0.7, "service times fill the run, less what is in flight"


def test_the_first_byte_comes_before_the_last() -> None:
    def two_steps(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(OK[:20])
            peer.pause(0.05)
            peer.send(OK[20:])

    with Server(two_steps) as server:
        run = fastbench("-n", "8", "-c", "4", server.url())
    latency = run.document["latency_ms"]
    assert latency["first_byte"]["count"] == latency["service"]["count"] == 8
    assert latency["service"]["min"] >= latency["first_byte"]["min"] + 45
    assert latency["first_byte"]["p50"] < 30


def test_failed_answers_do_not_flatter_the_headline() -> None:
    def fast_errors(peer: Peer) -> None:
        while True:
            peer.request()
            if peer.requests % 2:
                peer.send(answer("Content-Length: 0", start="HTTP/1.1 503 X"))
            else:
                peer.pause(0.03)
                peer.send(OK)

    with Server(fast_errors) as server:
        run = fastbench("-n", "20", "-c", "1", server.url())
    latency = run.document["latency_ms"]
    assert (latency["service"]["count"], latency["failed"]["count"]) == (10, 10)
    assert latency["service"]["min"] >= 30 > latency["failed"]["p50"]


def test_the_series_adds_up_to_the_summary() -> None:
    def in_a_while(peer: Peer) -> None:
        while True:
            peer.request()
            peer.pause(0.003)
            peer.send(OK)

    with Server(in_a_while) as server:
        run = fastbench("-d", "2.2s", "-c", "4", server.url())
    rows = run.document["series"]
    assert [round(row["t_s"]) for row in rows] == [0, 1]
    assert [round(row["span_s"], 1) for row in rows] == [1, 1.2], "a stub joins its neighbour"
    for name in ("requests", "ok", "failed", "timeouts", "bytes_in"):
        assert sum(row[name] for row in rows) == run.summary[name]
