"""Streams and connections that the server gives up: what goes again, what has failed."""

from __future__ import annotations

import threading

import pytest
from http2_frames import CODES, RST_STREAM, answer, data, goaway, headers, reset
from http2_loads import asking, load
from http2_peers import Streams, serving

from fastbench.plan.plan import Request

CUTS = ("whole", "bytes", "pieces")
POST = asking(method="POST", body=b"x")


def taking(h: Streams, count: int) -> list[int]:
    h.hello()
    return [h.request() for _ in range(count)]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("code", [*range(len(CODES)), 99, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_stream_that_is_reset_has_failed(code: int, cut: str) -> None:
    def script(h: Streams) -> None:
        [stream] = taking(h, 1)
        h.send(headers(stream) + data(stream, b"x") + reset(stream, code))
        h.answer_all()

    name = CODES[code] if code < len(CODES) else f"error {code}"
    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, count=2)
    assert (run.ends, run.errors) == ((1, 1, 0), {("stream_reset", name): 1})
    assert (server.seen.connections, seen.requests, seen.resets) == (1, 2, [])


@pytest.mark.parametrize("asked", [asking(), POST], ids=["GET", "POST"])
def test_a_refused_stream_goes_again_at_most_three_times(asked: Request) -> None:
    def script(h: Streams) -> None:
        h.hello()
        for _ in range(3):
            h.send(reset(h.request(), 7))
        h.send(answer(h.request()))
        for _ in range(4):
            h.send(reset(h.request(), 7))
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, asked, count=3)
    assert run.ends == (2, 1, 0)
    assert run.errors == {("stream_reset", "REFUSED_STREAM"): 1}
    assert (run.counters["retried"], seen.requests, server.seen.connections) == (6, 9, 1)


def test_a_refused_stream_does_not_go_again_where_nothing_may() -> None:
    def script(h: Streams) -> None:
        h.send(reset(taking(h, 1)[0], 7))
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=2, retry=False)
    assert (run.ends, seen.requests) == ((1, 1, 0), 2)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("code", [0, 2, 11])
def test_streams_above_the_last_one_go_again_the_others_end_first(code: int, cut: str) -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        streams = taking(h, 4)
        h.send(answer(streams[0]) + goaway(streams[1], code, b"words for people"))
        h.send(headers(streams[1]) + data(streams[1], b"late", end=True))
        h.read_on()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, POST, count=4, streams=4)
    assert run.ends == (4, 0, 0)
    assert run.errors == ({("goaway", CODES[code]): 1} if code else {})
    assert (server.seen.connections, run.counters["retried"]) == (2, 2)
    assert (seen.requests, run.counters["goaways"]) == (6, 1)


def test_goaway_with_last_id_0_gives_all_back() -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        taking(h, 3)
        h.send(goaway(0))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, POST, count=3, streams=3)
    assert (run.ends, run.errors, run.counters["retried"]) == ((3, 0, 0), {}, 3)
    assert (seen.requests, server.seen.connections) == (6, 2)


def test_goaway_at_every_try_fails_at_the_fourth() -> None:
    def script(h: Streams) -> None:
        taking(h, 1)
        h.send(goaway(0, 11))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port)
    assert run.ends == (0, 1, 0)
    assert run.errors == {("goaway", "ENHANCE_YOUR_CALM"): 5}  # of 4 connections, and a request
    assert (seen.requests, server.seen.connections) == (4, 4)


@pytest.mark.parametrize("cut", CUTS)
def test_a_graceful_goaway_then_the_true_one(cut: str) -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        streams = taking(h, 3)
        h.send(goaway(0x7FFFFFFF) + answer(streams[0]))
        h.send(goaway(streams[1]) + answer(streams[1]))
        h.read_on()
        raise AssertionError("a stream was opened after GOAWAY")

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, count=6, streams=3)
    assert (run.ends, run.errors, run.counters["retried"]) == ((6, 0, 0), {}, 1)
    assert (seen.requests, run.counters["goaways"]) == (7, 2)


def test_no_stream_is_opened_after_a_goaway() -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        streams = taking(h, 2)
        h.send(goaway(0x7FFFFFFF) + answer(streams[0]) + answer(streams[1]))
        assert h.until(7).payload[4:] == bytes(4)
        assert h.last_id == streams[1]

    with serving(script) as (server, seen):
        run = load(server.port, count=8, streams=2)
    assert (run.ends, run.errors, seen.requests) == ((8, 0, 0), {}, 8)
    assert server.seen.connections == 2


