"""Socket.IO (v3 and v4, by WebSocket): `async with socketio.open(vu, "/socket.io/") as io:`::

    async with socketio.open(vu, "/socket.io/", params={"token": "abc"}) as io:
        desk = await io.connect("/", auth={"token": "abc"})
        reply = await desk.call("subscribe", {"channel": "tickets:org_123"})   # waits for the ack
        desk.emit("typing", {"ticketId": 7})                                   # does not
        io.after(0.1, io.close)
        async for event in desk:
            vu.state["last"] = event.name, event.args

1. To connect to a namespace and to `call` are operations of kind ws ("connect /", "subscribe") and
   samples of ws_msg_rtt: until the server's CONNECT, until the ack. A refused CONNECT fails.
2. Nothing raises that the server or the network does: what was refused is not `connected`, an ack
   that did not come is not `ok`, and nothing more comes of a socket that has ended.
3. The server's pings are answered. Without one for as long as it has announced the socket is given
   up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import parse_qs, urlsplit

from fastbench.script import values
from fastbench.script.http.request_arguments import Fields, HandshakeMore, SocketMore
from fastbench.script.protocols.socketio_connection import SocketIO
from fastbench.script.protocols.socketio_events import Ack, Event
from fastbench.script.protocols.socketio_messages import Packet, decode, encode
from fastbench.script.protocols.socketio_namespaces import Namespace
from fastbench.script.signatures import spelled_out

if TYPE_CHECKING:
    from fastbench.script.api.vu import Vu

__all__ = ["Ack", "Event", "Namespace", "Packet", "SocketIO", "decode", "encode"]

PATH = "/socket.io/"
TIMEOUT_S = 10.0
_QUERY = {"EIO": "4", "transport": "websocket"}


@asynccontextmanager
@spelled_out(HandshakeMore, compression=False, max_message_bytes=16 << 20)
async def open(
    vu: Vu,
    url: str = PATH,
    *,
    params: Mapping[str, Any] | None = None,
    timeout: Any = TIMEOUT_S,
    name: str | None = None,
    headers: Fields | None = None,
    subprotocols: Iterable[str] = (),
    **more: Unpack[HandshakeMore],
) -> AsyncIterator[SocketIO]:
    """Open a connection of Socket.IO (v3, v4): `async with socketio.open(vu) as io:`.

    To connect to a namespace and to `call` are operations of kind ws. What the server or the
    network does raises nothing. The server's pings are answered.

    Args:
        vu: The user that opens it.
        url: Its path under `base_url` of Options, or the whole URL.
        params: Pairs for the query of the URL.
        timeout: Time limit of handshake, CONNECT and ack: seconds, or "5s"; default 10 s.
        name: Name of the handshake in reports; default: its URL.
        headers: Names and values of the handshake.
        subprotocols: Names to offer.
        compression: Offer permessage-deflate (RFC 7692).
        max_message_bytes: A longer message ends the socket; bytes, default 16 MiB.
        ping_interval: Time between two pings of WebSocket, s; default: none.
        ping_timeout: A socket that is silent for so long after a ping is given up, s.
        auth: User and password of Basic authentication.
        bearer: Token for `Authorization: Bearer`.
        cookies: Cookies of this handshake alone, by name.
        tags: Tags of its samples, beside those of its scenario and group.
        expected: Statuses of the handshake that are no failure.

    Returns:
        A `SocketIO`, opened by `async with`.

    Raises:
        UsageError: An argument cannot be used.

    Example::

        async with socketio.open(vu, "/socket.io/") as io:
            desk = await io.connect("/", auth={"token": "abc"})
            ack = await desk.call("echo", {"ticket": 7})
            check(ack, {"acknowledged": lambda a: a.ok})
    """
    there = parse_qs(urlsplit(url).query)
    query = {**{k: each for k, each in _QUERY.items() if k not in there}, **(params or {})}
    timeout_s = values.duration_s(timeout, "timeout of socketio.open()")
    words: SocketMore = {"params": query or None, "timeout": timeout_s, **more}
    opening = vu.ws(url, headers=headers, subprotocols=subprotocols, name=name, **words)
    async with opening as socket:
        opened = SocketIO(socket, timeout_s)
        await opened.start()
        try:
            yield opened
        finally:
            opened.leave()
            opened.handlers.cancel()
