"""The message of Prometheus remote write 1.0 in protobuf's encoding, written by hand.

WriteRequest { repeated TimeSeries timeseries = 1; }
TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
Label        { string name = 1; string value = 2; }
Sample       { double value = 1; int64 timestamp = 2; }      ms
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

__all__ = ["write_request"]

_VARINT, _DOUBLE, _BYTES = 0, 1, 2


def write_request(
    series: Iterable[tuple[Sequence[tuple[str, str]], Sequence[tuple[float, int]]]],
) -> bytes:
    """Return a WriteRequest of series: sorted labels, and (value, Unix time in ms) in order."""
    return b"".join(_field(1, _series(labels, samples)) for labels, samples in series)


def _series(labels: Sequence[tuple[str, str]], samples: Sequence[tuple[float, int]]) -> bytes:
    pairs = (_field(1, name.encode()) + _field(2, value.encode()) for name, value in labels)
    stamped = (
        _key(1, _DOUBLE) + struct.pack("<d", value) + _key(2, _VARINT) + _varint(at_ms)
        for value, at_ms in samples
    )
    return b"".join(_field(1, pair) for pair in pairs) + b"".join(_field(2, s) for s in stamped)


def _field(number: int, data: bytes) -> bytes:
    return _key(number, _BYTES) + _varint(len(data)) + data


def _key(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(value: int) -> bytes:
    """Return 7 bits a byte, the lowest first; the top bit says that more follow."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
