"""trial_artifacts.py: latencies of the trials that count, added up; the middle trial."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import samples
from servers import Server, answering
from trials import GOOD, LATE, plan

from fastbench.experiments.compare.figures import figures_of
from fastbench.experiments.trials import pairing, trial
from fastbench.experiments.trials.interrupts import Interrupts
from fastbench.experiments.trials.pairing import Standing, Terms
from fastbench.experiments.trials.trial import Job, Side, TrialObserver
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.plan.plan import Plan
from fastbench.results.histogram import Histogram
from fastbench.results.result import Result
from fastbench.script.run_request import RunRequest

SCRIPT = """
from fastbench import scenario, setup


@setup
async def begin(vu):
    await vu.get("/setup")


@scenario(executor="shared-iterations", vus=1, iterations=5)
async def load(vu):
    await vu.get("/load")
"""


def timed(*values_ns: int, ok: int = 1000) -> Result:
    """A trial whose service times are these."""
    latency = replace(GOOD.latency, service=Histogram.from_values(values_ns))
    return replace(GOOD, latency=latency, summary=replace(GOOD.summary, ok=ok))


RunTrial = Callable[[Job, TrialObserver, Interrupts], Result]


@pytest.fixture
def use_trials(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunTrial], None]:
    """Let a function make the trials, which then take no time."""
    monkeypatch.setattr(pairing, "REST_S", 0.0)
    return lambda run_trial: monkeypatch.setattr(trial, "run_trial", run_trial)


def sides() -> tuple[Side, Side]:
    return Side("old", lambda port: plan("base")), Side("new", lambda port: plan("candidate"))


def test_only_trials_of_pairs_that_count_are_kept(use_trials: Callable[[RunTrial], None]) -> None:
    numbers = itertools.count(1)

    def run_trial(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
        number = next(numbers)
        # The first pair is made anew once, the second does not count at all.
        found = timed(number * 1_000_000)
        return replace(found, validity=LATE.validity) if number in (2, 6, 8, 10) else found

    use_trials(run_trial)
    kept = Kept(results=True)
    measured = pairing.run(*sides(), Terms(5, seed=1), lambda now: None, kept=kept)
    assert [pair.valid for pair in measured.pairs] == [True, False, True, True, True]
    latency = kept.latency()
    assert latency is not None and latency.times == "service"
    assert (latency.base.count, latency.candidate.count) == (4, 4)
    seen = {histogram.min_ns // 1_000_000 for histogram in (latency.base, latency.candidate)}
    assert seen == {3, 4}, "trials 3 and 4 are the first that count"
    whole = latency.base.sum_ns + latency.candidate.sum_ns
    assert whole == sum(range(11, 17)) * 1_000_000 + 7_000_000


def test_counters_are_added_and_nothing_is_averaged() -> None:
    kept = Kept()
    assert kept.latency() is None
    kept.add(timed(10, 20), timed(100))
    kept.add(timed(20, 30), timed(300, 100))
    latency = kept.latency()
    assert latency is not None
    assert latency.base == Histogram.from_values([10, 20, 20, 30])
    assert latency.candidate == Histogram.from_values([100, 100, 300])


def test_response_times_are_kept_where_all_trials_have_them() -> None:
    planned = samples.planned()
    kept = Kept()
    kept.add(planned, planned)
    latency = kept.latency()
    assert latency is not None and latency.times == "response"
    assert latency.base == planned.latency.response
    kept.add(planned, GOOD)
    latency = kept.latency()
    assert latency is not None and latency.times == "service"
    assert latency.candidate.count == (planned.latency.service.count + GOOD.latency.service.count)


def test_the_trials_in_the_middle_is_one_that_was() -> None:
    trials = [timed(1_000, ok=ok) for ok in (500, 100, 400, 200, 300, 600)]
    kept = Kept(results=True)
    for each in trials:
        kept.add(GOOD, each)
    assert kept.middle("requests_per_s") is trials[4], "the lower of the two in the middle"
    assert kept.middle("p50") in trials
    none = replace(GOOD, resources=samples.refused().resources)
    kept = Kept(results=True)
    kept.add(none, none)
    assert kept.middle("cpu_per_request") is None
    assert Kept(results=False).middle("p50") is None
    silent = Kept()
    silent.add(GOOD, GOOD)
    assert silent.middle("p50") is None, "results are kept on demand"


# Warm-up of scripts


def asked(folder: Path, server: Server) -> RunRequest:
    path = folder / "load.py"
    path.write_text(SCRIPT)
    return RunRequest(str(path), base_url=server.url(""), workers=1)


def test_a_script_warms_the_server_up_in_a_run_of_its_own_that_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Standing] = []
    results: list[Result] = []
    run_trial = trial.run_trial

    def noted(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
        results.append(run_trial(job, hears, stop))
        return results[-1]

    monkeypatch.setattr(trial, "run_trial", noted)
    with Server(answering()) as server:
        job = asked(tmp_path, server)
        side = Side("one", lambda port: job)
        terms = Terms(pairs=1, seed=1, warmup_share=0.01)
        (pair,) = pairing.run(side, side, terms, told.append).pairs
        seen = server.seen.requests
    started = sum(each.stage == "starting" for each in told)
    assert len(results) == 2 * started >= 4
    assert seen == len(results) * (1 + 5), "each with the setup of its own"
    for of_side, result in ((pair.base, results[-3]), (pair.candidate, results[-1])):
        assert of_side == figures_of(result), "the warm-up before it is dropped"
    warming = [each.progress.warming for each in told if each.progress is not None]
    assert True in warming and False in warming


def test_a_warm_up_is_the_whole_script_in_less_time(use_trials: Callable[[RunTrial], None]) -> None:
    jobs: list[Job] = []
    heard: list[TrialObserver] = []

    def run_trial(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
        jobs.append(job)
        heard.append(hears)
        return GOOD

    use_trials(run_trial)
    script = RunRequest("load.py", time_scale=2.0, duration_s=3.0)
    side = Side("one", lambda port: script)
    lines: list[str] = []
    terms = Terms(1, 1, warmup_share=0.25)
    pairing.run(side, side, terms, lambda now: None, echo=lines.append, notice=lines.append)
    assert jobs == [replace(script, time_scale=0.5), script] * 2
    heard[0].echo("printed")
    heard[0].notice("noticed")
    assert lines == [], "the trial after it says it"
    heard[1].echo("printed")
    assert lines == ["printed"]
    jobs.clear()
    pairing.run(side, side, Terms(1, 1), lambda now: None)
    assert jobs == [script, script]
    jobs.clear()
    pairing.run(*sides(), Terms(1, 1, warmup_share=0.25), lambda now: None)
    assert len(jobs) == 2 and all(isinstance(job, Plan) for job in jobs), "theirs is within"
