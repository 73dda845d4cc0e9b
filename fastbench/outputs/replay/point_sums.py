"""Points added up again: samples as k6 writes them, and ours, which stand for a whole second.

1. A point of k6 is one sample. One of ours has a `count`; the share of a rate and the mean of a
   trend then stand for so many samples, and `hdr` is how a trend's times are distributed.
2. Times are kept in histograms of ns. A trend of other numbers keeps a distribution, with the
   percentiles of k6's samples; of a trend of ours without `hdr` only count, sum and extremes are
   known, since percentiles of seconds cannot be added up.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastbench.engine.client import _client
from fastbench.outputs.point import Tags
from fastbench.results.histogram import Histogram, index
from fastbench.results.metric_values import Kind
from fastbench.results.thresholds.evaluation import Threshold

__all__ = ["Counter", "Gauge", "Rate", "Totals", "Trend", "Wrong"]

NS_PER_MS = 1e6
PERCENTS = (90, 95, 99)


class Wrong(ValueError):
    """A point that is none; the sentence says what is wrong with it."""


@dataclass(slots=True)
class Counter:
    """A sum."""

    sum: float = 0.0

    def take(self, data: Mapping[str, Any]) -> None:
        self.sum += _number(data, "value")

    def add(self, other: Counter) -> None:
        self.sum += other.sum

    @property
    def samples(self) -> float:
        return self.sum

    def values(self, span_s: float) -> dict[str, float]:
        return {"count": self.sum, "rate": self.sum / span_s if span_s > 0 else 0.0}


@dataclass(slots=True)
class Rate:
    """So many of so many."""

    passes: int = 0
    total: int = 0

    def take(self, data: Mapping[str, Any]) -> None:
        count = _count(data)
        share = _number(data, "value")
        if not 0 <= share <= 1:
            raise Wrong(f"the value {share:g} of a rate is not from 0 to 1")
        self.passes += round(share * count)
        self.total += count

    def add(self, other: Rate) -> None:
        self.passes += other.passes
        self.total += other.total

    @property
    def samples(self) -> float:
        return self.total

    def values(self, _span_s: float) -> dict[str, float]:
        share = self.passes / self.total if self.total else 0.0
        return {"rate": share, "passes": self.passes, "fails": self.total - self.passes}


@dataclass(slots=True)
class Gauge:
    """The last value, and the extremes."""

    value: float = 0.0
    min: float = math.inf
    max: float = -math.inf

    def take(self, data: Mapping[str, Any]) -> None:
        self.value = _number(data, "value")
        self.min = min(self.min, self.value)
        self.max = max(self.max, self.value)

    def add(self, other: Gauge) -> None:
        self.value = other.value
        self.min, self.max = min(self.min, other.min), max(self.max, other.max)

    @property
    def samples(self) -> float:
        return float(self.max >= self.min)

    def values(self, _span_s: float) -> dict[str, float]:
        return {"value": self.value, "min": self.min, "max": self.max}


@dataclass(slots=True)
class Trend:
    """Samples: count, sum, extremes, and how they are distributed as far as that is known.

    `counts` are a Histogram's counters of times; `numbers` are those of other trends. `whole`
    tells whether every sample is in one of them.
    """

    time: bool
    count: int = 0
    sum: float = 0.0
    min: float = math.inf
    max: float = -math.inf
    whole: bool = True
    counts: dict[int, int] = field(default_factory=dict)
    numbers: _client.Distribution = field(default_factory=_client.Distribution)

    def take(self, data: Mapping[str, Any]) -> None:
        value, count = _number(data, "value"), _count(data)
        least = _number(data, "min") if "min" in data else value
        most = _number(data, "max") if "max" in data else value
        added = value * count
        if "hdr" in data:
            counts = _unpacked(data["hdr"])
            count = sum(counts.values())  # beside `count` by a few, where workers counted meanwhile
            self._merge(counts)
        self._extend(count, added, least, most)
        if "hdr" in data:
            return
        if "count" in data:
            self.whole = False
        elif self.time:
            at = index(round(max(0.0, value) * NS_PER_MS))
            self.counts[at] = self.counts.get(at, 0) + 1
        else:
            self.numbers.record(value)

    def _extend(self, count: int, added: float, least: float, most: float) -> None:
        self.count += count
        self.sum += added
        self.min, self.max = min(self.min, least), max(self.max, most)

    def _merge(self, counts: Mapping[int, int]) -> None:
        for at, count in counts.items():
            self.counts[at] = self.counts.get(at, 0) + count

    def add(self, other: Trend) -> None:
        self._extend(other.count, other.sum, other.min, other.max)
        self._merge(other.counts)
        self.numbers.add(other.numbers)
        self.whole &= other.whole

    @property
    def samples(self) -> float:
        return self.count

    def histogram(self) -> Histogram:
        """Return the times in ns; empty where not all of them are known."""
        if not (self.time and self.whole and self.count):
            return Histogram.empty()
        least, most, added = (round(v * NS_PER_MS) for v in (self.min, self.max, self.sum))
        return Histogram(dict(sorted(self.counts.items())), max(0, least), max(0, most), added)

    def percentile(self, percent: float) -> float | None:
        """Return a percentile in the unit of the samples; None where it is not known."""
        if not (self.count and self.whole):
            return None
        if self.time:
            return self.histogram().percentile(percent) / NS_PER_MS
        return self.numbers.percentile(percent)

    def values(self, _span_s: float) -> dict[str, float]:
        if not self.count:
            return {"count": 0}
        found = {
            "avg": self.sum / self.count,
            "min": self.min,
            "med": self.percentile(50),
            "max": self.max,
            **{f"p({percent})": self.percentile(percent) for percent in PERCENTS},
            "count": self.count,
        }
        return {name: value for name, value in found.items() if value is not None}


Sum = Counter | Rate | Gauge | Trend


def _made(kind: Kind) -> Sum:
    if kind.type == "trend":
        return Trend(kind.contains == "time")
    if kind.type == "rate":
        return Rate()
    return Gauge() if kind.type == "gauge" else Counter()


class Totals:
    """The sums of every metric, by its tags."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[Tags, Sum]] = {}

    def take(self, name: str, kind: Kind, tags: Tags, data: Mapping[str, Any]) -> None:
        """Add a point. Raises Wrong."""
        of = self._sums.setdefault(name, {})
        if tags not in of:
            of[tags] = _made(kind)
        of[tags].take(data)

    def of(self, name: str, kind: Kind, tags: Tags = ()) -> Any:
        """Return the sum of what carries these tags; an empty one if nothing does."""
        found: Any = _made(kind)
        for _, each in self.parts(name, kind, tags):
            found.add(each)
        return found

    def parts(self, name: str, kind: Kind, tags: Tags = ()) -> Iterator[tuple[dict[str, str], Any]]:
        """Yield tags and sum of what carries `tags`.

        A script may have a metric of its own by a name of ours: of another kind, it is not meant.
        """
        meant = _made(kind)
        for said, each in self._sums.get(name, {}).items():
            same = type(each) is type(meant) and getattr(each, "time", 0) == getattr(
                meant, "time", 0
            )
            if same and set(tags) <= set(said):
                yield dict(said), each

    def by(self, name: str, kind: Kind, names: tuple[str, ...]) -> dict[tuple[str, ...], Any]:
        """Return the sums by the values of the tags named; "" stands for a tag that is not there.

        Points without the first of them are left out.
        """
        found: dict[tuple[str, ...], Any] = {}
        for tags, each in self.parts(name, kind):
            if names[0] in tags:
                key = tuple(tags.get(tag, "") for tag in names)
                found.setdefault(key, _made(kind)).add(each)
        return found

    def observe(self, threshold: Threshold, span_s: float) -> float | None:
        """Return what a threshold asks of the whole run; None without samples."""
        found = self.of(threshold.metric, threshold.kind, threshold.tags)
        if isinstance(found, Trend) and threshold.aggregate == "p":
            return found.percentile(threshold.percent)
        if isinstance(found, Rate) and threshold.aggregate == "count" and found.total:
            return float(found.passes)
        if isinstance(found, Counter) or found.samples:
            value: float | None = found.values(span_s).get(threshold.aggregate)
            return value
        return None


def _number(data: Mapping[str, Any], name: str) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Wrong(f"its {name} is not a number")
    return float(value)


def _count(data: Mapping[str, Any]) -> int:
    if "count" not in data:
        return 1
    count = _number(data, "count")
    if count < 0 or not count.is_integer():
        raise Wrong("its count is not a whole number")
    return int(count)


def _unpacked(text: object) -> Mapping[int, int]:
    try:
        return Histogram.from_v2(base64.b64decode(str(text), validate=True)).counts
    except (ValueError, binascii.Error) as error:
        raise Wrong(f"its hdr is no histogram: {error}") from None
