"""Frames of HTTP/2 as they go over the wire, read so that they can be shown (RFC 9113, 4 and 6)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from fastbench.engine.bridge import _core

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9
END_STREAM = ACK = 1
END_HEADERS, PADDED, WITH_PRIORITY = 4, 8, 32
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6
FRAME_BYTES = 9
MAX_PAYLOAD_BYTES = 1 << 14
MAX_WINDOW, FIRST_WINDOW = (1 << 31) - 1, (1 << 16) - 1
TABLE_BYTES = 4096
KINDS = (
    *("DATA", "HEADERS", "PRIORITY", "RST_STREAM", "SETTINGS"),
    *("PUSH_PROMISE", "PING", "GOAWAY", "WINDOW_UPDATE", "CONTINUATION"),
)
_SETTINGS = {
    HEADER_TABLE_SIZE: "HEADER_TABLE_SIZE",
    ENABLE_PUSH: "ENABLE_PUSH",
    MAX_CONCURRENT_STREAMS: "MAX_CONCURRENT_STREAMS",
    INITIAL_WINDOW_SIZE: "INITIAL_WINDOW_SIZE",
    MAX_FRAME_SIZE: "MAX_FRAME_SIZE",
    MAX_HEADER_LIST_SIZE: "MAX_HEADER_LIST_SIZE",
    8: "ENABLE_CONNECT_PROTOCOL",  # RFC 8441
    9: "NO_RFC7540_PRIORITIES",  # RFC 9218
}

Field = tuple[bytes, bytes]


class Frame(NamedTuple):
    """One frame; `fields` are those of the head that it completes."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    fields: tuple[Field, ...] = ()

    @property
    def ends(self) -> bool:
        """Tell whether it is the last one of its stream."""
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    @property
    def word(self) -> int:
        """The last four bytes: an error code, or what a window grows by."""
        return int.from_bytes(self.payload[-4:]) & 0xFFFFFFFF

    @property
    def content(self) -> bytes:
        """The payload without padding and what stands before a header block."""
        text, padding = self.payload, 0
        if self.kind in (DATA, HEADERS) and self.flags & PADDED:
            padding, text = (text[0] if text else 0), text[1:]
        if self.kind == HEADERS and self.flags & WITH_PRIORITY:
            text = text[5:]
        return text[: max(0, len(text) - padding)]

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Return what SETTINGS says: numbers and values."""
        yield from struct.iter_unpack(">HI", self.payload[: len(self.payload) // 6 * 6])


def built(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    """Return the bytes of a frame."""
    head = struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream)
    return head + payload


def greeting() -> bytes:
    """Return what the engine says first: no push, windows that never close a download."""
    said = ((ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, MAX_WINDOW), (MAX_HEADER_LIST_SIZE, 1 << 16))
    settings = b"".join(struct.pack(">HI", name, value) for name, value in said)
    window = struct.pack(">I", MAX_WINDOW - FIRST_WINDOW)
    return PREFACE + built(SETTINGS, settings) + built(WINDOW_UPDATE, window)


class Reader:
    """Cut one direction of a connection into frames, and decode its heads."""

    def __init__(self, error: type[Exception]) -> None:
        """`error` is raised with the name of a rule that is broken."""
        self._error = error
        self._table = _core.FieldTable()
        self._rest = bytearray()
        self._block = bytearray()
        self.status = 0
        self.length = -1
        self._headed = False
        self.malformed = ""  # the rule that the last head broke

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; the frames that are whole now. Raises `error`."""
        self._rest += data
        while len(self._rest) >= FRAME_BYTES:
            size = int.from_bytes(self._rest[:3])
            if size > MAX_PAYLOAD_BYTES:
                raise self._error("frame larger than allowed")
            if len(self._rest) < FRAME_BYTES + size:
                return
            _, kind, flags, stream = struct.unpack(">3sBBI", self._rest[:FRAME_BYTES])
            payload = bytes(self._rest[FRAME_BYTES : FRAME_BYTES + size])
            del self._rest[: FRAME_BYTES + size]
            yield self._whole(Frame(kind, flags, stream & MAX_WINDOW, payload))

    def _whole(self, frame: Frame) -> Frame:
        """Decode the head that this frame completes."""
        if frame.kind not in (HEADERS, CONTINUATION):
            return frame
        self._block += frame.content
        if not frame.flags & END_HEADERS:
            return frame
        trailer = self._headed
        told, fields = self._table.read(bytes(self._block), trailer=trailer)
        self._block.clear()
        error, status, length, malformed, _ = told
        if error:
            raise self._error("header block size" if error == "size" else "header compression")
        shown = frame._replace(fields=tuple((name, value) for name, value, _ in fields))
        if not trailer and (status == 0 or status >= 200):
            self.status, self.length, self._headed = status, length, True
        self.malformed = malformed
        return shown


def setting(number: int) -> str:
    """Return the name of a setting."""
    return _SETTINGS.get(number, f"setting {number}")


def code(word: int) -> str:
    """Return the name of an error code."""
    names = _core.HTTP2_ERRORS
    return names[word] if word < len(names) else f"error {word}"
