"""What a comparison found: frozen values, and the versioned JSON document both ways.

1. A pair is one trial to each side; its figures are those of the measured seconds of each trial.
   Pairs that are not valid stay in the document and out of the numbers.
2. A ratio is candidate / base. An interval is [low, high] of that ratio, null where there are too
   few pairs for one. Shares are fractions: 0.02 is 2 %.
3. The latencies of both sides stand in it as in a run's document, so that it can be analysed anew
   without the runs. Older documents have none, and are read all the same.
4. `from_document(to_document(comparison))` is the same comparison. A wrong document raises
   DocumentError with the path of the field.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated

from fastbench.results.histogram import Histogram
from fastbench.results.json_codec import LATER, DocumentError, member, members, plain, read
from fastbench.results.latencies import latency_ms, packed, read_histogram
from fastbench.results.result import VERDICTS as VALIDITY
from fastbench.results.result import Environment, Limit, Warning_

__all__ = [
    "BETTER",
    "ENDED",
    "FIGURES",
    "ORDERS",
    "SCHEMA",
    "SIDES",
    "TIMES",
    "VERDICTS",
    "Comparison",
    "DocumentError",
    "Figures",
    "Interval",
    "Latencies",
    "Metric",
    "Pair",
]

SCHEMA = "fastbench.compare/1"
VERDICTS = ("different", "equivalent", "inconclusive")
ORDERS = ("base first", "candidate first")
SIDES = ("base", "candidate")
TIMES = ("service", "response", "operation")
BETTER = ("higher", "lower")
ENDED = ("complete", "interrupted", "out_of_time", "nothing_succeeded")
FIGURES = {  # the name of a metric: its field in Figures
    "requests_per_s": "requests_per_s",
    "p50": "p50_ms",
    "p90": "p90_ms",
    "p99": "p99_ms",
    "mean": "mean_ms",
    "cpu_per_request": "cpu_us_per_request",
}
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figures:
    """One trial. Times are of responses under a rate, else of service; None where there are none.

    `samples` is how many times the percentiles are of; it and `p90_ms` are None in older documents.
    `cpu_us_per_request` is the server's, known only where its processes can be seen. `verdict` and
    `limit` are those of the run's validity, `errors_share` the share of requests not ok.
    """

    requests_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    mean_ms: float | None
    cpu_us_per_request: float | None
    errors_share: float
    verdict: Annotated[str, VALIDITY]
    limit: Limit
    samples: int | None = field(default=None, metadata=LATER)
    p90_ms: float | None = field(default=None, metadata=LATER)

    def of(self, metric: str) -> float | None:
        """Return the figure that a metric compares."""
        value: float | None = getattr(self, FIGURES[metric])
        return value


@dataclass(frozen=True, slots=True)
class Pair:
    """One trial to each side. `reasons` say why it is not valid; `redone` counts repeats.

    `at_s` is when a pair of slices began, counted from the first one; None for pairs of trials.
    `start` counts the fresh starts of the servers from 1; None where there is only one.
    """

    base: Figures | None
    candidate: Figures | None
    order: Annotated[str, ORDERS]
    valid: bool = True
    reasons: tuple[str, ...] = ()
    redone: int = 0
    at_s: float | None = field(default=None, metadata=LATER)
    start: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric over the valid pairs.

    `interval` has the comparison's confidence; `equivalence_interval` is the 90 % interval that
    must lie within the threshold for `equivalent`. `p_holm` is corrected for the other secondary
    metrics; the primary one's is its p. `noise_floor` is the standard deviation of the log ratios;
    `smallest_difference` is the share that as many pairs would have found in 9 cases of 10.
    """

    ratio: float
    interval: Interval | None
    equivalence_interval: Interval | None
    p: float | None
    p_holm: float | None
    verdict: Annotated[str, VERDICTS]
    noise_floor: float | None
    better: Annotated[str, BETTER]
    smallest_difference: float | None
    pairs: int


