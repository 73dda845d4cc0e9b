"""Load scripts of fastbench: what a user does, how many do it, and what must hold.

Example::

    from fastbench import Options, Vu, check, scenario

    options = Options(base_url="http://localhost:8080", vus=10, duration="30s",
                      thresholds={"http_req_duration": ["p(95)<500"]})  # ms

    @scenario
    async def browse(vu: Vu) -> None:
        response = await vu.get("/api/health")
        check(response, {"status is 200": lambda r: r.status == 200})

Run it with `fastbench run SCRIPT.py`; `help(fastbench.check)` explains one name.

Names by purpose::

    Declare    scenario, setup, teardown, monitor, Options, env
    A user     Vu: get, post, request, batch, stream, ws, operation, cookies, state
    Answers    Response, StreamedResponse, Socket
    Results    check, group, operation, expected_statuses, abort, Aborted
    Metrics    Counter, Gauge, Rate, Trend
    Goals      goal, derived; or thresholds= of Options
    Data       data, Data, Exhausted, file
    Time       sleep, think (seconds)
    Chance     random_int, random_item, weighted, uuid
    Protocols  sql, redis, rq, phoenix, socketio (modules: sql.open(...))
    Errors     UsageError: what a script asks for wrongly; what the network does never raises

Times are in seconds where a script gives them, and in milliseconds where fastbench reports them,
unless a name says otherwise. Each name is loaded when it is asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastbench.engine.client._client import Response as Response
    from fastbench.foundation.usage_error import UsageError as UsageError
    from fastbench.script.api.checks import Aborted as Aborted
    from fastbench.script.api.checks import abort as abort
    from fastbench.script.api.checks import check as check
    from fastbench.script.api.checks import group as group
    from fastbench.script.api.data import Data as Data
    from fastbench.script.api.data import Exhausted as Exhausted
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
    from fastbench.script.api.sockets import Socket as Socket
    from fastbench.script.api.vu import Vu as Vu
    from fastbench.script.expected import expected_statuses as expected_statuses
    from fastbench.script.http.bodies import file as file
    from fastbench.script.http.streams import StreamedResponse as StreamedResponse
    from fastbench.script.protocols import phoenix as phoenix
    from fastbench.script.protocols import redis as redis
    from fastbench.script.protocols import rq as rq
    from fastbench.script.protocols import socketio as socketio
    from fastbench.script.protocols import sql as sql

__version__ = "0.6.0"

# Written out, for type checkers read it; a test holds it equal to what can be loaded.
__all__ = [
    "Aborted",
    "Counter",
    "Data",
    "Exhausted",
    "Gauge",
    "Options",
    "Rate",
    "Response",
    "Socket",
    "StreamedResponse",
    "Trend",
    "UsageError",
    "Vu",
    "__version__",
    "abort",
    "check",
    "data",
    "derived",
    "env",
    "expected_statuses",
    "file",
    "goal",
    "group",
    "monitor",
    "operation",
    "phoenix",
    "random_int",
    "random_item",
    "redis",
    "rq",
    "scenario",
    "setup",
    "sleep",
    "socketio",
    "sql",
    "teardown",
    "think",
    "uuid",
    "weighted",
]

_HOMES = {
    "engine.client._client": ("Response",),
    "foundation.usage_error": ("UsageError",),
    "script.http.bodies": ("file",),
    "script.http.streams": ("StreamedResponse",),
    "script.api.randomness": ("random_int", "random_item", "sleep", "think", "uuid", "weighted"),
    "script.api.checks": ("Aborted", "abort", "check", "group"),
    "script.api.declare": ("env", "monitor", "scenario", "setup", "teardown"),
    "script.expected": ("expected_statuses",),
    "script.api.data": ("Data", "Exhausted", "data"),
    "script.api.goals": ("derived", "goal"),
    "script.api.metrics": ("Counter", "Gauge", "Rate", "Trend"),
    "script.api.operations": ("operation",),
    "script.api.options": ("Options",),
    "script.api.sockets": ("Socket",),
    "script.api.vu": ("Vu",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = {
    name: f"script.protocols.{name}" for name in ("phoenix", "redis", "rq", "socketio", "sql")
}


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


# Type checkers do not see it: to them a name that is not imported above does not exist.
if not TYPE_CHECKING:

    def __getattr__(name):
        home = _HOME_OF.get(name) or _MODULES.get(name)
        if home is None:
            import sys

            said = f"module 'fastbench' has no attribute '{name}'"
            raise AttributeError(said, name=name, obj=sys.modules[__name__])
        from importlib import import_module

        module = import_module(f"fastbench.{home}")
        found = module if name in _MODULES else getattr(module, name)
        globals()[name] = found
        return found
