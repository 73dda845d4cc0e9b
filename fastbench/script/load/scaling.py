"""A scenario that is smaller, larger, shorter or longer in the same form: --scale, --time-scale."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from fastbench.script.spec import ARRIVAL, Spec


def scaled(spec: Spec, scale: float) -> Spec:
    """Multiply VUs, rates and shared iterations; what was above 0 stays so."""
    if scale == 1:
        return spec
    changes: dict[str, Any] = {}
    for name in ("vus", "start_vus", "pre_allocated_vus", "max_vus"):
        value = getattr(spec, name)
        if value is not None:
            changes[name] = at_least_one(value, scale)
    if spec.executor == "shared-iterations":
        iterations = at_least_one(spec.iterations or 1, scale)
        changes["iterations"] = max(iterations, changes["vus"])
    if spec.executor in ARRIVAL:
        changes["rate"] = None if spec.rate is None else spec.rate * scale
        changes["start_rate"] = None if spec.start_rate is None else spec.start_rate * scale
        stages = tuple((length_s, target * scale) for length_s, target in spec.stages or ())
    else:
        stages = tuple(
            (length_s, at_least_one(target, scale)) for length_s, target in spec.stages or ()
        )
    return replace(spec, **changes, stages=stages or None)


def at_least_one(value: float, scale: float) -> int:
    """Return a number of VUs or iterations times a factor; 0 only of 0."""
    return max(1, math.floor(value * scale + 0.5)) if value and scale else 0


def stretched(spec: Spec, scale: float) -> Spec:
    """Multiply lengths and the start time."""
    if scale == 1:
        return spec
    changes: dict[str, Any] = {
        name: None if getattr(spec, name) is None else getattr(spec, name) * scale
        for name in ("start_time_s", "duration_s", "max_duration_s")
    }
    if spec.stages is not None:
        changes["stages"] = tuple((length_s * scale, target) for length_s, target in spec.stages)
    return replace(spec, **changes)
