"""Latencies as a document holds them: rows of percentiles in ms, and the histograms themselves.

The row is for reading; the histogram beside it, with the exact extremes of the row, is what is read
back, merged and compared.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import DocumentError, member, members, read

PROXIED = ("to_proxy", "through_proxy")  # only in documents of runs through a tunnel
SERIES = (
    *("service", "response", "failed", "connect", "first_byte", "lag", "operation"),
    *PROXIED,
)
PLANNED = ("response", "lag")  # only where requests were planned
MAYBE = (*PLANNED, "operation", *PROXIED)  # null, or not there, where there is none
OF_METRIC = {  # k6's names: whose samples a histogram of a whole run holds
    "http_req_duration": "service",
    "http_req_response": "response",
    "http_req_waiting": "first_byte",
    "operation_duration": "operation",
}
PERCENTILES = {
    "p50": 50.0,
    "p75": 75.0,
    "p90": 90.0,
    "p95": 95.0,
    "p99": 99.0,
    "p99_9": 99.9,
    "p99_99": 99.99,
}


@dataclass(frozen=True, slots=True)
class Latency:
    """Histograms in ns. `response` and `lag` exist only where requests were planned, `operation`
    where a script timed something that is no request.

    `lag` is the start lag: from the instant at which a planned request could have been
    sent (it was due, and a connection was free) to its first byte written. `to_proxy` and
    `through_proxy` are the two parts of `connect` where a proxy made a tunnel: its TCP connection,
    then the tunnel with the TLS handshake in it.
    """

    service: Histogram
    failed: Histogram
    connect: Histogram
    first_byte: Histogram
    response: Histogram | None = None
    lag: Histogram | None = None
    operation: Histogram | None = None
    to_proxy: Histogram | None = None
    through_proxy: Histogram | None = None

    def by_name(self) -> dict[str, Histogram | None]:
        """Return those that a document has; of a proxy only where there was one."""
        every = {name: getattr(self, name) for name in SERIES}
        return {name: each for name, each in every.items() if each or name not in PROXIED}


def latency_ms(histogram: Histogram) -> dict[str, float | None]:
    """Return the document's row of one histogram: ms, null without samples; `sum_ns` is exact."""
    names = ("min", "mean", "stdev", *PERCENTILES, "max")
    if not histogram.count:
        return {"count": 0, **dict.fromkeys(names), "sum_ns": 0}
    values: dict[str, float] = {
        "min": histogram.min_ns,
        "mean": histogram.mean_ns,
        "stdev": histogram.stdev_ns,
        **{name: histogram.percentile(percent) for name, percent in PERCENTILES.items()},
        "max": histogram.max_ns,
    }
    row = {name: round(values[name] / 1e6, 6) for name in names}
    return {"count": histogram.count, **row, "sum_ns": histogram.sum_ns}


def packed(histogram: Histogram) -> str:
    """Return a histogram as it stands in a document: HdrHistogram's V2 form in base64."""
    return base64.b64encode(histogram.to_v2()).decode()


def unpacked(text: str, row: Mapping[str, float | None] | None = None) -> Histogram:
    """Read what `packed` wrote, with the extremes and the sum of its row, if there is one.

    Raises ValueError for what is none, or holds other counts than its row.
    """
    histogram = Histogram.from_v2(base64.b64decode(text, validate=True))
    if row is None:
        return histogram
    if histogram.count != row.get("count"):
        raise ValueError(f"it holds {histogram.count} samples, its row {row.get('count')}")
    least, most, total = (row.get(name) for name in ("min", "max", "sum_ns"))
    if least is None or most is None or total is None:
        return histogram
    return histogram.with_exact(round(least * 1e6), round(most * 1e6), int(total))


def read_latency(document: object) -> Latency:
    """Read all histograms of a document."""
    found = {name: read_histogram(document, name) for name in SERIES}
    there = {name: each for name, each in found.items() if each is not None}
    return Latency(**there)


def read_histogram(document: object, name: str) -> Histogram | None:
    """Read a document's histogram with its exact extremes; only MAYBE may be null.

    Before 0.6.0 a document had none of operations.
    """
    path = f"latency_ms.{name}"
    rows, blobs = member(document, "latency_ms"), member(document, "hdr")
    if name in ("operation", *PROXIED) and name not in members(rows, "latency_ms"):
        return None
    row, blob = member(rows, name, "latency_ms"), member(blobs, name, "hdr")
    if name in MAYBE and row is None and blob is None:
        return None
    try:
        encoded = base64.b64decode(read(str, blob, f"hdr.{name}"), validate=True)
        histogram = Histogram.from_v2(encoded)
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError(f"hdr.{name}: {error}") from None
    if read(int, member(row, "count", path), f"{path}.count") != histogram.count:
        raise DocumentError(f"{path}.count: hdr.{name} holds {histogram.count} samples")
    if not histogram.count:
        return histogram
    least, most = (read(float, member(row, key, path), f"{path}.{key}") for key in ("min", "max"))
    total = read(int, member(row, "sum_ns", path), f"{path}.sum_ns")
    return histogram.with_exact(round(least * 1e6), round(most * 1e6), total)
