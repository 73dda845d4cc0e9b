"""Which protocol a script's user speaks: what TLS agrees on, what is wanted, who waits for whom."""

from __future__ import annotations

import time
from typing import Any

import pytest
import vus
from servers import Peer, Script, Server, answering, never_accepting
from stream_peer import CANCEL, Http2Peer, offering
from vus import User

from fastbench.engine.bridge._core import Block

TRUSTING: dict[str, Any] = {"tls": (b"", False, b"", b"", b"")}
BOTH = ("h2", "http/1.1")


def speaking(peer: Peer) -> None:
    """Answer in the protocol that was agreed on."""
    if peer.alpn != "h2":
        answering()(peer)
    here = Http2Peer(peer)
    while True:
        here.answer(here.request().stream)


async def batch(vu: User) -> list[tuple[int, str, str]]:
    answers = await vu.batch(["/"] * 8)
    return [(each.status, each.protocol, each.error) for each in answers]


def begin(
    offered: tuple[str, ...], function: Any = batch, script: Script = speaking, **how: Any
) -> tuple[Any, Block, Server]:
    block = Block(1)
    with Server(script, tls=offering(*offered)) as server:
        url = server.url("")
        found, _ = vus.run(function, base_url=url, block=block, connecting=TRUSTING | how)
    return found, block, server


@pytest.mark.parametrize(
    ("offered", "wanted", "spoken", "connections"),
    [
        (BOTH, "h2,http/1.1", "h2", 1),
        (BOTH, "http/1.1", "HTTP/1.1", 6),
        (BOTH, "h2", "h2", 1),
        (("http/1.1",), "h2,http/1.1", "HTTP/1.1", 6),
    ],
)
def test_the_protocol_is_what_both_speak(
    offered: tuple[str, ...], wanted: str, spoken: str, connections: int
) -> None:
    found, block, server = begin(offered, protocols=wanted)
    assert found == [(200, spoken, "")] * 8
    assert server.seen.connections == connections == block.counters(0)["connects"]


def test_a_server_without_the_only_protocol_that_is_wanted() -> None:
    found, _, _ = begin(("http/1.1",), protocols="h2")
    assert found == [(0, "", "protocol: no HTTP/2 offered")] * 8


def test_requests_that_wait_for_a_handshake_have_no_part_in_it() -> None:
    async def go(vu: User) -> list[Any]:
        return [each.timings for each in await vu.batch(["/"] * 3)]

    timings, _, _ = begin(BOTH, go)
    assert [each.tls_handshaking > 0 for each in timings] == [True, False, False]
    assert all(each.blocked >= timings[0].tls_handshaking * 0.5 for each in timings[1:])


def test_without_keepalive_each_request_has_its_connection() -> None:
    found, block, server = begin(BOTH, keepalive=False)
    assert found == [(200, "h2", "")] * 8 and server.seen.connections == 8
    assert block.counters(0)["connected"] == 0


def test_a_connection_that_fails_fails_for_all_who_would_have_tried() -> None:
    block = Block(1)
    how = TRUSTING | {"connect_timeout_ns": 300_000_000}
    with never_accepting() as port:
        begun = time.monotonic()
        url = f"https://127.0.0.1:{port}"
        found, _ = vus.run(batch, base_url=url, block=block, connecting=how)
        took_s = time.monotonic() - begun
    assert found == [(0, "", "connect timeout: ETIMEDOUT")] * 8
    assert took_s < 8 * 0.3 / 2  # six at once, and two
    assert [row[:4] for row in block.errors(0)] == [("connect_timeout", "connect", "ETIMEDOUT", 8)]


def test_who_opens_the_connection_may_be_cancelled() -> None:
    async def go(vu: User) -> list[Any]:
        first, second, third = (vu.get("/") for _ in range(3))
        first.cancel()
        third.cancel()
        return [(await second).protocol, (await vu.get("/")).protocol]

    found, block, _ = begin(BOTH, go)
    assert found == ["h2", "h2"]
    assert [block.counters(0)[name] for name in ("ok", "cancelled")] == [2, 2]


def test_a_websocket_has_http1_to_itself() -> None:
    spoken = []

    def script(peer: Peer) -> None:
        spoken.append(peer.alpn)
        if peer.alpn == "h2":
            speaking(peer)
        peer.request()
        peer.send(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
        peer.finish()

    async def go(vu: User) -> int:
        status: int = (await vu.get("/")).status
        async with vu.ws(str(vu.maker.settings.base_url).replace("https", "wss") + "/"):
            return status

    found, _, _ = begin(BOTH, go, script)
    assert found == 200 and spoken == ["h2", "http/1.1"]


def test_a_stream_that_nobody_reads_has_its_window_closed() -> None:
    size = 12 << 20
    least = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        stream = here.request().stream
        here.head(stream, 200)
        sent, other = 0, False
        window = 65535
        while not here.settings:
            here.frame()
        window = here.settings[4]
        while sent < size:
            while sent + 16384 > window + here.windows.get(stream, 0):
                if not other:  # before anybody reads, this one is answered beside it
                    least.append(sent)
                    here.answer(here.request().stream)
                    other = True
                else:
                    here.frame()
            here.data(stream, b"x" * 16384)
            sent += 16384
        here.data(stream, b"", ends=True)
        peer.finish()

    async def go(vu: User) -> tuple[int, int]:
        taken = 0
        async with vu.stream("GET", "/") as stream:
            status = (await vu.get("/beside")).status
            async for piece in stream.chunks():
                taken += len(piece)
        return status, taken

    found, _, server = begin(BOTH, go, script)
    assert found == (200, size) and server.seen.connections == 1
    assert least[0] < 6 << 20


def test_who_leaves_a_stream_resets_it() -> None:
    codes = []

    def script(peer: Peer) -> None:
        here = Http2Peer(peer)
        stream = here.request().stream
        here.head(stream, 200)
        here.data(stream, b"first")
        codes.append(here.until_reset(stream))
        here.answer(here.request().stream)
        peer.finish()

    async def go(vu: User) -> tuple[bytes, int]:
        async with vu.stream("GET", "/") as stream:
            first = await anext(stream.chunks())
        return first, (await vu.get("/")).status

    found, block, server = begin(BOTH, go, script)
    assert found == (b"first", 200) and codes == [CANCEL] and server.seen.connections == 1
    assert [block.counters(0)[name] for name in ("ok", "failed")] == [2, 0]


def test_the_connection_lives_as_long_as_it_has_something_to_do() -> None:
    async def go(vu: User) -> list[str]:
        slow = vu.get("/")
        vu.session.reset()  # what is under way on it is answered still
        return [(await slow).protocol, (await vu.get("/")).protocol, (await vu.get("/")).protocol]

    found, block, server = begin(BOTH, go)
    assert found == ["h2"] * 3
    assert server.seen.connections in (1, 2)
    assert block.counters(0)["ok"] == 3
