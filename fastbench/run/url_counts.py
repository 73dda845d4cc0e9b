"""A run of several URLs, URL by URL: which of them are counted apart, and what became of each.

1. What is counted apart is a method and a URL as it is shown: secrets masked, so that two URLs that
   differ in a token alone are one row. A row is named by path and query: all have one server.
2. The first MAX_ROWS by weight have a row of their own, the rest share the last one. A run in which
   all requests are of one row counts nothing apart: the whole says it.
3. A row's latency is that of the report's headline, service time of ok answers and timeouts; its
   failed requests include timeouts, as those that scripts name do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.engine.bridge import _core
from fastbench.plan.plan import Request
from fastbench.results.histogram import Histogram
from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import NamedRow

__all__ = ["MAX_ROWS", "Row", "as_histogram", "counted", "of_requests"]

MAX_ROWS = 100  # with a row of their own: each has two histograms of up to 264 KiB per worker


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it is called, and how it is asked for ("" for the rest)."""

    name: str
    method: str


def of_requests(requests: Sequence[Request]) -> tuple[tuple[Row, ...], list[int]]:
    """Return the rows, the heaviest first, and for each request its row; none where one is all."""
    weights: Counter[Row] = Counter()
    for request in requests:
        weights[Row(request.name, request.method)] += request.weight
    if len(weights) < 2:
        return (), []
    ordered = [row for row, _ in weights.most_common()]  # stable: else as they were given
    rest = len(ordered) - MAX_ROWS
    places = {row: min(at, MAX_ROWS) for at, row in enumerate(ordered)}
    others = [Row(f"{rest:,} other URLs" if rest > 1 else "1 other URL", "")] if rest > 0 else []
    found = [places[Row(request.name, request.method)] for request in requests]
    return (*ordered[:MAX_ROWS], *others), found


def counted(rows: Sequence[Row], block: _core.Block, span_s: float) -> tuple[NamedRow, ...]:
    """Return what was counted for each row in the `span_s` seconds of a run."""
    found = []
    for at, row in enumerate(rows):
        counters = block.url_counters(at)
        failed = counters["failed"] + counters["timeouts"]
        requests = counters["ok"] + failed
        statuses = sorted(block.url_status_codes(at).items())
        response = block.url_histogram("response", at)
        found.append(
            NamedRow(
                name=row.name,
                method=row.method,
                scenario="",
                requests=requests,
                failed=failed,
                requests_per_s=requests / span_s if span_s > 0 else 0.0,
                latency=latency_ms(as_histogram(block.url_histogram("service", at))),
                timeouts=counters["timeouts"],
                bytes_in=counters["bytes_in"],
                status_codes={str(status): count for status, count in statuses},
                response=latency_ms(as_histogram(response)) if response.count else None,
            )
        )
    return tuple(found)


def as_histogram(h: _core.Histogram) -> Histogram:
    """Return what was counted as the histogram of a result."""
    return Histogram(h.counts(), h.min_ns, h.max_ns, h.sum_ns)
