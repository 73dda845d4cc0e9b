"""Was the load generator the limit of some slices, so that they compare nothing but itself? Pure.

1. As for a plain run (results/assessment/verdict.py): its busiest worker was busy nearly all the
   time, and neither was a plan met, nor did the server use all of a core, nor both of them all of
   the machine's. A server that has nothing left is measured, however busy its client is.
2. `busy` is the time in which a worker did not wait. A worker that waits for its core after its
   answers have come counts as waiting, so that a server on the same core does not make it busy.
3. What a request costs the server does not depend on who was the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.compare.decision import INVALID_SHARE_MAX
from fastbench.results.assessment.verdict import BUSY, FULL_PERCENT
from fastbench.results.result import Limit, Warning_
from fastbench.run.turns import SlicePart

REASON = "the load generator was saturated"
_FULL = FULL_PERCENT / 100
_ONE_CORE_MOST = 1.1  # of a server that runs one thread at a time


def limit(parts: Sequence[SlicePart], cores: int, *, planned: bool) -> Limit:
    """Return the limit of slices of one side; unknown where the load generator had time to spare.

    `cores` are the machine's, `planned` says that a rate is.
    """
    if fmean(each.busy for each in parts) <= BUSY:
        return "unknown"
    if planned and not any(each.unsent for each in parts):
        return "none"
    span_s = sum(each.span_s for each in parts)
    used = [each.cpu_s for each in parts if each.cpu_s is not None]
    if len(used) == len(parts) and span_s > 0:
        server = sum(used) / span_s
        if _FULL <= server <= _ONE_CORE_MOST:
            return "server"
        if server + fmean(each.client_cores for each in parts) >= _FULL * cores:
            return "host"
    return "client"


def told(pairs: Sequence[Pair], workers: int, cores: int) -> tuple[Warning_, ...]:
    """Return what helps when there is no verdict because of the load generator."""
    lost = sum(any(reason.endswith(REASON) for reason in pair.reasons) for pair in pairs)
    if lost <= INVALID_SHARE_MAX * len(pairs):
        return ()
    who = f"the busiest of {workers} workers" if workers > 1 else "the one worker"
    text = f"{who} of the load generator was busy all the time: that is its rate, not the servers'"
    more = f"add workers (-t {cores})" if workers < cores else "use a machine with more cores"
    other = "or compare what a request costs (--primary cpu_per_request)"
    return (Warning_("client_limited", text, f"{more}, fewer connections (-c), {other}"),)
