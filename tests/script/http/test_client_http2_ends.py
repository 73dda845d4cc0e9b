"""How connections over HTTP/2 of a script's user end, and what becomes of its requests."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from http2_users import CALM, begin, counted
from servers import Peer
from stream_peer import CONTINUATION, HEADERS, Http2Peer
from vus import User


def test_a_connection_that_breaks_rules_ends_and_is_told_why() -> None:
    codes = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        asked = here.request()
        if peer.number == 0:
            here.send(6, 0, 0, b"1")
            while not here.goaways:
                here.frame()
            codes.extend(here.goaways)
        else:
            here.answer(asked.stream)
        peer.finish()

    async def go(vu: User) -> list[tuple[int, str]]:
        return [((found := await vu.get("/")).status, found.error) for _ in range(2)]

    found, _, _ = begin(script, go)
    assert found == [(0, "protocol: length of a frame"), (200, "")] and codes == [6]


def test_a_request_for_which_no_stream_is_allowed_has_its_own_timeout() -> None:
    allowed = threading.Event()

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        first = here.request()
        here.limit_streams(0)
        here.answer(first.stream)
        assert allowed.wait(10)
        here.limit_streams(1)
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> list[tuple[int, str]]:
        found = [await vu.get("/"), await vu.get("/", timeout=0.1)]
        allowed.set()
        found.append(await vu.get("/"))
        return [(each.status, each.error) for each in found]

    found, block, server = begin(script, go)
    assert found == [(200, ""), (0, "timeout"), (200, "")]
    assert server.seen.connections == 1 and server.seen.requests == 2
    assert counted(block, "ok", "timeouts") == [2, 1]


def test_a_server_that_goes_on_writing_reads_why_its_connection_ends() -> None:
    """It is not reset while the server writes what nobody reads."""
    codes = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        asked = here.request()
        if peer.number:
            here.answer(asked.stream)
            peer.finish()
        here.send(HEADERS, 0, asked.stream, b"\x88")  # a head that does not end
        for _ in range(300):
            here.send(CONTINUATION, 0, asked.stream, bytes(16384))
        while not here.goaways:
            here.frame()
        codes.extend(here.goaways)
        peer.finish()

    async def go(vu: User) -> list[tuple[int, str]]:
        found = [await vu.get("/")]
        async with asyncio.timeout(10):
            while not codes:
                await asyncio.sleep(0.001)
        return [(each.status, each.error) for each in (*found, await vu.get("/"))]

    found, _, server = begin(script, go)
    assert found == [(0, "protocol: header block size"), (200, "")]
    assert codes == [CALM] and server.seen.connections == 2


def test_a_lost_connection_and_one_closed_while_idle() -> None:
    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        here.answer(here.request().stream)
        if peer.number == 1:
            here.request()
        peer.cut()

    async def go(vu: User) -> list[Any]:
        first = await vu.get("/")
        while vu.maker.pool.servers()[0].connections()[0][1][0] < 2:  # the next one is new
            await asyncio.sleep(0.01)
            second = await vu.get("/")
        again = await vu.get("/")  # the second connection is lost under it: it goes once more
        return [first.status, second.status, again.status]

    found, block, server = begin(script, go)
    assert found == [200] * 3 and server.seen.connections == 3
    # The second one, too, where it was begun before the end of the first connection was heard.
    (retried,) = counted(block, "retried")
    assert retried in (1, 2) and block.errors(0) == []


def test_a_server_that_speaks_http1_in_the_clear() -> None:
    def script(peer: Peer) -> None:
        peer.read(24)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.finish()

    async def go(vu: User) -> set[tuple[int, str]]:
        return {(each.status, each.error) for each in await vu.batch(["/"] * 3)}

    assert begin(script, go)[0] == {(0, "protocol: not HTTP/2")}
