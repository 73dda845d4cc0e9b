"""The block of a run read into a snapshot; that of a run of several URLs by URL, too.

1. A look reads what is needed: the counters and the times of the series, what thresholds name, and
   all of it for who follows the run (`full`).
2. Where URLs are read one by one the whole is their sum, so that both are of one instant.
3. `vus` of a run of URLs are its open connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastbench.engine.bridge import _core
from fastbench.results.metric_values import ANSWERED, Kind
from fastbench.run import sampling
from fastbench.run.metric_sums import CounterValue, GaugeValue, RateValue, TrendValue, total
from fastbench.run.snapshot import (
    BY_STATUS,
    ERRORS,
    RESPONSE,
    SERVICE,
    STATUSES,
    Labels,
    Rows,
    Snapshot,
)
from fastbench.run.url_counts import Row

if TYPE_CHECKING:  # runs without thresholds do without them
    from fastbench.results.thresholds.judging import Threshold

_COUNTER, _TIME = Kind("counter"), Kind("trend", "time")
_COUNTS = {
    **{name: name for name in ("dropped", "retried", "timeouts")},
    "data_received": "bytes_in",
    "data_sent": "bytes_out",
}
_TIMES = {  # the histogram of each metric
    **{name: name for name in _core.HISTOGRAMS},
    "http_req_duration": "service",
    "http_req_waiting": "first_byte",
    "ws_connecting": "connect",
    "ws_msg_rtt": "service",
}
_DECLARED = dict.fromkeys(("dropped", "retried", "timeouts"), _COUNTER)
_OF_PLAN = dict.fromkeys(("response", "lag"), _TIME)
_OF_URL = ("ok", "failed", "timeouts")
# Of the whole run, in full snapshots only; names of no metric.
BY_CAUSE = "errors.by_cause"  # by kind, phase and code
_CAUSE = ("kind", "phase", "code")
OF_ANSWERS = frozenset({"status", "expected_response"})  # tags that http_reqs is counted by
Part = tuple[Mapping[str, int], Mapping[str, TrendValue]]  # counters and times
_OF_WEBSOCKETS = {  # by the names that scripts have, too; counters, or a time
    "ws_connecting": "",
    "ws_errors": "errors",
    "ws_msg_rtt": "",
    "ws_msgs_lost": "lost",
    "ws_msgs_received": "messages_in",
    "ws_msgs_sent": "messages_out",
    "ws_sessions": "sockets_opened",
}


def of_websockets(mode: str) -> dict[str, Kind]:
    """Return the metrics of WebSockets; `mode`: echo, push, hold; "" in a run of HTTP.

    Only an echo has round trips, and messages that get no answer.
    """
    return {
        name: _COUNTER if counter else _TIME
        for name, counter in _OF_WEBSOCKETS.items()
        if mode == "echo" or (mode and name not in ("ws_msg_rtt", "ws_msgs_lost"))
    }


def of_block(
    block: _core.Block, *, planned: bool, full: bool = False
) -> tuple[dict[str, int], Rows]:
    """Return the counters of all workers, and what the series needs beside them.

    `full`: with the errors by cause, too.
    """
    errors: Counter[str] = Counter()
    causes: Counter[tuple[str, str, str]] = Counter()
    statuses: Counter[int] = Counter()
    for worker in block.indices:
        for kind, phase, code, count, _ in block.errors(worker):
            errors[kind] += count
            causes[kind, phase, code] += count
        statuses.update(block.status_codes(worker))
    rows: Rows = {
        SERVICE: {(): TrendValue(block.histogram("service"))},
        ERRORS: {(("kind", kind),): CounterValue(count) for kind, count in errors.items()},
        BY_STATUS: {
            (("status", str(status)),): CounterValue(n) for status, n in sorted(statuses.items())
        },
    }
    if planned:
        rows[RESPONSE] = {(): TrendValue(block.histogram("response"))}
    if full:
        rows[BY_CAUSE] = {
            tuple(zip(_CAUSE, cause, strict=True)): CounterValue(count)
            for cause, count in causes.items()
        }
    return dict(sampling.sums(block)), rows


class UrlReader:
    """Read the block of a run of URLs; `urls` are those that are counted apart.

    `parts` are the places of those that the tags of a threshold mean.
    """

    def __init__(
        self,
        block: _core.Block,
        urls: Sequence[Row] = (),
        thresholds: Iterable[Threshold] = (),
        parts: Mapping[Labels, Sequence[int]] | None = None,
        *,
        planned: bool,
        websocket_mode: str = "",
    ) -> None:
        self._block = block
        self._labels = [(("method", row.method), ("name", row.name)) for row in urls]
        self._planned = planned
        self._parts = parts or {}
        parts_of = [part for each in thresholds for part in each.parts]
        whole = [each for each in parts_of if not each.tags and each.kind.type == "trend"]
        self._needed = {name for each in whole for name in each.metrics}
        self._needed |= {"response"} if planned and any(each.either for each in whole) else set()
        self._sockets = of_websockets(websocket_mode)
        self._declared = {**_DECLARED, **(_OF_PLAN if planned else {}), **self._sockets}

    @property
    def apart(self) -> bool:
        """Tell whether several URLs are counted apart."""
        return bool(self._labels)

    def read(self, t_s: float, full: bool) -> Snapshot:
        """Read what is needed, or everything, at an instant of the run."""
        counters, rows = of_block(self._block, planned=self._planned, full=full)
        wanted = {at for places in self._parts.values() for at in places} if self._labels else ()
        urls = {at: self._url(at) for at in (range(len(self._labels)) if full else wanted)}
        if full and urls:
            counters |= {name: sum(url[name] for url, _ in urls.values()) for name in _OF_URL}
            for name in (SERVICE, RESPONSE) if self._planned else (SERVICE,):
                rows[name] = {(): total(times[name] for _, times in urls.values())}
        needed = self._needed & _TIMES.keys()
        if full:
            needed |= {
                "http_req_duration",
                "http_req_waiting",
            } | self._declared.keys() & _TIMES.keys()
        kept = {"service": rows[SERVICE][()]}
        kept |= {"response": rows[RESPONSE][()]} if self._planned else {}
        for name in needed:
            of = _TIMES[name]
            rows[name] = {(): kept[of] if of in kept else TrendValue(self._block.histogram(of))}
        rows |= {name: {(): value} for name, value in _counted(counters).items()}
        if self._sockets:
            found = _of_sockets(counters, rows[ERRORS])
            rows |= {name: of for name, of in found.items() if name in self._sockets}
        connected = counters["connected"]
        rows["vus"] = {(): GaugeValue(connected, connected, connected, 1)}
        whole = counters, {SERVICE: kept["service"], RESPONSE: kept.get("response", TrendValue())}
        for tags, places in self._parts.items():
            meant = [urls[at] for at in places] if self._labels else [whole]
            answers = OF_ANSWERS.intersection(name for name, _ in tags)
            rows |= self._answers(tags, places, meant) if answers else _part(tags, meant)
        named = self._named(urls) if full else {}
        return Snapshot(t_s, t_s, counters, rows, named, self._declared, plain=True)

    def _answers(self, tags: Labels, places: Sequence[int], urls: Sequence[Part]) -> Rows:
        """Return how many requests of some URLs had a status, or were as expected."""
        from fastbench.results.thresholds.submetric import canonical

        asked = dict(tags)
        counters = sampling.total(each for each, _ in urls)
        ok, bad = counters["ok"], counters["failed"] + counters["timeouts"]
        if "status" in asked:
            found = self._of_status(int(asked["status"]), places, ok + bad)
        else:
            found = ok if asked["expected_response"] == "true" else bad
        return {canonical("http_reqs", tags): {(): CounterValue(found)}}

    def _of_status(self, status: int, places: Sequence[int], requests: int) -> int:
        """Return how many answers had a status; 0 is that of requests without an answer."""
        block = self._block
        if self._labels:
            codes = [block.url_status_codes(at) for at in places]
        else:
            codes = [block.status_codes(worker) for worker in block.indices]
        if status:
            return sum(each.get(status, 0) for each in codes)
        return max(0, requests - sum(sum(each.values()) for each in codes))

    def _url(self, at: int) -> tuple[dict[str, int], dict[str, TrendValue]]:
        times = {SERVICE: TrendValue(self._block.url_histogram("service", at))}
        times[RESPONSE] = TrendValue(self._block.url_histogram("response", at))
        return self._block.url_counters(at), times

    def _named(self, urls: Mapping[int, tuple[dict[str, int], dict[str, TrendValue]]]) -> Rows:
        """Return what is counted of each URL; one counted as a whole is not split."""
        named: Rows = {}
        for at, (counters, times) in urls.items():
            values: dict[str, Any] = {**_counted(counters), "http_req_duration": times[SERVICE]}
            if times[RESPONSE].samples:
                values["response"] = times[RESPONSE]
            for name, value in values.items():
                named.setdefault(name, {})[self._labels[at]] = value
            for status, count in sorted(self._block.url_status_codes(at).items()):
                labels = (*self._labels[at], ("status", str(status)))
                named.setdefault(STATUSES, {})[labels] = CounterValue(count)
        return named


def _counted(counters: Mapping[str, int]) -> dict[str, Any]:
    """Return the counters as metrics."""
    bad = counters["failed"] + counters["timeouts"]
    found = {name: CounterValue(counters[of]) for name, of in _COUNTS.items() if of in counters}
    return {
        **found,
        "http_reqs": CounterValue(counters["ok"] + bad),
        "http_req_failed": RateValue(bad, counters["ok"] + bad),
        ANSWERED: CounterValue(counters["ok"]),
    }


def _of_sockets(counters: Mapping[str, int], errors: Mapping[Labels, Any]) -> Rows:
    """Return the counters of WebSockets as metrics."""
    total = {**counters, "errors": sum(each.count for each in errors.values())}
    total["lost"] = counters["failed"] + counters["timeouts"]
    return {name: {(): CounterValue(total[of])} for name, of in _OF_WEBSOCKETS.items() if of}


def _part(tags: Labels, urls: Sequence[Part]) -> Rows:
    """Return the sub-metrics of some URLs."""
    from fastbench.results.thresholds.submetric import canonical

    values = _counted(sampling.total(counters for counters, _ in urls))
    service = total(times[SERVICE] for _, times in urls)
    values |= {"http_req_duration": service, "service": service}
    values["response"] = total(times[RESPONSE] for _, times in urls)
    return {canonical(name, tags): {(): value} for name, value in values.items()}
