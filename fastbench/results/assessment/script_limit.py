"""How much of a load a script of wrk held back: its requests are made while the engine sends."""

from __future__ import annotations

from collections.abc import Mapping

from fastbench.results.result import Result, Warning_

LIMIT_SHARE = 0.1
TOLD_SHARE = 0.01
CURE = "make requests in init(), use more workers (-t), or `{{…}}` in place of the script"


def script_waited(counters: Mapping[str, int], connections: int, duration_s: float) -> float:
    """Return for which share of the time connections waited for the script, on average."""
    span_ns = duration_s * 1e9 * max(1, connections)
    return min(1.0, counters["text_wait_ns"] / span_ns) if span_ns > 0 else 0.0


def reason(share: float) -> str:
    """Say that the script was the limit."""
    return (
        f"the Lua script was the limit: connections waited {share:.0%} of the time for its "
        f"requests; {CURE}"
    )


def notices(result: Result, share: float, *, responds: bool) -> tuple[Warning_, ...]:
    """Say what a script costs where it is not the limit."""
    rows = []
    if TOLD_SHARE <= share < LIMIT_SHARE:
        told = f"connections waited {share:.0%} of the time for requests of the Lua script"
        rows.append(Warning_("script_waited", told, CURE))
    if responds:
        rows.append(
            Warning_(
                "script_responds",
                "the script has a response(), so each request is made after the answer before it",
                "leave response() out where answers do not matter, and requests are made ahead",
            )
        )
    return (*result.warnings, *rows)
