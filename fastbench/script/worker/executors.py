"""The six executors by their names in k6."""

from __future__ import annotations

from fastbench.script.api.vu import ScenarioRunner
from fastbench.script.schedule import Share
from fastbench.script.worker.executing import Executor, ExecutorHost
from fastbench.script.worker.executors_arrival import ArrivalRate
from fastbench.script.worker.executors_closed import (
    ConstantVus,
    PerVuIterations,
    RampingVus,
    SharedIterations,
)
from fastbench.script.worker.executors_sliced import InTurns

KINDS: dict[str, type[Executor]] = {
    "shared-iterations": SharedIterations,
    "per-vu-iterations": PerVuIterations,
    "constant-vus": ConstantVus,
    "ramping-vus": RampingVus,
    "constant-arrival-rate": ArrivalRate,
    "ramping-arrival-rate": ArrivalRate,
}


def make(share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> Executor:
    """Make the executor of a share; must be called in the loop that it will run in."""
    kind = KINDS[share.executor] if ground.turns is None else InTurns
    return kind(share, scene, ground)
