"""WebSocket frames as a server writes them, right and wrong, and what wsproto makes of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, ParseFailed

from fastbench.engine.client import _client

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
Messages = list[tuple[int, Any]]


def server_frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """Write one frame without a mask, its length in the shortest form."""
    first = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    if len(payload) <= 125:
        return first + bytes([len(payload)]) + payload
    if len(payload) <= 0xFFFF:
        return first + b"\x7e" + len(payload).to_bytes(2, "big") + payload
    return first + b"\x7f" + len(payload).to_bytes(8, "big") + payload


def close_payload(code: int, reason: str = "") -> bytes:
    return code.to_bytes(2, "big") + reason.encode()


def read(pieces: Iterable[bytes], **settings: Any) -> tuple[Messages, str]:
    """Feed pieces to the reader; what it found, and the rule that was broken."""
    reader = _client.FrameReader(**settings)
    found: Messages = []
    for piece in pieces:
        found += reader.feed(piece)
    return found, reader.rule


def read_by_wsproto(wire: bytes) -> tuple[Messages, int, bool]:
    """What wsproto finds: messages, the code of what is wrong (0: nothing), and: closed."""
    protocol = FrameProtocol(client=True, extensions=[])
    protocol.receive_bytes(wire)
    found: Messages = []
    parts: list[Any] = []
    try:
        for each in protocol.received_frames():
            opcode, payload = int(each.opcode), each.payload
            if isinstance(payload, tuple):
                return [*found, (CLOSE, (int(payload[0]), payload[1]))], 0, True
            if opcode > BINARY:
                found.append((opcode, payload))
                continue
            parts.append(payload)
            if each.message_finished:
                found.append((opcode, "".join(parts) if opcode == TEXT else b"".join(parts)))
                parts = []
    except ParseFailed as broken:
        return found, int(broken.code), False
    return found, 0, False


texts = st.one_of(st.text(max_size=30).map(str.encode), st.binary(max_size=6))
payloads = st.one_of(
    texts, st.sampled_from([b"", b"hello", "aß€😀".encode(), b"x" * 125, b"y" * 126, b"z" * 65536])
)
closes = st.one_of(
    st.just(b""),
    st.binary(max_size=3),
    st.builds(close_payload, st.integers(0, 5100), st.sampled_from(["", "bye", "é"])),
)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Write one frame, mostly of a kind that may be."""
    kind = draw(st.sampled_from([*"tttbbcc", "ping", "ping", "close", "any"]))
    fin = draw(st.sampled_from([True, True, True, False]))
    if kind == "ping":
        return server_frame(draw(st.sampled_from([PING, PONG])), draw(st.binary(max_size=125)))
    if kind == "close":
        return server_frame(CLOSE, draw(closes))
    if kind == "any":
        opcode, rsv = draw(st.integers(0, 15)), draw(st.sampled_from([0, 0, 1, 2, 4]))
        return server_frame(opcode, draw(payloads), fin=fin, rsv=rsv)
    opcode = {"t": TEXT, "b": BINARY, "c": CONTINUATION}[kind]
    return server_frame(opcode, draw(payloads), fin=fin)


@st.composite
def cut_messages(draw: st.DrawFn) -> bytes:
    """Write one message in fragments, cut anywhere, control frames between them."""
    whole, opcode = draw(texts), draw(st.sampled_from([TEXT, BINARY]))
    places = sorted(draw(st.lists(st.integers(0, len(whole)), min_size=1, max_size=4)))
    wire = b""
    for start, end in zip([0, *places], [*places, len(whole)], strict=True):
        wire += server_frame(opcode, whole[start:end], fin=False)
        wire += draw(st.sampled_from([b"", b"", server_frame(PING, b"?"), server_frame(PONG)]))
        opcode = CONTINUATION
    return wire + server_frame(CONTINUATION, b"")


@st.composite
def conversations(draw: st.DrawFn) -> bytes:
    """Write some frames, at times with a byte that is wrong, or cut off."""
    wire = b"".join(draw(st.lists(st.one_of(frames(), cut_messages()), min_size=1, max_size=6)))
    if draw(st.integers(0, 3)) == 0:
        at = draw(st.integers(0, len(wire) - 1))
        wire = wire[:at] + bytes([draw(st.integers(0, 255))]) + wire[at + 1 :]
    if draw(st.integers(0, 5)) == 0:
        wire = wire[: draw(st.integers(0, len(wire)))]
    return wire
