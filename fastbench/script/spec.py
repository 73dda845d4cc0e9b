"""What one scenario is to do: k6's six executors and their parameters, validated.

A parameter that the executor does not take is None; one that it takes has its value or k6's
default. A scenario without executor takes its load from the command line or from the shortcuts in
Options (`cli_overrides.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

from fastbench.foundation.nearest import nearest
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import workload
from fastbench.script import values
from fastbench.script.values import Stages

Executor = Literal[
    "shared-iterations",
    "per-vu-iterations",
    "constant-vus",
    "ramping-vus",
    "constant-arrival-rate",
    "ramping-arrival-rate",
]


class ScenarioSettings(TypedDict, total=False):
    """The load of a scenario, as `scenario()` takes it; a time is seconds, or a text such as "5s".

    Attributes:
        executor: How iterations are started: shared-iterations, per-vu-iterations,
            constant-vus, ramping-vus, constant-arrival-rate or ramping-arrival-rate.
        start_time: When it begins, after the start of the run.
        graceful_stop: How long iterations may go on after its end; default 30 s.
        env: Values that `env()` gives within it.
        tags: Tags of all its samples.
        vus: How many users; default 1.
        iterations: How many iterations: of all users, or of each (per-vu-iterations).
        max_duration: When iterations are cut off; default 10 min.
        duration: How long iterations are started.
        stages: Pairs of length and target, users or iterations per `time_unit`:
            `[("30s", 50)]`.
        start_vus: How many users before the first stage; default 1.
        graceful_ramp_down: How long a user that is no longer wanted may go on; default
            30 s.
        rate: Iterations to start per `time_unit`.
        start_rate: Iterations per `time_unit` before the first stage; default 0.
        time_unit: The time that rates are for; default 1 s.
        pre_allocated_vus: Users that are there at the start, for executors with a rate.
        max_vus: How many users there may be at most, where the answers are slow.
    """

    executor: Executor | None
    start_time: str | float | None
    graceful_stop: str | float | None
    env: Mapping[str, str] | None
    tags: Mapping[str, str] | None
    vus: int | None
    iterations: int | None
    max_duration: str | float | None
    duration: str | float | None
    stages: Iterable[Any] | None
    start_vus: int | None
    graceful_ramp_down: str | float | None
    rate: float | None
    start_rate: float | None
    time_unit: str | float | None
    pre_allocated_vus: int | None
    max_vus: int | None


_ANY = ("start_time", "graceful_stop", "env", "tags")
# By executor: what it needs, and what it may have, with k6's defaults.
_NEEDS: dict[str, tuple[str, ...]] = {
    "shared-iterations": (),
    "per-vu-iterations": (),
    "constant-vus": ("duration",),
    "ramping-vus": ("stages",),
    "constant-arrival-rate": ("rate", "duration", "pre_allocated_vus"),
    "ramping-arrival-rate": ("stages", "pre_allocated_vus"),
}
_MAY: dict[str, dict[str, Any]] = {
    "shared-iterations": {"vus": 1, "iterations": 1, "max_duration": 600.0},
    "per-vu-iterations": {"vus": 1, "iterations": 1, "max_duration": 600.0},
    "constant-vus": {"vus": 1},
    "ramping-vus": {"start_vus": 1, "graceful_ramp_down": 30.0},
    "constant-arrival-rate": {"time_unit": 1.0, "max_vus": None},
    "ramping-arrival-rate": {"start_rate": 0.0, "time_unit": 1.0, "max_vus": None},
}
EXECUTORS = tuple(_NEEDS)
ITERATIONS = ("shared-iterations", "per-vu-iterations")
ARRIVAL = ("constant-arrival-rate", "ramping-arrival-rate")
_DURATIONS = ("start_time", "graceful_stop", "max_duration", "duration", "graceful_ramp_down")
_PARAMETERS = (
    *("vus", "iterations", "duration", "stages", "rate", "pre_allocated_vus", "max_vus"),
    *("start_vus", "start_rate", "time_unit", "max_duration", "graceful_ramp_down"),
)


@dataclass(frozen=True, slots=True)
class Spec:
    """Hold one scenario. `function` is the name of what it runs, for display."""

    name: str
    function: str
    executor: str | None = None
    start_time_s: float = 0.0
    graceful_stop_s: float = 30.0
    env: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    vus: int | None = None
    iterations: int | None = None
    max_duration_s: float | None = None
    duration_s: float | None = None
    stages: Stages | None = None
    stage_names: tuple[str, ...] = ()
    start_vus: int | None = None
    graceful_ramp_down_s: float | None = None
    rate: float | None = None
    start_rate: float | None = None
    time_unit_s: float | None = None
    pre_allocated_vus: int | None = None
    max_vus: int | None = None

    def __post_init__(self) -> None:
        if self.executor is not None:
            _CHECKS[self.executor](self)

    @property
    def length_s(self) -> float:
        """How long iterations are started, at most; the start time is not in it."""
        if self.stages is not None:
            return sum(length_s for length_s, _ in self.stages)
        return self.duration_s or self.max_duration_s or 0.0

    @property
    def end_s(self) -> float:
        """When everything of it is over at the latest, from the start line on."""
        return self.start_time_s + self.length_s + self.graceful_stop_s

    @property
    def most_vus(self) -> int:
        """How many VUs it may ever have."""
        if self.executor in ARRIVAL:
            return self.max_vus or self.pre_allocated_vus or 0
        if self.stages is not None:
            return max(self.start_vus or 0, *(int(target) for _, target in self.stages))
        return self.vus or 1

    @property
    def levels(self) -> tuple[tuple[float, float, float], ...]:
        """Its stages as (length_s, first, last): VUs, or iterations per second."""
        unit_s = self.time_unit_s or 1.0
        if self.executor == "constant-arrival-rate":
            level = (self.rate or 0.0) / unit_s
            return ((self.length_s, level, level),)
        first = (self.start_rate or 0.0) / unit_s if self.executor in ARRIVAL else self.start_vus
        found = []
        for length_s, target in self.stages or ():
            last = target / unit_s
            found.append((length_s, float(first or 0), last))
            first = last
        return tuple(found)

    @property
    def planned(self) -> int | None:
        """How many iterations the plan starts in all; None where the answers decide.

        The first one of a rate is due at once, so what is begun of the last one counts, too.
        """
        if self.executor in ARRIVAL:
            whole = math.fsum(
                length_s * (first + last) / 2 for length_s, first, last in self.levels
            )
            return math.ceil(round(whole, 6))
        if self.executor == "per-vu-iterations":
            return (self.iterations or 0) * (self.vus or 0)
        return self.iterations


def read(name: str, function: str, given: Mapping[str, Any]) -> Spec:
    """Read a scenario as a script writes it: parameters by k6's names, in snake_case."""
    values.name(name, "The name of a scenario")
    executor = given.get("executor")
    settings = {key: value for key, value in given.items() if key not in ("executor", "exec")}
    where = f"scenario {name}"
    if executor is None:
        values.refuse_unknown(settings, (*_ANY, *_PARAMETERS), where.capitalize())
        extra = [key for key in settings if key not in _ANY]
        if extra:
            raise UsageError(
                f"Scenario {name} has {extra[0]} but no executor; add "
                f'executor="{_fitting(extra)}", or set the load in Options or with -u, -d, -i, -s.'
            )
    elif executor not in EXECUTORS:
        near = nearest(str(executor), EXECUTORS)
        cure = f"did you mean {near[0]}?" if near else f"it is one of {', '.join(EXECUTORS)}."
        raise UsageError(f"Scenario {name}: unknown executor {values.shown(executor)}; {cure}")
    else:
        needs, may = _NEEDS[executor], _MAY[executor]
        known = (*needs, *may, *_ANY)
        values.refuse_unknown(settings, known, f"The {executor} of {where}")
        for key in needs:
            if settings.get(key) is None:
                raise UsageError(f"Scenario {name}: {executor} needs {key}.")
        settings = {**may, **settings}
    read_values = {
        _field(key): _value(key, value, f"{key} of {where}", executor)
        for key, value in settings.items()
        if value is not None
    }
    if "stages" in read_values:
        read_values["stage_names"] = values.stage_names(settings["stages"], f"stages of {where}")
    return filled(Spec(name, function), executor, read_values)


