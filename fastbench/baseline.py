"""A plain run as its thresholds see it: k6's names where they mean the same, and the document's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastbench import _core, sampling
from fastbench.judging import Judge, Threshold
from fastbench.measured import Kind
from fastbench.plan import Pace

__all__ = ["METRICS", "PlainJudge", "PlainRun", "spans"]

_COUNTER, _DATA, _TIME = Kind("counter"), Kind("counter", "data"), Kind("trend", "time")
METRICS: Mapping[str, Kind] = {
    "connect": _TIME,
    "data_received": _DATA,
    "data_sent": _DATA,
    "dropped": _COUNTER,
    "first_byte": _TIME,
    "http_req_duration": _TIME,
    "http_req_failed": Kind("rate"),
    "http_reqs": _COUNTER,
    "lag": _TIME,
    "response": _TIME,
    "retried": _COUNTER,
    "service": _TIME,
    "timeouts": _COUNTER,
}
_COUNTED = {"data_received": "bytes_in", "data_sent": "bytes_out"}
_TIMED = {"http_req_duration": "service"}


@dataclass(frozen=True, slots=True)
class PlainRun:
    """What a block holds, up to an instant or between two."""

    t_s: float
    span_s: float
    planned: bool
    counters: Counter[str]
    times: Mapping[str, _core.Histogram]

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value; of a latency without a name also which one it is."""
        metric = threshold.metric
        what = ""
        if threshold.either:
            metric = "response" if self.planned else "service"
            what = f"{metric} time"
        if threshold.kind.type == "trend":
            if metric != "connect" and not self.counters["ok"]:
                return None, what  # what timed out is no latency of a server that answers
            return _of_times(self.times[_TIMED.get(metric, metric)], threshold), what
        ended = self.counters["ok"] + self.counters["failed"] + self.counters["timeouts"]
        if threshold.kind.type == "rate":
            bad = self.counters["failed"] + self.counters["timeouts"]
            if threshold.aggregate == "count":
                return float(bad), what
            return (bad / ended if ended else None), what
        count = ended if metric == "http_reqs" else self.counters[_COUNTED.get(metric, metric)]
        if threshold.aggregate == "rate":
            return (count / self.span_s if self.span_s > 0 else None), what
        return float(count), what

    def since(self, earlier: PlainRun) -> PlainRun:
        """Return what came after an earlier instant."""
        counters = Counter(self.counters)
        counters.subtract(earlier.counters)
        times = {name: h.since(earlier.times[name]) for name, h in self.times.items()}
        span_s = self.t_s - earlier.t_s
        return replace(self, span_s=span_s, counters=counters, times=times)

    def kept(self, keys: frozenset[str]) -> PlainRun:
        """Return itself: what was read from the block does not change."""
        return self


def _of_times(times: _core.Histogram, threshold: Threshold) -> float | None:
    """Return an aggregate in ms."""
    if not times.count:
        return None
    if threshold.aggregate == "count":
        return float(times.count)
    values_ns = {"min": times.min_ns, "max": times.max_ns, "avg": times.sum_ns / times.count}
    percent = 50.0 if threshold.aggregate == "med" else threshold.percent
    return values_ns.get(threshold.aggregate, times.percentile(percent)) / 1e6


class PlainJudge:
    """The thresholds of one plain run, from its start line to its end."""

    def __init__(self, thresholds: tuple[Threshold, ...], pace: Pace | None) -> None:
        self._planned = pace is not None and pace.rates
        self._judge: Judge[PlainRun] = Judge(thresholds, spans(pace))
        self._names = sorted({name for each in thresholds for name in self._needed(each)})
        self.judgements = self._judge.judgements

    def _needed(self, threshold: Threshold) -> list[str]:
        """Name the histograms to read: no more than what is asked for."""
        if threshold.kind.type != "trend":
            return []
        if threshold.either:
            return ["response" if self._planned else "service"]
        return [_TIMED.get(threshold.metric, threshold.metric)]

    @property
    def reason(self) -> str:
        """Why the run was ended, "" if it was not."""
        by = self._judge.stopped_by
        return f"the threshold `{by}` was broken" if by else ""

    def next_s(self, t_s: float) -> float:
        """Return the next instant at which a stage begins or ends."""
        return self._judge.next_s(t_s)

    def look(self, t_s: float, block: _core.Block) -> bool:
        """Judge what the block holds now; true when the run is to end."""
        times = {name: block.histogram(name) for name in self._names}
        return self._judge.look(PlainRun(t_s, t_s, self._planned, sampling.sums(block), times))


def spans(pace: Pace | None) -> dict[str, tuple[float, float]]:
    """Return when each stage of a plan begins and ends: "1", "2", …"""
    found = {}
    begin_s = 0.0
    for number, stage in enumerate(pace.stages if pace is not None else (), 1):
        found[str(number)] = (begin_s, begin_s + stage.length_s)
        begin_s += stage.length_s
    return found
