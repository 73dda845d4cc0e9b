"""The runs of a merged result as rows: when each began, how much, how fast, how it went."""

from __future__ import annotations

from fastbench.foundation.redact import printable
from fastbench.foundation.units import format_s
from fastbench.report.columns import NOTHING, ms, per_s, percent, whole
from fastbench.results.run_parts import RunPart

HEADS = ("began", "length", "ended", "not ok", "per s", "p50", "p99", "client")
NOTE = "client: processor time of fastbench, 100% is one core"
BAD = HEADS.index("not ok")


def cells(part: RunPart) -> list[str]:
    """Return what stands below HEADS; `began` counts from the first of all."""
    client = part.resources.client
    used = None if client is None else client.cpu_percent
    return [
        f"+{format_s(part.offset_s)}" if part.offset_s else "first",
        format_s(round(part.duration_s, 2)),
        whole(part.requests),
        whole(part.not_ok),
        per_s(part.requests, part.requests_per_s),
        ms(part.p50_ms),
        ms(part.p99_ms),
        NOTHING if used is None else percent(round(used / 100, 2)),
    ]


def about(part: RunPart) -> str:
    """Return what else is to be said of a run: what it was, where, how it went."""
    host = part.resources.host
    machine = f"{part.cpu}, {part.cores} cores"
    if host is not None and host.cpu_percent is not None:
        machine += f" at {percent(round(host.cpu_percent / 100, 3))}"
    told = [part.what, part.outcome, machine]
    told += [part.verdict] if part.verdict != "ok" else []
    told += [part.ended.replace("_", " ")] if part.ended != "complete" else []
    return printable(" · ".join(each for each in told if each))
