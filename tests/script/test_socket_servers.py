"""WebSockets of scripts against real servers: what both sides count must be the same."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import picows
import pytest
import websockets.asyncio.server as websockets_server
from aiohttp import WSMsgType, web
from vus import Run, User, run
from websocket_peers import counted

from fastbench.script.api.handshakes import Opening
from fastbench.script.api.sockets import Socket


class Counts:
    """What a server has counted."""

    def __init__(self) -> None:
        self.sockets = self.messages = self.closed_in_order = 0
        self.compressed = False
        self.leave: Callable[[], object] = lambda: None  # end the server


async def _aiohttp(seen: Counts, stop: asyncio.Event, tell: Callable[[int], None]) -> None:
    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
        await socket.prepare(request)
        seen.sockets += 1
        seen.compressed |= bool(socket.compress)
        async for message in socket:
            seen.messages += 1
            if message.type == WSMsgType.TEXT:
                await socket.send_str(message.data)
            else:
                await socket.send_bytes(message.data)
        seen.closed_in_order += socket.close_code == 1000
        return socket

    app = web.Application()
    app.router.add_get("/", talk)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    tell(runner.addresses[0][1])
    await stop.wait()
    await runner.cleanup()


async def _websockets(seen: Counts, stop: asyncio.Event, tell: Callable[[int], None]) -> None:
    async def talk(socket: websockets_server.ServerConnection) -> None:
        seen.sockets += 1
        seen.compressed |= bool(socket.protocol.extensions)
        async for message in socket:
            seen.messages += 1
            await socket.send(message)
        seen.closed_in_order += socket.close_code == 1000

    chosen: Any = ["chat"]
    async with websockets_server.serve(
        talk, "127.0.0.1", 0, subprotocols=chosen, max_size=None
    ) as server:
        tell(server.sockets[0].getsockname()[1])
        await stop.wait()


async def _picows(seen: Counts, stop: asyncio.Event, tell: Callable[[int], None]) -> None:
    class Echo(picows.WSListener):
        def on_ws_connected(self, transport: picows.WSTransport) -> None:
            seen.sockets += 1

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            if frame.msg_type in (picows.WSMsgType.TEXT, picows.WSMsgType.BINARY):
                seen.messages += 1
                transport.send(frame.msg_type, frame.get_payload_as_bytes())
            elif frame.msg_type == picows.WSMsgType.CLOSE:
                seen.closed_in_order += frame.get_close_code() == picows.WSCloseCode.OK
                transport.send_close(frame.get_close_code())
                transport.disconnect()

    def chosen(request: picows.WSUpgradeRequest) -> picows.WSUpgradeResponseWithListener:
        fields = {"Sec-WebSocket-Protocol": "chat"}
        response = picows.WSUpgradeResponse.create_101_response(fields)
        return picows.WSUpgradeResponseWithListener(response, Echo())

    server = await picows.ws_create_server(chosen, "127.0.0.1", 0)
    tell(server.sockets[0].getsockname()[1])
    await stop.wait()
    server.close()


SERVERS = {"aiohttp": _aiohttp, "websockets": _websockets, "picows": _picows}


@contextmanager
def serving(which: str) -> Iterator[tuple[str, Counts]]:
    """Run one of the servers in a thread of its own; give its URL and what it counts."""
    seen, loop, stop = Counts(), asyncio.new_event_loop(), asyncio.Event()
    ports: list[int] = []
    ready = threading.Event()

    def tell(port: int) -> None:
        ports.append(port)
        ready.set()

    thread = threading.Thread(
        target=lambda: loop.run_until_complete(SERVERS[which](seen, stop, tell)), daemon=True
    )
    thread.start()
    assert ready.wait(10)
    seen.leave = lambda: loop.call_soon_threadsafe(stop.set)
    try:
        yield f"ws://127.0.0.1:{ports[0]}/", seen
    finally:
        seen.leave()
        thread.join(10)
        loop.close()


def talked(url: str, use: Callable[[Socket], Awaitable[Any]], n: int = 1, **more: Any) -> Run:
    """Open sockets side by side and use them; return what was counted."""

    async def visit(user: User) -> None:
        async def one() -> None:
            async with Opening(user, url, **more) as socket:
                await use(socket)

        await asyncio.gather(*(one() for _ in range(n)))

    return run(visit)[1]


MESSAGES: list[str | bytes] = ["", "a", "x" * 125, "ü" * 126, "€" * 30_000]
MESSAGES += [
    b"",
    b"\0\xff" * 63,
    bytes(200_000),
    *[os.urandom(3000)] * 2,
]  # two are like each other


@pytest.mark.parametrize("compression", [False, True])
@pytest.mark.parametrize("which", SERVERS)
def test_both_sides_count_the_same(which: str, compression: bool) -> None:
    async def use(socket: Socket) -> None:
        assert socket.subprotocol == "chat"
        for message in MESSAGES:
            assert await socket.request(message) == message
        assert await socket.ping() is not None
        for message in MESSAGES:
            socket.send(message)
        assert [await socket.receive(10) for _ in MESSAGES] == MESSAGES

    with serving(which) as (url, seen):
        made = talked(url, use, 20, subprotocols=["chat", "other"], compression=compression)
    total = 20 * 2 * len(MESSAGES)
    assert (seen.sockets, seen.messages, seen.closed_in_order) == (20, total, 20)
    assert seen.compressed == (compression and which != "picows")  # which compresses nothing
    names = ("ws_sessions", "ws_msgs_sent", "ws_msgs_received", "ws_session_duration", "ws_ping")
    assert [counted(made, name) for name in names] == [20, total, total, 20, 20]
    assert counted(made, "ws_msg_rtt") == 20 * len(MESSAGES)
    assert [counted(made, name) for name in ("ws_errors", "ws_msgs_lost")] == [0, 0]


def test_a_path_that_has_no_websocket_is_a_refusal() -> None:
    async def visit(user: User) -> tuple[int, int, str, str]:
        plain = await user.get(url.replace("ws", "http", 1))
        async with Opening(user, f"{url}nothing") as socket:
            return plain.status, socket.status, socket.response.text, socket.error

    with serving("aiohttp") as (url, seen):
        found, _ = run(visit)
    error = "the handshake was refused with status 404: no such path"
    assert found == (400, 404, "404: Not Found", error) and seen.sockets == 0


def test_a_server_that_goes_away_ends_its_sockets_in_order() -> None:
    ends: list[tuple[int | None, str]] = []

    async def use(socket: Socket) -> None:
        assert await socket.request("x") == "x"
        ends.append((socket.close_code, socket.error))
        if len(ends) == 4:
            seen.leave()
        assert [each async for each in socket] == []
        ends.append((socket.close_code, socket.error))

    with serving("websockets") as (url, seen):
        made = talked(url, use, 4, subprotocols=["chat"])
    assert ends == [(None, "")] * 4 + [(1001, "")] * 4
    assert counted(made, "ws_errors") == 0
