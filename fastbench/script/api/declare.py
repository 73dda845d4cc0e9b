"""What a script declares while it is imported: scenarios, setup, teardown; and env().

1. One script per process: `begin` forgets the one before, `collect` says what was declared.
2. A function is an `async def` that takes the VU, and what setup() returned if it wants it.
3. Several decorators may stand on one function; each makes a scenario of its own name.
"""

from __future__ import annotations

import contextlib
import inspect
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, TypeVar, Unpack, overload

from fastbench.foundation import redact, units
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks, spec
from fastbench.script.api import goals, metrics, module_options
from fastbench.script.api.options import Declared, Settings
from fastbench.script.recording_context import PLACE
from fastbench.script.signatures import spelled_out
from fastbench.script.spec import ScenarioSettings, Spec

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
    *, name: str | None = None, **settings: Unpack[ScenarioSettings]
) -> Callable[[Function], Function]: ...


@spelled_out(ScenarioSettings)
def scenario(function: Any = None, /, *, name: str | None = None, **settings: Any) -> Any:
    """Declare that users run this function: `@scenario`, or `@scenario(executor=…, …)`.

    The function is an `async def` that takes the user, and what `setup` returned if it wants it.
    Without an executor it has no load of its own: that comes from the command line (-u, -d, -i, -s)
    or from Options, else it is one user and one iteration. A time is seconds, or a text
    such as "90s" or "5m".

    Args:
        function: The function, where no settings are given.
        name: Name of the scenario; default: that of the function.
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
        stages: Pairs of length and target, users or iterations per `time_unit`, as in
            `[("30s", 50)]`.
        start_vus: How many users before the first stage; default 1.
        graceful_ramp_down: How long a user that is no longer wanted may go on; default 30 s.
        rate: Iterations to start per `time_unit`.
        start_rate: Iterations per `time_unit` before the first stage; default 0.
        time_unit: The time that rates are for; default 1 s.
        pre_allocated_vus: Users that are there at the start, for executors with a rate.
        max_vus: How many users there may be at most, where the answers are slow.

    Returns:
        The function as it is; with settings, what decorates it.

    Raises:
        UsageError: Settings do not fit, or the function is no coroutine.

    Example::

        @scenario(executor="constant-arrival-rate", rate=5, duration="1s", pre_allocated_vus=2)
        async def browse(vu: Vu) -> None:
            await vu.get("/api/health")
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
    """Run this function once before the load.

    Args:
        function: An `async def` that takes a user, or nothing. What it returns must be JSON; it is
            the second argument of scenarios and teardown.

    Returns:
        The function as it is.

    Raises:
        UsageError: There are two of them, or it is no coroutine.

    Example::

        @setup
        async def log_in(vu: Vu) -> dict[str, str]:
            answer = await vu.post("/login", json={"email": "ada@shop.example", "password": "x"})
            return {"token": answer.json("accessToken")}

        @scenario
        async def main(vu: Vu, shared: dict[str, str]) -> None:
            await vu.get("/api/v1/user/me", bearer=shared["token"])
    """
    if _script.setup is not None:
        raise UsageError("The script has two functions with @setup; keep one.")
    _script.setup = _checked(function, "setup")
    return function


def teardown(function: Function) -> Function:
    """Run this function once after the load, after an abort too.

    Args:
        function: An `async def` that takes a user, and what `setup` returned if it wants it.

    Returns:
        The function as it is.

    Raises:
        UsageError: There are two of them, or it is no coroutine.

    Example::

        @scenario
        async def main(vu: Vu) -> None:
            await vu.get("/api/health")

        @teardown
        async def clean_up(vu: Vu) -> None:
            await vu.delete("/admin/cleanup-test-data")
    """
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
    """Call this function every so often while the load runs, in one worker; it is no load.

    Its requests, queries and operations count nowhere. Metrics of the script that it adds to do
    count, and each `Gauge` is told over time. An exception in it ends no run.

    Args:
        function: The function, an `async def` that takes a user, where no settings are given.
        every: Time between two calls: seconds, or a text such as "500ms"; 10 ms to 1 h.
        name: Its name in reports; default: that of the function.

    Returns:
        The function as it is; with settings, what decorates it.

    Raises:
        UsageError: The interval is out of range, or the function no coroutine.

    Example::

        headers = Gauge("answer_headers")

        @monitor(every="100ms")
        async def watch(vu: Vu) -> None:
            headers.add(len((await vu.get("/api/health")).headers))

        @scenario(executor="per-vu-iterations", vus=1, iterations=5)
        async def main(vu: Vu) -> None:
            await sleep(0.1)
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
    """Read a setting: of the scenario that runs, of -e on the command line, or of the system.

    Args:
        name: Its name, for example BASE_URL.
        default: What is returned where nobody sets it.

    Returns:
        Its value, a text; `default` (or None) where nobody sets it.

    Example::

        think_s = float(env("THINK_S", "0.1"))

        @scenario
        async def main(vu: Vu) -> None:
            await vu.get("/api/health")
            await sleep(think_s)
    """
    place = PLACE.get(None)
    running = None if place is None else _script.specs.get(place.scenario)
    if running is not None and name in running.env:
        return running.env[name]
    found = _script.env.get(name)
    return os.environ.get(name, default) if found is None else found


def collect(module: ModuleType) -> Declared:
    """Return everything that the script declares, now that it is imported; raises UsageError."""
    options = module_options.options_of(module)
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
    homes = {
        name: (found, _script.runnables[name].function.__module__)
        for name, found in _script.specs.items()
    }
    loads, lost = module_options.loads_of(module, options, homes)
    return Declared(
        options=replace(
            Settings() if options is None else options.settings,
            goals=goals.declared(),
            derived=module_options.derived(),
        ),
        scenarios=tuple(_script.specs.values()),
        setup=_script.setup is not None,
        teardown=_script.teardown is not None,
        metrics=metrics.declared(),
        warnings=remarks.texts(),
        loads=loads,
        lost=lost,
    )


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
