"""Frames of HTTP/2 as a server writes them, by hand, right or wrong (RFC 9113 sections 4 and 6)."""

from __future__ import annotations

import struct

__all__ = [
    "ACK",
    "CODES",
    "CONTINUATION",
    "DATA",
    "END_HEADERS",
    "END_STREAM",
    "GOAWAY",
    "HEADERS",
    "OK_BLOCK",
    "PADDED",
    "PING",
    "PREFACE",
    "PRIORITY",
    "PUSH_PROMISE",
    "RST_STREAM",
    "SETTINGS",
    "WINDOW_UPDATE",
    "WITH_PRIORITY",
    "answer",
    "block",
    "data",
    "frame",
    "goaway",
    "headers",
    "reset",
    "settings",
    "window",
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
END_STREAM, ACK, END_HEADERS, PADDED, WITH_PRIORITY = 1, 1, 4, 8, 32
CODES = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT"),
    *("STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR"),
    *("CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)
OK_BLOCK = b"\x88"  # :status 200, of the static table


def frame(
    kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0, *, length: int | None = None
) -> bytes:
    """One frame; `length` lies about that of its payload."""
    n_bytes = len(payload) if length is None else length
    return struct.pack(">I", n_bytes)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(*fields: tuple[str | bytes, str | bytes]) -> bytes:
    """Fields as literals that no table keeps; shorter than 127 bytes each."""
    out = b""
    for pair in fields:
        name, value = (each.encode("latin-1") if isinstance(each, str) else each for each in pair)
        assert len(name) < 127 and len(value) < 127
        out += b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value
    return out


def headers(
    stream: int, fields: bytes = OK_BLOCK, *, end: bool = False, flags: int = END_HEADERS
) -> bytes:
    return frame(HEADERS, fields, flags | (END_STREAM if end else 0), stream)


def data(stream: int, body: bytes, *, end: bool = False, padding: int | None = None) -> bytes:
    flags = END_STREAM if end else 0
    if padding is not None:
        return frame(DATA, bytes((padding,)) + body + bytes(padding), flags | PADDED, stream)
    return frame(DATA, body, flags, stream)


def answer(stream: int, body: bytes = b"hello") -> bytes:
    return headers(stream) + data(stream, body, end=True)


def settings(*pairs: tuple[int, int]) -> bytes:
    return frame(SETTINGS, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def window(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, struct.pack(">I", more), 0, stream)


def reset(stream: int, code: int) -> bytes:
    return frame(RST_STREAM, struct.pack(">I", code), 0, stream)


def goaway(last: int, code: int = 0, text: bytes = b"") -> bytes:
    return frame(GOAWAY, struct.pack(">II", last, code) + text)
