"""pairing.py: in which order pairs are measured, which of them count, when it ends."""

from __future__ import annotations

import itertools
import os
import shlex
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import psutil
import pytest
from trials import FAILS, GOOD, LATE, plan

from fastbench.cli.args import url_args
from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.trials import pairing, trial, trial_servers
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.pairing import Measured, Standing, Terms
from fastbench.experiments.trials.trial import Side, TrialError, TrialObserver
from fastbench.experiments.trials.trial_servers import ServerError
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.results.histogram import Histogram
from fastbench.results.result import ErrorRow, Result, Validity
from fastbench.script.run_request import RunRequest

SERVE = shlex.join([sys.executable, "-m", "fastbench", "serve", "--port"]) + " {port}"
VISIT_S = 30.0  # as long as the sample's

SILENT = replace(
    GOOD,
    summary=replace(GOOD.summary, ok=0, ended="nothing_succeeded"),
    latency=replace(GOOD.latency, service=Histogram.empty()),
    status_codes={},
    errors=(ErrorRow.of("connect_refused", "connect", "ECONNREFUSED", 10, 0.0),),
)
NO_SERVER = "candidate: The server of --run-candidate is gone."


def carrying(per_s: float) -> Result:
    return replace(GOOD, summary=replace(GOOD.summary, ok=round(per_s * VISIT_S)))


@dataclass(slots=True)
class Stage:
    """Two sides and what their trials find, trial by trial; without an entry they find GOOD."""

    finds: dict[str, list[Result | BaseException]] = field(default_factory=dict)
    jobs: list[Plan | RunRequest] = field(default_factory=list)
    heard: list[Standing] = field(default_factory=list)
    clock_s: float = 0.0

    def run_trial(self, job: Plan | RunRequest, hears: TrialObserver, stop: Interrupts) -> Result:
        assert isinstance(job, Plan)
        self.jobs.append(job)
        self.clock_s += VISIT_S
        name = job.requests[0].url.rpartition("/")[2]
        found = self.finds.get(name) or [GOOD]
        result = found.pop(0)
        if isinstance(result, BaseException):
            raise result
        return result

    def run(self, pairs: int, **terms: object) -> Measured:
        base = Side("old", lambda port: plan("base"))
        candidate = Side("new", lambda port: plan("candidate"))
        asked = Terms(**({"pairs": pairs, "seed": 1} | terms))  # type: ignore[arg-type]
        return pairing.run(base, candidate, asked, self.heard.append)

    @property
    def measured(self) -> str:
        """The sides in the order of their trials, a letter each."""
        return "".join(job.requests[0].url.rpartition("/")[2][0] for job in self.jobs)  # type: ignore[union-attr]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Trials that take no time, on a clock that says they did."""
    found = Stage()
    monkeypatch.setattr(trial, "run_trial", found.run_trial)
    monkeypatch.setattr(pairing, "REST_S", 0.0)
    monkeypatch.setattr(pairing, "time", SimpleNamespace(monotonic=lambda: found.clock_s))
    return found


def test_each_pair_is_one_trial_to_each_side_in_the_order_drawn(stage: Stage) -> None:
    measured = stage.run(8, seed=3)
    assert (measured.ended, len(measured.pairs), measured.notes) == ("complete", 8, ())
    firsts = {"base first": "bc", "candidate first": "cb"}
    assert stage.measured == "".join(firsts[pair.order] for pair in measured.pairs)
    for pair in measured.pairs:
        assert pair.valid
        assert pair.base is not None
        assert pair.base == pair.candidate
        assert pair.base.requests_per_s == GOOD.summary.requests_per_s


