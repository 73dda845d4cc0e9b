"""What a server sends on scripts' WebSockets: broken, large, cut anywhere, and what comes of it."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from servers import Peer
from websocket_peers import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Script,
    accepted,
    closing,
    counted,
    everything,
    framed,
    opened,
    played,
    received,
)

from fastbench.script.api.sockets import Socket

BROKEN: dict[str, tuple[bytes, str, int]] = {
    "a reserved bit": (framed(TEXT, b"x", bits=0x20), "reserved bit", 1002),
    "compressed, which was not offered": (framed(TEXT, b"x", bits=0x40), "reserved bit", 1002),
    "an opcode that is none": (framed(3, b"x"), "unknown opcode", 1002),
    "masked": (b"\x81\x81abcdx", "masked frame", 1002),
    "a long ping": (b"\x89\x7e\x00\x7e" + b"x" * 126, "long control frame", 1002),
    "half a ping": (framed(PING, b"x", fin=False), "fragmented control frame", 1002),
    "the rest of nothing": (framed(0, b"x"), "stray continuation", 1002),
    "a message within one": (
        framed(TEXT, b"x", fin=False) + framed(TEXT, b"y"),
        "message within a message",
        1002,
    ),
    "a length that could be shorter": (b"\x81\x7e\x00\x05hello", "not in its shortest form", 1002),
    "half a close code": (framed(CLOSE, b"\x03"), "close payload", 1002),
    "1005 in a frame": (closing(1005), "close code", 1002),
    "1006 in a frame": (closing(1006), "close code", 1002),
    "2999 in a frame": (closing(2999), "close code", 1002),
    "a reason that is no text": (closing(1000, b"\xff"), "close reason", 1007),
    "no text": (framed(TEXT, b"\xed\xa0\x80"), "text not UTF-8", 1007),
    "half a character": (framed(TEXT, b"\xe2\x82"), "text not UTF-8", 1007),
    "a large frame": (framed(BINARY, b"x" * 1001), "frame size", 1009),
    "a large message": (
        framed(BINARY, b"x" * 900, fin=False) + framed(0, b"x" * 101),
        "message size",
        1009,
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_frames_end_the_socket_however_they_come(how: str) -> None:
    data, rule, code = BROKEN[how]
    told: list[tuple[int, bytes]] = []

    def with_the_handshake(peer: Peer) -> None:
        peer.send(accepted(peer.request()) + framed(TEXT, b"first") + data)
        told.append(received(peer))

    def byte_by_byte(peer: Peer) -> None:
        peer.send(accepted(peer.request()) + framed(TEXT, b"first"))
        peer.drip(data[:12], 0.0005)
        peer.send(data[12:])
        peer.stall()

    async def use(socket: Socket) -> tuple[Any, ...]:
        return await everything(socket), socket.close_code, socket.error

    for script in (with_the_handshake, byte_by_byte):
        (found, close_code, error), made = played(script, use, max_message_bytes=1000)
        assert (found, close_code) == (["first"], 1006)
        assert rule in error
        assert counted(made, "ws_errors") == 1
        ((_, text, hint),) = made.warnings
        assert error in text and hint
    assert told == [(CLOSE, struct.pack(">H", code))]


def test_messages_may_come_with_the_handshake_and_byte_by_byte() -> None:
    data = framed(TEXT, b"one") + framed(TEXT, b"tw", fin=False) + framed(PING, b"p")
    data += framed(0, "ö".encode()[:1], fin=False) + framed(0, "ö".encode()[1:]) + closing(1001)

    def at_once(peer: Peer) -> None:
        peer.send(accepted(peer.request()) + data)
        assert received(peer) == (PONG, b"p")
        assert received(peer) == (CLOSE, struct.pack(">H", 1001))
        peer.finish()

    def slowly(peer: Peer) -> None:
        peer.send(accepted(peer.request()))
        peer.drip(data, 0.001)
        assert received(peer) == (PONG, b"p")
        peer.finish()

    for script in (at_once, slowly):
        found, made = played(script, everything)
        assert found == ["one", "twö"]
        assert counted(made, "ws_errors") == 0


def _cut_off(peer: Peer) -> None:
    peer.send(b"\x81\x05he")
    peer.finish()


ENDS: dict[str, tuple[Script, int, str, str]] = {
    "in order": (lambda peer: peer.send(closing(4001, b"bye")), 4001, "bye", ""),
    "without a code": (lambda peer: peer.send(framed(CLOSE)), 1005, "", ""),
    "without a frame": (Peer.finish, 1006, "", "closed without a close frame"),
    "reset": (Peer.reset, 1006, "", "reset: ECONNRESET"),
    "within a frame": (
        _cut_off,
        1006,
        "",
        "closed without a close frame",
    ),
}


@pytest.mark.parametrize("how", ENDS)
def test_however_it_ends_the_end_is_a_value(how: str) -> None:
    script, code, reason, error = ENDS[how]

    async def use(socket: Socket) -> tuple[Any, ...]:
        assert await everything(socket) == []
        assert await socket.receive() is None and await socket.ping() is None
        return socket.close_code, socket.close_reason, socket.error

    found, made = played(opened(script), use, max_message_bytes=1000)
    assert found[:2] == (code, reason) and found[2].endswith(error)
    assert bool(found[2]) == bool(error)
    assert counted(made, "ws_errors") == bool(error)
    assert counted(made, "ws_session_duration") == 1
