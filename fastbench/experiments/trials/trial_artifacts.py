"""What is kept of the trials that count, beside their figures: latencies, and a result on demand.

1. The latencies of one side are the counters of all its trials, added up: nothing is averaged.
2. No result is made of several: where one is asked for, it is a trial that was, the middle one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fastbench.experiments.compare.compare_document import Latencies
from fastbench.experiments.compare.figures import figures_of
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result


@dataclass(slots=True)
class Kept:
    """Take the two trials of each pair that counts; `results` keeps those of the candidate."""

    results: bool = False
    _merged: dict[tuple[str, int], Histogram] = field(default_factory=dict)
    _planned: bool = True
    _timed: bool = True  # none of them sent a request
    _candidates: list[Result] = field(default_factory=list)

    def add(self, base: Result, candidate: Result) -> None:
        """Take the trials of one pair."""
        for side, result in enumerate((base, candidate)):
            of = result.main
            self._timed = self._timed and of.noun == "operation"
            self._add("service", side, of.latency.service)
            if of.planned is None:
                self._planned = False
            else:
                self._add("response", side, of.planned)
        if self.results:
            self._candidates.append(candidate)

    def add_slices(self, times: str, sides: Sequence[Histogram]) -> None:
        """Take the times of all slices of all sides: `response` under a plan, else `service`."""
        self._timed, self._planned = False, times == "response"
        for side, found in enumerate(sides):
            self._add(times, side, found)

    def latency(self, candidate: int = 1) -> Latencies | None:
        """Return the times of both sides, of responses if all trials have them; None of none.

        The candidate is the side of that number.
        """
        if not self._merged:
            return None
        times = "response" if self._planned else "service"
        of_both = (self._merged[times, side] for side in (0, candidate))
        return Latencies("operation" if self._timed else times, *of_both)

    def middle(self, metric: str) -> Result | None:
        """Return the candidate's trial that is the median by a metric, the lower of two."""
        known = [
            (value, at)
            for at, result in enumerate(self._candidates)
            if (value := figures_of(result).of(metric)) is not None
        ]
        if not known:
            return None
        return self._candidates[sorted(known)[(len(known) - 1) // 2][1]]

    def _add(self, times: str, side: int, more: Histogram) -> None:
        self._merged[times, side] = self._merged.get((times, side), Histogram.empty()).merge(more)
