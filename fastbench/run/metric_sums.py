"""What the samples of one metric add up to: a value of the metric's type.

1. `a + b` is the value of the samples of both; `add` takes the other one in, for who owns the value
   and adds many. `since` returns what came after an earlier value of the same samples.
2. Times that we measure are kept in nanoseconds and told in ms, as k6 does; a script's own trend
   is told as it was given.
3. A value survives JSON: `to_json` and `from_json` are each other's inverse.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING, Any

from fastbench.engine.bridge import _core
from fastbench.results.histogram import Histogram, v2_of
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.number_counts import packed_places

if TYPE_CHECKING:
    from fastbench.results.thresholds.judging import Threshold

PERCENTS = (90, 95, 99)  # of a trend, beside the median
NS_PER_MS = 1e6
# What k6 has in its summary without a threshold: counted for its scripts only.
OF_K6: Mapping[str, tuple[str, tuple[tuple[str, str], ...], Kind]] = {
    "http_req_duration{expected_response:true}": (
        "http_req_duration",
        (("expected_response", "true"),),
        BUILT_IN["http_req_duration"],
    )
}


class _Sum:
    """What all values do."""

    __slots__ = ()

    def blank(self) -> Any:
        """Return a value of the same type without samples."""
        return type(self)()

    def __add__(self, other: Any) -> Any:
        found = self.blank()
        found.add(self)
        found.add(other)
        return found

    def to_json(self) -> list[Any]:
        """Return the type and what JSON can hold."""
        kind = next(name for name, value in EMPTY.items() if isinstance(self, type(value)))
        return [kind, *astuple(self)]  # type: ignore[call-overload]


@dataclass(slots=True)
class CounterValue(_Sum):
    """A sum."""

    count: float = 0.0

    @property
    def samples(self) -> float:
        """What was counted; 0: nothing to tell."""
        return self.count

    def add(self, other: CounterValue) -> None:
        self.count += other.count

    def since(self, earlier: CounterValue) -> CounterValue:
        return CounterValue(self.count - earlier.count)

    def values(self, span_s: float) -> dict[str, float]:
        """Return the values in k6's names; the rate is per second of `span_s`."""
        return {"count": self.count, "rate": self.count / span_s if span_s > 0 else 0.0}


@dataclass(slots=True)
class GaugeValue(_Sum):
    """The value that was set last, and the extremes. `at_ns` is when it was set, 0: never."""

    value: float = 0.0
    min: float = 0.0
    max: float = 0.0
    at_ns: int = 0

    @property
    def samples(self) -> float:
        return self.at_ns

    def add(self, other: GaugeValue) -> None:
        if not self.at_ns:
            self.min, self.max = other.min, other.max
        elif other.at_ns:
            self.min, self.max = min(self.min, other.min), max(self.max, other.max)
        if other.at_ns >= self.at_ns:
            self.value, self.at_ns = other.value, other.at_ns

    def since(self, earlier: GaugeValue) -> GaugeValue:
        """Return itself: a gauge has its value at every instant."""
        return self

    def values(self, span_s: float) -> dict[str, float]:
        """Return the values in k6's names; none of one that was never set."""
        if not self.at_ns:
            return {}
        return {"value": self.value, "min": self.min, "max": self.max}


@dataclass(slots=True)
class RateValue(_Sum):
    """So many passes of so many."""

    passes: int = 0
    total: int = 0

    @property
    def samples(self) -> float:
        return self.total

    def add(self, other: RateValue) -> None:
        self.passes += other.passes
        self.total += other.total

    def since(self, earlier: RateValue) -> RateValue:
        return RateValue(self.passes - earlier.passes, self.total - earlier.total)

    def values(self, span_s: float) -> dict[str, float]:
        share = self.passes / self.total if self.total else 0.0
        return {"rate": share, "passes": self.passes, "fails": self.total - self.passes}


