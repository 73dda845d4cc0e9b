"""What a run has counted up to one instant, or between two: one value for everybody who looks.

1. It is taken once a second, and the series, thresholds, outputs and the dashboard get the same
   one: what they say of a second is equal to the unit. It is a copy: what is counted later does
   not change it.
2. `a + b` is the snapshot of both parts of a run; `since` gives a window. It survives JSON.
3. `rows` holds metrics by name and labels; a metric is the sum of its rows. A sub-metric of
   a threshold is a row of its own, named by its canonical expression, unless its labels are those
   of rows. `named` splits what requests are counted by once more, by their names: where it is
   read, `rows` are its sums.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from fastbench.results.latencies import latency_ms
from fastbench.results.metric_values import (
    ANSWERED,
    BUILT_IN,
    MACHINE,
    MAX_PACKED,
    OPERATION_ERRORS,
    SUCCEEDED,
    Judgement,
    Kind,
    Metric,
    NamedRow,
)
from fastbench.run import metric_sums
from fastbench.run.metric_sums import CounterValue, RateValue, TrendValue

if TYPE_CHECKING:  # runs without thresholds do without them
    from fastbench.results.thresholds.judging import Threshold

Labels = tuple[tuple[str, str], ...]
Rows = dict[str, dict[Labels, Any]]
_Key = tuple[str, str, str]

ERRORS = "http_req_errors"  # by kind; in no document's metrics
SERVICE, RESPONSE = "requests.service", "requests.response"  # of the series; names of no metric
STATUSES, BY_STATUS = "requests.statuses", "answers.by_status"  # by URL; of all answers
EXCEPTIONS = "iterations.exceptions"
STARTED = "operations.started"
BYTES_IN, BYTES_OUT = "operations.bytes_in", "operations.bytes_out"  # by name
BY_NAME = (  # a count, and what goes with it
    ("http_reqs", "http_req_failed", "http_req_duration"),
    ("operations", "operation_failed", "operation_duration"),
)
AROUND = ("setup", "teardown")  # what samples outside of scenarios are labelled with

_THREW = "script_exceptions"
# What tells which latency is meant, and whether there is any.
_ALWAYS = {"http_reqs", ANSWERED, SUCCEEDED}
_OF_ANSWERS = {  # times that only requests with an answer give
    *("first_byte", "http_req_duration", "http_req_receiving", "http_req_response"),
    *("http_req_sending", "http_req_waiting", "lag", "response", "service"),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything counted up to `t_s`, or in the `span_s` before it; s from the start line on.

    `counters` are those of the block. `declared` are the metrics beside the built-in ones;
    `plain`: of a run of URLs, which is planned as a whole, and whose response time has a name of
    its own.
    """

    t_s: float
    span_s: float
    counters: Mapping[str, int]
    rows: Rows
    named: Rows = field(default_factory=dict)
    declared: Mapping[str, Kind] = field(default_factory=dict)
    plain: bool = False

    def __add__(self, other: Snapshot) -> Snapshot:
        return replace(
            self,
            t_s=max(self.t_s, other.t_s),
            span_s=max(self.span_s, other.span_s),
            counters=_added(self.counters, other.counters),
            rows=_joined(self.rows, other.rows),
            named=_joined(self.named, other.named),
        )

    def since(self, earlier: Snapshot) -> Snapshot:
        """Return what came after an earlier instant."""
        counters = {name: n - earlier.counters.get(name, 0) for name, n in self.counters.items()}
        return replace(
            self,
            span_s=self.t_s - earlier.t_s,
            counters=counters,
            rows=_gained(self.rows, earlier.rows),
            named=_gained(self.named, earlier.named),
        )

    def kept(self, keys: frozenset[str]) -> Snapshot:
        """Return what is needed to tell metrics with these keys."""
        names = {key.partition("{")[0] for key in keys} | keys | _ALWAYS | {self._response}
        names |= {EXCEPTIONS, "iterations"} if _THREW in names else set()
        first = tuple(f"{name}{{" for name in (ANSWERED, SUCCEEDED))
        names |= {name for name in self.rows if name.startswith(first)}
        return self.only(names)

    def only(self, names: Container[str]) -> Snapshot:
        """Return the rows with these names alone."""
        rows = {name: of for name, of in self.rows.items() if name in names}
        return replace(self, rows=rows, named={})

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "t_s": self.t_s,
            "span_s": self.span_s,
            "counters": dict(self.counters),
            "rows": _listed(self.rows),
            "named": _listed(self.named),
            "declared": {name: asdict(kind) for name, kind in self.declared.items()},
            "plain": self.plain,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Snapshot:
        """Return what `to_json` wrote."""
        rows, named = _read(body["rows"]), _read(body["named"])
        declared = {name: Kind(**kind) for name, kind in body["declared"].items()}
        return cls(**{**body, "rows": rows, "named": named, "declared": declared})

    # Thresholds.

    @property
    def _response(self) -> str:
        return "response" if self.plain else "http_req_response"

    @property
    def planned(self) -> bool:
        """Tell whether all scenarios that sent requests had a plan for when; setup has none."""
        times = self.rows.get(self._response, {})
        sent = [
            labels
            for labels, value in self.rows.get("http_reqs", {}).items()
            if value.count and dict(labels).get("scenario") not in AROUND
        ]
        return bool(sent) and all(labels in times and times[labels].samples for labels in sent)

    def observe(self, threshold: Threshold) -> tuple[float | None, str]:
        """Return the value, None without samples; of a short form also which latency it is."""
        metric, what = self._meant(threshold)
        value = self.value(metric, threshold.tags, threshold.kind)
        if value is None and threshold.part_of is not None:
            value = self._none_of(metric, threshold.part_of)
        if metric in self.declared and not threshold.tags and value == RateValue():
            return 0.0, "0 samples"
        return metric_sums.asked(value, threshold, self.span_s), what

    def _meant(self, threshold: Threshold) -> tuple[str, str]:
        if not threshold.either:
            return threshold.metric, ""
        if self.planned:
            return self._response, "response time"
        return threshold.metric, "service time" if self.plain else threshold.metric

    def value(self, metric: str, tags: Labels, kind: Kind) -> Any:
        """Return the value of a metric or sub-metric, None where nothing is known of it."""
        if metric == _THREW:
            return self._threw(tags)
        ours = self.plain or metric not in self.declared
        if ours and metric in _OF_ANSWERS and not self.counted(ANSWERED, tags):
            return None
        if ours and metric == "operation_duration" and not self.counted(SUCCEEDED, tags):
            return None
        found = self.sum(metric, tags)
        if found is None and not tags and (kind.type == "counter" or metric in self.declared):
            return {"counter": CounterValue(), "rate": RateValue()}.get(kind.type)
        return found

    def _none_of(self, metric: str, whole: Labels) -> Any:
        """Return 0 for a part of a counter that has samples, or that is not narrowed else."""
        return None if whole and self.sum(metric, whole) is None else CounterValue()

    def sum(self, name: str, tags: Labels = ()) -> Any:
        """Return the sum of the rows with these labels, or of a sub-metric; None without any."""
        if tags:
            from fastbench.results.thresholds.submetric import canonical

            if apart := self.rows.get(canonical(name, tags)):
                return metric_sums.total(apart.values())
        whole = self.rows.get(name, {}).get(()) if name in MACHINE and not tags else None
        return metric_sums.total(self.of(name, tags)) if whole is None else whole

    def counted(self, name: str, tags: Labels = ()) -> float:
        """Return the sum of a counter, 0 where nothing is known of it."""
        found: CounterValue | None = self.sum(name, tags)
        return 0.0 if found is None else found.count

    def of(self, name: str, tags: Labels = ()) -> Iterator[Any]:
        """Yield the values of rows with these labels."""
        for labels, value in self.rows.get(name, {}).items():
            if not tags or set(tags) <= set(labels):
                yield value

    def _threw(self, tags: Labels) -> RateValue:
        """Return how many exceptions ended how many iterations; a background task may add some."""
        threw = round(self.counted(EXCEPTIONS, tags))
        where = tuple(pair for pair in tags if pair[0] == "scenario")
        return RateValue(threw, max(threw, round(self.counted("iterations", where))))

    # The document.

    def metrics(
        self,
        thresholds: Iterable[Threshold] = (),
        judgements: Mapping[str, Judgement] | None = None,
    ) -> dict[str, Metric]:
        """Return every metric that has samples or a threshold, in k6's form."""
        from fastbench.results.thresholds.submetric import canonical

        judged: dict[str, dict[str, Mapping[str, bool]]] = {}
        known = {**BUILT_IN, **self.declared}
        wanted: dict[str, tuple[str, Labels, Kind]] = {key: (key, (), known[key]) for key in known}
        for each in thresholds:
            key = canonical(metric := self._meant(each)[0], each.tags)
            wanted.setdefault(key, (metric, each.tags, each.kind))  # of a formula it is not its own
            found = (judgements or {}).get(each.text)
            expressions = judged.setdefault(key, {})
            if found is not None:
                expressions[each.expression + each.scope] = {"ok": found.ok}
        metrics, of_k6 = {}, metric_sums.OF_K6.items()
        wanted |= {key: of for key, of in of_k6 if key in self.rows}
        for key, (name, tags, kind) in sorted(wanted.items()):
            value = self.value(name, tags, kind)
            if key in judged or name in self.declared or (value is not None and value.samples):
                values = (value or metric_sums.EMPTY[kind.type]).values(self.span_s)
                packed = value.packed() if isinstance(value, TrendValue) else ""
                metrics[key] = Metric(kind.type, kind.contains, values, judged.get(key, {}), packed)
        return metrics

    def requests(self, *, packed: bool = False) -> tuple[NamedRow, ...]:
        """Return the operations by name, requests first; `packed`: with their histograms.

        URLs stand in their order, else the most of each scenario first.
        """
        most = self._most_by_name() if packed else ()
        sent = [
            self._request(key, of, statuses, packed=key in most)
            for key, of, statuses in self._by_name("http_reqs", "method", STATUSES, "status")
            if of["http_reqs"].count or self.plain
        ]
        if self.plain:
            return tuple(sent)
        timed = [
            self._operation(key, of, reasons, packed=key in most)
            for key, of, reasons in self._by_name("operations", "kind", OPERATION_ERRORS, "reason")
        ]
        for rows in (sent, timed):
            rows.sort(key=lambda row: (row.scenario, -row.requests, row.name))
        return (*sent, *timed)

    def _most_by_name(self) -> frozenset[_Key]:
        """Return the keys of those that were counted most, MAX_PACKED at most."""
        found: Counter[_Key] = Counter()
        for (count, *_), third in zip(BY_NAME, ("method", "kind"), strict=True):
            for key, value in self.by(count, ("scenario", "name", third), self.named).items():
                found[key[0], key[1], key[2]] = round(value.count)
        return frozenset(key for key, _ in found.most_common(MAX_PACKED))

    def _by_name(
        self, first: str, third: str, details: str, detail: str
    ) -> Iterator[tuple[_Key, dict[str, Any], dict[str, int]]]:
        """Yield what is counted by scenario, name and a third label: its values, and its details.

        `first` is a metric that each of them has.
        """
        names = ("scenario", "name", third)
        parts = {name: self.by(name, names, self.named) for name in self.named}
        counts: dict[tuple[str, ...], dict[str, int]] = {}
        rows = self.named if details in self.named else self.rows
        for (*whose, told), each in self.by(details, (*names, detail), rows).items():
            counts.setdefault(tuple(whose), {})[told] = round(each.count)
        for key in parts.get(first, ()):
            of = {name: values[key] for name, values in parts.items() if key in values}
            yield (key[0], key[1], key[2]), of, counts.get(key, {})

    def _request(
        self, key: _Key, of: Mapping[str, Any], statuses: Mapping[str, int], *, packed: bool
    ) -> NamedRow:
        scenario, name, method = key
        more: dict[str, Any] = {}
        if self.plain:
            response = of.get("response")
            more = {
                "timeouts": round(of["timeouts"].count),
                "status_codes": statuses,
                "response": None if response is None else latency_ms(response.histogram()),
            }
        return self._row(
            of,
            BY_NAME[0],
            name=name,
            method=method,
            scenario=scenario,
            packed=packed,
            bytes_in=_count(of, "data_received"),
            bytes_out=None if self.plain else _count(of, "data_sent"),
            **more,
        )

    def _operation(
        self, key: _Key, of: Mapping[str, Any], reasons: Mapping[str, int], *, packed: bool
    ) -> NamedRow:
        scenario, name, kind = key
        started = _count(of, STARTED)
        return self._row(
            of,
            BY_NAME[1],
            name=name,
            method="",
            scenario=scenario,
            kind=kind,
            packed=packed,
            bytes_in=_count(of, BYTES_IN),
            bytes_out=_count(of, BYTES_OUT),
            in_flight_at_end=None if started is None else started - round(of["operations"].count),
            reasons=reasons,
        )

    def _row(
        self, of: Mapping[str, Any], names: tuple[str, str, str], *, packed: bool, **more: Any
    ) -> NamedRow:
        count, failed, times = names
        kept = {"latency": of.get(times), "response": of.get("response")} if packed else {}
        n = round(of[count].count)
        return NamedRow(
            requests=n,
            failed=of[failed].passes,
            requests_per_s=n / self.span_s if self.span_s > 0 else 0.0,
            latency=latency_ms(of.get(times, TrendValue()).histogram()),
            hdr=metric_sums.packed_each(kept),
            **more,
        )

    def by(
        self, name: str, names: tuple[str, ...], rows: Rows | None = None
    ) -> dict[tuple[str, ...], Any]:
        """Return the sums by the values of these labels; "" stands for one that is not there."""
        parts: dict[tuple[str, ...], list[Any]] = {}
        for labels, value in (self.rows if rows is None else rows).get(name, {}).items():
            said = dict(labels)
            parts.setdefault(tuple(said.get(each, "") for each in names), []).append(value)
        return {key: metric_sums.total(values) for key, values in parts.items()}


def _count(of: Mapping[str, Any], name: str) -> int | None:
    """Return a counter, None where nobody counted it; points do not tell all."""
    return round(of[name].count) if name in of else None


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    found = Counter(one)
    found.update(other)
    return dict(found)


def _joined(one: Rows, other: Rows) -> Rows:
    found = {name: dict(of) for name, of in one.items()}
    for name, of in other.items():
        there = found.setdefault(name, {})
        for labels, value in of.items():
            there[labels] = there[labels] + value if labels in there else value
    return found


def _gained(now: Rows, earlier: Rows) -> Rows:
    found = {}
    for name, of in now.items():
        before = earlier.get(name, {})
        found[name] = {
            labels: value.since(before[labels]) if labels in before else value
            for labels, value in of.items()
        }
    return found


def _listed(rows: Rows) -> list[Any]:
    return [
        [name, labels, value.to_json()] for name, of in rows.items() for labels, value in of.items()
    ]


def _read(listed: Iterable[Any]) -> Rows:
    rows: Rows = {}
    for name, labels, value in listed:
        key = tuple((label, text) for label, text in labels)
        rows.setdefault(name, {})[key] = metric_sums.from_json(value)
    return rows
