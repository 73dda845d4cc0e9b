"""WebSockets for any messages: an echo, messages at a rate, and what one sends for all.

1. /ws/push sends JSON: `number`, from 0 on, `sent_ns`, the server's CLOCK_MONOTONIC when it was
   sent, and `padding` up to the size. Message i is due i / RATE seconds after the first one; what
   was held up is sent at once, so that after any time the count is right.
2. /ws/broadcast sends what one socket of a room sends to all of them, itself included.
"""

from __future__ import annotations

import asyncio
import time

from aiohttp import web

from fastbench.server.live_sockets import MESSAGE_BYTES_MAX, LiveSocket, Sockets
from fastbench.server.routes import Route, number, refused

RATE_MAX = 100_000
COUNT_MAX = 1_000_000_000
ROOM_CHARACTERS_MAX = 100
BURST = 100  # messages that are sent before others get their turn
_HEAD = '{"number":%d,"sent_ns":%d,"padding":"'
_TAIL = '"}'


class MessageSockets:
    """An echo, a push and rooms of all who listen."""

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets
        self._rooms: dict[str, set[LiveSocket]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        push = "a WebSocket that sends JSON with its stamp: ?rate=10&size=64, ?count=N"
        return (
            Route("GET", "/ws/echo", self._echo, "a WebSocket that sends each message back"),
            Route("GET", "/ws/push", self._push, push),
            Route("GET", "/ws/broadcast", self._broadcast, "what one sends, all get: ?room=NAME"),
        )

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        async with self._sockets.accepted(request) as socket:
            async for message in socket:
                await socket.send(message)
        return socket.response

    async def _push(self, request: web.Request) -> web.StreamResponse:
        rate = number(request, "rate", 10, RATE_MAX)
        size_bytes = number(request, "size", 64, MESSAGE_BYTES_MAX)
        count = number(request, "count", COUNT_MAX - 1, COUNT_MAX)
        async with self._sockets.accepted(request) as socket:
            socket.start(_pushing, socket, rate, size_bytes, count)
            async for _ in socket:
                pass  # what comes is read, so that pings and a close frame are
        return socket.response

    async def _broadcast(self, request: web.Request) -> web.StreamResponse:
        name = request.query.get("room", "")
        if len(name) > ROOM_CHARACTERS_MAX:
            why = f"room must have {ROOM_CHARACTERS_MAX} characters at most"
            raise refused(web.HTTPBadRequest, why)
        async with self._sockets.accepted(request) as socket:
            room = self._rooms.setdefault(name, set())
            room.add(socket)
            try:
                async for message in socket:
                    for each in room:
                        each.put(message)
            finally:
                room.discard(socket)
                if not room:
                    self._rooms.pop(name, None)
        return socket.response


async def _pushing(socket: LiveSocket, rate: int, size_bytes: int, count: int) -> None:
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    for at in range(count):
        wait_s = begun_s + at / rate - loop.time()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        elif at % BURST == 0:
            await asyncio.sleep(0)
        head = _HEAD % (at, time.monotonic_ns())
        room = size_bytes - len(head) - len(_TAIL)
        await socket.send(head + "x" * room + _TAIL)
    await socket.close()
