"""What outputs write: frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastbench.foundation import redact
from fastbench.results.metric_values import Kind

Tags = tuple[tuple[str, str], ...]

# Upper bounds of the classic buckets: six to the decade, from 0.1 ms to 100 s, so that a quantile
# read from them is at most half a step off.
_STEPS = (1, 1.5, 2, 3, 5, 7)
BOUNDS_S = (*(float(f"{step}e{exp}") for exp in range(-4, 2) for step in _STEPS), 100.0)


class OutputError(Exception):
    """Points were not written. `again` tells whether the same may succeed later.

    Then `after_s` is how long the server wants to be left alone. Else `points` is how many of them
    are lost, None for all.
    """

    def __init__(
        self, text: str, *, again: bool = False, after_s: float = 0.0, points: int | None = None
    ) -> None:
        super().__init__(redact.printable(text))
        self.again = again
        self.after_s = after_s
        self.points = points


@dataclass(frozen=True, slots=True)
class Point:
    """One metric with one set of tags. `now` is of this second, `total` since the start.

    Both have the names of `metric_values.Metric`: times are in ms. `buckets` are how many samples
    were at most as long as each of BOUNDS_S, since the start; only times kept in histograms have
    them.
    `sum` is that of a trend's samples since the start: as it was added up, because a mean times a
    count may be a bit less than a second ago, which a sum that only grows must never be.
    `hdr` is the histogram of this second's times in ns, packed, for outputs that want it.
    """

    name: str
    kind: Kind
    tags: Tags
    now: Mapping[str, float]
    total: Mapping[str, float]
    buckets: tuple[int, ...] = ()
    sum: float = 0.0
    hdr: str = ""

    @property
    def silent(self) -> bool:
        """Tell whether this second had no sample; a gauge that was set has its value."""
        if self.kind.type == "rate":
            return not self.now["passes"] + self.now["fails"]
        if self.kind.type == "gauge":
            return not self.now  # it was never set
        return not self.now["count"]

    @property
    def value(self) -> float:
        """What k6 calls the value: a count, a share, the value of a gauge, a mean."""
        names = {"counter": "count", "rate": "rate", "gauge": "value", "trend": "avg"}
        return self.now[names[self.kind.type]]

    @property
    def count(self) -> float:
        """How many samples the value stands for."""
        if self.kind.type == "rate":
            return self.now["passes"] + self.now["fails"]
        return self.now["count"] if self.kind.type == "trend" else 1


@dataclass(frozen=True, slots=True)
class Frame:
    """What is told of one second. `at_ns` is its end in Unix time, `t_s` from the start line."""

    t_s: float
    at_ns: int
    points: tuple[Point, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class End:
    """How the run ended; `document` is that of its result."""

    at_ns: int
    thresholds_failed: bool
    document: Mapping[str, object] = field(default_factory=dict)


def clean(tags: Mapping[str, str]) -> Tags:
    """Return tags as they may leave: sorted, no control characters, secrets masked, none empty."""
    shown = (
        (
            redact.printable(str(name)),
            redact.MASK if redact.secret_key(str(name)) else redact.text(str(value)),
        )
        for name, value in tags.items()
    )
    pairs = ((name, redact.printable(value)) for name, value in shown)
    return tuple(sorted((name, value) for name, value in pairs if name and value))
