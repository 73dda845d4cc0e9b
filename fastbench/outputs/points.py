"""From what is counted to points: of the arena of a script's run, of the block of a plain one.

1. Requests are told by name where they are counted by name, else by scenario; those of a plain run
   of several URLs by URL: name (path and query) and method. Never both, so that a sum over all tags
   is the whole. Phases of requests and bytes are told by scenario.
   What requests, checks and samples of the script's own metrics were tagged with stands at their
   points: at http_reqs, http_req_failed and http_req_duration, too, but at no phase of a request.
2. Of tags of one name that of the sample wins, then that of its scenario, then --tag, then that of
   Options; what we name ourselves (scenario, name, method, group, check) is never overwritten.
3. Sub-metrics of thresholds are left out: they are parts of what is told already.
4. In a plain run `vus` are its open connections.
5. Errors are told by kind, `http_req_errors`; an answer that came and was not ok is none of them.
"""

from __future__ import annotations

import base64
import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.outputs.point import BOUNDS_S, Point, Tags, clean
from fastbench.results.histogram import index, v2_of
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.run import sampling
from fastbench.run.url_counts import Row
from fastbench.script.parent import metric_math, metric_snapshot
from fastbench.script.parent.metric_snapshot import read_tags

__all__ = ["PlainReader", "ScriptReader", "buckets", "plain_times"]

_COUNTS = {"data_received": "bytes_in", "data_sent": "bytes_out"}
_PHASES = {name: name for name in _client.TIMES if name not in ("response", "http_req_duration")}
_TIMES = {**_PHASES, "http_req_response": "response"}
_PLAIN_COUNTS = {**_COUNTS, "dropped": "dropped", "retried": "retried", "timeouts": "timeouts"}
_PLAIN_TIMES = {"http_req_waiting": "first_byte"}
NS_PER_MS = 1e6
_COUNTER, _TIME = Kind("counter"), Kind("trend", "time")
# The last counter of a histogram that holds nothing longer than each bound.
_LAST = tuple(index(round(bound * 1e9) + 1) - 1 for bound in BOUNDS_S)


def buckets(counted: _core.Histogram) -> tuple[int, ...]:
    """Return how many samples are at most as long as each of BOUNDS_S.

    A counter that holds a bound counts as longer: it is 0.1 % wide.
    """
    counts = counted.counts()
    counters = list(counts)
    up_to = [0, *accumulate(counts.values())]
    return tuple(up_to[bisect_right(counters, last)] for last in _LAST)


