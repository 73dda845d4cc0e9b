"""How the parts of a run went over time: its names, its URLs, its scenarios; as they stand in JSON.

Columns have a value for each step. Of a long run neighbours are joined, so that an hour of many
names stays small: counts are added, percentiles are the higher of the two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastbench.results.json_codec import SPARSE, DocumentError
from fastbench.results.metric_values import OPERATION_KINDS

MAX_NAMES = 20  # that were counted most
MAX_SCENARIOS = 10
PART_KINDS = (*OPERATION_KINDS, "scenario")
LATENCIES = ("service", "response")


@dataclass(frozen=True, slots=True)
class PartSeries:
    """One part. `kind` is "scenario", or that of its `NamedRow`, whose name and method it has.

    `ended` and `failed` are counts. `latency` tells from where the times run that the percentiles
    are of; they are None where nothing ended, or before the part was counted apart.
    """

    kind: Annotated[str, PART_KINDS]
    name: str
    ended: tuple[int, ...]
    failed: tuple[int, ...]
    p50_ms: tuple[float | None, ...]
    p95_ms: tuple[float | None, ...]
    p99_ms: tuple[float | None, ...]
    method: str = field(default="", metadata=SPARSE)
    scenario: str = field(default="", metadata=SPARSE)
    latency: Annotated[str, LATENCIES] = "service"


@dataclass(frozen=True, slots=True)
class PartsOverTime:
    """The steps, s from the start line, and the parts; those that were counted most first.

    Raises DocumentError for columns that are not of these steps, and for steps without a length.
    """

    t_s: tuple[float, ...]
    span_s: tuple[float, ...]
    parts: tuple[PartSeries, ...]

    def __post_init__(self) -> None:
        columns: list[Sequence[float | None]] = [self.span_s]
        for part in self.parts:
            columns += [part.ended, part.failed, part.p50_ms, part.p95_ms, part.p99_ms]
        if any(len(each) != len(self.t_s) for each in columns):
            raise DocumentError("part_series: a column has not as many values as there are steps")
        if not all(each > 0 for each in self.span_s):
            raise DocumentError("part_series.span_s: a step has no length")


def joined_counts(counts: Sequence[int]) -> list[int]:
    """Add up neighbours; the number of them is even."""
    return [one + other for one, other in zip(counts[::2], counts[1::2], strict=True)]


def joined_percentiles(values: Sequence[float | None]) -> list[float | None]:
    """Return the higher of neighbours; the number of them is even."""
    pairs = zip(values[::2], values[1::2], strict=True)
    return [max((each for each in pair if each is not None), default=None) for pair in pairs]
