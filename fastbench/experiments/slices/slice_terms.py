"""What a comparison in slices is asked for, and its limits."""

from __future__ import annotations

from dataclasses import dataclass

from fastbench.experiments.compare.sequential import StopWhen

SHORTEST_S = 0.02
LONGEST_S = 2.0
MIN_PAIRS = 16
MAX_PAIRS = 4000  # a document of some megabytes
MAX_SLICES = 65_000  # the engine has room for 65,536


@dataclass(frozen=True, slots=True)
class SliceTerms:
    """What was asked for. `slice_s` None: the pilot finds it. `time_s`: of all slices.

    `find_rate`: latencies are compared, at a rate that both sides can carry. `threshold` is the
    smallest effect that counts, a share.
    """

    seed: int
    time_s: float
    slice_s: float | None = None
    find_rate: bool = False
    primary: str = "requests_per_s"
    threshold: float = 0.02
    stop_when: StopWhen | None = None


@dataclass(frozen=True, slots=True)
class Course:
    """How it is measured: the length of a slice, and blocks of slices that make a pair.

    `skip_s` is left out at the begin of each slice.
    """

    slice_s: float
    blocks: int
    skip_s: float = 0.0
