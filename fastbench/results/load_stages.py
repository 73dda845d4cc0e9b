"""The stages of a load: what was planned of each, and what a run found in it.

1. A stage is a part of the load with a begin and an end: one of `stages`, a part of a shape, a step
   of `-R`; of several scenarios each of theirs, or the whole of one that has none. Those that
   begin and end together are one stage. A load with less than two of them has no stages.
2. What was asked in a stage is what all scenarios together ask in its time.
3. Each has a name of its own: the second of those named `hold` is `hold.2`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

MAX_NAMES = 3  # of stages that begin and end together


@dataclass(frozen=True, slots=True)
class Level:
    """How much was asked: at the begin of a stage, at its end, and on average over its time."""

    first: float
    last: float
    mean: float

    @property
    def held(self) -> bool:
        """Tell whether it was the same all the time."""
        return self.first == self.last == self.mean


@dataclass(frozen=True, slots=True)
class LoadPart:
    """A straight line of a load: VUs, or with `rates` iterations or requests per second.

    Times are in s from the start of the run. `own` is the name that a script or a shape gave it,
    `name` what it is called beside those of other scenarios. With `open_ended` the run may end it
    before its time and it is complete.
    """

    name: str
    own: str
    begin_s: float
    end_s: float
    first: float
    last: float
    rates: bool
    open_ended: bool = False

    def at(self, t_s: float) -> float:
        """Return the level at an instant."""
        length_s = self.end_s - self.begin_s
        if self.first == self.last or not 0 < length_s < math.inf:
            return self.last
        return self.first + (self.last - self.first) * (t_s - self.begin_s) / length_s


@dataclass(frozen=True, slots=True)
class LoadStage:
    """A stage as it was planned; `users` are VUs, in a run of URLs connections."""

    name: str
    begin_s: float
    end_s: float
    users: Level | None
    per_s: Level | None
    open_ended: bool = False

    def near_edge(self, t_s: float) -> bool:
        """Tell whether an instant is so near to the begin or the end that a step may show."""
        margin_s = min(1.0, (self.end_s - self.begin_s) / 10)
        return not self.begin_s + margin_s <= t_s <= self.end_s - margin_s


@dataclass(frozen=True, slots=True)
class StageRow:
    """A stage as it was: what was asked and reached in it, and what became of the goals.

    `asked_per_s` is in iterations, in a run of URLs in requests. `users` and `sockets` are how many
    there were on average; None where nobody counted. `complete`: the run did not end in it;
    `measured_s`: the time that its counts are of, as a look may come late.
    `p95_ms` is of response time where all requests were planned. `held` are the thresholds that
    hold in it, `failed` and `warned` say of others what was observed, `no_samples` are those of
    which nothing was seen in it.
    """

    name: str
    begin_s: float
    end_s: float
    complete: bool
    measured_s: float
    asked_users: Level | None
    asked_per_s: Level | None
    users: float | None
    sockets: float | None
    requests: int
    not_ok: int
    p95_ms: float | None
    operations: int = 0
    operations_failed: int = 0
    operation_p95_ms: float | None = None
    held: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    no_samples: tuple[str, ...] = ()

    @property
    def requests_per_s(self) -> float:
        """Ended requests per second of the stage."""
        return self.requests / self.measured_s if self.measured_s > 0 else 0.0

    @property
    def judged(self) -> bool:
        """Tell whether a threshold that decides, or one that holds, was judged in it."""
        return bool(self.held or self.failed)

    @property
    def met(self) -> bool:
        """Tell whether it was held for its time and broke no threshold that decides."""
        return self.complete and bool(self.held) and not self.failed

    def as_requests(self) -> StageRow:
        """Return the row of a run that is about its operations only."""
        return replace(
            self,
            requests=self.operations,
            not_ok=self.operations_failed,
            p95_ms=self.operation_p95_ms,
        )


def stages_of(parts: Sequence[LoadPart]) -> tuple[LoadStage, ...]:
    """Return the stages of a load, in the order of their times; none of less than two."""
    together: dict[tuple[float, float], list[LoadPart]] = {}
    for part in parts:
        if part.end_s > part.begin_s:
            together.setdefault((part.begin_s, part.end_s), []).append(part)
    if len(together) < 2:
        return ()
    spans = sorted(together)
    names = _distinct([_name(together[span]) for span in spans])
    return tuple(
        LoadStage(
            name=name,
            begin_s=span[0],
            end_s=span[1],
            users=_level([part for part in parts if not part.rates], *span),
            per_s=_level([part for part in parts if part.rates], *span),
            open_ended=any(part.open_ended for part in together[span]),
        )
        for name, span in zip(names, spans, strict=True)
    )


def numbered(names: Iterable[str]) -> list[str]:
    """Return names, those that occur more than once with a number: `hold.1`, `hold.2`."""
    given = list(names)
    most, seen = Counter(given), Counter[str]()
    found = []
    for name in given:
        seen[name] += 1
        found.append(f"{name}.{seen[name]}" if name and most[name] > 1 else name)
    return found


def _distinct(names: Sequence[str]) -> list[str]:
    """Number names until each is of one stage only: a stage may be called `hold.2` already."""
    found = numbered(names)
    return found if len({*found}) == len(found) else _distinct(found)


def _name(parts: Sequence[LoadPart]) -> str:
    own = {part.own for part in parts}
    if len(own) == 1 and (name := own.pop()):
        return name
    names = list(dict.fromkeys(part.name for part in parts))
    more = len(names) - MAX_NAMES
    return " + ".join(names[:MAX_NAMES]) + (f" and {more} more" if more > 0 else "")


def _level(parts: Iterable[LoadPart], begin_s: float, end_s: float) -> Level | None:
    """Add up what is asked between two instants; None if nothing is."""
    first = last = area = 0.0
    found = False
    for part in parts:
        since_s, until_s = max(begin_s, part.begin_s), min(end_s, part.end_s)
        if until_s <= since_s:
            continue
        found = True
        first += part.at(since_s) if since_s == begin_s else 0.0
        last += part.at(until_s) if until_s == end_s else 0.0
        mean = (part.at(since_s) + part.at(until_s)) / 2
        whole = until_s == end_s and since_s == begin_s
        area += mean if whole else mean * (until_s - since_s) / (end_s - begin_s)
    return Level(first, last, area) if found else None