class _Maker:
    """Make points, with buckets and histograms only for those who want them."""

    def __init__(self, *, with_buckets: bool, with_histograms: bool) -> None:
        self._with_buckets = with_buckets
        self._with_histograms = with_histograms
        self.begin({}, {})

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Take the tags of all points, and of those of each scenario."""
        self._tags = dict(tags)
        self._of_scenarios = of_scenarios
        self._joined = lru_cache(maxsize=8192)(self._join)

    def _join(self, text: str) -> Tags:
        found = read_tags(text)
        more = self._of_scenarios.get(found.get("scenario", ""), {})
        return clean({**self._tags, **more, **found})

    def point(self, name: str, kind: Kind, text: str, now: Any, total: Any, span: _Span) -> Point:
        """Return one point; `text` are its tags as the arena holds them."""
        counted = self._with_buckets and isinstance(total, _core.Histogram)
        return Point(
            name,
            kind,
            self._joined(text),
            metric_math.values(now, kind, span[0]),
            metric_math.values(total, kind, span[1]),
            buckets(total) if counted else (),
            _sum(total),
            _packed(now) if self._with_histograms and name in _LATENCIES else "",
        )


def _packed(now: Any) -> str:
    """Return a histogram as a document holds it; packed fast rather than small."""
    if not isinstance(now, _core.Histogram) or not now.count:
        return ""
    return base64.b64encode(v2_of(now.payload(), level=1)).decode()


def _sum(total: Any) -> float:
    if isinstance(total, _core.Histogram):
        return total.sum_ns / NS_PER_MS
    return total.sum if isinstance(total, _client.Distribution) else 0.0


# Whose histograms go along where they are wanted: each costs half a millisecond a second.
_LATENCIES = {"group_duration", "http_req_duration", "http_req_response", "iteration_duration"}
_LATENCIES |= {"response"}
_Span = tuple[float, float]  # of this second, and since the start
_Name = tuple[str, str]  # of a metric, and its tags


class ScriptReader:
    """Read snapshots of an arena one after another."""

    def __init__(self, *, with_buckets: bool, with_histograms: bool = False) -> None:
        self._make = _Maker(with_buckets=with_buckets, with_histograms=with_histograms)
        self.begin = self._make.begin
        self._last: metric_snapshot.Snapshot | None = None

    def points(self, snapshot: metric_snapshot.Snapshot) -> tuple[Point, ...]:
        """Return what came since the last snapshot."""
        now = snapshot if self._last is None else snapshot.since(self._last)
        self._last = snapshot
        span = (now.span_s, snapshot.t_s)
        kinds = {**BUILT_IN, **snapshot.declared}
        named = {
            read_tags(text).get("scenario") for kind, _, text in snapshot.rows if kind == "named"
        }
        found = []
        for (kind, name, text), total in snapshot.rows.items():
            parts = now.rows[kind, name, text]
            if kind == "named":
                rows = _request(parts, total)
            elif kind == "requests":
                rows = _whole(parts, total)
                if read_tags(text).get("scenario") not in named:
                    rows = (*rows, *_request(_unnamed(parts), _unnamed(total)))
            elif kind == "errors":
                rows = ((name, _COUNTER, float(parts), float(total)),)
            elif name in kinds:
                rows = ((name, kinds[name], parts, total),)
            else:
                continue
            found += [
                self._make.point(metric, of, text, new, all_, span)
                for metric, of, new, all_ in rows
            ]
        return tuple(found)


_Row = tuple[str, Kind, Any, Any]


def _unnamed(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {**parts, "duration": parts["http_req_duration"]}


def _request(now: Mapping[str, Any], total: Mapping[str, Any]) -> tuple[_Row, ...]:
    """Return the three metrics that requests are counted by."""
    return (
        ("http_reqs", _COUNTER, float(now["reqs"]), float(total["reqs"])),
        (
            "http_req_failed",
            Kind("rate"),
            (now["failed"], now["reqs"]),
            (total["failed"], total["reqs"]),
        ),
        ("http_req_duration", _TIME, now["duration"], total["duration"]),
    )


def _whole(now: Mapping[str, Any], total: Mapping[str, Any]) -> tuple[_Row, ...]:
    """Return what is known of all requests of a scenario: bytes and phases."""
    counts = (
        (name, BUILT_IN[name], float(now[part]), float(total[part]))
        for name, part in _COUNTS.items()
    )
    times = (
        (name, BUILT_IN[name], now[part], total[part])
        for name, part in _TIMES.items()
        if name != "http_req_response" or total[part].count
    )
    return (*counts, *times)


class PlainReader:
    """Read the block of a plain run, one second after another."""

    def __init__(
        self,
        block_names: tuple[str, ...],
        urls: Sequence[Row] = (),
        *,
        with_buckets: bool,
        with_histograms: bool = False,
    ) -> None:
        self._make = _Maker(with_buckets=with_buckets, with_histograms=with_histograms)
        self._histograms = block_names
        self._urls = [json.dumps({"name": row.name, "method": row.method}) for row in urls]
        self._before: dict[_Name, Any] = {}
        self._before_s = 0.0

    def points(self, t_s: float, block: _core.Block) -> tuple[Point, ...]:
        """Return what came since the last look."""
        span = (t_s - self._before_s, t_s)
        found: list[Point] = []
        seen: dict[_Name, Any] = {}
        for name, kind, text, value in chain(self._requests(block), self._whole(block)):
            found.append(self._point(name, kind, text, value, seen, span))
        for error, count in sampling.errors(block).items():
            text = json.dumps({"kind": error})
            found.append(
                self._point(metric_snapshot.ERRORS, _COUNTER, text, float(count), seen, span)
            )
        self._before, self._before_s = seen, t_s
        return tuple(found)

    def _point(
        self, name: str, kind: Kind, text: str, value: Any, seen: dict[_Name, Any], span: _Span
    ) -> Point:
        """Return one point, and keep what was seen for the next second."""
        seen[name, text] = value
        old = self._before.get((name, text))
        entry = "times" if kind.type == "trend" else kind.type
        now = value if old is None else metric_math.SINCE[entry](value, old)
        return self._make.point(name, kind, text, now, value, span)

    def _requests(self, block: _core.Block) -> Iterator[_Value]:
        """Yield what all requests are counted by: of each URL where there are several."""
        parts = [
            (text, block.url_counters(at), block.url_histogram("service", at))
            for at, text in enumerate(self._urls)
        ]
        for text, counters, times in parts or [
            ("", sampling.sums(block), block.histogram("service"))
        ]:
            bad = counters["failed"] + counters["timeouts"]
            ended = counters["ok"] + bad
            yield "http_reqs", _COUNTER, text, float(ended)
            yield "http_req_failed", Kind("rate"), text, (bad, ended)
            yield "http_req_duration", _TIME, text, times

    def _whole(self, block: _core.Block) -> Iterator[_Value]:
        counters = sampling.sums(block)
        connected = float(counters["connected"])
        yield "vus", Kind("gauge"), "", (connected, connected, connected, 1)
        for name, counter in _PLAIN_COUNTS.items():
            yield name, BUILT_IN.get(name, _COUNTER), "", float(counters[counter])
        for name in self._histograms:
            yield name, _TIME, "", block.histogram(_PLAIN_TIMES.get(name, name))


_Value = tuple[str, Kind, str, Any]  # metric, kind, tags, and what is counted since the start


def plain_times(*, planned: bool) -> tuple[str, ...]:
    """Name the phases of a plain run; with a plan the response time from its instants, too."""
    return (*_PLAIN_TIMES, *(("response", "lag") if planned else ()))
