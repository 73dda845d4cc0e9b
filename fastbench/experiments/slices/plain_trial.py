"""One plain trial after a comparison in slices: a result of its own, such as a baseline needs."""

from __future__ import annotations

from dataclasses import replace

from fastbench.experiments.compare import figures
from fastbench.experiments.trials import pairing, side_server, trial, trial_servers
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.trial import Job, Side, TrialError, TrialObserver
from fastbench.experiments.trials.trial_servers import ServerError
from fastbench.plan.plan import Plan
from fastbench.results.result import Result

LENGTH_S = 3.0  # measured, whatever -d says of the slices


def run(side: Side, name: str, rate: float | None) -> Result | str:
    """Run a trial of a side, at the rate of its slices if they had one; or say why there is none.

    One that would not count in a comparison is made again, at most twice. A second signal is
    KeyboardInterrupt.
    """
    found: Result | None = None
    try:
        with Interrupts() as stop:
            for _ in range(pairing.REDO + 1):
                found = _result(side, name, rate, stop)
                if not figures.reasons_against(figures.figures_of(found)):
                    break
    except Interrupted:
        return "interrupted"
    except (TrialError, ServerError) as error:
        return str(error).strip().rstrip(".")
    return found or ""


def _result(side: Side, name: str, rate: float | None, stop: Interrupts) -> Result:
    if side.command is None:
        return trial.run_trial(_job(side.make(None), rate), TrialObserver(), stop)
    one = side_server.of(side, trial_servers.free_port(), name)
    with one.server:
        one.wait_ready(stop)
        return trial.run_trial(_job(one.job, rate), TrialObserver(), stop)


def _job(job: Job, rate: float | None) -> Job:
    if not isinstance(job, Plan):
        return job
    job = replace(job, load=replace(job.load, duration_s=LENGTH_S))
    return job if rate is None else pairing.at_rate(job, rate)
