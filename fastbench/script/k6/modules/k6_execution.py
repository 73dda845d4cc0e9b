"""What `k6/execution` tells of the run: the user, the scenario, the options."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.k6_calls import K6Error, owner
from fastbench.script.k6.modules import k6_test_options

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_FIRST_SHARED = 34  # of the counters that workers share: those of feeders, which scripts here lack
_LAST_SHARED = 62  # the last one is that of options.rps
_ENDLESS = 1 << 62
# What is asked for, and where it cannot be.
_PARTS = {
    "options": "test options in the init context",
    "vu": "VU information in the init context",
    "scenario": "scenario information outside of the VU context",
    "instance": "instance information in the init context",
}
_TOO_LATE = ("instance", "teardown")


def install(realm: K6Realm) -> None:
    """Add the operation."""
    realm.define("execution", _execution)


def _execution(name: str) -> Any:
    user = owner()
    part = name.partition(".")[0]
    if user.initializing or user.vu is None or (part, user.vu.scenario) == _TOO_LATE:
        raise K6Error(f"getting {_PARTS[part]} is not supported")
    if name == "options":
        return k6_test_options.whole(user.realm.options)
    if part == "scenario" and user.vu.scenario not in user.realm.scenarios:
        raise K6Error(f"getting {_PARTS[part]} is not supported")
    vu, realm = user.vu, user.realm
    if name in ("vu.idInTest", "vu.idInInstance"):
        return vu.id
    if name in ("vu.iterationInInstance", "vu.iterationInScenario"):
        return vu.iteration
    if name in ("scenario.iterationInTest", "scenario.iterationInInstance"):
        return _number(user)
    if name == "scenario.name":
        return vu.scenario
    spec = realm.scenarios.get(vu.scenario)
    if name == "scenario.executor":
        found = k6_test_options.whole(realm.options)["scenarios"].get(vu.scenario, {})
        return found.get("executor", "")
    begun_ns = realm.begun_ns.get(vu.scenario, time.monotonic_ns())
    age_s = (time.monotonic_ns() - begun_ns) / 1e9
    if name == "scenario.startTime":
        return realm.now_ms() - round(age_s * 1e3)
    if name == "scenario.progress":
        return min(1.0, age_s / spec.length_s) if spec is not None and spec.length_s else 0.0
    if name == "instance.currentTestRunDuration":
        return age_s * 1e3
    raise K6Error(f"fastbench does not have exec.{name}; its reports count over all workers")


def _number(user: K6User) -> int:
    """Return a number of this iteration that no other of its scenario has, in any worker."""
    vu, realm = user.vu, user.realm
    assert vu is not None
    iteration, number = user.scenario_iteration
    if iteration != vu.iteration:
        place = list(realm.scenarios).index(vu.scenario) if vu.scenario in realm.scenarios else 0
        number = realm.take(min(_FIRST_SHARED + place, _LAST_SHARED), _ENDLESS)
        user.scenario_iteration = (vu.iteration, number)
    return number