def test_the_seed_draws_the_order_and_neither_side_is_favoured(stage: Stage) -> None:
    def orders(seed: int) -> list[str]:
        return [pair.order for pair in stage.run(20, seed=seed).pairs]

    assert orders(1) == orders(1)
    drawn = [orders(seed) for seed in range(20)]
    assert len({tuple(each) for each in drawn}) == 20
    first = sum(each.count("base first") for each in drawn)
    assert 150 < first < 250  # 400 draws: five standard deviations
    changes = sum(a != b for each in drawn for a, b in itertools.pairwise(each))
    assert 140 < changes < 240, "they do not simply alternate, of 380"


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (LATE, ["the load generator sent its requests late"]),
        (
            replace(GOOD, validity=Validity("client-limited", "client")),
            ["the load generator was saturated"],
        ),
        (replace(GOOD, validity=Validity("noisy-host", "none")), ["other programs used the pro"]),
        (FAILS, ["0.99 % of its requests failed"]),
        (SILENT, ["100 % of its", "no response was received", "connection refused"]),
        (TrialError("the process was lost"), ["the process was lost"]),
    ],
)
def test_a_trial_that_does_not_count_costs_its_pair_which_is_measured_anew(
    result: Result | BaseException, why: list[str], stage: Stage
) -> None:
    stage.finds = {"candidate": [result, GOOD]}
    (pair,) = stage.run(1).pairs
    assert (pair.valid, pair.reasons, pair.redone) == (True, (), 1)
    assert stage.measured == "bcbc"
    stage.jobs.clear()
    stage.finds = {"base": [GOOD] * 9, "candidate": [result] * 9}
    (pair,) = stage.run(1).pairs
    assert (pair.valid, pair.redone) == (False, 2)
    assert stage.measured == "bcbcbc"
    assert pair.base is not None
    assert len(pair.reasons) == len(why)
    for reason, start in zip(pair.reasons, why, strict=True):
        assert reason.startswith(f"candidate: {start}")


def test_a_first_trial_without_success_is_enough_but_for_the_last_time(stage: Stage) -> None:
    stage.finds = {"base": [LATE] * 9}
    (pair,) = stage.run(1).pairs
    assert (pair.order, stage.measured) == ("base first", "bbbc")
    assert pair.candidate is not None
    assert pair.reasons == ("base: the load generator sent its requests late",)


def test_what_went_wrong_is_named_by_its_status_too(stage: Stage) -> None:
    codes = {"200": 1000, "404": 7, "503": 90}
    stage.finds = {"base": [replace(FAILS, status_codes=codes)] * 3}
    (pair,) = stage.run(1).pairs
    assert pair.reasons[-1] == "base: status 503"
    stage.finds = {
        "base": [replace(FAILS, status_codes=codes, config={"expect_status": "404"})] * 3
    }
    (pair,) = stage.run(1).pairs
    assert pair.reasons == ("base: 0.99 % of its requests failed",)


def test_the_remedy_of_a_run_is_told_once(stage: Stage) -> None:
    stage.finds = {"base": [LATE, GOOD, LATE, GOOD, LATE, GOOD]}
    assert stage.run(3).notes == ("base: the client sent late: 12 ms",)


def test_it_ends_when_too_few_pairs_can_count(stage: Stage) -> None:
    stage.finds = {"candidate": [LATE] * 99}
    measured = stage.run(10)
    assert (measured.ended, len(measured.pairs)) == ("complete", 3)
    assert (
        "comparison ended after 3 of 10 pairs: more than 20% of them were excluded"
        in measured.notes[-1]
    )
    stage.finds = {"candidate": [LATE] * 6}
    measured = stage.run(10)
    assert len(measured.pairs) == 10
    assert [pair.valid for pair in measured.pairs] == [False, False, *[True] * 8]


def test_a_side_that_never_answers_ends_it(stage: Stage) -> None:
    stage.finds = {"candidate": [SILENT] * 99, "base": [GOOD] * 99}
    measured = stage.run(12)
    assert (measured.ended, len(measured.pairs)) == ("nothing_succeeded", 1)
    stage.finds = {"candidate": [GOOD, SILENT, SILENT, SILENT, GOOD], "base": [GOOD] * 99}
    assert stage.run(5).ended == "complete", "it did answer before"


