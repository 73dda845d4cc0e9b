"""A run of several URLs: which of them are counted apart.

1. What is counted apart is a method and a URL as it is shown: secrets masked, so that two URLs that
   differ in a token alone are one row. A row is named by path and query: all have one server.
2. The first MAX_ROWS by weight have a row of their own, the rest share the last one. A run in which
   all requests are of one row counts nothing apart: the whole says it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.plan.plan import Request

MAX_ROWS = 100  # with a row of their own: each has two histograms of up to 264 KiB per worker


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it is called, and how it is asked for ("" for the rest)."""

    name: str
    method: str


def every(requests: Sequence[Request]) -> tuple[Row, ...]:
    """Return the rows that thresholds may name: also where a single one is all."""
    rows, _ = of_requests(requests)
    return rows or tuple(Row(each.name, each.method) for each in requests[:1])


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
