"""What `k6/execution` tells of the run: the instance, the scenario, the user, the options.

Workers are one instance to a script, on all machines: what is counted is counted over all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.k6_calls import K6Error, owner, tag_text
from fastbench.script.running_load import ENDLESS
from fastbench.script.schedule import planned_vus
from fastbench.script.spec import ITERATIONS, Spec

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User
    from fastbench.script.running_load import RunningLoad

_FIRST_SHARED = 34  # of the counters that workers share: those of feeders, which scripts here lack
_LAST_SHARED = 62  # the last one is that of options.rps
NUMBERS = ("iterationInTest", "iterationInInstance")
COUNTED = ("instance", "progress")  # what is counted over all workers is asked for by these words
_SUBJECTS = {
    "scenario": "scenario information outside of the VU context",
    "vu": "VU information in the init context",
    "instance": "instance information in the init context",
    "test": "test options in the init context",
}


def install(realm: K6Realm) -> None:
    """Add the operations."""
    calls: Mapping[str, Callable[..., Any]] = {
        "execution": _execution,
        "hasExecution": _has,
        "metadata": lambda name: owner().metadata.get(name),
        "allMetadata": lambda: owner().metadata,
        "setMetadata": _set_metadata,
        "dropMetadata": lambda name: owner().metadata.pop(name, None),
    }
    for name, call in calls.items():
        realm.define(name, call)


def _has(subject: str) -> bool:
    """Let a subject be looked at; raises K6Error while the script is loaded."""
    if owner().initializing:
        raise _outside(subject)
    return True


def _outside(subject: str) -> K6Error:
    return K6Error(f"getting {_SUBJECTS[subject]} is not supported")


def _execution(name: str) -> Any:
    user = owner()
    subject, _, part = name.partition(".")
    if user.initializing:
        raise _outside(subject)
    if subject == "test":
        return user.realm.settled
    if subject == "vu":
        return _of_vu(user, part)
    now, scenario = user.realm.now, user.scenario
    if subject == "instance":
        if now is None or (scenario is None and user.stage != "setup"):
            raise _outside(subject)
        return _of_instance(user.realm, now, part)
    if now is None or scenario is None:
        raise _outside(subject)
    return _of_scenario(user, now, scenario, part)


def _of_vu(user: K6User, part: str) -> int:
    if user.vu is None:
        return 0
    return user.vu.id if part in ("idInTest", "idInInstance") else user.vu.iteration


def _of_instance(realm: K6Realm, now: RunningLoad, part: str) -> float:
    if part == "currentTestRunDuration":
        return (time.monotonic_ns() - now.begun_ns()) / 1e6
    if part == "vusActive":
        return now.vus()
    if part == "vusInitialized":
        return planned_vus(tuple(realm.scenarios.values())) + now.extra()
    completed, interrupted = now.iterations()
    return completed if part == "iterationsCompleted" else interrupted


def _of_scenario(user: K6User, now: RunningLoad, scenario: Spec, part: str) -> Any:
    if part == "name":
        return scenario.name
    if part == "executor":
        return scenario.executor
    if part in NUMBERS:
        return number(user, scenario)
    begun_ns = now.start_ns + round(scenario.start_time_s * 1e9)
    if part == "startTime":
        return user.realm.unix_ms(scenario.name, begun_ns)
    if scenario.executor in ITERATIONS:
        return min(1.0, sum(now.iterations(scenario.name)) / (scenario.planned or 1))
    age_s = (time.monotonic_ns() - begun_ns) / 1e9
    return min(1.0, age_s / scenario.length_s) if scenario.length_s else 0.0


def number(user: K6User, scenario: Spec) -> int:
    """Return a number of this iteration that no other of its scenario has, in any worker.

    It is taken at the first call of an iteration. Where it is known how many iterations there will
    be, numbers are below that, also where one machine does more of them than another.
    """
    vu, realm = user.vu, user.realm
    assert vu is not None
    if scenario.executor == "shared-iterations":
        return vu.number
    if scenario.executor == "per-vu-iterations" and realm.now is not None and realm.now.is_split:
        return vu.iteration * scenario.most_vus + vu.id - realm.first_vus[scenario.name]
    iteration, taken = user.scenario_iteration
    if iteration != vu.iteration:
        place = list(realm.scenarios).index(scenario.name)
        taken = realm.take(min(_FIRST_SHARED + place, _LAST_SHARED), ENDLESS)
        user.scenario_iteration = (vu.iteration, taken)
    return taken


def _set_metadata(name: str, value: Any) -> None:
    owner().metadata[name] = tag_text("metadata", name, value)