@dataclass(frozen=True, slots=True)
class Latencies:
    """The times of both sides: all trials of the pairs that count, merged; or two whole runs."""

    times: Annotated[str, TIMES]
    base: Histogram
    candidate: Histogram


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison. `config` is what was asked, secrets redacted, JSON-ready.

    `ratio`, `interval` and `noise_floor` are the primary metric's, None without a valid pair.
    `pairs_needed` is about how many more pairs a verdict needs, None where that cannot be told or
    is not needed. `threshold` is the smallest effect that counts. `base_environment` is there only
    for stored results: the machine of the base, where `environment` is the candidate's.
    `regression_limit` is the share that was asked for, `regressed` whether it is exceeded.
    `latency` is None where no pair counts.
    """

    version: str
    verdict: Annotated[str, VERDICTS]
    primary: Annotated[str, tuple(FIGURES)]
    ratio: float | None
    interval: Interval | None
    confidence: float
    threshold: float
    pairs: tuple[Pair, ...]
    pairs_planned: int
    noise_floor: float | None
    pairs_needed: int | None
    metrics: Mapping[str, Metric]
    warnings: tuple[Warning_, ...]
    environment: Environment
    base: str
    candidate: str
    seed: int
    interleaved: bool
    config: Mapping[str, object] = field(default_factory=dict)
    base_environment: Environment | None = None
    ended: Annotated[str, ENDED] = "complete"
    regression_limit: float | None = None
    regressed: bool = False
    latency: Latencies | None = None

    def to_document(self) -> dict[str, object]:
        """Return the JSON-ready document of schema fastbench.compare/1."""
        return {
            "schema": SCHEMA,
            "tool": {"name": "fastbench", "version": self.version},
            **{name: plain(getattr(self, name)) for name in _parts()},
            **_written(self.latency),
        }

    @classmethod
    def from_document(cls, document: object) -> Comparison:
        """Read a document back. Raises DocumentError with the name of the first wrong field."""
        if (schema := member(document, "schema")) != SCHEMA:
            raise DocumentError(f"schema: this fastbench reads {SCHEMA!r}, not {schema!r}")
        hints = typing.get_type_hints(cls, include_extras=True)
        values = {name: read(hints[name], member(document, name), name) for name in _parts()}
        _check_interval(values["interval"], "interval")
        for name, metric in values["metrics"].items():
            _check_interval(metric.interval, f"metrics.{name}.interval")
            _check_interval(metric.equivalence_interval, f"metrics.{name}.equivalence_interval")
        tool = member(document, "tool")
        version = read(str, member(tool, "version", "tool"), "tool.version")
        return cls(version=version, latency=_latencies(document), **values)


def _parts() -> list[str]:
    return [part.name for part in fields(Comparison) if part.name not in ("version", "latency")]


def _written(latency: Latencies | None) -> dict[str, object]:
    """Return the members that hold the latencies."""
    if latency is None:
        return dict.fromkeys(_OF_LATENCY)
    sides = {name: getattr(latency, name) for name in SIDES}
    return {
        "times": latency.times,
        "latency_ms": {name: latency_ms(each) for name, each in sides.items()},
        "hdr": {name: packed(each) for name, each in sides.items()},
    }


_OF_LATENCY = ("times", "latency_ms", "hdr")


def _latencies(document: object) -> Latencies | None:
    """Read the latencies back; None where none were kept."""
    found = members(document, "")
    if all(found.get(name) is None for name in _OF_LATENCY):
        return None
    times = read(Annotated[str, TIMES], member(document, "times"), "times")
    base, candidate = (read_histogram(document, name) for name in SIDES)
    return Latencies(times, base or Histogram.empty(), candidate or Histogram.empty())


def _check_interval(interval: tuple[float, ...] | None, path: str) -> None:
    if interval is not None and not (len(interval) == 2 and interval[0] <= interval[1]):
        raise DocumentError(f"{path}: expected two numbers, the low one first")