def filled(old: Spec, executor: str | None, changes: Mapping[str, Any]) -> Spec:
    """Return the scenario under an executor: what both have is kept, what it lacks is dropped."""
    kept = {key: getattr(old, key) for key in ("name", "function")}
    kept |= {_field(key): getattr(old, _field(key)) for key in _ANY}
    if executor is not None:
        for key in (*_NEEDS[executor], *_MAY[executor]):
            value = getattr(old, _field(key))
            kept[_field(key)] = _MAY[executor].get(key) if value is None else value
    if "stages" in kept and "stages" not in changes:
        kept["stage_names"] = old.stage_names
    kept |= changes
    if executor in ARRIVAL and kept.get("max_vus") is None:
        kept["max_vus"] = kept["pre_allocated_vus"]
    return Spec(**kept, executor=executor)


def _field(key: str) -> str:
    """Return the name of a parameter as a field: what is seconds says so."""
    return f"{key}_s" if key in (*_DURATIONS, "time_unit") else key


def _value(key: str, value: Any, what: str, executor: str | None) -> Any:
    if key in _DURATIONS or key == "time_unit":
        return values.duration_s(value, what)
    if key in ("env", "tags"):
        return values.strings(value, what)
    if key == "stages":
        return values.stages(value, what, whole=executor == "ramping-vus")
    if key in ("rate", "start_rate"):
        return values.rate(value, what)
    if key == "iterations":
        return values.count(value, what)
    least = 0 if key in ("start_vus", "pre_allocated_vus") else 1
    return values.count(value, what, least=least, most=workload.MAX_CONNECTIONS)


