"""What a script measures itself, and where every sample of a worker is recorded.

1. A metric is declared once per name, while the script loads; its values go into shared memory of
   a fixed size, so memory does not grow with samples.
2. Every sample is counted per scenario; the whole is the sum over scenarios. Sub-metrics that a
   threshold names are counted beside them, and no other combination of tags is. One that names
   its scenario alone is what is counted per scenario anyhow.
3. At most MAX_SETS names of requests, checks and sets of tags of one metric are told apart; the
   others are "other", and a warning says so.
4. Where outputs follow the run (`apart`), requests, checks and samples with tags of their own are
   counted by them, too. Names that we give (RESERVED) are not overwritten by such a tag.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, Protocol

from fastbench.engine.client import _client
from fastbench.plan.plan import UsageError
from fastbench.results.metric_values import ANSWERED, BUILT_IN, Kind
from fastbench.results.thresholds.submetric import canonical
from fastbench.script.expected import Expected
from fastbench.script.recording_context import PLACE, RecordingContext, Tags, own_tags

__all__ = ["Adds", "Counter", "Gauge", "Rate", "Recorder", "Trend", "begin", "close", "declared"]

MAX_SETS = 1000
OTHER = "other"
RESERVED = frozenset({"check", "group", "method", "name", "scenario"})  # as tags of samples
_NONE: Mapping[str, str] = {}
_SETS = "sets of tags"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_OF_REQUESTS = (*_client.TIMES, "http_reqs", "http_req_failed", "data_sent", "data_received")
_IN_CELLS = {"http_req_response": "response"}  # its name in the memory of requests

Warn = Callable[[str, str, str], None]  # code, text, hint


class Adds(Protocol):
    """Something that counts values."""

    def add(self, value: Any, /) -> None: ...


class _Declared:
    """The metrics of the script of this process."""

    def __init__(self) -> None:
        self.kinds: dict[str, Kind] = {}
        self.open = True


_declared = _Declared()


def begin() -> None:
    """Forget the metrics of another script; call before a script is loaded."""
    _declared.kinds = {}
    _declared.open = True


def close() -> None:
    """Take no new metrics from now on: the script is loaded."""
    _declared.open = False


def declared() -> dict[str, Kind]:
    """Return the metrics that the script declared."""
    return dict(_declared.kinds)


class _Metric:
    """A metric of the script. Tags of a sample join those of its scenario and group."""

    __slots__ = ("name",)
    _type = ""

    def __init__(self, name: str, contains: str = "default") -> None:
        self.name = name
        _declare(name, Kind(self._type, contains))

    def _record(self, value: Any, tags: Mapping[str, object] | None) -> None:
        place: RecordingContext | None = PLACE.get(None)
        if place is None:
            raise RuntimeError(
                f"{self.name}.add() works only during the run: call it in a scenario, in setup or "
                "in teardown"
            )
        if tags:
            recorder: Any = place.recorder
            recorder.tagged(self.name, place, tags).add(value)
            return
        cell = place.cells.get(self)
        if cell is None:
            recorder = place.recorder
            cell = place.cells[self] = recorder.custom(self.name, place, place.tags)
        cell.add(value)


def _declare(name: object, kind: Kind) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(f"A metric's name has only letters, digits and _, not {name!r}.")
    if name in BUILT_IN:
        raise UsageError(f"{name} is a built-in metric; give yours another name.")
    there = _declared.kinds.get(name)
    if there is None and not _declared.open:
        raise UsageError(
            f"The metric {name} is declared too late; declare it at the top of the script."
        )
    if there is not None and there != kind:
        raise UsageError(f"The metric {name} is a {there.type} already; give one another name.")
    _declared.kinds[name] = kind


def _finite(name: str, value: float) -> float:
    if not isfinite(value):
        raise ValueError(f"{name}.add() takes finite numbers, not {value}")
    return value


class Counter(_Metric):
    """Adds up."""

    __slots__ = ()
    _type = "counter"

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Add a number."""
        self._record(_finite(self.name, value), tags)


