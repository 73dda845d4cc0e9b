"""From what is counted to points, one second after another: of a script's run, and of a plain one.

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
6. What a script timed itself is told by name and kind, in `operations`, `operation_failed` and
   `operation_duration`; why some failed in `operation_errors`, by reason.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import accumulate
from typing import Any

from fastbench.engine.bridge import _core
from fastbench.outputs.point import BOUNDS_S, Point, Tags, clean
from fastbench.results.histogram import index
from fastbench.results.metric_values import (
    BUILT_IN,
    MACHINE,
    OPERATION_ERRORS,
    UNNAMED,
    UPTIME,
    Kind,
)
from fastbench.run.metric_sums import TrendValue
from fastbench.run.snapshot import BY_NAME, ERRORS, Labels, Snapshot

# The last counter of a histogram that holds nothing longer than each bound.
_LAST = tuple(index(round(bound * 1e9) + 1) - 1 for bound in BOUNDS_S)
# Whose histograms go along where they are wanted: each costs half a millisecond a second.
_LATENCIES = {"group_duration", "http_req_duration", "http_req_response", "iteration_duration"}
_LATENCIES |= {"operation_duration", "response"}
_PACKED = 1  # zlib's level: fast rather than small


def buckets(counted: _core.Histogram) -> tuple[int, ...]:
    """Return how many samples are at most as long as each of BOUNDS_S.

    A counter that holds a bound counts as longer: it is 0.1 % wide.
    """
    counts = counted.counts()
    counters = list(counts)
    up_to = [0, *accumulate(counts.values())]
    return tuple(up_to[bisect_right(counters, last)] for last in _LAST)


class PointReader:
    """Make points of snapshots; buckets and histograms only for those who want them."""

    def __init__(self, *, with_buckets: bool, with_histograms: bool = False) -> None:
        self._with_buckets = with_buckets
        self._with_histograms = with_histograms
        self._last: Snapshot | None = None
        self.begin({}, {})

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Take the tags of all points, and of those of each scenario."""
        self._tags = dict(tags)
        self._of_scenarios = of_scenarios
        self._joined = lru_cache(maxsize=8192)(self._join)

    def _join(self, labels: Labels) -> Tags:
        found = dict(labels)
        more = self._of_scenarios.get(found.get("scenario", ""), {})
        if more is UNNAMED:
            del found["scenario"]
        return clean({**self._tags, **more, **found})

    def points(self, now: Snapshot) -> tuple[Point, ...]:
        """Return what came since the last snapshot."""
        last, self._last = self._last, now
        span_s = now.t_s - (0.0 if last is None else last.t_s)
        found = []
        for name, kind, labels, value, apart in _told(now):
            rows = {} if last is None else (last.named if apart else last.rows).get(name, {})
            gained = value.since(rows[labels]) if labels in rows else value
            timed = isinstance(value, TrendValue) and value.timed
            packed = timed and self._with_histograms and name in _LATENCIES
            found.append(
                Point(
                    name,
                    kind,
                    self._joined(labels),
                    gained.values(span_s),
                    value.values(now.t_s),
                    buckets(value.counted) if timed and self._with_buckets else (),
                    value.sum if isinstance(value, TrendValue) else 0.0,
                    gained.packed(_PACKED) if packed else "",
                )
            )
        return tuple(found)


def _told(now: Snapshot) -> Iterator[tuple[str, Kind, Labels, Any, bool]]:
    """Yield what is told of a snapshot, and whether it is counted by name."""
    kinds = {**BUILT_IN, ERRORS: Kind("counter"), **now.declared}
    kinds[OPERATION_ERRORS] = Kind("counter")
    named = {
        name: {_scenario(labels) for labels in now.named.get(family[0], ())}
        for family in BY_NAME
        for name in family
    }
    for name, of in now.rows.items():
        for labels, value in of.items() if name in kinds else ():
            if not labels and name in MACHINE and len(of) > 1 and name != UPTIME:
                continue  # the sum of the others
            if _scenario(labels) not in named.get(name, ()):
                yield name, kinds[name], labels, value, False
    for name in named:
        for labels, value in now.named.get(name, {}).items():
            yield name, kinds[name], labels, value, True


def _scenario(labels: Labels) -> str | None:
    return dict(labels).get("scenario")
