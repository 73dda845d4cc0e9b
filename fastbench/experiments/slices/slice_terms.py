"""What a comparison in slices is asked for, and its limits."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.sequential import StopWhen

SHORTEST_S = 0.02
LONGEST_S = 2.0
MIN_PAIRS = 16
MAX_PAIRS = 4000  # a document of some megabytes
PAIRS_PER_START = 2
MAX_SLICES = 65_000  # the engine has room for 65,536


@dataclass(frozen=True, slots=True)
class SliceTerms:
    """What was asked for. `slice_s` None: the pilot finds it. `time_s`: of all slices.

    `find_rate`: latencies are compared, at a rate that both sides can carry. `threshold` is the
    smallest effect that counts, a share.
    `restarts` are the fresh starts of all servers, `warmup_s` the load of each side before the
    slices of a start.
    """

    seed: int
    time_s: float
    slice_s: float | None = None
    find_rate: bool = False
    primary: str = "requests_per_s"
    threshold: float = 0.02
    stop_when: StopWhen | None = None
    restarts: int = 1
    warmup_s: float = 0.0

    @property
    def start_s(self) -> float:
        """How long the slices of one start take."""
        return self.time_s / self.restarts

    @property
    def least_pairs(self) -> int:
        """How many pairs there have to be."""
        return max(MIN_PAIRS, PAIRS_PER_START * self.restarts)


@dataclass(frozen=True, slots=True)
class Course:
    """How it is measured: the length of a slice, and blocks of slices that make a pair.

    `skip_s` is left out at the begin of each slice.
    """

    slice_s: float
    blocks: int
    skip_s: float = 0.0
