"""The message of OTLP metrics 1.x, the parts of it that are sent.

ExportMetricsServiceRequest { repeated ResourceMetrics resource_metrics = 1; }
ResourceMetrics    { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
Resource           { repeated KeyValue attributes = 1; }
ScopeMetrics       { InstrumentationScope scope = 1; repeated Metric metrics = 2; }
InstrumentationScope { string name = 1; string version = 2; }
Metric             { string name = 1; string unit = 3; Gauge gauge = 5; Sum sum = 7;
                     Histogram histogram = 9; }
Gauge              { repeated NumberDataPoint data_points = 1; }
Sum                { repeated NumberDataPoint data_points = 1;
                     AggregationTemporality aggregation_temporality = 2; bool is_monotonic = 3; }
Histogram          { repeated HistogramDataPoint data_points = 1;
                     AggregationTemporality aggregation_temporality = 2; }
NumberDataPoint    { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
                     double as_double = 4; sfixed64 as_int = 6; repeated KeyValue attributes = 7; }
HistogramDataPoint { fixed64 start_time_unix_nano = 2; fixed64 time_unix_nano = 3;
                     fixed64 count = 4; double sum = 5; repeated fixed64 bucket_counts = 6;
                     repeated double explicit_bounds = 7; repeated KeyValue attributes = 9;
                     double min = 11; double max = 12; }
KeyValue           { string key = 1; AnyValue value = 2; }
AnyValue           { string string_value = 1; }
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self

from fastbench.outputs import protobuf_wire

DELTA, CUMULATIVE = 1, 2  # AggregationTemporality
SCOPE = "fastbench"

Cell = tuple[tuple[str, str], ...]  # the attributes of a data point


@dataclass(frozen=True, slots=True)
class Series:
    """One metric: its name and unit."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One data point. `count` is its value; of a histogram how many samples, and `total` their sum.

    `shape` is gauge, sum, whole (a sum of whole numbers) or histogram. `total` is None where some
    samples are negative: a histogram's sum only grows. `extremes` are min and max where known.
    """

    shape: str
    start_ns: int
    at_ns: int
    count: float
    total: float | None = None
    extremes: tuple[float, ...] = ()
    bounds: tuple[float, ...] = ()
    buckets: tuple[int, ...] = ()

    def since(self, before: Self) -> Self:
        """Return what came after an earlier sample of the same; its extremes are not known."""
        total = None
        if self.total is not None and before.total is not None:
            total = self.total - before.total
        return replace(
            self,
            start_ns=before.at_ns,
            count=self.count - before.count,
            total=total,
            extremes=(),
            buckets=tuple(new - old for new, old in zip(self.buckets, before.buckets, strict=True)),
        )


def request(
    resource: Cell,
    version: str,
    metrics: Mapping[Series, Sequence[tuple[Cell, Sample]]],
    temporality: int,
) -> bytes:
    """Return an ExportMetricsServiceRequest: one resource, one scope, each metric once."""
    scope = protobuf_wire.message(1, protobuf_wire.text(1, SCOPE) + protobuf_wire.text(2, version))
    rows = (
        protobuf_wire.message(2, _metric(series, points, temporality))
        for series, points in metrics.items()
    )
    scoped = protobuf_wire.message(2, scope + b"".join(rows))
    return protobuf_wire.message(1, protobuf_wire.message(1, _attributes(1, resource)) + scoped)


def _metric(series: Series, points: Sequence[tuple[Cell, Sample]], temporality: int) -> bytes:
    about = protobuf_wire.text(1, series.name) + (
        protobuf_wire.text(3, series.unit) if series.unit else b""
    )
    shape = points[0][1].shape
    if shape == "histogram":
        rows = _joined(_histogram(cell, sample) for cell, sample in points)
        return about + protobuf_wire.message(9, rows + protobuf_wire.number(2, temporality))
    rows = _joined(_number(cell, sample) for cell, sample in points)
    if shape == "gauge":
        return about + protobuf_wire.message(5, rows)
    return about + protobuf_wire.message(
        7, rows + protobuf_wire.number(2, temporality) + protobuf_wire.number(3, 1)
    )


def _joined(points: Iterable[bytes]) -> bytes:
    return b"".join(protobuf_wire.message(1, point) for point in points)


def _number(cell: Cell, sample: Sample) -> bytes:
    value = (
        protobuf_wire.fixed64(6, int(sample.count))
        if sample.shape == "whole"
        else protobuf_wire.double(4, sample.count)
    )
    return _span(sample) + value + _attributes(7, cell)


def _histogram(cell: Cell, sample: Sample) -> bytes:
    found = _span(sample) + protobuf_wire.fixed64(4, int(sample.count))
    if sample.total is not None:
        found += protobuf_wire.double(5, sample.total)
    if sample.buckets:
        found += protobuf_wire.fixed64s(6, sample.buckets) + protobuf_wire.doubles(7, sample.bounds)
    for number, value in zip((11, 12), sample.extremes, strict=False):
        found += protobuf_wire.double(number, value)
    return found + _attributes(9, cell)


def _span(sample: Sample) -> bytes:
    start = protobuf_wire.fixed64(2, sample.start_ns) if sample.start_ns else b""
    return start + protobuf_wire.fixed64(3, sample.at_ns)


@lru_cache(maxsize=8192)
def _attributes(field: int, cell: Cell) -> bytes:
    pairs = (
        protobuf_wire.text(1, key) + protobuf_wire.message(2, protobuf_wire.text(1, value))
        for key, value in cell
    )
    return b"".join(protobuf_wire.message(field, pair) for pair in pairs)
