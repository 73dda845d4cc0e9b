"""The six executors by their names in k6."""

from __future__ import annotations

from fastbench.scenario.executing import Executor, Ground
from fastbench.scenario.executors_arrival import ArrivalRate
from fastbench.scenario.executors_closed import (
    ConstantVus,
    PerVuIterations,
    RampingVus,
    SharedIterations,
)
from fastbench.scenario.schedule import Share
from fastbench.scenario.vu import Scene

KINDS: dict[str, type[Executor]] = {
    "shared-iterations": SharedIterations,
    "per-vu-iterations": PerVuIterations,
    "constant-vus": ConstantVus,
    "ramping-vus": RampingVus,
    "constant-arrival-rate": ArrivalRate,
    "ramping-arrival-rate": ArrivalRate,
}


def make(share: Share, scene: Scene, ground: Ground) -> Executor:
    """Make the executor of a share; must be called in the loop that it will run in."""
    return KINDS[share.executor](share, scene, ground)
