"""Where a script's code runs: the scenario, the path of groups and the tags of what it records.

There is one RecordingContext per combination in a worker, shared by all its VUs, so that what was
looked up for one VU (a route, the counter of a check) is found by all of them. It is only a cache:
the counts are in shared memory, and a context that is made anew finds the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from fastbench.script import values
from fastbench.script.expected import Expected

if TYPE_CHECKING:
    from fastbench.engine.client._client import Ready, Route

Tags = tuple[tuple[str, str], ...]

MAX_INSIDE = 1000  # as many as a metric has label sets
SEPARATOR = "::"


class Passes(Protocol):
    """Count how often something passed."""

    def add(self, passed: bool, /) -> None: ...


class Times(Protocol):
    """Record times in nanoseconds."""

    def add(self, value_ns: int, /) -> None: ...


class Recorder(Protocol):
    """Give the cells that samples are recorded in."""

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
    ) -> Route: ...

    def check(self, scenario: str, group: str, name: str, tags: Tags, own: Tags = ()) -> Passes: ...

    def group_duration(self, scenario: str, group: str, tags: Tags) -> Times: ...


class RecordingContext:
    """A scenario, a path of groups (`::a::b`, "" at the top, as in k6) and tags, sorted."""

    __slots__ = (
        *("cells", "group", "recorder", "scenario", "tags"),
        *("checks", "inner", "named", "operations", "plain", "prepared", "routes", "times"),
    )

    def __init__(self, recorder: Recorder, scenario: str, group: str, tags: Tags) -> None:
        self.recorder = recorder
        self.scenario = scenario
        self.group = group
        self.tags = tags
        self.cells: dict[Any, Any] = {}  # of anybody who records by place
        self.checks: dict[str, Passes] = {}
        self.inner: dict[str, RecordingContext] = {}
        self.plain: dict[str, Ready] = {}  # URL -> GET without any options
        self.named: dict[Any, Any] = {}  # what a usual request says -> Prepared
        self.operations: dict[tuple[str, str, Tags], Any] = {}
        self.prepared: dict[Any, Any] = {}
        self.routes: dict[Any, Route] = {}
        self.times: Times | None = None

    def inside(self, group: str) -> RecordingContext:
        """Return the place of a group within this one."""
        found = self.inner.get(group)
        if found is None:
            if len(self.inner) >= MAX_INSIDE:
                self.inner.clear()
            path = f"{self.group}{SEPARATOR}{group}"
            found = RecordingContext(self.recorder, self.scenario, path, self.tags)
            self.inner[group] = found
        return found

    def duration(self) -> Times:
        """Return where the durations of this group are recorded."""
        if self.times is None:
            self.times = self.recorder.group_duration(self.scenario, self.group, self.tags)
        return self.times

    def with_tags(self, tags: Mapping[str, object] | None) -> Tags:
        """Return the tags of this place, joined by others, which win."""
        if not tags:
            return self.tags
        return tuple(sorted({**dict(self.tags), **dict(own_tags(tags))}.items()))


def own_tags(tags: Mapping[str, object]) -> Tags:
    """Return tags as a call of the script gives them, as texts."""
    return tuple(sorted((name, str(value)) for name, value in values.pairs(tags, "tags=")))


PLACE: ContextVar[RecordingContext] = ContextVar("place")
VU: ContextVar[Any] = ContextVar("vu")  # the one whose code runs


def root(
    recorder: Recorder, scenario: str, tags: Mapping[str, str] | Tags = (), group: str = ""
) -> RecordingContext:
    """Make the place where the iterations of a scenario begin."""
    return RecordingContext(recorder, scenario, group, tuple(sorted(dict(tags).items())))
