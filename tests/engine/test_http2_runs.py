"""Whole runs over HTTP/2: plans, phases, several URLs and slices count as they do over HTTP/1.1.

The servers are scripts, or speak by the library `h2`, which refuses what a client must not send.
"""

from __future__ import annotations

import threading
import time

import pytest
from http2_frames import answer, goaway
from http2_library import speaking
from http2_peers import Streams, serving
from running import fastbench
from servers import Server

from fastbench.cli.args import url_args
from fastbench.engine.bridge import _core
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan
from fastbench.run import worker

MANY = ("--http2", "-m", "5", "-c", "3", "-t", "1")


def by_path(h: Streams) -> None:
    """Answer with the path, and a 500 to /bad."""
    h.hello()
    while True:
        stream = h.request()
        path = h.fields[stream][":path"]
        if path == "/bad":
            h.send(b"\0\0\1\1\5" + stream.to_bytes(4) + b"\x8e")
        else:
            h.send(answer(stream, b"this is " + path.encode()))


def test_expected_text_and_several_urls_are_counted_each() -> None:
    with serving(by_path) as (server, seen):
        urls = [server.url(path) for path in ("/yes", "/no", "/bad")]
        run = fastbench(*MANY, "-n", "300", "--expect-body", "yes", *urls)
    rows = {row["name"].rpartition("/")[2]: row for row in run.document["requests"]}
    assert {name: row["requests"] for name, row in rows.items()} == {
        name.strip("/"): count for name, count in seen.paths.items()
    }
    assert [rows[name]["failed"] for name in ("yes", "no", "bad")] == [0, 100, 100]
    assert (run.summary["ok"], run.summary["failed"], seen.requests) == (100, 200, 300)
    assert rows["bad"]["status_codes"] == {"500": 100}
    assert {row["kind"] for row in run.errors} == {"expectation"}


def test_a_rate_is_met_over_many_streams() -> None:
    with serving(by_path) as (server, seen):
        run = fastbench(*MANY, "-R", "500", "-d", "600ms", "-w", server.url())
    s = run.summary
    assert s["scheduled"] == 300 == s["started"] + s["queued_at_end"]
    assert s["ok"] == seen.requests == s["started"] and s["in_flight_at_end"] == 0
    assert run.document["latency_ms"]["response"]["count"] == s["ok"]


def test_a_rate_beyond_the_servers_streams_queues_or_drops() -> None:
    def script(h: Streams) -> None:
        h.hello((3, 1))
        while True:
            stream = h.request()
            assert not h.whole
            h.peer.pause(0.02)
            h.send(answer(stream))

    with serving(script) as (server, seen):
        run = fastbench(*MANY, "-R", "1000", "-n", "100", "--on-overload", "drop", server.url())
    s = run.summary
    assert (s["scheduled"], s["started"] + s["dropped"], s["ok"]) == (100, 100, s["started"])
    assert s["dropped"] > 50 and seen.requests == s["started"]


@pytest.mark.parametrize("load", [(), ("-R", "500")])
def test_connections_that_the_server_ends_lose_nothing(load: tuple[str, ...]) -> None:
    """After ten requests each, while more are on their way, or none."""

    def script(h: Streams) -> None:
        h.hello()
        for i in range(10):
            stream = h.request()
            h.send((goaway(stream) if i == 9 else b"") + answer(stream))
        h.read_on()

    with serving(script) as (server, _):
        run = fastbench(*MANY, *load, "-n", "300", server.url())
    assert (run.summary["ok"], run.errors) == (300, [])
    assert 30 <= server.seen.connections <= 33
    assert 27 <= run.document["http2"]["goaways"] <= server.seen.connections


@pytest.mark.parametrize("load", [(), ("-R", "300")])
def test_one_request_a_connection(load: tuple[str, ...]) -> None:
    with serving(by_path) as (server, seen):
        run = fastbench("--http2", "-c3", "-t1", "--no-keepalive", *load, "-n90", server.url())
    assert (run.summary["ok"], run.errors, seen.requests) == (90, [], 90)
    assert 90 <= server.seen.connections <= 93


