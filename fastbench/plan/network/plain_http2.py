"""A GET over HTTP/2 to a server that speaks nothing else, or chose it: is it ready?

Of the answer no more is read than the class of its status; nothing is measured with it.
"""

from __future__ import annotations

import socket
import struct
import time

from fastbench.plan.urls import Url

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADERS, _SETTINGS, _PING = 1, 4, 6
_ENDS, _ACK, _END_HEADERS = 1, 1, 4
_FRAME_BYTES = 9
_MAX_BYTES = 1 << 16  # read before the head
_STATUSES = (200, 204, 206, 304, 400, 404, 500)  # RFC 7541 appendix A, from index 8 on
_DIGITS = {1: 100, 2: 200, 25: 300, 26: 400, 27: 500}  # by their Huffman code: 5 or 6 bits


def speaks(begin: bytes) -> bool:
    """Tell whether this is how a server of HTTP/2 begins: SETTINGS, on no stream."""
    return len(begin) >= _FRAME_BYTES and begin[3] == _SETTINGS and not any(begin[4:_FRAME_BYTES])


def status(stream: socket.socket, url: Url, limit_s: float) -> int:
    """Return the class of the status as 200, 300, …; 0 where there is none. Raises OSError."""
    end_s = time.monotonic() + limit_s
    scheme, authority = url.scheme.encode("ascii"), url.authority.encode("ascii")
    fields = ((b"\x02", b"GET"), (b"\x06", scheme), (b"\x01", authority), (b"\x04", url.path))
    block = b"".join(name + _text(value) for name, value in fields)
    stream.sendall(_PREFACE + _frame(_SETTINGS) + _frame(_HEADERS, block, _ENDS | _END_HEADERS, 1))
    got = bytearray()
    read = 0
    while read < _MAX_BYTES:
        stream.settimeout(max(0.001, end_s - time.monotonic()))
        piece = stream.recv(4096)
        if not piece:
            return 0
        got += piece
        read += len(piece)
        while len(got) >= _FRAME_BYTES and len(got) >= _FRAME_BYTES + int.from_bytes(got[:3]):
            size, kind, flags = int.from_bytes(got[:3]), got[3], got[4]
            payload = bytes(got[_FRAME_BYTES : _FRAME_BYTES + size])
            del got[: _FRAME_BYTES + size]
            if kind == _HEADERS and (found := _class(payload, flags)) != 100:
                return found
            if kind in (_SETTINGS, _PING) and not flags & _ACK:
                stream.sendall(_frame(kind, payload if kind == _PING else b"", _ACK))
    return 0


def _frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _text(value: bytes) -> bytes:
    """Return a string as HPACK has it, not Huffman-coded (RFC 7541 section 5.2)."""
    if len(value) < 127:
        return bytes([len(value)]) + value
    rest, more = len(value) - 127, bytearray()
    while rest >= 128:
        more.append(rest % 128 + 128)
        rest //= 128
    return bytes([127, *more, rest]) + value


def _class(payload: bytes, flags: int) -> int:
    """Return the class of :status, which is the first field of a head; 0: it is not there."""
    block = payload[(flags >> 3 & 1) + 5 * (flags >> 5 & 1) :]  # behind padding and priority
    while block and block[0] & 0xE0 == 0x20:  # a new size of the table
        longer = block[0] & 0x1F == 0x1F
        block = block[1:].lstrip(bytes(range(128, 256)))[1:] if longer else block[1:]
    if not block:
        return 0
    if block[0] & 0x80:
        at = (block[0] & 0x7F) - 8
        return _STATUSES[at] // 100 * 100 if 0 <= at < len(_STATUSES) else 0
    named = block[0] in (0x48, 0x08, 0x18) and len(block) > 2
    if not named:
        return 0
    if block[1] & 0x80:
        return _DIGITS.get(block[2] >> 3) or _DIGITS.get(block[2] >> 2, 0)
    return (block[2] - 48) * 100 if 49 <= block[2] <= 53 else 0
