"""Who does what and when: the share of each worker in each scenario. Pure; no clock, no I/O.

1. VU ids are 1, 2, … over the scenarios in their order; VU n runs in worker (n - 1) mod W.
2. Times are nanoseconds after the start line. What is split is split exactly.
3. Along a ramp the number of VUs changes to v at the instant at which the line reaches v, as in
   k6; the VU that came last goes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastbench.script.spec import ARRIVAL, Spec

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

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Share:
        """Read what came over the control channel, fast: lists of VUs are long."""
        lists = {name: tuple(found[name]) for name in ("vus", "pre_allocated", "max_vus")}
        stages = tuple((length_s, first, last) for length_s, first, last in found["stages"])
        return cls(**{**found, **lists, "stages": stages})


def worker_of(vu: int, workers: int) -> int:
    """Return the index of the worker that a VU runs in."""
    return (vu - 1) % workers


def shares(scenarios: Sequence[Spec], workers: int) -> tuple[tuple[Share, ...], ...]:
    """Return for each worker its share of each scenario, in the order of the scenarios."""
    found: list[list[Share]] = [[] for _ in range(workers)]
    first_vu = 1
    shared = 0
    for spec in scenarios:
        counter = None
        if spec.executor == "shared-iterations":
            counter, shared = shared, shared + 1
        for each, share in zip(found, _split(spec, workers, first_vu, counter), strict=True):
            each.append(share)
        first_vu += spec.most_vus
    return tuple(tuple(each) for each in found)


def planned_vus(specs: Sequence[Spec]) -> int:
    """Return how many VUs a plan has at once, at most: until its graceful stop each is kept."""
    changes = []
    for spec in specs:
        count = (spec.pre_allocated_vus or 0) if spec.executor in ARRIVAL else spec.most_vus
        changes += [(spec.start_time_s, 1, count), (spec.end_s, 0, -count)]
    now = most = 0
    for _, _, count in sorted(changes):  # at one instant who goes makes room for who comes
        now += count
        most = max(most, now)
    return most


def transitions(share: Share) -> list[tuple[int, int, bool]]:
    """Return when the VUs of a ramp come (True) and go, as (offset_ns, VU id, comes).

    In the order in which it happens, offsets from the start of the scenario. VUs that are there
    at the end of the ramp are not in it as going: they have their graceful stop.
    """
    found = [event for vu in share.vus for event in _of_vu(share, vu)]
    return sorted(found, key=lambda event: event[0])


def _split(spec: Spec, workers: int, first_vu: int, counter: int | None) -> Iterator[Share]:
    last_vu = first_vu + spec.most_vus - 1
    ids = [_ids(first_vu, last_vu, worker, workers) for worker in range(workers)]
    early = first_vu + (spec.pre_allocated_vus or 0) - 1
    lanes = [worker for worker in range(workers) if ids[worker]]
    arrival = spec.executor in ARRIVAL
    for worker in range(workers):
        yield Share(
            scenario=spec.name,
            executor=spec.executor or "",
            function=spec.function,
            worker=worker,
            workers=workers,
            start_ns=_ns(spec.start_time_s),
            duration_ns=_ns(spec.length_s),
            graceful_stop_ns=_ns(spec.graceful_stop_s),
            graceful_ramp_down_ns=_ns(spec.graceful_ramp_down_s or 0.0),
            first_vu=first_vu,
            last_vu=last_vu,
            vus=ids[worker],
            pre_allocated=_ids(first_vu, early, worker, workers) if arrival else (),
            max_vus=ids[worker] if arrival else (),
            iterations=spec.iterations,
            shared=counter,
            start_vus=spec.start_vus or 0,
            stages=spec.levels,
            lane=lanes.index(worker) if worker in lanes else 0,
            lanes=len(lanes),
            env=spec.env,
            tags=spec.tags,
        )


def _ids(first: int, last: int, worker: int, workers: int) -> tuple[int, ...]:
    """Return the ids from first to last that run in a worker."""
    start = first + (worker - worker_of(first, workers)) % workers
    return tuple(range(start, last + 1, workers))


def _of_vu(share: Share, vu: int) -> Iterator[tuple[int, int, bool]]:
    """Follow the line for one VU: it is there while at least `number` are asked for."""
    number = vu - share.first_vu + 1
    there = number <= share.start_vus
    if there:
        yield 0, vu, True
    begin_ns = 0
    for length_s, first, last in share.stages:
        length_ns = _ns(length_s)
        if not there and last >= number:
            # The line reaches `number` on its way up; a stage without length is a step.
            yield begin_ns + _reached_ns(length_ns, first, last, number), vu, True
            there = True
        elif there and last < number:
            yield begin_ns + _reached_ns(length_ns, first, last, number - 1), vu, False
            there = False
        begin_ns += length_ns


def _reached_ns(length_ns: int, first: float, last: float, level: int) -> int:
    return length_ns * int(level - first) // int(last - first)


def _ns(time_s: float) -> int:
    return round(time_s * 1e9)
