"""Scripted servers of WebSockets: the handshake, and frames as a server sends and reads them."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Awaitable, Callable
from typing import Any

from servers import Peer, Server
from vus import Run, User, run

from fastbench.script.api.handshakes import Opening
from fastbench.script.api.sockets import Socket

Script = Callable[[Peer], None]

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def framed(opcode: int, data: bytes = b"", *, fin: bool = True, bits: int = 0) -> bytes:
    """Render a frame as a server sends it, unmasked."""
    first = (0x80 if fin else 0) | bits | opcode
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    if len(data) < 65536:
        return bytes([first, 126]) + struct.pack(">H", len(data)) + data
    return bytes([first, 127]) + struct.pack(">Q", len(data)) + data


def closing(code: int, reason: bytes = b"") -> bytes:
    return framed(CLOSE, struct.pack(">H", code) + reason)


def accepted(request: bytes, *fields: str, key: bytes | None = None) -> bytes:
    """Render the answer that opens the socket (RFC 6455 section 4.2.2)."""
    found = re.search(rb"\r\nSec-WebSocket-Key: (\S+)\r\n", request)
    assert found is not None and b"\r\nSec-WebSocket-Version: 13\r\n" in request
    assert len(base64.b64decode(found[1])) == 16
    guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1((key or found[1]) + guid).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    return "\r\n".join([*lines, f"Sec-WebSocket-Accept: {accept}", *fields, "\r\n"]).encode()


def received(peer: Peer) -> tuple[int, bytes]:
    """Read one frame of the client: opcode and payload, unmasked; it must be masked."""
    first, second = peer.read(2)
    assert second & 0x80, "a client masks what it sends"
    length = second & 127
    if length == 126:
        (length,) = struct.unpack(">H", peer.read(2))
    elif length == 127:
        (length,) = struct.unpack(">Q", peer.read(8))
    key = peer.read(4)
    data = peer.read(length)
    mask = (key * (length // 4 + 1))[:length]
    return first & 15, (int.from_bytes(data) ^ int.from_bytes(mask)).to_bytes(length)


def opened(then: Callable[[Peer], None], *fields: str) -> Callable[[Peer], None]:
    """Make the script of a server that opens the socket and goes on with `then`."""

    def script(peer: Peer) -> None:
        peer.send(accepted(peer.request(), *fields))
        then(peer)
        answering(peer)

    return script


def answering(peer: Peer) -> None:
    """Read until a close frame comes, and answer it."""
    while True:
        opcode, data = received(peer)
        if opcode == CLOSE:
            peer.send(framed(CLOSE, data))
            peer.finish()


def echoing(peer: Peer) -> None:
    """Echo messages until a close frame comes, and answer that."""
    while True:
        opcode, data = received(peer)
        if opcode == CLOSE:
            peer.send(framed(CLOSE, data))
            peer.finish()
        elif opcode != PONG:
            peer.send(framed(PONG if opcode == PING else opcode, data))


def played(script: Script, use: Callable[[Socket], Awaitable[Any]], **more: Any) -> tuple[Any, Run]:
    """Open a socket at a scripted server, use it; return what that gave and what was counted."""

    async def visit(user: User) -> Any:
        async with Opening(user, server.url("/chat").replace("http", "ws"), **more) as socket:
            return await use(socket)

    with Server(script) as server:
        return run(visit)


def counted(made: Run, name: str) -> float:
    values = [*made.rows("counter", name).values(), *made.rows("times", name).values()]
    return sum(each if isinstance(each, float | int) else each.count for each in values)


def connects(made: Run) -> list[tuple[int, int]]:
    """Return requests and failures of the handshakes' row."""
    return [
        (value["reqs"], value["failed"])
        for tags, value in made.rows("named", "named").items()
        if "connect " in tags
    ]


async def everything(socket: Socket) -> list[Any]:
    return [message async for message in socket]
