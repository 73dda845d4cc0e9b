"""Results of runs that several machines carried."""

from __future__ import annotations

from dataclasses import replace

from fastbench.results.machine_row import MachineRow
from fastbench.results.result import Result, Validity


def carried(base: Result) -> Result:
    """Let three machines of a cluster carry a run; one is lost after 3.4 s, with its worker."""
    one = MachineRow(
        name="load1",
        address="tcp://10.0.0.6:41001",
        cores=4,
        workers=1,
        requests=13_750,
        requests_per_s=458.333,
        lag_p99_ms=0.08,
        cpu_percent=61.0,
        host_percent=22.5,
        clock_bound_ms=0.21,
        began_late_ms=0.0,
        verdict="ok",
        limit="server",
        reasons=("all 2 connections waited for responses (p50 4.10ms)",),
        lost="",
    )
    lost = replace(
        one,
        name="load3",
        address="tcp://10.0.0.8:41001",
        requests=500,
        requests_per_s=16.667,
        cpu_percent=None,
        host_percent=None,
        verdict="incomplete",
        limit="unknown",
        reasons=(),
        lost="it was silent for 4.5s",
        lost_at_s=3.412,
    )
    late = replace(one, name="load2", address="tcp://10.0.0.7:41001", began_late_ms=2.5)
    gone = replace(base.workers[1], pid=4244, requests=500, lost=True, busy=0.0, p99_ms=None)
    reasons = (f"load3 was {lost.loss}", "1 of 3 workers were lost")
    return replace(
        base,
        config={**base.config, "on": "tcp://10.0.0.5:8786", "workers": 3},
        summary=replace(base.summary, ended="worker_lost"),
        workers=(*base.workers, gone),
        machines=(one, late, lost),
        validity=Validity("incomplete", "unknown", reasons),
    )
