"""What a script declares while it is imported: scenarios, setup, teardown; and env().

1. One script per process: `begin` forgets the one before, `collect` says what was declared.
2. A function is an `async def` that takes the VU, and what setup() returned if it wants it.
3. Several decorators may stand on one function; each makes a scenario of its own name.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar, overload

from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.results.metric_values import BUILT_IN
from fastbench.script import remarks, spec
from fastbench.script.api import goals, metrics
from fastbench.script.api.options import LOAD, Declared, Load, Options, Settings
from fastbench.script.recording_context import PLACE
from fastbench.script.spec import Executor, Spec

Function = TypeVar("Function", bound=Callable[..., Any])

MIN_EVERY_S, MAX_EVERY_S = 0.01, 3600.0  # of monitors
_DEFAULT = "default"  # the name of k6's only function


@dataclass(frozen=True, slots=True)
class Runnable:
    """Hold a function of the script; call it as `function(*(vu, data)[:parameters])`."""

    function: Callable[..., Any]
    parameters: int


@dataclass(frozen=True, slots=True)
class Monitored:
    """Hold a function under @monitor, which is called every `every_s` while the load runs."""

    name: str
    every_s: float
    runnable: Runnable


class _Script:
    """The script of this process."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.env = given
        self.specs: dict[str, Spec] = {}
        self.runnables: dict[str, Runnable] = {}
        self.monitors: dict[str, Monitored] = {}
        self.setup: Runnable | None = None
        self.teardown: Runnable | None = None


_script = _Script({})


def begin(given: Mapping[str, str]) -> None:
    """Forget another script; `given` are the pairs of -e."""
    global _script
    _script = _Script(given)
    metrics.begin()
    goals.begin()


@overload
def scenario(function: Function, /) -> Function: ...


@overload
def scenario(
    *,
    name: str | None = None,
    executor: Executor | None = None,
    start_time: str | float | None = None,
    graceful_stop: str | float | None = None,
    env: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    vus: int | None = None,
    iterations: int | None = None,
    max_duration: str | float | None = None,
    duration: str | float | None = None,
    stages: Iterable[Any] | None = None,
    start_vus: int | None = None,
    graceful_ramp_down: str | float | None = None,
    rate: float | None = None,
    start_rate: float | None = None,
    time_unit: str | float | None = None,
    pre_allocated_vus: int | None = None,
    max_vus: int | None = None,
) -> Callable[[Function], Function]: ...


def scenario(function: Any = None, /, *, name: str | None = None, **settings: Any) -> Any:
    """Declare what VUs run, with k6's executors and their parameters in snake_case.

    Without an executor the load comes from the command line (-u, -d, -i, -s) or from Options,
    else it is one VU and one iteration. The name is that of the function.
    """
    if isinstance(function, str):
        raise UsageError(f'scenario() takes its settings by name: executor="{function}".')

    def declare(function: Function) -> Function:
        own = getattr(function, "__name__", "")
        called = own if name is None else name
        given = {key: value for key, value in settings.items() if value is not None}
        found = spec.read(called, own, given)
        _add(found, _checked(function, f"scenario {called}"))
        return function

    return declare if function is None else declare(function)


def setup(function: Function) -> Function:
    """Run once before the load; what it returns, as JSON, is the second argument of the others."""
    if _script.setup is not None:
        raise UsageError("The script has two functions with @setup; keep one.")
    _script.setup = _checked(function, "setup")
    return function


def teardown(function: Function) -> Function:
    """Run once after the load, after an abort too."""
    if _script.teardown is not None:
        raise UsageError("The script has two functions with @teardown; keep one.")
    _script.teardown = _checked(function, "teardown")
    return function


@overload
def monitor(function: Function, /) -> Function: ...


@overload
def monitor(
    *, every: str | float = ..., name: str | None = None
) -> Callable[[Function], Function]: ...


def monitor(function: Any = None, /, *, every: str | float = "5s", name: str | None = None) -> Any:
    """Call a coroutine every so often while the load runs, in one worker: it loads nothing.

    Its requests, queries and operations count nowhere. Metrics of the script that it adds to do,
    and each Gauge is told over time. An exception in it ends no run; the report tells of it once.
    """
    if isinstance(function, str | int | float):
        raise UsageError(f'monitor() takes its interval by name: every="{function}".')
    every_s = _every_s(every)

    def declare(function: Function) -> Function:
        called = str(name or getattr(function, "__name__", ""))
        if called in _script.monitors:
            raise UsageError(f'The script has two monitors {called}; give one another: name="…".')
        found = _checked(function, f"monitor {called}")
        _script.monitors[called] = Monitored(called, every_s, found)
        return function

    return declare if function is None else declare(function)


def _every_s(given: str | float) -> float:
    try:
        seconds = units.parse_duration_s(given) if isinstance(given, str) else float(given)
    except ValueError as error:
        raise UsageError(f"every= is not a time: {error}") from None
    if not MIN_EVERY_S <= seconds <= MAX_EVERY_S:
        raise UsageError("every= is from 10ms to an hour, for example every='5s'.")
    return seconds


@overload
def env(name: str) -> str | None: ...


@overload
def env(name: str, default: str) -> str: ...