@dataclass(slots=True)
class TrendValue(_Sum):
    """A distribution: times in ns, or any numbers. What is told of times is in ms."""

    counted: Any = field(default_factory=_core.Histogram)

    @classmethod
    def of(cls, times: Histogram) -> TrendValue:
        """Return the times of a result."""
        if not times.count:
            return cls()
        exact = (times.min_ns, times.max_ns, times.sum_ns)
        return cls(_core.Histogram.of(times.counts, *exact))

    @property
    def timed(self) -> bool:
        """Tell whether these are times that we measured."""
        return isinstance(self.counted, _core.Histogram)

    @property
    def samples(self) -> int:
        return int(self.counted.count)

    @property
    def sum(self) -> float:
        """The sum of all samples, as it was added up."""
        found: float = self.counted.sum_ns / NS_PER_MS if self.timed else self.counted.sum
        return found

    def add(self, other: TrendValue) -> None:
        self.counted.add(other.counted)

    def blank(self) -> TrendValue:
        return TrendValue(type(self.counted)())

    def since(self, earlier: TrendValue) -> TrendValue:
        return TrendValue(self.counted.since(earlier.counted))

    def percentile(self, percent: float) -> float | None:
        """Return a percentile; None where it is not known."""
        found: float = self.counted.percentile(percent)
        return found / NS_PER_MS if self.timed else found

    def extremes(self) -> tuple[float, float]:
        """Return the least and the greatest sample."""
        if self.timed:
            return self.counted.min_ns / NS_PER_MS, self.counted.max_ns / NS_PER_MS
        return self.counted.min, self.counted.max

    def values(self, span_s: float) -> dict[str, float]:
        """Return the values in k6's names; without samples the count alone."""
        if not self.samples:
            return {"count": 0}
        least, most = self.extremes()
        found = {
            "avg": self.sum / self.samples,
            "min": least,
            "med": self.percentile(50),
            "max": most,
            **{f"p({percent})": self.percentile(percent) for percent in PERCENTS},
            "count": self.samples,
        }
        return {name: value for name, value in found.items() if value is not None}

    def histogram(self) -> Histogram:
        """Return times as the histogram of a result."""
        h = self.counted
        return Histogram(h.counts(), h.min_ns, h.max_ns, h.sum_ns)

    def packed(self, level: int = -1) -> str:
        """Return the samples as a document holds them; `level` is that of zlib. "" without any."""
        if not self.samples:
            return ""
        if not self.timed:
            return packed_places(self.counted.counts())
        return base64.b64encode(v2_of(self.counted.payload(), level)).decode()

    def to_json(self) -> list[Any]:
        if self.timed:
            h = self.counted
            return ["times", self.packed(), h.min_ns, h.max_ns, h.sum_ns]
        numbers = self.counted
        return ["trend", list(numbers.counts().items()), numbers.min, numbers.max, numbers.sum]


Value = CounterValue | GaugeValue | RateValue | TrendValue
EMPTY: Mapping[str, Value] = {  # of each type; nobody adds to these
    "counter": CounterValue(),
    "gauge": GaugeValue(),
    "rate": RateValue(),
    "trend": TrendValue(),
}


def packed_each(times: Mapping[str, TrendValue | None]) -> dict[str, str]:
    """Return those that have samples, packed, by name."""
    found = {name: "" if each is None else each.packed() for name, each in times.items()}
    return {name: text for name, text in found.items() if text}


def total(each: Iterable[Any]) -> Any:
    """Return the sum of values of one type, None of nothing."""
    values = list(each)
    if len(values) < 2:
        return values[0] if values else None
    found = values[0].blank()
    for value in values:
        found.add(value)
    return found


def from_json(row: list[Any]) -> Any:
    """Return what `to_json` wrote."""
    kind, *of = row
    if kind == "times":
        if not of[0]:
            return TrendValue()
        return TrendValue.of(Histogram.from_v2(base64.b64decode(of[0])).with_exact(*of[1:]))
    if kind == "trend":
        from fastbench.engine.client import _client  # runs of URLs do without it

        return TrendValue(_client.Distribution.of(dict(of[0]), *of[1:]))
    return type(EMPTY[kind])(*of)


def asked(value: Any, threshold: Threshold, span_s: float) -> float | None:
    """Return what a threshold asks of a value, in the metric's own unit; None without samples."""
    if value is None:
        return None
    if isinstance(value, CounterValue):
        if threshold.aggregate == "count":
            return float(value.count)
        return value.count / span_s if span_s > 0 else None
    if not value.samples:
        return None
    if isinstance(value, RateValue) and threshold.aggregate == "count":
        return float(value.passes)
    if isinstance(value, TrendValue) and threshold.aggregate == "p":
        return value.percentile(threshold.percent)
    found: float | None = value.values(span_s).get(threshold.aggregate)
    return found
