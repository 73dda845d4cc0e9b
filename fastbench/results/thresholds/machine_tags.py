"""The tags of what is seen of machine and processes, which are not those of requests."""

from __future__ import annotations

from fastbench.results.metric_values import MACHINE, UPTIME
from fastbench.results.thresholds.limit_values import refuse
from fastbench.results.thresholds.submetric import Tags

_WAYS = ("in", "out")


def check(metric: str, tags: Tags, text: str) -> None:
    """Refuse tags that never have a sample; raises UsageError. What uptime has is read by it."""
    if metric not in MACHINE or metric == UPTIME:
        return
    network, process = metric == "host_network", metric.startswith("target_")
    own = "direction" if network else "process" if process else ""
    for name, value in tags:
        if name != own:
            cure = f"it has the tag {own} only" if own else "it has no tags; leave them out"
            refuse(text, f"{metric} is of the machine, not of requests: {cure}", name)
        if network and value not in _WAYS:
            refuse(text, f"the direction is {' or '.join(_WAYS)}", value)