def env(name: str, default: str | None = None) -> str | None:
    """Return a setting: of the scenario that runs, of -e on the command line, or of the system."""
    place = PLACE.get(None)
    running = None if place is None else _script.specs.get(place.scenario)
    if running is not None and name in running.env:
        return running.env[name]
    found = _script.env.get(name)
    return os.environ.get(name, default) if found is None else found


def collect(module: ModuleType) -> Declared:
    """Return everything that the script declares, now that it is imported; raises UsageError."""
    options = _options(module)
    if options is not None:
        for name, (found, function) in options.scenarios.items():
            own = getattr(module, function, None)
            if own is None:
                raise UsageError(
                    f"Scenario {name}: the script has no function {redact.printable(function)}; "
                    'name the one it runs with "exec".'
                )
            _add(found, _checked(own, f"scenario {name}"))
    default = getattr(module, _DEFAULT, None)
    if not _script.specs and inspect.isfunction(default):
        _add(Spec(_DEFAULT, _DEFAULT), _checked(default, f"scenario {_DEFAULT}"))
    metrics.close()
    if both := _script.monitors.keys() & _script.specs.keys():
        raise UsageError(
            f'The script has a scenario and a monitor {both.pop()}; give one another: name="…".'
        )
    loads, lost = _of_modules(module, options)
    return Declared(
        options=replace(
            Settings() if options is None else options.settings,
            goals=goals.declared(),
            derived=_derived(),
        ),
        scenarios=tuple(_script.specs.values()),
        setup=_script.setup is not None,
        teardown=_script.teardown is not None,
        metrics=metrics.declared(),
        warnings=remarks.texts(),
        loads=loads,
        lost=lost,
    )


def _derived() -> dict[str, str]:
    """Return the formulas of names; no name is that of a metric."""
    found = goals.formulas()
    if not found:
        return found
    from fastbench.results.thresholds import derived_metrics, formulas

    if words := [name for name in found if formulas.reserved(name)]:
        raise UsageError(f"derived(): {words[0]} is a word of thresholds; choose another one.")
    derived_metrics.resolved(found)
    if both := found.keys() & (BUILT_IN.keys() | metrics.declared().keys()):
        raise UsageError(f"derived(): {both.pop()} is the name of a metric; choose another one.")
    return found


def runnable(name: str) -> Runnable:
    """Return what a scenario runs."""
    return _script.runnables[name]


def monitors() -> tuple[Monitored, ...]:
    """Return the functions under @monitor."""
    return tuple(_script.monitors.values())


def setup_function() -> Runnable | None:
    """Return the function under @setup."""
    return _script.setup


def teardown_function() -> Runnable | None:
    """Return the function under @teardown."""
    return _script.teardown


def _options(module: ModuleType) -> Options | None:
    """Return the script's Options: its `options`, or the only ones under another name."""
    found = getattr(module, "options", None)
    if isinstance(found, Options):
        return found
    if isinstance(found, Mapping):
        return Options(**found)
    others = [each for each in vars(module).values() if isinstance(each, Options)]
    if len(others) > 1:
        raise UsageError("The script creates several Options; name the one to use `options`.")
    return others[0] if others else None


def _of_modules(script: ModuleType, own: Options | None) -> tuple[dict[str, Load], tuple[str, ...]]:
    """Return the loads of scenarios that other modules declare, and what of Options is not used.

    A scenario that is imported keeps the load in the Options beside it, unless the script gives one
    to all; every other option is the script's.
    """
    loads: dict[str, Load] = {}
    lost = []
    said: set[str] = set()
    for name, spec_ in _script.specs.items():
        home = sys.modules.get(_script.runnables[name].function.__module__)
        if home is None or home is script:
            continue
        made = [each for each in vars(home).values() if isinstance(each, Options)]
        if len(made) != 1 or (beside := made[0]) is own:
            continue
        if beside.settings.load and spec_.executor is None:
            if own is not None and own.settings.load:
                lost.append(
                    f"Scenario {name}: the load in the script's Options replaces the load of "
                    f"{home.__name__}."
                )
            loads[name] = beside.settings.load
        unused = [part for part in beside.given if part not in LOAD]
        if unused and home.__name__ not in said:
            said.add(home.__name__)
            lost.append(
                f"Options of {home.__name__}: {', '.join(unused)} are not used; the script's own "
                "Options count, so write them there (or import its `options`)."
            )
    return loads, tuple(lost)


def _add(found: Spec, what: Runnable) -> None:
    if found.name in _script.specs:
        raise UsageError(
            f'The script has two scenarios {found.name}; give one another name: name="…".'
        )
    _script.specs[found.name] = found
    _script.runnables[found.name] = what


def _checked(function: Any, what: str) -> Runnable:
    """Check that a function can be run with the VU and what setup() returned."""
    if not inspect.iscoroutinefunction(function):
        raise UsageError(f"The function of {what} is not a coroutine; write `async def …(vu):`.")
    for count in (2, 1, 0):
        with contextlib.suppress(TypeError):
            inspect.signature(function).bind(*(None,) * count)
            return Runnable(function, count)
    raise UsageError(
        f"The function of {what} takes the VU and what setup() returned, nothing else."
    )
