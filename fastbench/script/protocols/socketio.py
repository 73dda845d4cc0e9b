"""Socket.IO (v3 and v4, by WebSocket): `async with socketio.open(vu, "/socket.io/") as io:`.

    async with socketio.open(vu, "/socket.io/", params={"token": token}) as io:
        desk = await io.connect("/", auth={"token": token})
        reply = await desk.call("subscribe", {"channel": "tickets:org_123"})   # waits for the ack
        desk.emit("typing", {"ticketId": 7})                                   # does not
        async for event in desk:
            ...                                             # event.name, event.args

1. To connect to a namespace and to `call` are operations of kind ws ("connect /", "subscribe") and
   samples of ws_msg_rtt: until the server's CONNECT, until the ack. A refused CONNECT fails.
2. Nothing raises that the server or the network does: what was refused is not `connected`, an ack
   that did not come is not `ok`, and nothing more comes of a socket that has ended.
3. The server's pings are answered. Without one for as long as it has announced the socket is given
   up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from fastbench.script import values
from fastbench.script.protocols.socketio_connection import Ack, Event, Namespace, SocketIO
from fastbench.script.protocols.socketio_messages import Packet, decode, encode

if TYPE_CHECKING:
    from fastbench.script.api.vu import Vu

__all__ = ["Ack", "Event", "Namespace", "Packet", "SocketIO", "decode", "encode"]

PATH = "/socket.io/"
TIMEOUT_S = 10.0
_QUERY = {"EIO": "4", "transport": "websocket"}


@asynccontextmanager
async def open(
    vu: Vu,
    url: str = PATH,
    *,
    params: Mapping[str, Any] | None = None,
    timeout: Any = TIMEOUT_S,
    name: str | None = None,
    **more: Any,
) -> AsyncIterator[SocketIO]:
    """Open a connection of Socket.IO: `async with socketio.open(vu, "/socket.io/") as io:`.

    `url` is its path, or the whole URL; `EIO=4&transport=websocket` is added where it does not say
    so. `timeout` (s, or a text such as "5s") is what the handshake, a CONNECT and an ack may take.
    `params` and `more` are those of `vu.ws`.
    """
    there = parse_qs(urlsplit(url).query)
    query = {key: value for key, value in _QUERY.items() if key not in there}
    query = {**query, **(params or {})}
    timeout_s = values.duration_s(timeout, "timeout of socketio.open()")
    async with vu.ws(url, name=name, params=query or None, timeout=timeout_s, **more) as socket:
        opened = SocketIO(socket, timeout_s)
        await opened.start()
        try:
            yield opened
        finally:
            opened.leave()
            opened.handlers.cancel()