def test_a_server_that_says_goaway_after_so_many_requests_loses_none() -> None:
    """As nginx does with keepalive_requests: while more requests are on their way."""

    def script(h: Streams) -> None:
        h.hello()
        for i in range(10):
            stream = h.request()
            h.send((goaway(stream) if i == 9 else b"") + answer(stream))
        h.read_on()

    with serving(script) as (server, _):
        run = load(server.port, POST, count=100, streams=7)
    assert (run.ends, run.errors) == ((100, 0, 0), {})
    assert server.seen.connections == run.counters["goaways"] == 10


@pytest.mark.parametrize("limit", [0, 5])
def test_a_server_that_closes_after_its_settings(limit: int) -> None:
    """Where it allowed no request, that is what the report says."""
    with serving(lambda h: h.hello((3, limit))) as (server, seen):
        run = load(server.port, count=10**6, length_s=0.25, streams=3)
    assert (run.ends[0], seen.requests) == (0, 0)
    sessions = run.counters["sessions"]
    if limit:
        assert {kind for kind, _ in run.errors} <= {"truncated", "reset"}
        # Requests that have failed, or none was sent; the first may come before the start line.
        assert sum(run.errors.values()) >= sessions - 1 > 0
        assert run.counters["stream_limit"] == 3
    else:
        assert (sessions, run.counters["stream_limit"]) == (0, 0)
        assert list(run.errors) == [("protocol", "no streams allowed")]


def test_a_lost_connection_fails_what_was_not_idempotent() -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        streams = taking(h, 3)
        h.send(answer(streams[0]) + headers(streams[1]) + data(streams[1], b"half"))
        # Closed without a word: the second has begun, and the third may have been looked at.

    for request, failed in ((asking(), 1), (POST, 2)):
        with serving(script) as (server, _):
            run = load(server.port, request, count=3, streams=3)
        assert run.ends == (3 - failed, failed, 0)
        assert sum(run.errors.values()) == failed
        assert {kind for kind, _ in run.errors} <= {"truncated", "reset"}


def test_a_stream_that_takes_too_long_is_given_up_alone() -> None:
    def script(h: Streams) -> None:
        h.hello()
        silent, *others = (h.request() for _ in range(3))
        while True:  # the connection is heard while the other streams live
            for stream in others:
                h.send(answer(stream))
            others = []
            while not others:
                if h.frame().kind == RST_STREAM:
                    break
                others = [h.whole.pop(0) for _ in range(len(h.whole))]
            else:
                continue
            break
        assert silent == 1
        h.send(answer(silent))  # too late, and left unread
        for stream in others:
            h.send(answer(stream))
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=10**9, streams=3, timeout_s=0.2, length_s=0.4)
    ok, failed, timeouts = run.ends
    assert (failed, timeouts) == (0, 1) and ok > 10
    assert run.errors == {("timeout", ""): 1}
    assert (seen.resets, seen.goaways, server.seen.connections) == (["CANCEL"], [], 1)


def test_a_silent_connection_is_closed() -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        taking(h, 3)
        h.read_on()

    with serving(script) as (server, _):
        run = load(server.port, count=6, streams=3, timeout_s=0.1)
    assert run.ends[0] + run.ends[1] + run.ends[2] == 6
    assert run.ends[2] >= 1 and run.ends[0] == 3
    assert server.seen.connections == 2
    assert {kind for kind, _ in run.errors} == {"timeout"}


def test_what_goes_again_does_not_wait_for_connections_that_have_nothing_to_send() -> None:
    """All requests have begun, and one connection has ended: it is not opened again."""
    begun, left = threading.Barrier(2, timeout=10), threading.Event()

    def script(h: Streams) -> None:
        if h.number > 1:
            h.hello()
            h.answer_all()
        streams = taking(h, 3)
        if begun.wait() == 0:
            try:
                h.send(b"".join(map(answer, streams)) + goaway(streams[-1]))
                h.read_on()
            finally:
                left.set()
        left.wait(10)
        h.send(answer(streams[0]) + goaway(streams[0]))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, count=6, connections=2, streams=3)
    assert (run.ends, run.errors, run.counters["retried"]) == ((6, 0, 0), {}, 2)
    assert (seen.requests, server.seen.connections) == (8, 3)
