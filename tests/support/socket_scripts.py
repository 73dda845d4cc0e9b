"""What servers of raw sockets do as WebSockets, step by step: handshake, frames, and offences."""

from __future__ import annotations

import re
import struct
from collections import Counter
from collections.abc import Callable

from server_frames import CLOSE, PING, TEXT, close_payload, server_frame
from servers import Peer, Script, Server

from fastbench.engine.client import _client

__all__ = [
    "Counts",
    "closing_with",
    "echoing",
    "offending",
    "open_socket",
    "pushing",
    "read_frame",
    "refusing_with",
    "socket_url",
    "upgrade",
]


class Counts:
    """What a server counted of whole frames; final once its `with` block has ended."""

    def __init__(self) -> None:
        self.messages = 0
        self.pongs = 0
        self.closes: Counter[int] = Counter()
        self.keys: Counter[bytes] = Counter()  # of the handshake
        self.masks: Counter[bytes] = Counter()
        self.payloads: Counter[bytes] = Counter()
        self.head = b""


def socket_url(server: Server, target: str = "/") -> str:
    """Name a WebSocket on this server."""
    return "ws" + server.url(target).removeprefix("http")


def upgrade(peer: Peer, counts: Counts | None = None) -> bytes:
    """Read the handshake's request; the 101 that answers it."""
    head = peer.request()
    found = re.search(rb"\r\nSec-WebSocket-Key: ([A-Za-z0-9+/]{22}==)\r\n", head)
    assert found is not None, head
    if counts is not None:
        with peer.server.lock:
            counts.keys[found[1]] += 1
            counts.head = head
    accept = _client.accept_of(found[1].decode()).encode()
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade"
        b"\r\nSec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


def open_socket(peer: Peer, counts: Counts | None = None) -> None:
    """Read the handshake's request and accept it."""
    peer.send(upgrade(peer, counts))


def read_frame(peer: Peer, counts: Counts | None = None) -> tuple[int, bytes]:
    """Read one frame of a client, which is masked; counted as far as a server may count it."""
    first, second = peer.read(2)
    assert second & 0x80, "a client's frames are masked"
    length = second & 0x7F
    if length == 126:
        length = struct.unpack(">H", peer.read(2))[0]
    elif length == 127:
        length = struct.unpack(">Q", peer.read(8))[0]
    key = peer.read(4)
    masked = peer.read(length)
    payload = bytes(byte ^ key[i & 3] for i, byte in enumerate(masked))
    opcode = first & 0x0F
    if counts is not None:
        with peer.server.lock:
            counts.masks[key] += 1
            if opcode in (1, 2):
                counts.messages += 1
                counts.payloads[payload] += 1
            counts.pongs += opcode == 10
            if opcode == CLOSE:
                counts.closes[int.from_bytes(payload[:2], "big")] += 1
    return opcode, payload


def answer(peer: Peer, counts: Counts) -> bytes:
    """Answer a frame: messages with themselves, a close frame with one; what was written."""
    opcode, payload = read_frame(peer, counts)
    sent = b""
    if opcode in (1, 2):
        sent = server_frame(opcode, payload)
    elif opcode == CLOSE:
        sent = server_frame(CLOSE, payload[:2])
    peer.send(sent)
    if opcode == CLOSE:
        peer.finish()
    return sent


def echoing(counts: Counts, *, before: bytes = b"") -> Script:
    """Send every message back; `before` stands right behind the 101, in one piece with it."""

    def script(peer: Peer) -> None:
        peer.send(upgrade(peer, counts) + before)
        while True:
            answer(peer, counts)

    return script


def offending(wire: bytes, counts: Counts) -> Script:
    """Answer the first message with these bytes, then read on: what is said of them?"""

    def script(peer: Peer) -> None:
        open_socket(peer, counts)
        read_frame(peer, counts)
        peer.send(wire)
        while True:
            read_frame(peer, counts)

    return script


def refusing_with(response: bytes) -> Script:
    """Answer every handshake so."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(response)
        peer.finish()

    return script


def closing_with(code: int, counts: Counts, *, after: int = 1) -> Script:
    """Close with a code after so many messages were answered."""

    def script(peer: Peer) -> None:
        open_socket(peer, counts)
        for _ in range(after):
            answer(peer, counts)
        peer.send(server_frame(CLOSE, close_payload(code, "bye")))
        while read_frame(peer, counts)[0] != CLOSE:
            pass
        peer.finish()

    return script


def pushing(messages: int, counts: Counts, pace: Callable[[Peer], None]) -> Script:
    """Send so many messages once one came, with a ping in the middle; then wait for the end."""

    def script(peer: Peer) -> None:
        open_socket(peer, counts)
        read_frame(peer, counts)
        for number in range(messages):
            peer.send(server_frame(TEXT, b"tick %d" % number))
            if number == messages // 2:
                peer.send(server_frame(PING, b"there?"))
            pace(peer)
        while True:
            answer(peer, counts)

    return script
