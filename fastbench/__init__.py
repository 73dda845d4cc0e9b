"""fastbench: a benchmarker for HTTP services.

What a scenario script needs is imported from here; each name is loaded when it is asked for, so
that a plain run pays for none of them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from fastbench._client import Response as Response
    from fastbench.scenario.bodies import file as file
    from fastbench.scenario.chance import random_int as random_int
    from fastbench.scenario.chance import random_item as random_item
    from fastbench.scenario.chance import sleep as sleep
    from fastbench.scenario.chance import think as think
    from fastbench.scenario.chance import uuid as uuid
    from fastbench.scenario.chance import weighted as weighted
    from fastbench.scenario.checks import Aborted as Aborted
    from fastbench.scenario.checks import abort as abort
    from fastbench.scenario.checks import check as check
    from fastbench.scenario.checks import group as group
    from fastbench.scenario.declare import env as env
    from fastbench.scenario.declare import scenario as scenario
    from fastbench.scenario.declare import setup as setup
    from fastbench.scenario.declare import teardown as teardown
    from fastbench.scenario.expected import expected_statuses as expected_statuses
    from fastbench.scenario.feeders import data as data
    from fastbench.scenario.metrics import Counter as Counter
    from fastbench.scenario.metrics import Gauge as Gauge
    from fastbench.scenario.metrics import Rate as Rate
    from fastbench.scenario.metrics import Trend as Trend
    from fastbench.scenario.options import Options as Options
    from fastbench.scenario.vu import Vu as Vu

__version__ = "0.6.0"

_HOMES = {
    "_client": ("Response",),
    "scenario.bodies": ("file",),
    "scenario.chance": ("random_int", "random_item", "sleep", "think", "uuid", "weighted"),
    "scenario.checks": ("Aborted", "abort", "check", "group"),
    "scenario.declare": ("env", "scenario", "setup", "teardown"),
    "scenario.expected": ("expected_statuses",),
    "scenario.feeders": ("data",),
    "scenario.metrics": ("Counter", "Gauge", "Rate", "Trend"),
    "scenario.options": ("Options",),
    "scenario.vu": ("Vu",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME_OF, "__version__"]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'fastbench' has no attribute '{name}'")
    from importlib import import_module

    found = getattr(import_module(f"fastbench.{home}"), name)
    # A name that is also a package's stays unbound here: importing would bind it anew anyway.
    if name != "scenario":
        globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
