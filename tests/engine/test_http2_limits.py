"""How many streams a server allows: that is kept whenever it changes, and 0 is no connection."""

from __future__ import annotations

import pytest
from http2_frames import ACK, GOAWAY, SETTINGS, answer, settings
from http2_loads import load
from http2_peers import Streams, serving


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_limit_of_streams_is_kept_and_may_rise(limit: int) -> None:
    def script(h: Streams) -> None:
        h.hello((3, limit))
        for _ in range(4 if limit else 0):
            streams = [h.request() for _ in range(limit)]
            assert not h.whole and h.last_id == max(streams)
            for stream in streams:
                h.send(answer(stream))
        if not limit:
            h.until(SETTINGS, ACK)
        h.send(settings((3, 5)))
        h.until(SETTINGS, ACK)
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=40, streams=8)
    assert (run.ends, run.errors, seen.requests) == ((40, 0, 0), {}, 40)
    assert run.counters["stream_limit"] == 5


def test_a_server_that_never_allows_a_stream_is_no_connection() -> None:
    """Nothing else would end a run of a number of requests: none can be sent."""

    def script(h: Streams) -> None:
        h.hello((3, 0))
        if h.number > 1:
            h.send(settings((3, 5)))
            h.answer_all()
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, count=20, connections=2, streams=8, connect_timeout_s=0.2)
    assert (run.ends, seen.requests) == ((20, 0, 0), 20)
    assert run.errors == {("protocol", "no streams allowed"): 2}
    assert run.phases["protocol", "no streams allowed"] == "settings"
    assert run.counters["sessions"] == run.counters["connects"] <= 2


def test_a_limit_that_falls_holds_for_new_streams() -> None:
    def script(h: Streams) -> None:
        h.hello()
        streams = [h.request() for _ in range(4)]
        h.send(settings((3, 1)))
        h.until(SETTINGS, ACK)
        for stream in streams[:3]:
            h.send(answer(stream))
        assert h.last_id == streams[3]  # four were open: none may be opened before all ended
        h.send(answer(streams[3]))
        while True:
            stream = h.request()
            assert not h.whole
            h.send(answer(stream))

    with serving(script) as (server, seen):
        run = load(server.port, count=20, streams=4)
    assert (run.ends, run.errors, seen.requests) == ((20, 0, 0), {}, 20)


def test_a_limit_that_falls_to_0_for_good_ends_the_connection() -> None:
    """Its requests go on a new one; nothing else would end a run of a number of requests."""

    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        h.hello()
        streams = [h.request() for _ in range(4)]
        h.send(settings((3, 0)))
        for stream in streams:
            h.send(answer(stream))
        said = h.until(GOAWAY)
        assert h.last_id == streams[-1] and said.payload[4:] == bytes(4)
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, count=20, streams=4, connect_timeout_s=0.2)
    assert (run.ends, seen.requests) == ((20, 0, 0), 20)
    assert run.errors == {("protocol", "no streams allowed"): 1}
    assert run.phases["protocol", "no streams allowed"] == "settings"
    assert server.seen.connections == run.counters["connects"] == 2
    assert run.counters["stream_limit"] == 4


@pytest.mark.parametrize("streams", [1, 4])
def test_a_limit_that_falls_to_0_and_rises_again_keeps_the_connection(streams: int) -> None:
    def script(h: Streams) -> None:
        h.hello()
        for _ in range(5):
            h.send(b"".join(answer(h.request()) for _ in range(streams)) + settings((3, 0)))
            h.until(SETTINGS, ACK)
            assert not h.whole and len(h.done) % streams == 0
            h.send(settings((3, streams)))
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=40, streams=streams, connect_timeout_s=5)
    assert (run.ends, run.errors, seen.requests) == ((40, 0, 0), {}, 40)
    assert server.seen.connections == run.counters["connects"] == run.counters["sessions"] == 1


def test_a_server_that_closes_while_it_allows_no_stream_is_connected_to_again() -> None:
    def script(h: Streams) -> None:
        if h.number:
            h.hello()
            h.answer_all()
        h.hello()
        h.send(answer(h.request()) + settings((3, 0)))
        h.until(SETTINGS, ACK)

    with serving(script) as (server, seen):
        run = load(server.port, count=5)
    assert (run.ends, run.errors, seen.requests) == ((5, 0, 0), {}, 5)
    assert server.seen.connections == 2