def test_what_would_not_end_in_time_is_not_begun(stage: Stage) -> None:
    measured = stage.run(9, max_time_s=5 * VISIT_S)
    assert (measured.ended, len(measured.pairs), stage.clock_s) == ("out_of_time", 2, 120)
    stage.jobs.clear()
    assert stage.run(9, max_time_s=VISIT_S).ended == "out_of_time"
    assert stage.jobs == [], "one pair takes two trials and their warm-ups"
    stage.finds = {"base": [LATE] * 99, "candidate": [LATE] * 99}
    (pair,) = stage.run(9, max_time_s=3 * VISIT_S).pairs
    assert (pair.valid, pair.redone) == (False, 0)


def test_a_signal_ends_it_with_the_pairs_there_are(stage: Stage) -> None:
    stage.finds = {"base": [GOOD, GOOD, Interrupted()]}
    measured = stage.run(9)
    assert (measured.ended, len(measured.pairs)) == ("interrupted", 2)
    stage.finds = {"base": [KeyboardInterrupt()]}
    with pytest.raises(KeyboardInterrupt):
        stage.run(9)


def test_what_is_refused_is_refused(stage: Stage) -> None:
    stage.finds = {"base": [UsageError("there is nobody to watch")]}
    with pytest.raises(UsageError, match="nobody to watch"):
        stage.run(3)


def test_a_pilot_finds_what_both_sides_carry(stage: Stage) -> None:
    stage.finds = {"base": [carrying(12_345)], "candidate": [carrying(7_890)]}
    measured = stage.run(2, find_rate=True)
    assert measured.rate == 4_700  # 60 % of 7,890, down to two digits
    assert "4.70k/s, 60% of what the slower side (candidate) carried" in measured.notes[0]
    pilots, rated = stage.jobs[:2], stage.jobs[2:]
    assert [job.load.pace for job in pilots if isinstance(job, Plan)] == [None, None]
    assert len(rated) == 4
    asked = plan("base", "-R", "4700")
    for job in rated:
        assert isinstance(job, Plan)
        assert job.load == asked.load
        names = ("rate", "stages", "arrival", "on_overload")
        assert [job.config[name] for name in names] == [asked.config[name] for name in names]
    started = [each.phase for each in stage.heard if each.stage == "starting"]
    assert started == ["pilot"] * 2 + ["pairs"] * 4


def test_a_pilot_without_success_ends_the_comparison(stage: Stage) -> None:
    stage.finds = {"candidate": [SILENT, SILENT, carrying(100)], "base": [carrying(100)]}
    assert stage.run(1, find_rate=True).rate == 60
    stage.finds = {"candidate": [SILENT] * 9}
    measured = stage.run(1, find_rate=True)
    assert (measured.ended, measured.pairs, measured.rate) == ("nothing_succeeded", (), None)
    assert "no response was received" in measured.notes[0]


def test_what_is_told_says_where_it_stands(stage: Stage) -> None:
    stage.finds = {"base": [LATE, GOOD]}
    stage.run(2)
    told = [(each.pair, each.redone, each.stage, len(each.pairs)) for each in stage.heard]
    assert told[0] == (1, 0, "starting", 0)
    assert (1, 1, "starting", 0) in told
    assert told[-1] == (2, 0, "starting", 1)
    assert {each.visiting for each in stage.heard} == {"base", "candidate"}
    assert [each.elapsed_s for each in stage.heard] == sorted(e.elapsed_s for e in stage.heard)


def serving(make: Callable[[int | None], Plan], command: str = SERVE) -> tuple[Side, Side]:
    base = Side("old", make, command, "http://127.0.0.1:{port}/api/health", "--run-base")
    return base, replace(base, label="new", flag="--run-candidate")


def loading(port: int | None) -> Plan:
    command = url_args.parse(["-c2", "-t1", "-d200ms", f"http://127.0.0.1:{port}/api/health"])
    assert isinstance(command, url_args.Command)
    return command.plan