def _fitting(parameters: list[str]) -> str:
    """Return the first executor that takes them all, or the most usual one."""
    order = ("constant-vus", "shared-iterations", "ramping-vus", *ARRIVAL)
    fits = (each for each in order if {*parameters} <= {*_NEEDS[each], *_MAY[each]})
    return next(fits, "constant-vus")


def _check_iterations(spec: Spec) -> None:
    _more_than_nothing(spec, "max_duration", spec.max_duration_s)
    if spec.executor == "shared-iterations" and (spec.iterations or 0) < (spec.vus or 0):
        raise UsageError(
            f"Scenario {spec.name} shares {spec.iterations} iterations among {spec.vus} VUs; "
            "give at least one iteration per VU, or fewer vus."
        )


def _check_constant_vus(spec: Spec) -> None:
    _more_than_nothing(spec, "duration", spec.duration_s)


def _check_ramping_vus(spec: Spec) -> None:
    _more_than_nothing(spec, "the sum of its stages", spec.length_s)
    if not spec.most_vus:
        raise UsageError(
            f"Scenario {spec.name} never has a VU; give start_vus or a target above 0."
        )


def _check_arrival(spec: Spec) -> None:
    _more_than_nothing(spec, "the duration", spec.length_s)
    _more_than_nothing(spec, "time_unit", spec.time_unit_s)
    peak = max(max(first, last) for _, first, last in spec.levels)
    if not 0 < peak <= workload.MAX_RATE:
        raise UsageError(
            f"Scenario {spec.name} has a rate of {peak:g} iterations per second; it must be "
            f"above 0 and at most {workload.MAX_RATE:,.0f}."
        )
    if (spec.max_vus or 0) < max(spec.pre_allocated_vus or 0, 1):
        raise UsageError(
            f"Scenario {spec.name}: max_vus must be at least 1 and no less than pre_allocated_vus."
        )


def _more_than_nothing(spec: Spec, what: str, value: float | None) -> None:
    if not value or value <= 0:
        raise UsageError(f"Scenario {spec.name}: {what} must be longer than 0.")


_CHECKS: dict[str, Callable[[Spec], None]] = {
    "shared-iterations": _check_iterations,
    "per-vu-iterations": _check_iterations,
    "constant-vus": _check_constant_vus,
    "ramping-vus": _check_ramping_vus,
    "constant-arrival-rate": _check_arrival,
    "ramping-arrival-rate": _check_arrival,
}
