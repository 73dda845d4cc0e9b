"""Protobuf's wire format, as far as outputs need it: a message is a row of numbered fields.

A key is the number of a field and how its value is written: a varint, eight bytes in little-endian
order, or a length and so many bytes. Repeated numbers are packed: one field of bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import cache

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SHORT = tuple(bytes([value]) for value in range(0x80))


def number(field: int, value: int) -> bytes:
    """Return an integer that is not negative: int64, uint32, bool or enum."""
    return _key(field, _VARINT) + _varint(value)


def double(field: int, value: float) -> bytes:
    """Return a double."""
    return _key(field, _FIXED64) + struct.pack("<d", value)


def fixed64(field: int, value: int) -> bytes:
    """Return eight bytes: fixed64, or an sfixed64 that is not negative."""
    return _key(field, _FIXED64) + struct.pack("<Q", value)


def doubles(field: int, values: Sequence[float]) -> bytes:
    """Return repeated doubles."""
    return message(field, struct.pack(f"<{len(values)}d", *values))


def fixed64s(field: int, values: Sequence[int]) -> bytes:
    """Return repeated fixed64."""
    return message(field, struct.pack(f"<{len(values)}Q", *values))


def text(field: int, value: str) -> bytes:
    """Return a string."""
    return message(field, value.encode())


def message(field: int, data: bytes) -> bytes:
    """Return a message inside a message, or bytes."""
    return _key(field, _BYTES) + _varint(len(data)) + data


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield numbers and values, up to where the data is cut short or makes no sense."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        field, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _read_varint(data, at)
            if at > len(data):
                return
            yield field, value
            continue
        size = {_FIXED64: 8, _FIXED32: 4}.get(kind, -1)
        if kind == _BYTES:
            size, at = _read_varint(data, at)
        if size < 0 or at + size > len(data):
            return
        yield field, data[at : at + size]
        at += size


@cache
def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    """Return 7 bits a byte, the lowest first; the top bit says that more follow."""
    if value <= 0x7F:
        return _SHORT[value]
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a value and where it ends: beyond the data if it does not."""
    value = shift = 0
    while at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
    return value, len(data) + 1
