"""Where every sample of a worker is recorded.

1. Every sample is counted per scenario; the whole is the sum over scenarios. Sub-metrics that a
   threshold names are counted beside them, and no other combination of tags is. One that names
   its scenario alone is what is counted per scenario anyhow.
2. At most MAX_SETS names of requests, operations, checks and sets of tags of one metric are told
   apart; the others are "other", and a warning says so.
3. Where outputs follow the run (`apart`), requests, operations, checks and samples with tags of
   their own are counted by them, too. Names that we give (RESERVED) are not overwritten by such a
   tag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client
from fastbench.results.metric_values import ANSWERED, BUILT_IN, OPERATION_ERRORS, SUCCEEDED
from fastbench.results.thresholds.request_tags import error_code
from fastbench.results.thresholds.submetric import canonical
from fastbench.script.api import metrics
from fastbench.script.expected import Expected
from fastbench.script.recording_context import RecordingContext, Tags, own_tags

MAX_SETS = 1000
OTHER = "other"
GROUPS = "groups.seen"  # no name that a metric may have
RESERVED = frozenset({"check", "group", "method", "name", "scenario"})  # as tags of samples
_NONE: Mapping[str, str] = {}
_SETS = "sets of tags"
_OF_REQUESTS = (*_client.TIMES, "http_reqs", "http_req_failed", "data_sent", "data_received")
_OF_OPERATIONS = {
    "operations": "counter",
    "operation_duration": "times",
    "operation_failed": "rate",
    "data_sent": "counter",
    "data_received": "counter",
}
_IN_CELLS = {"http_req_response": "response"}  # its name in the memory of requests

Warn = Callable[[str, str, str], None]  # code, text, hint


class Adds(Protocol):
    """Something that counts values."""

    def add(self, value: Any, /) -> None: ...


class _Several:
    """Cells that take the same values."""

    __slots__ = ("_cells",)

    def __init__(self, cells: tuple[Adds, ...]) -> None:
        self._cells = cells

    def add(self, value: Any, /) -> None:
        for cell in self._cells:
            cell.add(value)


class _Nowhere:
    """Stands for a cell that found no room."""

    __slots__ = ()

    def add(self, value: Any, /) -> None:
        pass


class OperationRoute:
    """Where the operations of one name, kind and set of tags are recorded.

    `begin` counts one that begins, `leave` one that the end of the run cuts off; `sinks` also
    count the bytes of a connection that outlives its operation.
    """

    __slots__ = ("_end", "_more", "_resolve", "begin", "failure", "leave", "sinks")

    def __init__(
        self,
        sinks: _client.OperationSinks,
        resolve: Callable[[bool], list[tuple[str, Adds]]],
        failure: Callable[[str], Adds],
    ) -> None:
        """`resolve` gives the sub-metrics of those that failed, or did not."""
        self.begin = sinks.begin
        self.leave = sinks.leave
        self.sinks = sinks
        self.failure = failure
        self._end = sinks.end
        self._resolve = resolve
        self._more: dict[bool, list[tuple[str, Adds]]] = {}

    def end(self, begun_ns: int, failed: bool, bytes_in: int, bytes_out: int) -> int:
        """Count one that ends now; return how long it took, ns."""
        took_ns = self._end(begun_ns, failed, bytes_in, bytes_out)
        more = self._more.get(failed)
        if more is None:
            more = self._more[failed] = self._resolve(failed)
        if more:
            values = {
                "operation_duration": took_ns,
                "operation_failed": failed,
                "data_received": bytes_in,
                "data_sent": bytes_out,
            }
            for name, cell in more:
                cell.add(values.get(name, 1))
        return took_ns


class Recorder:
    """Give the cells of one worker. `submetrics` are those that thresholds name.

    `slot` is the worker's in the block, where all operations are counted together.
    """

    def __init__(
        self,
        book: _client.MetricRegistry,
        submetrics: Iterable[tuple[str, Tags]],
        warn: Warn,
        *,
        slot: tuple[Block, int],
        apart: bool = False,
    ) -> None:
        self.load_ended = False  # what is cancelled from here on was under way at the end
        self._apart = apart
        self._book = book
        self._slot = slot
        self._warn = warn
        self._warned: set[str] = set()
        self._sets: dict[str, set[Any]] = {}
        self._submetrics: dict[str, list[Tags]] = {}
        for name, tags in submetrics:
            if tuple(key for key, _ in tags) != ("scenario",):
                self._submetrics.setdefault(name, []).append(tags)

    def counter(self, name: str, scenario: str, tags: Tags) -> Adds:
        """Return where a counter of the run itself is kept."""
        found = {**dict(tags), "scenario": scenario}
        return self._with_submetrics("counter", name, _json(scenario=scenario), found)

    def times(self, name: str, scenario: str, tags: Tags) -> Adds:
        """Return where times of the run itself are kept, in ns."""
        found = {**dict(tags), "scenario": scenario}
        return self._with_submetrics("times", name, _json(scenario=scenario), found)

    def group_duration(self, scenario: str, group: str, tags: Tags) -> Adds:
        """Return where the times of a group are kept, in ns."""
        self._see(group)
        found = {**dict(tags), "scenario": scenario, "group": group}
        return self._with_submetrics("times", "group_duration", _json(scenario=scenario), found)

    def check(self, scenario: str, group: str, name: str, tags: Tags, own: Tags = ()) -> Adds:
        """Return where it is counted how often a check passed; `own` are the call's own tags."""
        found = {**dict(tags), "scenario": scenario, "group": group, "check": name}
        self._see(group)
        known = self._known("checks", (scenario, group, name), "names of checks")
        row = _json(
            **self._counted_by("tags of checks", (scenario, group, name), own),
            check=name if known else OTHER,
            group=group if known else "",
            scenario=scenario,
        )
        return self._with_submetrics("rate", "checks", row, found)

    def thrown(self, scenario: str, kind: str, place: str) -> Adds:
        """Return where exceptions of one type and place are counted."""
        known = self._known("exceptions", (scenario, kind, place), "types and places of exceptions")
        row = _json(
            place=place if known else OTHER, scenario=scenario, type=kind if known else OTHER
        )
        return self._cell("counter", "iterations.exceptions", row)

    def custom(
        self, name: str, place: RecordingContext, tags: Tags, own: Mapping[str, str] = _NONE
    ) -> Adds:
        """Return where samples of a metric of the script are kept, by what is said of them."""
        found = {**dict(tags), "scenario": place.scenario, "group": place.group}
        kind = metrics.kind_of(name).type
        return self._with_submetrics(kind, name, _json(**own, scenario=place.scenario), found)

    def built_in(self, name: str, place: RecordingContext, own: Tags) -> Adds:
        """Return where samples of a metric of ours are kept; `own` are their own tags."""
        found = {**dict(place.tags), **dict(own), "scenario": place.scenario, "group": place.group}
        row = _json(**self._counted_by(name, place.scenario, own), scenario=place.scenario)
        return self._with_submetrics(_sort(name), metrics.name_of(name), row, found)

    def by_request(
        self, metric: str, place: RecordingContext, name: str, method: str, own: Tags
    ) -> Adds:
        """Return where samples of a metric of ours are kept, by the name of their request."""
        scenario = place.scenario
        said = {**dict(place.tags), **dict(own), "scenario": scenario, "group": place.group}
        said |= {"name": name, "method": method}
        if not self._known("requests", (scenario, name, method), "names of requests"):
            name, method = OTHER, ""
        row = self._counted_by("tags of requests", (scenario, name, method), own)
        row |= {"method": method, "name": name, "scenario": scenario}
        shown = metrics.name_of(metric)
        return self._with_submetrics(_sort(metric), shown, _json(**row), said)

    def tagged(self, name: str, place: RecordingContext, tags: Mapping[str, object]) -> Adds:
        """Return the same for a sample with tags of its own."""
        joined = place.with_tags(tags)
        found: Adds | None = place.cells.get((name, joined))
        if found is None:
            own = own_tags(tags)
            row = self._counted_by(name, place.scenario, own)
            found = self.custom(name, place, joined, row)
            if self._known(name, (place.scenario, own), _SETS):
                place.cells[name, joined] = found
        return found

    def route(
        self,
        scenario: str,
        name: str,
        method: str,
        url: str,
        group: str,
        tags: Tags,
        expected: Expected,
        own: Tags = (),
    ) -> _client.Route:
        """Return where the requests of one name are recorded, by what the answer is.

        `own` are the tags of the request itself, which are among `tags`.
        """
        whole = self._book.requests("requests", _json(scenario=scenario))
        named = self._named(scenario, name, method, own)
        said = {**dict(tags), "scenario": scenario, "group": group, "name": name, "method": method}
        said["url"] = url

        def resolve(status: int, error_kind: str, version: str) -> _client.Sinks:
            fine = not error_kind and expected.covers(status)
            answer = {**said, "status": str(status), "expected_response": str(fine).lower()}
            if error_kind:
                answer["error"] = error_kind
            if version:
                answer["proto"] = version
            if code := error_code(status, error_kind):
                answer["error_code"] = code
            return _client.Sinks(whole, named, self.answered(answer), not fine)

        return _client.Route(resolve)

    def _named(self, scenario: str, name: str, method: str, own: Tags) -> _client.NamedSlot | None:
        if not self._known("requests", (scenario, name, method), "names of requests"):
            name, method = OTHER, ""
        row = self._counted_by("tags of requests", (scenario, name, method), own)
        return self._row(row | {"method": method, "name": name, "scenario": scenario})

    def _row(self, tags: Mapping[str, str]) -> _client.NamedSlot | None:
        try:
            return self._book.named("named", _json(**tags))
        except MemoryError:
            self._full("requests by name")
            return None

    def operation(self, place: RecordingContext, name: str, kind: str, own: Tags) -> OperationRoute:
        """Return where the operations of one name are recorded; `own` are their own tags."""
        scenario = place.scenario
        known = self._known("operations", (scenario, kind, name), "names of operations")
        row = {"kind": kind, "name": name if known else OTHER, "scenario": scenario}
        more = self._counted_by("tags of operations", (scenario, kind, row["name"]), own)
        whole = self._book.named("operations", _json(scenario=scenario))
        sinks = _client.OperationSinks(*self._slot, whole, self._row(more | row))
        said = {**dict(place.tags), **dict(own), **row, "group": place.group, "name": name}

        def resolve(failed: bool) -> list[tuple[str, Adds]]:
            return self._ended(said | {"outcome": "failed" if failed else "ok"})

        def failure(reason: str) -> Adds:
            about = (scenario, kind, name, reason)
            if not self._known("reasons", about, "names of operations and reasons of failures"):
                reason = OTHER
            return self._cell("counter", OPERATION_ERRORS, _json(**row, reason=reason))

        return OperationRoute(sinks, resolve, failure)

    def _ended(self, said: Mapping[str, str]) -> list[tuple[str, Adds]]:
        """Return the sub-metrics that an operation which ended belongs to."""
        found: list[tuple[str, Adds]] = []
        for name, kind in _OF_OPERATIONS.items():
            for tags in self._submetrics.get(name, ()):
                if _matches(tags, said):
                    found.append((name, self._cell(kind, canonical(name, tags), "")))
                    wanted = dict(tags).get("outcome", "ok")  # else one that failed gives no time
                    if name == "operation_duration" and said["outcome"] == wanted:
                        cell = self._cell("counter", canonical(SUCCEEDED, tags), "")
                        found.append((SUCCEEDED, cell))
        return found

    def answered(self, answer: Mapping[str, str]) -> list[tuple[str, _client.MetricSlot]]:
        """Return the sub-metrics of requests that an answer belongs to."""
        found: list[tuple[str, _client.MetricSlot]] = []
        for name, sets in self._submetrics.items():
            known = _IN_CELLS.get(name, name)
            if known not in _OF_REQUESTS:
                continue
            kind = {"http_req_failed": "rate"}.get(
                name, "times" if known in _client.TIMES else "counter"
            )
            cells = (
                self._cell(kind, canonical(name, tags), "")
                for tags in sets
                if _matches(tags, answer)
            )
            found += [(known, cell) for cell in cells if isinstance(cell, _client.MetricSlot)]
            if kind == "times" and "error" not in answer:
                found += self._answers(name, answer)
        return found

    def _answers(
        self, name: str, answer: Mapping[str, str]
    ) -> list[tuple[str, _client.MetricSlot]]:
        """Return where it is counted that the times of a sub-metric hold an answer."""
        cells = (
            self._cell("counter", canonical(ANSWERED, tags), "")
            for tags in self._submetrics[name]
            if _matches(tags, answer)
        )
        return [("answered", cell) for cell in cells if isinstance(cell, _client.MetricSlot)]

    def _see(self, group: str) -> None:
        """Note when a group was there first."""
        seen = self._sets.setdefault(GROUPS, set())
        if group and group not in seen and len(seen) < MAX_SETS:
            seen.add(group)
            self._cell("gauge", GROUPS, _json(group=group)).add(1)

    def _with_submetrics(self, kind: str, name: str, row: str, said: Mapping[str, str]) -> Adds:
        matching = [tags for tags in self._submetrics.get(name, ()) if _matches(tags, said)]
        first = self._cell(kind, name, row)
        more = [self._cell(kind, canonical(name, tags), "") for tags in matching]
        return _Several((first, *more)) if more else first

    def _cell(self, kind: str, name: str, row: str) -> Adds:
        try:
            cell: Adds = getattr(self._book, kind)(name, row)
        except MemoryError:
            self._full(name)
            return _Nowhere()
        return cell

    def _known(self, what: str, key: Any, noun: str) -> bool:
        """Tell whether there is room to tell one more apart."""
        known = self._sets.setdefault(what, set())
        if key in known:
            return True
        if len(known) >= MAX_SETS:
            self._warn_once(
                what,
                f"{what}: more than {MAX_SETS:,} {noun}; further ones are `{OTHER}`",
                "do not put changing values such as ids into names and tags",
            )
            return False
        known.add(key)
        return True

    def _counted_by(self, what: str, whose: Any, own: Tags) -> dict[str, str]:
        """Return the tags of its own that a sample is counted by, for outputs."""
        if not own or not self._apart:
            return {}
        room = self._known(what, (whose, own), _SETS)
        return {key: value if room else OTHER for key, value in own if key not in RESERVED}

    def _full(self, name: str) -> None:
        self._warn_once(
            "full",
            f"the shared memory for metrics is full: {name} and others are not counted",
            "use fewer metrics, names of requests and checks",
        )

    def _warn_once(self, what: str, text: str, hint: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            self._warn("many_labels" if what != "full" else "metrics_full", text, hint)


def _sort(name: str) -> str:
    """Return what the arena keeps of a metric of ours: times are in ns there."""
    kind = BUILT_IN[name]
    return "times" if kind.contains == "time" else kind.type


def _matches(tags: Tags, said: Mapping[str, str]) -> bool:
    return all(said.get(name) == value for name, value in tags)


def _json(**tags: str) -> str:
    """Return tags as the arena holds them: JSON, sorted by name."""
    return json.dumps(tags, sort_keys=True, separators=(",", ":"))
