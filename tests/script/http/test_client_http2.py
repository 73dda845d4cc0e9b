"""Requests of a script's user over HTTP/2, against servers that are scripted frame by frame."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from http2_users import CALM, INTERNAL, begin, counted, echo, serving
from servers import Peer
from stream_peer import CANCEL, REFUSED, Asked, Http2Peer
from vus import User


def test_requests_go_side_by_side_on_one_connection() -> None:
    together = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        while peer.server.seen.requests < 18:
            asked = [here.request() for _ in range(6)]
            together.append(len(asked))
            for each in reversed(asked):  # which answer belongs to which request
                echo(here, each)
        peer.finish()

    async def go(vu: User) -> list[bytes]:
        return [each.body for each in await vu.batch([f"/{n}" for n in range(18)])]

    found, block, server = begin(script, go)
    assert found == [b"GET /%d " % n for n in range(18)]
    assert server.seen.connections == 1 and together == [6, 6, 6]
    assert counted(block, "ok", "connects", "sessions") == [18, 1, 1]


def test_no_more_are_under_way_than_a_host_may_have() -> None:
    early = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        asked = [here.request() for _ in range(2)]
        early.append(here.waiting())
        for each in asked:
            here.answer(each.stream)
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> list[int]:
        return [each.status for each in await vu.batch(["/"] * 3)]

    found, _, _ = begin(script, go, limit_per_host=2)
    assert found == [200] * 3 and early == [0]


def test_no_more_are_under_way_than_the_server_allows() -> None:
    early = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer, max_concurrent_streams=1)
        here.answer(here.request().stream)
        while peer.server.seen.requests < 5:
            asked = here.request()
            early.append(here.waiting())
            here.answer(asked.stream)
        peer.finish()

    async def go(vu: User) -> list[int]:
        first = await vu.get("/")
        return [first.status, *(each.status for each in await vu.batch(["/"] * 4))]

    found, block, server = begin(script, go)
    assert found == [200] * 5 and early == [0] * 4 and server.seen.connections == 1
    assert counted(block, "stream_limit") == [1]


def test_what_a_request_says_and_what_its_answer_says() -> None:
    came: list[Asked] = []

    def handle(here: Http2Peer, asked: Asked) -> None:
        came.append(asked)
        here.head(asked.stream, 103, [("link", "</a>")])
        here.answer(asked.stream, b"body", ("set-cookie", "sort=asc"), ("x-a", "1"), ("x-a", "2"))

    async def go(vu: User) -> Any:
        first = await vu.post("/a?b=c", json={"a": 1}, headers={"X-Way": "one", "TE": "gzip"})
        second = await vu.post("/empty", headers={"Host": "shop.test"})
        return first, second

    (first, second), _, server = begin(serving(handle), go)
    assert (first.status, first.protocol, first.body) == (200, "h2", b"body")
    assert first.headers["X-A"] == "1, 2" and first.cookies == {"sort": "asc"}
    assert first.timings.waiting > 0
    fields = came[0].fields
    assert [fields[name] for name in (":method", ":scheme", ":authority", ":path")] == [
        *("POST", "http", f"127.0.0.1:{server.port}", "/a?b=c")
    ]
    assert fields["content-length"] == "7" and came[0].body == b'{"a":1}'
    assert fields["x-way"] == "one" and not fields.keys() & {"host", "connection", "te"}
    other = came[1].fields
    assert (other[":authority"], other["cookie"], other["content-length"]) == (
        *("shop.test", "sort=asc", "0"),
    )
    assert second.status == 200


def test_answers_without_a_body_redirects_and_trailers() -> None:
    def handle(here: Http2Peer, asked: Asked) -> None:
        if asked.path == "/from":
            here.head(asked.stream, 302, [("location", "/to")], ends=True)
        elif asked.path == "/trailers":
            here.head(asked.stream, 200)
            here.data(asked.stream, b"all")
            here.trailers(asked.stream, [("x-sum", "1")])
        elif asked.fields[":method"] == "HEAD":
            here.head(asked.stream, 200, [("content-length", "10")], ends=True)
        elif asked.path[1:] in ("204", "304"):
            here.head(asked.stream, int(asked.path[1:]), ends=True)
        else:
            here.answer(asked.stream, b"x" * 100_000)

    async def go(vu: User) -> list[Any]:
        asked = [vu.get("/from"), vu.get("/trailers"), vu.head("/"), vu.get("/204"), vu.get("/304")]
        return [(each.status, len(each.body), each.error) for each in await vu.batch(asked)]

    found, block, _ = begin(serving(handle), go)
    assert found == [(200, 100_000, ""), (200, 3, ""), (200, 0, ""), (204, 0, ""), (304, 0, "")]
    assert counted(block, "ok", "failed") == [6, 0]


def test_an_upload_waits_for_the_windows() -> None:
    body = bytes(range(256)) * 4096  # 1 MiB

    def script(peer: Peer) -> None:
        here = Http2Peer(peer, initial_window_size=1000)
        came = b""
        while True:
            kind, flags, stream, payload = here.frame()
            if kind == 0:
                came += payload
                assert len(payload) <= 16384
                here.allow(stream, len(payload) or 1)
                here.allow(0, len(payload) or 1)
                if flags & 1:
                    here.answer(stream, b"same" if came == body else b"different")

    async def go(vu: User) -> tuple[bytes, float]:
        found = await vu.post("/", data=body)
        return found.body, found.timings.sending

    (text, sending_ms), _, _ = begin(script, go)
    assert text == b"same" and sending_ms > 0


def test_an_answer_before_the_end_of_the_upload() -> None:
    codes = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        while here.frame()[0] != 1:
            pass
        here.head(1, 413, ends=True)
        codes.append(here.until_reset(1))
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> list[int]:
        first = await vu.post("/", data=b"x" * 200_000)
        return [first.status, (await vu.get("/")).status]

    found, _, server = begin(script, go)
    assert found == [413, 200] and codes == [CANCEL] and server.seen.connections == 1


@pytest.mark.parametrize("way", ["cancel", "timeout"])
def test_who_gives_up_resets_the_stream_alone(way: str) -> None:
    codes = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        first, other = here.request(), here.request()
        codes.append(here.until_reset(first.stream))
        here.answer(first.stream)  # too late: nobody is irritated
        here.answer(other.stream)
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> list[Any]:
        first = vu.get("/slow", timeout=0.2 if way == "timeout" else 60)
        other = vu.get("/other")
        if way == "cancel":
            await asyncio.sleep(0)
            first.cancel()
        else:
            assert (await first).error == "timeout"
        return [(await other).status, (await vu.get("/next")).status]

    found, block, server = begin(script, go)
    assert found == [200, 200] and codes == [CANCEL] and server.seen.connections == 1
    expected = {"cancel": [2, 1, 1, 0], "timeout": [2, 0, 0, 1]}[way]
    assert counted(block, "ok", "failed", "cancelled", "timeouts") == expected


def test_a_connection_that_is_silent_gets_no_more_requests() -> None:
    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        here.answer(here.request().stream)
        if peer.number == 0:
            peer.stall()
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> list[Any]:
        await vu.get("/")
        first = await vu.get("/", timeout=1.1)
        return [first.error, (await vu.get("/")).status]

    found, _, server = begin(script, go)
    assert found == ["timeout", 200] and server.seen.connections == 2


def test_the_server_ends_the_connection_and_what_it_did_not_look_at_goes_again() -> None:
    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        if peer.number:
            while True:
                echo(here, here.request())
        first, second = here.request(), here.request()
        here.goaway(first.stream)
        here.answer(first.stream)
        assert second.stream > first.stream
        peer.finish()

    async def go(vu: User) -> list[bytes]:
        asked = [vu.post("/a", data=b"1"), vu.post("/b", data=b"2")]
        return [each.body for each in await vu.batch(asked)]

    found, block, server = begin(script, go)
    assert found == [b"fine", b"POST /b 2"] and server.seen.connections == 2
    assert counted(block, "ok", "failed", "retried", "goaways") == [2, 0, 1, 1]
    assert block.errors(0) == []


@pytest.mark.parametrize("refusals", [3, 4])
def test_what_is_refused_goes_again_three_times(refusals: int) -> None:
    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        asked = here.request()
        if peer.number < refusals:
            here.reset(asked.stream, REFUSED)
        else:
            echo(here, asked)
        peer.finish()

    async def go(vu: User) -> tuple[int, str]:
        found = await vu.post("/", data=b"1")
        return found.status, found.error

    found, block, _ = begin(script, go)
    expected = (200, "") if refusals == 3 else (0, "stream reset: REFUSED_STREAM")
    assert found == expected and counted(block, "retried", "started") == [3, 1]


def test_streams_that_break_rules_end_alone() -> None:
    def break_it(here: Http2Peer, asked: Asked) -> None:
        stream = asked.stream
        if asked.path == "/reset":
            here.reset(stream, CALM)
        elif asked.path == "/cut":
            here.head(stream, 200)
            here.data(stream, b"part")
            here.reset(stream, INTERNAL)
        elif asked.path == "/malformed":
            here.head(stream, 200, [("Upper", "x")], ends=True)
        elif asked.path == "/short":
            here.head(stream, 200, [("content-length", "9")])
            here.data(stream, b"1", ends=True)
        else:
            here.answer(stream)

    async def go(vu: User) -> list[tuple[int, str]]:
        paths = ["/reset", "/cut", "/malformed", "/short", "/good"]
        return [(each.status, each.error) for each in await vu.batch(paths)]

    found, block, server = begin(serving(break_it), go)
    assert found == [
        (0, "stream reset: ENHANCE_YOUR_CALM"),
        (0, "stream reset: INTERNAL_ERROR"),
        (0, "protocol: upper case in a field name"),
        (0, "protocol: length of the body"),
        (200, ""),
    ]
    assert server.seen.connections == 1 and counted(block, "ok", "failed") == [1, 4]
