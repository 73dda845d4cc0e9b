"""What a server of HTTP/2 may do, frame by frame: all requests end well, and are counted once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import Authority
from http2_frames import (
    CONTINUATION,
    END_HEADERS,
    HEADERS,
    OK_BLOCK,
    PADDED,
    PING,
    PRIORITY,
    RST_STREAM,
    WINDOW_UPDATE,
    WITH_PRIORITY,
    answer,
    block,
    data,
    frame,
    headers,
    settings,
    window,
)
from http2_loads import asking, load
from http2_peers import Script, Streams, serving

CUTS = ("whole", "bytes", "pieces")
LONG_BLOCK = OK_BLOCK + block(*((f"name-{i}", "x" * 100) for i in range(400)))


def each(wire: Callable[[int], bytes]) -> Script:
    """Answer every request in this way."""

    def script(h: Streams) -> None:
        h.hello()
        while True:
            h.send(wire(h.request()))

    return script


def in_parts(stream: int, text: bytes, size: int) -> bytes:
    """A head in as many frames as this size makes of it."""
    parts = [text[at : at + size] for at in range(0, len(text), size)] or [b""]
    first = frame(HEADERS, parts[0], 0, stream)
    rest = [frame(CONTINUATION, part, 0, stream) for part in parts[1:]]
    return first + b"".join(rest) + frame(CONTINUATION, b"", END_HEADERS, stream)


ANSWERS: dict[str, Callable[[int], bytes]] = {
    "a head that ends": lambda s: headers(s, end=True),
    "a head, then an empty end": lambda s: headers(s) + data(s, b"", end=True),
    "a body": answer,
    "a body in pieces, some of them empty": lambda s: (
        headers(s)
        + b"".join(data(s, part) for part in (b"he", b"", b"", b"l", b"lo"))
        + data(s, b"", end=True)
    ),
    "padding of every kind": lambda s: (
        frame(HEADERS, b"\x02" + OK_BLOCK + b"\0\0", END_HEADERS | PADDED, s)
        + b"".join(data(s, b"x" * n, padding=p) for n in (0, 1, 9) for p in (0, 1, 255))
        + data(s, b"", end=True, padding=3)
    ),
    "nothing but padding in a head that ends": lambda s: frame(
        HEADERS, b"\x00" + OK_BLOCK, END_HEADERS | PADDED | 1, s
    ),
    "a head with a priority": lambda s: (
        frame(HEADERS, bytes(5) + OK_BLOCK, END_HEADERS | WITH_PRIORITY, s)
        + data(s, b"hello", end=True)
    ),
    "flags that mean nothing": lambda s: (
        frame(HEADERS, OK_BLOCK, END_HEADERS | 0x40 | 0x80 | 0x02 | 0x10, s)
        + frame(0, b"hello", 0x77 & ~0x08 | 1, s)
    ),
    "a reserved bit before the stream": lambda s: frame(
        HEADERS, OK_BLOCK, END_HEADERS | 1, s | 0x80000000
    ),
    "a head in one-byte frames": lambda s: (
        in_parts(s, OK_BLOCK + block(("a", "b" * 40)), 1) + data(s, b"hello", end=True)
    ),
    "a head of 40 KiB": lambda s: in_parts(s, LONG_BLOCK, 16384) + data(s, b"hello", end=True),
    "32 interim heads": lambda s: (
        headers(s, block((":status", "103"), ("link", "x"))) * 32 + answer(s)
    ),
    "a 100 before a 200": lambda s: headers(s, block((":status", "100"))) + answer(s),
    "trailers": lambda s: headers(s) + data(s, b"x") + headers(s, block(("a", "b")), end=True),
    "trailers after no body": lambda s: headers(s) + headers(s, block(("a", "b")), end=True),
    "empty trailers": lambda s: headers(s) + data(s, b"x") + headers(s, b"", end=True),
    "a length that is kept": lambda s: (
        headers(s, OK_BLOCK + block(("content-length", "5")))
        + data(s, b"hel", padding=4)
        + data(s, b"lo", end=True)
    ),
    "a length twice, and the same": lambda s: (
        headers(s, OK_BLOCK + block(("content-length", "5"), ("content-length", "5")))
        + data(s, b"hello", end=True)
    ),
    "a 204": lambda s: headers(s, b"\x89", end=True),
    "a 304 with the length of what it does not send": lambda s: headers(
        s, b"\x8b" + block(("content-length", "999")), end=True
    ),
    "a 304 with an empty end": lambda s: headers(s, b"\x8b") + data(s, b"", end=True),
    "PRIORITY of any stream": lambda s: (
        frame(PRIORITY, bytes(5), 0, s) + frame(PRIORITY, bytes(5), 0, 0x7FFFFFFF) + answer(s)
    ),
    "unknown frames between all others": lambda s: b"".join(
        frame(0xF0 + i, bytes(i), 0xFF, i * 7) + part
        for i, part in enumerate((headers(s), data(s, b"x"), data(s, b"y", end=True)))
    ),
    "windows of streams that have ended": lambda s: (
        answer(s)
        + window(s, 1)
        + frame(RST_STREAM, bytes(4), 0, s)
        + data(s, b"late")
        + headers(s, OK_BLOCK + b"\x40\x01a\x01b", end=True)
    ),
    "settings that mean nothing": lambda s: settings((99, 7), (6, 1), (0, 0)) + answer(s),
    "a table of fields that grows and shrinks": lambda s: headers(
        s, b"\x20\x3f\x21" + OK_BLOCK + b"\x40\x01a\x01b", end=True
    ),
}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("wire", ANSWERS.values(), ids=list(ANSWERS))
def test_an_answer_in_order(wire: Callable[[int], bytes], cut: str) -> None:
    with serving(each(wire), cut=cut) as (server, seen):
        run = load(server.port, count=4, streams=2)
    assert (run.ends, run.errors) == ((4, 0, 0), {})
    assert (seen.requests, seen.resets, seen.goaways) == (4, [], [])
    assert (server.seen.connections, run.counters["connects"]) == (1, 1)
    assert run.counters["bytes_in"] <= server.seen.bytes_out
    assert run.counters["bytes_out"] == server.seen.bytes_in


@pytest.mark.parametrize("length", ["0", "5", "123456789012345678"])
def test_an_answer_to_head_has_a_length_and_no_body(length: str) -> None:
    text = OK_BLOCK + block(("content-length", length))
    with serving(each(lambda s: headers(s, text, end=True))) as (server, _):
        run = load(server.port, asking(method="HEAD"), count=3)
    assert (run.ends, run.errors) == ((3, 0, 0), {})


def test_an_answer_to_head_with_a_body_is_broken() -> None:
    with serving(each(lambda s: headers(s) + data(s, b"x", end=True))) as (server, _):
        run = load(server.port, asking(method="HEAD"))
    assert (run.ends, run.errors) == ((0, 1, 0), {("protocol", "length of the body"): 1})


def test_a_ping_comes_back_with_its_bytes() -> None:
    def script(h: Streams) -> None:
        h.hello()
        stream = h.request()
        h.send(frame(PING, b"\0\x01 ping\xff") + frame(PING, b"of mine!", 1))
        assert h.until(PING, 1).payload == b"\0\x01 ping\xff"
        h.send(answer(stream))
        h.read_on()

    with serving(script) as (server, seen):
        assert load(server.port).ends == (1, 0, 0)
    assert len(seen.pings) == 1


@pytest.mark.parametrize("cut", ["whole", "pieces"])
def test_many_streams_are_answered_out_of_order_and_interleaved(cut: str) -> None:
    body = bytes(range(256)) * 20

    def script(h: Streams) -> None:
        h.hello()
        rng = random.Random(7)
        while True:
            streams = [h.request() for _ in range(50)]
            rng.shuffle(streams)
            h.send(b"".join(headers(s) for s in streams))
            left = {s: body for s in streams}
            while left:
                s = rng.choice(list(left))
                n = rng.randrange(1, 3000)
                h.send(data(s, left[s][:n], end=n >= len(left[s])))
                left[s] = left[s][n:]
                if not left[s]:
                    del left[s]

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, count=200, streams=50)
    assert (run.ends, run.errors, seen.requests) == ((200, 0, 0), {}, 200)


@pytest.mark.parametrize("cut", CUTS)
def test_expected_text_is_found_per_stream_wherever_it_is_cut(cut: str) -> None:
    """Beside it other streams end, have empty frames, interim heads and late bytes."""

    def script(h: Streams) -> None:
        h.hello()
        first, second, third, fourth = (h.request() for _ in range(4))
        h.send(b"".join(headers(s) for s in (first, second, third, fourth)))
        h.send(data(first, b"xxne", padding=3) + data(second, b"nee"))
        h.send(data(second, b"") + data(first, b"ed") + data(second, b"", end=True))
        h.send(data(second, b"dle") + data(third, b"needle"))
        h.send(headers(second, OK_BLOCK) + data(third, b"", end=True) + data(first, b""))
        h.send(data(second, b"needle") + data(fourth, b"", end=True))
        h.send(data(first, b"le", end=True))
        h.read_on()

    with serving(script, cut=cut) as (server, _):
        run = load(server.port, count=4, streams=4, expect_body=b"needle")
    assert run.ends == (2, 2, 0)
    assert run.errors == {("expectation", ""): 2}


@pytest.mark.parametrize("cut", ["whole", "bytes"])
def test_over_tls_the_server_chooses(cut: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    context = authority.good("localhost", "127.0.0.1")
    context.set_alpn_protocols(["h2"])
    with serving(each(answer), cut=cut, tls=context) as (server, seen):
        run = load(server.port, count=30, streams=3, cafile=authority.cafile)
    assert (run.ends, run.errors, seen.requests) == ((30, 0, 0), {}, 30)


def test_tls_without_http2_is_refused_where_nothing_else_is_wanted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serving(each(answer), tls=authority.good("localhost")) as (server, seen):
        run = load(server.port, count=5, cafile=authority.cafile, length_s=0.2)
    assert run.ends[0] == seen.requests == 0
    assert set(run.errors) == {("protocol", "no HTTP/2 offered")}


def test_a_window_is_given_back_before_it_closes() -> None:
    """By frames that are read: what a connection may send is not 65,535 bytes in all."""

    def script(h: Streams) -> None:
        h.hello()
        said = h.until(WINDOW_UPDATE)
        assert said.stream == 0 and int.from_bytes(said.payload) == 0x7FFFFFFF - 65535
        h.answer_all()

    with serving(script) as (server, _):
        assert load(server.port).ends == (1, 0, 0)


def test_without_keepalive_each_request_has_a_connection() -> None:
    with serving(each(answer)) as (server, seen):
        run = load(server.port, count=5, keepalive=False)
    assert (run.ends, run.errors) == ((5, 0, 0), {})
    assert (server.seen.connections, seen.goodbyes, seen.goaways) == (5, 5, [])
