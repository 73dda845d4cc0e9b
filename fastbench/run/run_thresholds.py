"""A plain run as its thresholds see it: k6's names where they mean the same, and the document's.

Of a run of several URLs parts are seen, too: {name:/a} or {url:http://h/a}, and {method:GET}. They
are judged by what `byurl` counts: requests, failures, timeouts, bytes received, times of answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import product
from typing import NoReturn

from fastbench.engine.bridge import _core
from fastbench.foundation import redact
from fastbench.plan.plan import Pace, UsageError, target_of
from fastbench.results.metric_values import Kind
from fastbench.results.thresholds.evaluation import Judge, Threshold
from fastbench.results.thresholds.submetric import Tags
from fastbench.run import sampling
from fastbench.run.url_counts import Row

__all__ = ["METRICS", "PlainJudge", "PlainRun", "check_tags", "spans"]

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
_BY_URL = {
    *("data_received", "http_req_duration", "http_req_failed", "http_reqs"),
    *("response", "service", "timeouts"),
}
_OF_URL = {"name", "url", "method"}


@dataclass(frozen=True, slots=True)
class PlainRun:
    """What a block holds, up to an instant or between two; `parts` are those of some URLs."""

    t_s: float
    span_s: float
    planned: bool
    counters: Counter[str]
    times: Mapping[str, _core.Histogram]
    parts: Mapping[Tags, PlainRun] = field(default_factory=dict)

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value; of a latency without a name also which one it is."""
        return (self.parts[threshold.tags] if threshold.tags else self)._observed(threshold)

    def _observed(self, threshold: Threshold) -> tuple[float | None, str]:
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
        parts = {tags: part.since(earlier.parts[tags]) for tags, part in self.parts.items()}
        span_s = self.t_s - earlier.t_s
        return replace(self, span_s=span_s, counters=counters, times=times, parts=parts)

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
    """The thresholds of one plain run, from its start line to its end; `rows` are its URLs."""

    def __init__(
        self, thresholds: tuple[Threshold, ...], pace: Pace | None, rows: Sequence[Row] = ()
    ) -> None:
        self._planned = pace is not None and pace.rates
        self._judge: Judge[PlainRun] = Judge(thresholds, spans(pace))
        whole = [each for each in thresholds if not each.tags]
        self._names = sorted({name for each in whole for name in self._needed(each)})
        self._urls = {each.tags: _meant(each.tags, rows) for each in thresholds if each.tags}
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
        parts = {tags: self._part(t_s, block, urls) for tags, urls in self._urls.items()}
        run = PlainRun(t_s, t_s, self._planned, sampling.sums(block), times, parts)
        return self._judge.look(run)

    def _part(self, t_s: float, block: _core.Block, urls: Iterable[int]) -> PlainRun:
        """Add up what was counted for some URLs."""
        times = {name: _core.Histogram() for name in ("service", "response")}
        for name, url in product(times, urls):
            times[name].add(block.url_histogram(name, url))
        counters = sampling.total(block.url_counters(url) for url in urls)
        return PlainRun(t_s, t_s, self._planned, counters, times)


def check_tags(thresholds: Iterable[Threshold], rows: Sequence[Row]) -> None:
    """Refuse thresholds on parts of a run of several URLs that are not counted."""
    for each in thresholds:
        if not each.tags:
            continue
        if unknown := [name for name, _ in each.tags if name not in _OF_URL]:
            _refuse(each, f"URLs have the tags name, url and method, not {unknown[0]}")
        if each.metric not in _BY_URL:
            _refuse(each, f"{each.metric} is counted for the whole run; leave the tags out")
        if not _meant(each.tags, rows):
            names = list(dict.fromkeys(row.name for row in rows))
            asked = next((value for name, value in each.tags if name != "method"), "")
            near = get_close_matches(target_of(asked), names, n=1, cutoff=0.6) or names[:3]
            _refuse(each, f"no URL of this run is that; there is {', '.join(near)}")


def _refuse(threshold: Threshold, why: str) -> NoReturn:
    raise UsageError(f"Threshold `{threshold.text}`: {why}.")


def _meant(tags: Tags, rows: Sequence[Row]) -> list[int]:
    """Return the places of the rows that have these tags; secrets are masked in their names."""
    method = dict(tags).get("method")
    names = {redact.url(target_of(value)) for name, value in tags if name != "method"}
    return [
        at
        for at, row in enumerate(rows)
        if method in (None, row.method) and names <= {row.name, f"/{row.name}"}
    ]


def spans(pace: Pace | None) -> dict[str, tuple[float, float]]:
    """Return when each stage of a plan begins and ends: "1", "2", …"""
    found = {}
    begin_s = 0.0
    for number, stage in enumerate(pace.stages if pace is not None else (), 1):
        found[str(number)] = (begin_s, begin_s + stage.length_s)
        begin_s += stage.length_s
    return found
