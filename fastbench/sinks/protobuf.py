"""The message of Prometheus remote write 1.0.

WriteRequest { repeated TimeSeries timeseries = 1; }
TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; }
Label        { string name = 1; string value = 2; }
Sample       { double value = 1; int64 timestamp = 2; }      ms
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fastbench.sinks import wire

__all__ = ["write_request"]


def write_request(
    series: Iterable[tuple[Sequence[tuple[str, str]], Sequence[tuple[float, int]]]],
) -> bytes:
    """Return a WriteRequest of series: sorted labels, and (value, Unix time in ms) in order."""
    return b"".join(wire.message(1, _series(labels, samples)) for labels, samples in series)


def _series(labels: Sequence[tuple[str, str]], samples: Sequence[tuple[float, int]]) -> bytes:
    pairs = (wire.text(1, name) + wire.text(2, value) for name, value in labels)
    stamped = (wire.double(1, value) + wire.number(2, at_ms) for value, at_ms in samples)
    return b"".join(wire.message(1, pair) for pair in pairs) + b"".join(
        wire.message(2, sample) for sample in stamped
    )
