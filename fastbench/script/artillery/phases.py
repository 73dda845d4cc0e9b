"""Phases of arrivals as a scenario of ours: a virtual user for each arrival, at its instant.

1. A phase is a stage: arrivalRate a level, rampTo a ramp, arrivalCount so many in its duration,
   pause a level of 0. Between levels that differ stands a stage without length.
2. maxVusers is the largest number of users at a time; an arrival beyond it is dropped, as in
   Artillery (vusers.skipped). Without it there may be as many as arrive, up to MAX_VUS.
3. Phases with another maxVusers than those before are a scenario of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

from fastbench.plan import workload
from fastbench.script.artillery import known_keys
from fastbench.script.artillery.yaml_tree import Map, Refusal
from fastbench.script.spec import Spec

MAX_VUS = 10_000  # of phases that say nothing of it
GRACE_S = 3600.0  # Artillery waits for its users, however long they take
_KEYS = ("arrivalCount", "arrivalRate", "duration", "maxVusers", "name", "pause", "rampTo")


@dataclass(frozen=True, slots=True)
class Phase:
    """Arrivals a second from `first` to `last` within `length_s`."""

    name: str
    length_s: float
    first: float
    last: float
    max_vusers: int | None
    line: int

    @property
    def arrivals(self) -> float:
        """How many users it brings."""
        return self.length_s * (self.first + self.last) / 2


def read(config: Map) -> list[Phase]:
    """Read config.phases; raises Refusal."""
    found = []
    given = known_keys.listing(config, "phases", "config")
    for number, (each, line) in enumerate(zip(given, given.lines, strict=True), 1):
        if not isinstance(each, Map):
            raise Refusal(line, f"a phase is a mapping, not {known_keys.said(each)}.")
        found.append(_phase(each, number))
    return found


def _phase(given: Map, number: int) -> Phase:
    name = known_keys.text(given, "name", "the phase") or f"phase {number}"
    what = f"the phase {name}" if "name" in given else "a phase"
    known_keys.refuse_unknown(
        given, _KEYS, what, {"mode": "is not supported: arrivals are evenly spaced"}
    )
    line = given.line
    if "pause" in given:
        length_s = known_keys.time_s(given, "pause", what) or 0.0
        return Phase(name, length_s, 0.0, 0.0, None, line)
    length_s = known_keys.time_s(given, "duration", what) or 0.0
    most = _whole(given, "maxVusers", what)
    if "arrivalCount" in given:
        if "arrivalRate" in given or "rampTo" in given:
            raise Refusal(line, f"{what} has arrivalCount and a rate; keep one of them.")
        count = _whole(given, "arrivalCount", what) or 0
        if length_s <= 0:
            raise Refusal(line, f"{what} needs a duration longer than 0.")
        return Phase(name, length_s, count / length_s, count / length_s, most, line)
    if "arrivalRate" not in given and "rampTo" not in given:
        raise Refusal(line, f"{what} needs arrivalRate, arrivalCount or pause.")
    if length_s <= 0:
        raise Refusal(line, f"{what} needs a duration longer than 0.")
    first = _rate(given, "arrivalRate", what)
    last = _rate(given, "rampTo", what) if "rampTo" in given else first
    return Phase(name, length_s, first, last, most, line)


def _rate(given: Map, key: str, what: str) -> float:
    rate = known_keys.number(given, key, what) or 0.0
    if not 0 <= rate <= workload.MAX_RATE:
        raise Refusal(
            given.lines[key],
            f"{key} of {what} is from 0 to {workload.MAX_RATE:,.0f} users a second.",
        )
    return rate


def _whole(given: Map, key: str, what: str) -> int | None:
    value = known_keys.number(given, key, what)
    if value is None:
        return None
    if value < 0 or value != int(value):
        raise Refusal(given.lines[key], f"{key} of {what} is a whole number from 0.")
    return int(value)


def specs(phases: list[Phase], name: str, function: str) -> tuple[Spec, ...]:
    """Return what runs these phases, named like the only scenario, or like their first phase."""
    loaded = [each for each in phases if each.max_vusers != 0]
    if not any(each.arrivals for each in loaded):
        line = phases[0].line if phases else 0
        raise Refusal(
            line, "config.phases bring no user; give a phase arrivalRate or arrivalCount."
        )
    most = [each.max_vusers for each in phases if each.arrivals]
    if len(set(most)) == 1:
        return (_spec(phases, name, function, 0.0, most[0]),)
    found: list[Spec] = []
    start_s, known = 0.0, set[str]()
    for limit, several in groupby(_with_limits(phases), key=lambda pair: pair[1]):
        group = [phase for phase, _ in several]
        own = group[0].name
        own = own if own not in known else f"{own} ({len(found) + 1})"
        known.add(own)
        if any(each.arrivals for each in group) and limit != 0:
            found.append(_spec(group, own, function, start_s, limit))
        start_s += sum(each.length_s for each in group)
    return tuple(found)


def _with_limits(phases: list[Phase]) -> list[tuple[Phase, int | None]]:
    """Pair phases with their limits; a pause has that of what comes before it."""
    limits: list[tuple[Phase, int | None]] = []
    limit = next(each.max_vusers for each in phases if each.arrivals)
    for each in phases:
        limit = each.max_vusers if each.arrivals else limit
        limits.append((each, limit))
    return limits


def _spec(phases: list[Phase], name: str, function: str, start_s: float, limit: int | None) -> Spec:
    arrivals = math.ceil(round(math.fsum(each.arrivals for each in phases), 6))
    most = limit or max(1, min(MAX_VUS, arrivals))
    common = {
        "start_time_s": start_s,
        "graceful_stop_s": GRACE_S,
        "time_unit_s": 1.0,
        "pre_allocated_vus": 0,
        "max_vus": min(most, workload.MAX_CONNECTIONS),
    }
    if len(phases) == 1 and phases[0].first == phases[0].last:
        only = phases[0]
        return Spec(
            *(name, function, "constant-arrival-rate"),
            duration_s=only.length_s,
            rate=only.first,
            stage_names=(only.name,),
            **common,  # type: ignore[arg-type]
        )
    stages, names = [], []
    before = phases[0].first
    for each in phases:
        if each.first != before:
            stages.append((0.0, each.first))
            names.append(each.name)
        stages.append((each.length_s, each.last))
        names.append(each.name)
        before = each.last
    return Spec(
        *(name, function, "ramping-arrival-rate"),
        start_rate=phases[0].first,
        stages=tuple(stages),
        stage_names=tuple(names),
        **common,  # type: ignore[arg-type]
    )
