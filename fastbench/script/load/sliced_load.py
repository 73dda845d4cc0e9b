"""The load of a script in slices: the same all the time, however many iterations that makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from fastbench.foundation import units
from fastbench.script.spec import Spec, filled

RATE = "constant-arrival-rate"


def in_turns(spec: Spec, length_s: float) -> Spec:
    """Return a scenario that lasts so long, at most: users that iterate, or a rate."""
    if spec.executor == RATE:
        return replace(spec, duration_s=length_s)
    return filled(spec, "constant-vus", {"vus": spec.most_vus, "duration_s": length_s})


def why_not(scenarios: Sequence[Spec], primary: str | None = None) -> str:
    """Say why scenarios cannot be compared in slices by a metric; "" if they can."""
    if primary == "cpu_per_request":
        return "cpu_per_request of a script is told by visits alone"
    for each in scenarios:
        if each.stages is not None:
            return f"the load of scenario {each.name} has stages"
        if each.start_time_s:
            return f"scenario {each.name} begins after {units.format_s(each.start_time_s)}"
    if len({each.executor == RATE for each in scenarios}) > 1:
        return "some scenarios have a rate and others have not"
    return ""
