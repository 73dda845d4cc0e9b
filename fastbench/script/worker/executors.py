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
from fastbench.script.worker.executors_sliced import ArrivalInTurns, InTurns

KINDS: dict[str, type[Executor]] = {
    "shared-iterations": SharedIterations,
    "per-vu-iterations": PerVuIterations,
    "constant-vus": ConstantVus,
    "ramping-vus": RampingVus,
    "constant-arrival-rate": ArrivalRate,
    "ramping-arrival-rate": ArrivalRate,
}
IN_TURNS: dict[str, type[Executor]] = {  # those that script/load/sliced_load.py makes
    "constant-vus": InTurns,
    "constant-arrival-rate": ArrivalInTurns,
}


def make(share: Share, scene: ScenarioRunner, ground: ExecutorHost) -> Executor:
    """Make the executor of a share; must be called in the loop that it will run in."""
    kinds = KINDS if ground.turns is None else IN_TURNS
    return kinds[share.executor](share, scene, ground)
