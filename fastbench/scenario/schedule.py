"""Who does what and when: the share of each worker in each scenario. Pure; no clock, no I/O.

1. VU ids are 1, 2, … over the scenarios in their order; VU n runs in worker (n - 1) mod W.
2. Times are nanoseconds after the start line. What is split is split exactly.
3. Along a ramp the number of VUs changes to v at the instant at which the line reaches v, as in
   k6; the VU that came last goes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Share"]

Levels = tuple[tuple[float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Share:
    """One worker's part of one scenario. Every worker gets one of each scenario, maybe empty.

    `vus`: the ids that this worker runs, ascending; of an arrival-rate executor all that it may
    ever run, of which `pre_allocated` exist from the start and `max_vus` (the same as `vus`) are
    the limit. `first_vu` and `last_vu` bound the ids of the scenario over all workers.
    `iterations`: of each VU (per-vu-iterations), or the limit over all workers that counter
    `shared` of the arena is taken up to (shared-iterations).
    `duration_ns`: how long iterations are started; for iteration executors their max_duration.
    `stages`: (length_s, first, last) over all workers: VUs, or iterations per second.
    `lane` of `lanes`: this worker's turn among those that have VUs, for `_client.Ticker.follow`
    (an arrival-rate scenario with fewer VUs than workers leaves some without any).
    """

    scenario: str
    executor: str
    function: str
    worker: int
    workers: int
    start_ns: int
    duration_ns: int
    graceful_stop_ns: int
    graceful_ramp_down_ns: int = 0
    first_vu: int = 1
    last_vu: int = 0
    vus: tuple[int, ...] = ()
    pre_allocated: tuple[int, ...] = ()
    max_vus: tuple[int, ...] = ()
    iterations: int | None = None
    shared: int | None = None
    start_vus: int = 0
    stages: Levels = ()
    lane: int = 0
    lanes: int = 1
    env: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what goes over the control channel."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Share:
        """Read what came over the control channel: lists are tuples again."""
        lists = {name: tuple(found[name]) for name in ("vus", "pre_allocated", "max_vus")}
        stages = tuple((length_s, first, last) for length_s, first, last in found["stages"])
        return cls(**{**found, **lists, "stages": stages})
