"""The message of Prometheus remote write 1.0.

WriteRequest { repeated TimeSeries timeseries = 1; }
TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
Label        { string name = 1; string value = 2; }
Sample       { double value = 1; int64 timestamp = 2; }      ms
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from fastbench.outputs import protobuf_wire


def labels(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return sorted labels as they stand in every message about their series."""
    return b"".join(
        protobuf_wire.message(1, protobuf_wire.text(1, name) + protobuf_wire.text(2, value))
        for name, value in pairs
    )


def write_request(series: Iterable[tuple[bytes, Sequence[tuple[float, int]]]]) -> bytes:
    """Return a WriteRequest of series: `labels`, and (value, Unix time in ms) in order."""
    return b"".join(
        protobuf_wire.message(
            1, found + b"".join([_sample(value, at_ms) for value, at_ms in samples])
        )
        for found, samples in series
    )


def _sample(value: float, at_ms: int) -> bytes:
    return protobuf_wire.message(2, protobuf_wire.double(1, value) + _stamp(at_ms))


@lru_cache(maxsize=128)
def _stamp(at_ms: int) -> bytes:
    """Return a time; thousands of samples have the same."""
    return protobuf_wire.number(2, at_ms)
