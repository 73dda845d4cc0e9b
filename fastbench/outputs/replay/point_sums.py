"""Points added up again: samples as k6 writes them, and ours, which stand for a whole second.

1. A point of k6 is one sample. One of ours has a `count`; the share of a rate and the mean of a
   trend then stand for so many samples, and `hdr` is how a trend's times are distributed.
2. Times are kept in sparse histograms of ns. A trend of other numbers keeps a distribution, with
   the percentiles of k6's samples; of a trend of ours without `hdr` only count, sum and extremes
   are known, since percentiles of seconds cannot be added up.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fastbench.engine.client import _client
from fastbench.results.histogram import Histogram, index
from fastbench.results.metric_values import Kind
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue, Value

NS_PER_MS = 1e6


class Wrong(ValueError):
    """A point that is none; the sentence says what is wrong with it."""


@dataclass(slots=True)
class SampledTrend(TrendValue):
    """Samples: count, sum, extremes, and how they are distributed as far as that is known.

    `counts` are a Histogram's counters of times; `counted` are those of other trends. `whole`
    tells whether every sample is in one of them.
    """

    counted: Any = field(default_factory=_client.Distribution)
    time: bool = False
    count: int = 0
    added: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    whole: bool = True
    counts: dict[int, int] = field(default_factory=dict)

    def blank(self) -> SampledTrend:
        return SampledTrend(time=self.time)

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
            self._merge({index(round(max(0.0, value) * NS_PER_MS)): 1})
        else:
            self.counted.record(value)

    def _extend(self, count: int, added: float, least: float, most: float) -> None:
        self.count += count
        self.added += added
        self.least, self.most = min(self.least, least), max(self.most, most)

    def _merge(self, counts: Mapping[int, int]) -> None:
        for at, count in counts.items():
            self.counts[at] = self.counts.get(at, 0) + count

    def add(self, other: Any) -> None:
        self._extend(other.count, other.added, other.least, other.most)
        self._merge(other.counts)
        self.counted.add(other.counted)
        self.whole &= other.whole

    @property
    def samples(self) -> int:
        return self.count

    @property
    def sum(self) -> float:
        return self.added

    def extremes(self) -> tuple[float, float]:
        return self.least, self.most

    def histogram(self) -> Histogram:
        """Return the times in ns; empty where not all of them are known."""
        if not (self.time and self.whole and self.count):
            return Histogram.empty()
        least, most, added = (round(v * NS_PER_MS) for v in (self.least, self.most, self.added))
        return Histogram(dict(sorted(self.counts.items())), max(0, least), max(0, most), added)

    def percentile(self, percent: float) -> float | None:
        """Return a percentile in the unit of the samples; None where it is not known."""
        if not (self.count and self.whole):
            return None
        if self.time:
            return self.histogram().percentile(percent) / NS_PER_MS
        found: float = self.counted.percentile(percent)
        return found


def blank(kind: Kind) -> Any:
    """Return a value of a metric without samples."""
    if kind.type == "trend":
        return SampledTrend(time=kind.contains == "time")
    return {"counter": CounterValue, "gauge": GaugeValue, "rate": RateValue}[kind.type]()


def take(value: Value, data: Mapping[str, Any], at_s: float) -> None:
    """Add a point at a Unix time in seconds. Raises Wrong."""
    if isinstance(value, SampledTrend):
        value.take(data)
        return
    number = _number(data, "value")
    if isinstance(value, CounterValue):
        value.count += number
    elif isinstance(value, GaugeValue):
        value.add(GaugeValue(number, number, number, max(1, round(at_s * 1e9))))
    elif isinstance(value, RateValue):
        count = _count(data)
        if not 0 <= number <= 1:
            raise Wrong(f"the value {number:g} of a rate is not from 0 to 1")
        value.add(RateValue(round(number * count), count))


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
        raise Wrong(f"its hdr is not a histogram: {error}") from None
