"""fastbench: a benchmarker for HTTP services.

What a scenario script needs is imported from here; each name is loaded when it is asked for, so
that a plain run pays for none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fastbench.engine.client._client import Response as Response
    from fastbench.script.api.checks import Aborted as Aborted
    from fastbench.script.api.checks import abort as abort
    from fastbench.script.api.checks import check as check
    from fastbench.script.api.checks import group as group
    from fastbench.script.api.data import data as data
    from fastbench.script.api.declare import env as env
    from fastbench.script.api.declare import monitor as monitor
    from fastbench.script.api.declare import scenario as scenario
    from fastbench.script.api.declare import setup as setup
    from fastbench.script.api.declare import teardown as teardown
    from fastbench.script.api.goals import derived as derived
    from fastbench.script.api.goals import goal as goal
    from fastbench.script.api.metrics import Counter as Counter
    from fastbench.script.api.metrics import Gauge as Gauge
    from fastbench.script.api.metrics import Rate as Rate
    from fastbench.script.api.metrics import Trend as Trend
    from fastbench.script.api.operations import operation as operation
    from fastbench.script.api.options import Options as Options
    from fastbench.script.api.randomness import random_int as random_int
    from fastbench.script.api.randomness import random_item as random_item
    from fastbench.script.api.randomness import sleep as sleep
    from fastbench.script.api.randomness import think as think
    from fastbench.script.api.randomness import uuid as uuid
    from fastbench.script.api.randomness import weighted as weighted
    from fastbench.script.api.vu import Vu as Vu
    from fastbench.script.expected import expected_statuses as expected_statuses
    from fastbench.script.http.bodies import file as file
    from fastbench.script.protocols import phoenix as phoenix
    from fastbench.script.protocols import redis as redis
    from fastbench.script.protocols import rq as rq
    from fastbench.script.protocols import socketio as socketio
    from fastbench.script.protocols import sql as sql

__version__ = "0.6.0"

_HOMES = {
    "engine.client._client": ("Response",),
    "script.http.bodies": ("file",),
    "script.api.randomness": ("random_int", "random_item", "sleep", "think", "uuid", "weighted"),
    "script.api.checks": ("Aborted", "abort", "check", "group"),
    "script.api.declare": ("env", "monitor", "scenario", "setup", "teardown"),
    "script.expected": ("expected_statuses",),
    "script.api.data": ("data",),
    "script.api.goals": ("derived", "goal"),
    "script.api.metrics": ("Counter", "Gauge", "Rate", "Trend"),
    "script.api.operations": ("operation",),
    "script.api.options": ("Options",),
    "script.api.vu": ("Vu",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_PROTOCOLS = ("phoenix", "redis", "rq", "socketio", "sql")
_MODULES = {name: f"script.protocols.{name}" for name in _PROTOCOLS}

__all__ = [*_HOME_OF, *_MODULES, "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name) or _MODULES.get(name)
    if home is None:
        raise AttributeError(f"module 'fastbench' has no attribute '{name}'")
    from importlib import import_module

    module = import_module(f"fastbench.{home}")
    found = module if name in _MODULES else getattr(module, name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF, *_MODULES})
