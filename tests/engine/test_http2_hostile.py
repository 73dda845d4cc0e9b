"""Servers that mean harm, or speak something else: bounded work and memory, and a clear error."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import Authority
from http2_frames import (
    ACK,
    CONTINUATION,
    GOAWAY,
    HEADERS,
    OK_BLOCK,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    answer,
    block,
    data,
    frame,
    headers,
    settings,
    window,
)
from http2_loads import asking, load
from http2_peers import Streams, serving
from servers import OK, Peer, Server

FLOODS: dict[str, Callable[[int], bytes]] = {
    "PING": lambda s: frame(PING, bytes(8)),
    "PING ACK": lambda s: frame(PING, bytes(8), ACK),
    "SETTINGS": lambda s: settings(),
    "SETTINGS ACK": lambda s: frame(4, b"", ACK),
    "unknown frames": lambda s: frame(0xBA),
    "PRIORITY": lambda s: frame(PRIORITY, bytes(5), 0, s),
    "WINDOW_UPDATE": lambda s: window(0, 1),
    "WINDOW_UPDATE of a stream": lambda s: window(s, 1),
    "empty DATA": lambda s: data(s, b""),
    "DATA of padding alone": lambda s: data(s, b"", padding=3),
    "DATA of a stream that has ended": lambda s: data(1, b"x"),
    "heads of a stream that has ended": lambda s: headers(1),
    "RST_STREAM of a stream that has ended": lambda s: frame(RST_STREAM, bytes(4), 0, 1),
    "GOAWAY": lambda s: frame(GOAWAY, struct.pack(">II", 0x7FFFFFFF, 0)),
}


@pytest.mark.parametrize("wire", FLOODS.values(), ids=list(FLOODS))
def test_a_flood_of_frames_ends_the_connection(wire: Callable[[int], bytes]) -> None:
    def script(h: Streams) -> None:
        h.hello()
        h.send(answer(h.request()))
        stream = h.request()
        h.send(headers(stream) + wire(stream) * 9_990)
        h.send(frame(PING, b"still ok"))
        while h.until(PING, 1).payload != b"still ok":
            pass
        h.send(wire(stream) * 100)
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, count=2)
    assert run.ends == (1, 1, 0)
    assert run.errors == {("protocol", "frames without an answer"): 1}
    assert seen.goaways == ["ENHANCE_YOUR_CALM"]


def test_many_settings_in_few_frames_are_a_flood_too() -> None:
    """Each may be work for every stream."""

    def script(h: Streams) -> None:
        h.hello()
        h.request()
        h.send(settings(*[(4, n) for n in range(2700)]) * 5)
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port)
    assert run.errors == {("protocol", "frames without an answer"): 1}
    assert seen.goaways == ["ENHANCE_YOUR_CALM"]


def test_what_belongs_to_an_answer_is_no_flood() -> None:
    """Nor are many frames of which some bring an answer on."""

    def script(h: Streams) -> None:
        h.hello()
        stream = h.request()
        h.send(headers(stream))
        for _ in range(4):
            h.send(frame(PING, bytes(8), ACK) * 9_000 + data(stream, b"x"))
        h.send(data(stream, b"x") * 11_000 + data(stream, b"", end=True))
        h.read_on()

    with serving(script) as (server, _):
        assert load(server.port).ends == (1, 0, 0)


def test_resets_are_failures_and_no_flood() -> None:
    def script(h: Streams) -> None:
        h.hello()
        while True:
            h.send(frame(RST_STREAM, struct.pack(">I", 2), 0, h.request()))

    with serving(script) as (server, _):
        run = load(server.port, count=10_500, streams=100)
    assert (run.ends, run.counters["connects"]) == ((0, 10_500, 0), 1)
    assert run.errors == {("stream_reset", "INTERNAL_ERROR"): 10_500}


def test_a_peer_that_does_not_read_ends_it() -> None:
    """Bytes of an answer keep the flood legal; the replies are what grows."""

    def script(h: Streams) -> None:
        h.hello()
        stream = h.request()
        h.send(headers(stream))
        for _ in range(400):
            h.send((frame(PING, bytes(8)) + data(stream, b"x")) * 1000)
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, timeout_s=15)
    assert run.ends == (0, 1, 0)
    assert run.errors == {("protocol", "replies not read"): 1}
    assert seen.goaways in ([], ["ENHANCE_YOUR_CALM"])  # which it may have no room to say


def test_settings_that_are_never_acknowledged() -> None:
    def script(h: Streams) -> None:
        h.hello()
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, count=10**9, connect_timeout_s=0.1, length_s=0.25)
    assert run.ends[0] > 10
    assert run.counters["sessions"] == server.seen.connections >= 2
    assert set(run.errors) <= {("protocol", "SETTINGS not acknowledged")}
    assert sum(run.errors.values()) == len(seen.goaways) >= 1
    assert set(seen.goaways) == {"SETTINGS_TIMEOUT"}


def test_a_server_that_never_says_its_settings() -> None:
    def script(h: Streams) -> None:
        h.read_preface()
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, connect_timeout_s=0.1, length_s=0.15)
    assert (run.ends, seen.requests) == ((0, 0, 0), 0)
    assert run.errors == {("connect_timeout", ""): 1}
    assert run.phases == {("connect_timeout", ""): "settings"}


@pytest.mark.parametrize(
    ("first", "rule", "code"),
    [
        (OK, "not HTTP/2", "PROTOCOL_ERROR"),
        (frame(PING, bytes(8)), "SETTINGS not first", "PROTOCOL_ERROR"),
        (frame(4, b"", ACK), "SETTINGS not first", "PROTOCOL_ERROR"),
        (frame(GOAWAY, bytes(8)), "SETTINGS not first", "PROTOCOL_ERROR"),
        (headers(1), "SETTINGS not first", "PROTOCOL_ERROR"),
        (data(0, b"x"), "SETTINGS not first", "PROTOCOL_ERROR"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n", "frame larger than allowed", "FRAME_SIZE_ERROR"),
        (b"\x15\x03\x03\x00\x02\x02\x46" + bytes(20), "frame larger than allowed", None),
        (bytes(40), "SETTINGS not first", "PROTOCOL_ERROR"),
        (settings((2, 1)), "value of a setting", "PROTOCOL_ERROR"),
    ],
    ids=["HTTP/1.1", "PING", "ACK", "GOAWAY", "HEADERS", "DATA", "SSH", "TLS", "zeros", "push"],
)
@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_what_does_not_begin_as_http2(first: bytes, rule: str, code: str | None, cut: str) -> None:
    def script(h: Streams) -> None:
        h.read_preface()
        h.send(first)
        h.read_on()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, length_s=0.04)
    assert (run.ends, seen.requests) == ((0, 0, 0), 0)
    assert run.errors == {("protocol", rule): 1}
    assert run.phases == {("protocol", rule): "settings"}
    assert seen.goaways == [code or "FRAME_SIZE_ERROR"]


def test_a_server_that_closes_at_once() -> None:
    def script(peer: Peer) -> None:
        peer.read(len(PREFACE))

    with Server(script) as server:
        run = load(server.port, length_s=0.04)
    assert run.ends == (0, 0, 0)
    assert {kind for kind, _ in run.errors} <= {"reset", "truncated"}
    assert set(run.phases.values()) == {"settings"}


def test_tls_where_the_server_speaks_http1_although_it_chose_http2(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.good("localhost")
    context.set_alpn_protocols(["h2"])

    def script(h: Streams) -> None:
        h.read_preface()
        h.send(OK)
        h.read_on()

    with serving(script, tls=context) as (server, seen):
        run = load(server.port, cafile=authority.cafile, length_s=0.04)
    assert run.errors == {("protocol", "not HTTP/2"): 1}
    assert seen.goaways == ["PROTOCOL_ERROR"]


def test_a_continuation_flood_over_many_connections_holds_no_memory() -> None:
    """64 frames of a head at the most, then the connection ends."""

    def script(h: Streams) -> None:
        h.hello()
        stream = h.request()
        h.send(frame(HEADERS, OK_BLOCK, 0, stream))
        for _ in range(1000):
            h.send(frame(CONTINUATION, b"", 0, stream))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, asking(), count=5, connections=5)
    assert (run.ends, run.errors) == ((0, 5, 0), {("protocol", "header block size"): 5})
    assert seen.goaways == ["ENHANCE_YOUR_CALM"] * 5


def test_a_body_that_never_ends_is_a_timeout() -> None:
    """While it comes as fast as it can, and others are served beside it."""
    chunk = bytes(16384)

    def script(h: Streams) -> None:
        h.hello()
        if h.number:
            h.answer_all()
        stream = h.request()
        h.send(headers(stream, OK_BLOCK + block(("a", "b"))))
        while True:
            h.send(data(stream, chunk) * 8)

    with serving(script) as (server, _):
        run = load(server.port, count=10**9, connections=2, streams=2, timeout_s=0.2, length_s=0.5)
    assert run.ends[0] > 10 and run.ends[2] >= 1
    # Whoever goes on after RST_STREAM floods a stream that has ended.
    timeouts = {("timeout", ""), ("timeout", "behind a timeout")}
    assert {*run.errors} <= {*timeouts, ("protocol", "frames without an answer")}
