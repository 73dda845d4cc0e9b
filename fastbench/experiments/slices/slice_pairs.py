"""From slices to pairs: the figures of both sides over one or more blocks, and what does not count.

A pair that has no answers, too many failures, or a load generator that was the limit does not
count: see client_limit.py. Nothing is measured anew: there are many pairs, and the next one is a
moment away.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence

from fastbench.engine.bridge import _core
from fastbench.experiments.compare.compare_document import ORDERS, SIDES, Figures, Pair
from fastbench.experiments.compare.figures import ERRORS_SHARE_MAX
from fastbench.experiments.slices import client_limit
from fastbench.run.turns import SlicePart

P99_SAMPLES = 100  # of a pair and side: the fewest, for small pairs tell more than large ones
SAMPLES = {50: 1, 90: 10, 99: P99_SAMPLES}  # for each percentile
UNSENT_SHARE_MAX = 0.05  # of planned requests: the slowest answers would be missing


class Pairs:
    """Make pairs of `slices` slices as they come. `planned`: requests are, by a rate."""

    def __init__(
        self,
        slices: int,
        *,
        primary: str = "requests_per_s",
        planned: bool = False,
        sides: int = 2,
    ) -> None:
        self._slices = slices
        self._sides = sides
        self._planned = planned
        self._of_client = primary != "cpu_per_request"  # which does not depend on who was the limit
        self._waiting: list[SlicePart] = []

    def take(self, parts: Sequence[SlicePart]) -> Iterator[Pair]:
        """Give the pairs of the first candidate that are complete now."""
        yield from (row[0] for row in self.rows(parts))

    def rows(self, parts: Sequence[SlicePart]) -> Iterator[tuple[Pair, ...]]:
        """Give a pair of each candidate with the base, as they are complete: of the same blocks."""
        self._waiting.extend(parts)
        while len(self._waiting) >= self._slices:
            group, self._waiting = self._waiting[: self._slices], self._waiting[self._slices :]
            yield self._row(group)

    def _row(self, group: Sequence[SlicePart]) -> tuple[Pair, ...]:
        parts = [[each for each in group if each.side == side] for side in range(self._sides)]
        figures = [_figures(each, planned=self._planned) for each in parts]
        reasons = [
            [
                f"{SIDES[min(side, 1)]}: {each}"
                for each in _reasons(parts[side], found)
                if each != client_limit.REASON or self._of_client
            ]
            for side, found in enumerate(figures)
        ]
        at_s = round(group[0].at_s, 3)
        pairs = []
        for side in range(1, self._sides):
            first = next(each.side for each in group if each.side in (0, side))
            why = (*reasons[0], *reasons[side])
            order = ORDERS[min(first, 1)]
            pairs.append(Pair(figures[0], figures[side], order, not why, why, at_s=at_s))
        return tuple(pairs)


def answered(pairs: Sequence[Pair]) -> bool:
    """Tell whether both sides have answered at all."""
    both = ([each.base for each in pairs], [each.candidate for each in pairs])
    return all(any(found is not None and found.samples for found in side) for side in both)


def _figures(parts: Sequence[SlicePart], *, planned: bool) -> Figures:
    """Return the figures of some slices of one side."""
    times = array("I")
    for each in parts:
        times.extend(each.times_ns)
    count = len(times)
    told = [each for each, least in SAMPLES.items() if count >= least]
    total_ns, found = _core.order_statistics(times.tobytes(), [_rank(count, p) for p in told])
    at_ms = {percent: value / 1e6 for percent, value in zip(told, found, strict=True)}
    ended = sum(each.ok + each.failed for each in parts)
    limit = client_limit.limit(parts, os.cpu_count() or 1, planned=planned)
    return Figures(
        requests_per_s=sum(each.rate for each in parts) / len(parts),
        p50_ms=at_ms.get(50),
        p99_ms=at_ms.get(99),
        mean_ms=total_ns / count / 1e6 if count else None,
        cpu_us_per_request=_cpu_us(parts, ended),
        errors_share=sum(each.failed for each in parts) / ended if ended else 1.0,
        verdict="client-limited" if limit == "client" else "ok",
        limit=limit,
        samples=count,
        p90_ms=at_ms.get(90),
    )


def _cpu_us(parts: Sequence[SlicePart], ended: int) -> float | None:
    """Return the processor time of a request, None where it is not known."""
    used_s = [each.cpu_s for each in parts if each.cpu_s is not None]
    return 1e6 * sum(used_s) / ended if ended and len(used_s) == len(parts) else None


def _reasons(parts: Sequence[SlicePart], found: Figures) -> Iterator[str]:
    if not found.samples:
        yield "no response was received"
    elif found.errors_share > ERRORS_SHARE_MAX:
        yield f"{100 * found.errors_share:.3g} % of its requests failed"
    elif sum(each.unsent for each in parts) > UNSENT_SHARE_MAX * (found.samples or 0):
        yield "it did not carry the planned rate"
    elif found.verdict != "ok":
        yield client_limit.REASON


def _rank(count: int, percent: int) -> int:
    """Return the place of a percentile among so many values in order, by nearest rank."""
    return max(1, -(-percent * count // 100)) - 1
