"""Uploads by the windows of the server, and its other settings, as they change during the load."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from certificates import Authority
from http2_frames import (
    DATA,
    HEADERS,
    RST_STREAM,
    SETTINGS,
    answer,
    frame,
    headers,
    settings,
    window,
)
from http2_loads import asking, load
from http2_peers import Streams, serving
from running import until

from fastbench.plan.plan import Request

CUTS = ("whole", "bytes", "pieces")
BIG = 300_000


def upload(n_bytes: int) -> Request:
    return asking(method="POST", body=bytes(n_bytes))


def opening(h: Streams, n_bytes: int) -> None:
    """Open the windows by what came in each DATA frame, and answer what is whole."""
    while True:
        read = h.frame()
        if read.kind == DATA and read.payload:
            h.more(0, len(read.payload))
            if not read.flags & 1:
                h.more(read.stream, min(n_bytes, len(read.payload)))
        while h.whole:
            h.send(answer(h.whole.pop(0)))


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("n_bytes", [1, 16384, 16385, 65534, 65535, 65536, 131070, BIG])
def test_uploads_of_every_size_come_whole(n_bytes: int, streams: int) -> None:
    def script(h: Streams) -> None:
        h.hello()
        opening(h, n_bytes)

    with serving(script) as (server, seen):
        run = load(server.port, upload(n_bytes), count=6, streams=streams)
    assert (run.ends, run.errors) == ((6, 0, 0), {})
    assert (seen.requests, seen.bodies) == (6, [n_bytes] * 6)


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("n_bytes", [65535, BIG])
def test_uploads_over_tls_come_whole(n_bytes: int, streams: int, tmp_path: Path) -> None:
    """By records of TLS, which are as long as frames and do not begin where they do."""
    authority = Authority(tmp_path)
    context = authority.good("localhost")
    context.set_alpn_protocols(["h2"])

    def script(h: Streams) -> None:
        h.read_preface()
        h.send(settings() + window(0, 1 << 24))
        h.room += 1 << 24
        opening(h, n_bytes)

    with serving(script, tls=context) as (server, seen):
        run = load(server.port, upload(n_bytes), count=6, streams=streams, cafile=authority.cafile)
    assert (run.ends, run.errors) == ((6, 0, 0), {})
    assert (seen.bodies, server.seen.connections) == ([n_bytes] * 6, 1)


def test_a_request_without_a_body_ends_with_its_head() -> None:
    def script(h: Streams) -> None:
        h.hello()
        read = h.until(HEADERS)
        assert read.flags & 1
        h.send(answer(read.stream))
        h.whole.clear()
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, asking(), asking(method="POST", body=b""), count=4)
    assert (run.ends, seen.bodies) == ((4, 0, 0), [0] * 4)


@pytest.mark.parametrize("first", [0, 1, 1000])
def test_small_windows_are_kept_to_the_byte(first: int) -> None:
    """`Streams` judges each frame by them."""

    def script(h: Streams) -> None:
        h.hello((4, first))
        stream = h.opened()
        while h.bodies[stream] < first:
            h.frame()
        assert h.bodies[stream] == first
        for more in (1, 2, 997, 2000 - first):
            h.more(stream, more)
            wanted = h.bodies[stream] + min(more, 3000 - h.bodies[stream])
            while h.bodies[stream] < wanted:
                h.frame()
        h.send(answer(h.request()))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, upload(3000))
    assert (run.ends, seen.bodies) == ((1, 0, 0), [3000])


@pytest.mark.parametrize("cut", CUTS)
def test_windows_that_shrink_below_zero_and_grow_again(cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello((4, 10_000))
        stream = h.opened()
        while h.bodies[stream] < 10_000:
            h.frame()
        h.send(settings((4, 0)))  # 10,000 bytes are out: the window is -10,000
        h.until(SETTINGS, 1)
        h.rooms[stream] -= 10_000
        h.more(stream, 10_000)  # now 0
        h.send(frame(6, b"are you "))
        h.until(6, 1)
        assert h.bodies[stream] == 10_000
        h.send(settings((4, 7)))
        h.rooms[stream] += 7
        while h.bodies[stream] < 10_007:
            h.frame()
        h.send(settings((4, 50_000), (4, 20_000)))  # the last one holds
        h.rooms[stream] += 19_993
        while not h.whole:
            h.frame()
        h.first_room = 20_000
        h.send(answer(h.request()))
        h.send(answer(h.request()))
        h.read_on()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, upload(20_000), count=2)
    assert (run.ends, run.errors, seen.bodies) == ((2, 0, 0), {}, [20_000, 20_000])


def test_a_starved_stream_does_not_hold_the_others_up() -> None:
    def script(h: Streams) -> None:
        h.hello((4, 0))
        first, second = h.opened(), h.opened()
        h.more(second, 5000)
        assert h.request() == second
        h.send(answer(second))
        h.more(first, 5000)
        assert h.request() == first
        h.send(answer(first))
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, upload(5000), count=2, streams=2)
    assert (run.ends, seen.bodies) == ((2, 0, 0), [5000, 5000])


def test_the_window_of_all_streams_is_shared_in_turns() -> None:
    def script(h: Streams) -> None:
        h.hello((4, 0x7FFFFFFF))
        for _ in range(3):
            h.opened()
        while h.room:
            h.frame()
        sent = [h.bodies[stream] for stream in (1, 3, 5)]
        assert sum(sent) == 65535 and max(sent) - min(sent) <= 16384
        h.more(0, 0x7FFFFFFF)
        while True:
            h.send(answer(h.request()))

    with serving(script) as (server, seen):
        run = load(server.port, upload(BIG), count=3, streams=3)
    assert (run.ends, seen.bodies) == ((3, 0, 0), [BIG] * 3)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("polite", [False, True], ids=["reset by us", "and by the server"])
def test_an_answer_before_the_upload_has_ended(polite: bool, cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello()
        while True:
            stream = h.opened()
            early = frame(RST_STREAM, struct.pack(">I", 0), 0, stream) if polite else b""
            h.send(answer(stream) + early)
            h.until(RST_STREAM)
            if h.room < 65535:
                h.more(0, 65535 - h.room)

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, upload(BIG), count=3)
        until(lambda: len(seen.resets) == 3)
    assert (run.ends, run.errors) == ((3, 0, 0), {})
    assert (server.seen.connections, seen.resets, seen.requests) == (1, ["CANCEL"] * 3, 0)


def test_a_window_that_never_opens_is_a_timeout_of_sending() -> None:
    def script(h: Streams) -> None:
        h.hello((4, 0))
        h.send(headers(h.opened(), b"\x08\x03103"))  # the connection is alive
        h.read_on()

    with serving(script) as (server, seen):
        run = load(server.port, upload(10), timeout_s=0.1)
        until(lambda: seen.resets)
    assert (run.ends, run.errors) == ((0, 0, 1), {("timeout", ""): 1})
    assert (seen.resets, seen.bodies) == (["CANCEL"], [])


@pytest.mark.parametrize("table", [0, 1, 100, 4095, 4096, 65536])
def test_the_servers_table_of_fields_is_kept_to(table: int) -> None:
    """`hpack` decodes with a table of that size: a field beyond it, or no update, is an error."""

    def script(h: Streams) -> None:
        h.hello((1, table))
        h.until(SETTINGS, 1)
        h.allow_table(table)
        h.answer_all()

    with serving(script) as (server, seen):
        run = load(server.port, asking("/a"), asking("/b"), count=10, streams=2)
    assert (run.ends, run.errors) == ((10, 0, 0), {})
    assert seen.paths == {"/a": 5, "/b": 5}


@pytest.mark.parametrize("cut", CUTS)
def test_the_servers_table_may_shrink_and_grow_during_the_load(cut: str) -> None:
    def script(h: Streams) -> None:
        h.hello()
        for table in (4096, 200, 0, 300, 4096, 0):
            h.send(settings((1, table)) + b"".join(answer(h.request()) for _ in range(2)))
            h.until(SETTINGS, 1)
            h.allow_table(table)
        h.answer_all()

    with serving(script, cut=cut) as (server, seen):
        run = load(server.port, asking("/a"), asking("/b"), count=20, streams=2)
    assert (run.ends, run.errors) == ((20, 0, 0), {})
    assert seen.paths == {"/a": 10, "/b": 10}


def test_a_large_frame_size_of_the_server_changes_nothing() -> None:
    def script(h: Streams) -> None:
        h.hello((5, 0xFFFFFF), (4, 0x7FFFFFFF))
        h.more(0, 0x10000000)
        h.answer_all()  # `Streams` takes frames of 16 KiB at the most

    with serving(script) as (server, seen):
        run = load(server.port, upload(BIG))
    assert (run.ends, seen.bodies) == ((1, 0, 0), [BIG])


def test_a_head_of_many_frames_is_sent_whole() -> None:
    fields = tuple((f"Name-{i}".encode(), b"x" * 1000) for i in range(40))
    asked = Request("GET", b"/", ((b"Host", b"h"), *fields), None, "http://h/", 1)

    def script(h: Streams) -> None:
        h.hello()
        for _ in range(3):
            stream = h.request()
            assert len(h.fields[stream]) == 44
            h.send(answer(stream))
        h.read_on()

    with serving(script) as (server, _):
        assert load(server.port, asked, count=3).ends == (3, 0, 0)