@pytest.mark.alone  # 0.2 s of a server that waits for a core are too little to tell its cost
def test_servers_are_started_for_each_trial_and_gone_after_it() -> None:
    known: dict[int, psutil.Process] = {}
    ports: set[int | None] = set()

    def make(port: int | None) -> Plan:
        ports.add(port)
        return loading(port)

    def tell(now: Standing) -> None:
        below = psutil.Process().children(recursive=True)
        found = [each for each in below if "serve" in " ".join(each.cmdline()[1:4])]
        known.update({each.pid: each for each in found if now.stage == "running"})
        assert bool(found) == (now.stage == "running")

    measured = pairing.run(*serving(make), Terms(pairs=1, seed=1), tell)
    (pair,) = measured.pairs
    assert pair.base is not None
    assert pair.base.requests_per_s > 0
    assert pair.base.cpu_us_per_request, "it is seen by its process"
    assert len(known) >= 2, "a fresh one for each visit"
    assert len(ports) == 1, "on one port"
    assert psutil.Process().children() == []


def test_a_server_that_never_starts_is_an_error_and_a_later_failure_a_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(ServerError, match=r"--run-(base|candidate) ended with status 5"):
        pairing.run(*serving(loading, "exit 5 # {port}"), Terms(1, 1), lambda now: None)
    starts: list[str] = []

    def enter(server: trial_servers.Server) -> trial_servers.Server:
        starts.append(server._side)
        if len(starts) > 2:
            raise ServerError(f"The server of {server._flag} is gone.")
        return server

    monkeypatch.setattr(trial_servers.Server, "__enter__", enter)
    monkeypatch.setattr(trial_servers.Server, "__exit__", lambda *ends: None)
    monkeypatch.setattr(trial_servers.Server, "wait_ready", lambda *waits: None)
    monkeypatch.setattr(trial_servers.Server, "ended", lambda server: "")
    monkeypatch.setattr(trial, "run_trial", lambda job, hears, stop: GOOD)
    monkeypatch.setattr(pairing, "REST_S", 0.0)
    first, second = pairing.run(*serving(loading), Terms(2, 1), lambda now: None).pairs
    assert first.valid
    assert NO_SERVER in second.reasons


def test_a_server_that_dies_in_a_trial_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def kill(job: object, hears: TrialObserver, stop: Interrupts) -> Result:
        below = psutil.Process().children(recursive=True)
        os.kill(next(each.pid for each in below if "serve" in each.cmdline()), signal.SIGKILL)
        for _ in range(500):
            if len(psutil.Process().children(recursive=True)) == 1:
                return GOOD
            stop.nap(0.01)
        raise AssertionError("it lives")

    monkeypatch.setattr(trial, "run_trial", kill)
    monkeypatch.setattr(pairing, "REDO", 0)
    sides = serving(loading, "echo gone for good; exec " + SERVE)
    (pair,) = pairing.run(*sides, Terms(1, 1), lambda now: None).pairs
    assert isinstance(pair, Pair)
    base, candidate = sorted(pair.reasons)
    assert base.startswith("base: its server was ended by SIGKILL (")
    assert candidate.startswith("candidate: its server was ended by SIGKILL (")


def test_a_real_signal_ends_the_trial_and_the_comparison() -> None:
    once = [signal.SIGINT]
    before = signal.getsignal(signal.SIGINT)  # a shell's background jobs ignore it

    def tell(now: Standing) -> None:
        if now.progress is not None and once:
            os.kill(os.getpid(), once.pop())

    def make(port: int | None) -> Plan:
        long = loading(port)
        return replace(long, load=replace(long.load, duration_s=60.0))

    measured = pairing.run(*serving(make), Terms(pairs=3, seed=1), tell)
    assert measured == Measured((), "interrupted")
    assert psutil.Process().children() == []
    assert signal.getsignal(signal.SIGINT) is before


def test_a_script_needs_a_place_where_its_server_listens() -> None:
    side = Side("old", lambda port: RunRequest("load.py"), "./server", None, "--run-base")
    with pytest.raises(UsageError, match="--run-base needs --url, or --wait-for"):
        pairing.run(side, side, Terms(1, 1), lambda now: None)
