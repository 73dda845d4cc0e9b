"""The load of a script in slices: as many users all the time, however many iterations they run."""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.foundation import units
from fastbench.script.spec import ARRIVAL, Spec, filled


def in_turns(spec: Spec, length_s: float) -> Spec:
    """Return a scenario whose users iterate for so long, at most."""
    return filled(spec, "constant-vus", {"vus": spec.most_vus, "duration_s": length_s})


def why_not(scenarios: Sequence[Spec], primary: str | None = None) -> str:
    """Say why scenarios cannot be compared in slices by a metric; "" if they can."""
    if primary == "cpu_per_request":
        return "cpu_per_request of a script is told by visits alone"
    for each in scenarios:
        if each.executor in ARRIVAL:
            return f"scenario {each.name} begins its iterations at a rate"
        if each.stages is not None:
            return f"the users of scenario {each.name} come and go along stages"
        if each.start_time_s:
            return f"scenario {each.name} begins after {units.format_s(each.start_time_s)}"
    return ""