class Gauge(_Metric):
    """Keeps the last value, the least and the greatest."""

    __slots__ = ()
    _type = "gauge"

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Set the value."""
        self._record(_finite(self.name, value), tags)


class Rate(_Metric):
    """Tells which share of its values was true."""

    __slots__ = ()
    _type = "rate"

    def add(self, value: object, tags: Mapping[str, object] | None = None) -> None:
        """Count one that is true, or one that is not."""
        self._record(bool(value), tags)


class Trend(_Metric):
    """Keeps the distribution of its values; with `is_time` they are milliseconds."""

    __slots__ = ()
    _type = "trend"

    def __init__(self, name: str, is_time: bool = False) -> None:
        super().__init__(name, "time" if is_time else "default")

    def add(self, value: float, tags: Mapping[str, object] | None = None) -> None:
        """Count one value."""
        self._record(_finite(self.name, value), tags)


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


class Recorder:
    """Give the cells of one worker. `submetrics` are those that thresholds name."""

    def __init__(
        self,
        book: _client.MetricRegistry,
        submetrics: Iterable[tuple[str, Tags]],
        warn: Warn,
        *,
        apart: bool = False,
    ) -> None:
        self._apart = apart
        self._book = book
        self._warn = warn
        self._warned: set[str] = set()
        self._sets: dict[str, set[Any]] = {}
        self._submetrics: dict[str, list[Tags]] = {}
        for name, tags in submetrics:
            if tuple(key for key, _ in tags) != ("scenario",):
                self._submetrics.setdefault(name, []).append(tags)

    def counter(self, name: str, scenario: str, tags: Tags) -> Adds:
        """Return where a counter of the run itself is kept."""
        return self._with_submetrics(
            "counter", name, _json(scenario=scenario), {**dict(tags), "scenario": scenario}
        )

    def times(self, name: str, scenario: str, tags: Tags) -> Adds:
        """Return where times of the run itself are kept, in ns."""
        return self._with_submetrics(
            "times", name, _json(scenario=scenario), {**dict(tags), "scenario": scenario}
        )

    def group_duration(self, scenario: str, group: str, tags: Tags) -> Adds:
        """Return where the times of a group are kept, in ns."""
        found = {**dict(tags), "scenario": scenario, "group": group}
        return self._with_submetrics("times", "group_duration", _json(scenario=scenario), found)

    def check(self, scenario: str, group: str, name: str, tags: Tags, own: Tags = ()) -> Adds:
        """Return where it is counted how often a check passed; `own` are the call's own tags."""
        found = {**dict(tags), "scenario": scenario, "group": group, "check": name}
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
        kind = _declared.kinds[name].type
        return self._with_submetrics(kind, name, _json(**own, scenario=place.scenario), found)

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

        def resolve(status: int, error_kind: str) -> _client.Sinks:
            fine = not error_kind and expected.covers(status)
            answer = {**said, "status": str(status), "expected_response": str(fine).lower()}
            if error_kind:
                answer["error"] = error_kind
            return _client.Sinks(whole, named, self.answered(answer), not fine)

        return _client.Route(resolve)

    def _named(self, scenario: str, name: str, method: str, own: Tags) -> _client.NamedSlot | None:
        if not self._known("requests", (scenario, name, method), "names of requests"):
            name, method = OTHER, ""
        row = self._counted_by("tags of requests", (scenario, name, method), own)
        row |= {"method": method, "name": name, "scenario": scenario}
        try:
            return self._book.named("named", _json(**row))
        except MemoryError:
            self._full("requests by name")
            return None

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


def _matches(tags: Tags, said: Mapping[str, str]) -> bool:
    return all(said.get(name) == value for name, value in tags)


def _json(**tags: str) -> str:
    """Return tags as the arena holds them: JSON, sorted by name."""
    return json.dumps(tags, sort_keys=True, separators=(",", ":"))