@pytest.mark.parametrize("load", [(), ("-R", "500")])
def test_a_warm_up_is_counted_apart(load: tuple[str, ...]) -> None:
    with serving(by_path) as (server, seen):
        run = fastbench(*MANY, *load, "-W", "200ms", "-n", "200", server.url())
    warmup = run.document["warmup"]
    assert run.summary["started"] == run.summary["ok"] == 200
    assert warmup["requests"] == warmup["ok"] > 0
    assert 0 <= seen.requests - warmup["requests"] - 200 <= 15


@pytest.mark.parametrize("drain", [True, False])
def test_what_is_in_flight_at_the_end(drain: bool) -> None:
    def script(h: Streams) -> None:
        h.hello()
        while True:
            stream = h.request()
            h.peer.pause(0.01)
            h.send(answer(stream))

    with serving(script) as (server, seen):
        run = fastbench(*MANY, *["-w"][:drain], "-d", "300ms", server.url())
    s = run.summary
    if drain:
        assert s["in_flight_at_end"] == 0 and seen.requests == s["ok"]
    else:
        assert s["in_flight_at_end"] == 15 and s["ok"] <= seen.requests <= s["started"]
    assert s["failed"] == s["timeouts"] == 0


def test_stages_of_connections_rise_and_fall() -> None:
    """Those that end are answered first."""
    with serving(by_path) as (server, seen):
        run = fastbench(*MANY[:3], "-w", "--stages", "300ms:4,300ms:1,100ms:1", server.url())
    s = run.summary
    assert (s["failed"], s["timeouts"], s["in_flight_at_end"]) == (0, 0, 0)
    assert seen.requests == s["ok"] > 100
    assert server.seen.connections == 4
    assert seen.goodbyes == 4


@pytest.mark.parametrize("load", [(), ("-R", "500"), ("-m1",)])
def test_a_run_ends_with_goodbyes(load: tuple[str, ...]) -> None:
    with serving(by_path) as (server, seen):
        run = fastbench(*MANY, *load, "-n", "60", server.url())
    assert (run.summary["ok"], run.errors) == (60, [])
    assert seen.goodbyes == server.seen.connections


def test_the_library_h2_finds_nothing_wrong_with_us() -> None:
    """With bodies that fill its windows again and again."""
    body = "x" * 60_000
    with Server(speaking(streams=7)) as server:
        run = fastbench(*MANY, "-n", "400", "-b", body, server.url("/up"))
    assert (run.summary["ok"], run.summary["failed"]) == (400, 0)
    assert server.seen.requests == 400


def plan_of(url: str) -> Plan:
    command = url_args.parse(["--http2", "-m", "4", "-c", "2", url])
    assert not isinstance(command, str)
    return command.plan


def test_servers_that_are_loaded_in_turns() -> None:
    with serving(by_path) as (one, seen), serving(by_path) as (other, also_seen):
        sides = [plan_of(one.url()), plan_of(other.url())]
        blocks = [_core.Block(1) for _ in sides]
        engines = []
        for plan, block in zip(sides, blocks, strict=True):
            [share] = worker.shares(plan, 1)
            cycle = worker.order(plan.requests)
            engines.append(worker.engine(plan, resolve.reach(plan), cycle, block, share))
        turns = _core.Slices(1, 2, samples=100_000)
        now = time.monotonic_ns()
        turns.open(bytes((0, 1, 1, 0) * 3), 20_000_000, now, now + 10**10)
        thread = threading.Thread(target=_core.run_in_turns, args=(engines, turns, 0))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        rows = turns.rows(0)
    found = [block.counters(0) for block in blocks]
    assert [each["ok"] for each in found] == [seen.requests, also_seen.requests]
    assert [each["started"] for each in found] == [each["ok"] for each in found]
    assert len(rows) == 12 and all(row[4] == row[5] > 10 for row in rows)
    del engines
    assert one.seen.connections == other.seen.connections == 2
    assert seen.goodbyes == also_seen.goodbyes == 2
