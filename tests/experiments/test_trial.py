"""trial.py: a run in a process of its own, heard out, ended for sure."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest
from running import until
from servers import Server, answering

from fastbench.cli.args import url_args
from fastbench.experiments.trials import trial
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.trial import TrialError, TrialObserver, run_trial
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan, Watch
from fastbench.results.result import Result
from fastbench.run.sampling import Progress
from fastbench.run.supervisor import Supervisor
from fastbench.script import parent
from fastbench.script.run_request import RunRequest

SCRIPT = """
from fastbench import *
options = Options(base_url=env("URL"))

@scenario(executor="constant-vus", vus=2, duration="DURATION", graceful_stop="0s")
async def load(vu):
    await vu.get("/")

@teardown
async def clean(vu):
    print("cleaned", "up")
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


@pytest.fixture(autouse=True)
def _nobody_stays() -> Iterator[None]:
    """Whatever a test does, no process and no open file is left of it."""
    files = set(os.listdir("/proc/self/fd"))
    yield
    assert psutil.Process().children(recursive=True) == []
    assert len(os.listdir("/proc/self/fd")) <= len(files)


def plan(server: Server, *, duration_s: float = 0.3) -> Plan:
    command = url_args.parse(["-c", "2", "-t", "1", "-d", f"{duration_s}s", server.url()])
    assert isinstance(command, url_args.Command)
    return command.plan


def script(folder: Path, server: Server, text: str = SCRIPT, duration: str = "300ms") -> RunRequest:
    path = folder / "load.py"
    path.write_text(text.replace("DURATION", duration))
    return RunRequest(str(path), env={"URL": server.url("")}, workers=1)


def carried_out(job: Plan | RunRequest, hears: TrialObserver | None = None) -> Result:
    with Interrupts() as stop:
        return run_trial(job, hears or TrialObserver(), stop)


def test_a_trial_is_a_whole_run_and_leaves_this_process_as_it_was(server: Server) -> None:
    nice, handlers = os.nice(0), [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    heard: list[Progress] = []
    first = carried_out(plan(server), TrialObserver(heard.append))
    second = carried_out(plan(server))
    assert os.nice(0) == nice
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert first.summary.ended == second.summary.ended == "complete"
    assert first.summary.ok > 0
    assert first.latency.service.count == first.summary.ok
    done = first.summary.requests + second.summary.requests
    in_flight = first.summary.in_flight_at_end + second.summary.in_flight_at_end
    assert done <= server.seen.requests <= done + in_flight
    assert heard[0].requests <= heard[-1].requests <= first.summary.requests


def test_a_script_is_run_alike_and_what_it_prints_is_heard(tmp_path: Path, server: Server) -> None:
    lines: list[str] = []
    notices: list[str] = []
    asked = replace(script(tmp_path, server), vus=1, iterations=3)
    result = carried_out(asked, TrialObserver(echo=lines.append, notice=notices.append))
    assert result.scenarios[0].vus_max == 1
    assert result.scenarios[0].iterations == server.seen.requests == 3
    assert "".join(lines) == "cleaned up\n"
    assert len(notices) == 1


def test_what_is_refused_is_refused_here(tmp_path: Path, server: Server) -> None:
    watch = replace(plan(server), watch=(Watch("cmd", "no-such-command-anywhere"),))
    with pytest.raises(UsageError, match="no process runs a command of this name"):
        carried_out(watch)
    with pytest.raises(parent.ScriptError, match=r"load\.py, line 2: .*nothing_like_it") as broken:
        carried_out(script(tmp_path, server, "\nimport nothing_like_it\n"))
    assert "nothing_like_it" in broken.value.traceback
    wrong = SCRIPT.replace("vus=2", "vus=-2")
    with pytest.raises(parent.OptionsError, match="vus"):
        carried_out(script(tmp_path, server, wrong))
    assert server.seen.requests == 0


def test_a_trial_that_breaks_says_how(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(job: object, channel: object) -> NoReturn:
        raise ZeroDivisionError("of no use")

    monkeypatch.setattr(trial, "_run", breaks)
    with pytest.raises(TrialError, match="ZeroDivisionError: of no use"):
        carried_out(plan(server))


def test_a_lost_trial_is_told_and_its_workers_are_gone(server: Server) -> None:
    def kill(progress: Progress) -> None:
        (child,) = psutil.Process().children()
        assert len(child.children()) == 1
        child.kill()

    with pytest.raises(TrialError, match="ended by SIGKILL"):
        carried_out(plan(server, duration_s=60), TrialObserver(kill))
    # The kernel kills the workers as orphans: they are nobody's children any more.
    until(lambda: not server.open_connections)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_load_in_order(number: int, tmp_path: Path, server: Server) -> None:
    lines: list[str] = []
    hears = TrialObserver(lambda progress: once.pop()(), echo=lines.append)
    once = [lambda: None] * 100 + [lambda: os.kill(os.getpid(), number)]
    begun_s = time.monotonic()
    with pytest.raises(Interrupted):
        carried_out(script(tmp_path, server, duration="60s"), hears)
    assert "".join(lines) == "cleaned up\n", "teardown runs"
    assert time.monotonic() - begun_s < 10


def test_a_second_signal_ends_everything_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_run", _deaf)
    below: list[psutil.Process] = []
    with pytest.raises(KeyboardInterrupt):
        carried_out(plan(server), TrialObserver(notice=lambda word: _signal(2, below)))
    assert len(below) == 2
    _gone(below)


def test_a_trial_that_does_not_end_is_killed_with_its_children(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_run", _deaf)
    monkeypatch.setattr(trial, "GRACE_S", 0.1)
    below: list[psutil.Process] = []
    with pytest.raises(Interrupted):
        carried_out(plan(server), TrialObserver(notice=lambda word: _signal(1, below)))
    assert len(below) == 2
    _gone(below)


def test_no_trial_begins_after_a_signal(server: Server) -> None:
    with Interrupts() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted):
            run_trial(plan(server), TrialObserver(), stop)
    assert server.seen.connections == 0


def test_a_signal_ends_a_wait_at_once() -> None:
    begun_s = time.monotonic()
    before = signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    try:
        with pytest.raises(Interrupted), Interrupts() as stop:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            stop.nap(5)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert time.monotonic() - begun_s < 4


def test_a_reader_that_stands_still_does_not_hold_the_load_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def talks(job: object, channel: socket.socket) -> NoReturn:
        for _ in range(100_000):  # far more than a pipe holds
            trial._say_if_heard(channel, "progress", {"words": "x" * 100})
        raise UsageError("it ended")

    monkeypatch.setattr(trial, "_run", talks)
    monkeypatch.setattr(Supervisor, "listen", _waiting_for_the_end(Supervisor.listen))
    with pytest.raises(UsageError, match="it ended"):
        carried_out(plan(server))


def test_nothing_outlives_us(server: Server) -> None:
    code = (
        "from fastbench.cli.args import url_args\n"
        "from fastbench.experiments.trials import trial, interrupts\n"
        f"plan = url_args.parse(['-c1', '-t1', '-d60s', {server.url()!r}]).plan\n"
        "with interrupts.Interrupts() as stop:\n"
        "    trial.run_trial(plan, trial.TrialObserver(), stop)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        try:
            until(lambda: server.seen.requests)
            below = psutil.Process(process.pid).children(recursive=True)
        finally:
            process.kill()
    assert len(below) == 2, "a trial and its worker"
    _gone(below)


def _deaf(job: object, channel: socket.socket) -> NoReturn:
    """Be a run that no signal ends, with a child of its own."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork():
        trial.say(channel, "notice", "now")
    while True:
        time.sleep(60)


def _signal(times: int, below: list[psutil.Process]) -> None:
    """Signal ourselves, with those who work for us noted before."""
    below += psutil.Process().children(recursive=True)
    for _ in range(times):
        os.kill(os.getpid(), signal.SIGINT)


def _gone(processes: list[psutil.Process]) -> None:
    """Wait until none of them runs; an orphan is a zombie until the init collects it."""

    def runs(process: psutil.Process) -> bool:
        with contextlib.suppress(psutil.NoSuchProcess):
            return process.is_running() and process.status() != "zombie"
        return False

    until(lambda: not any(map(runs, processes)))


def _waiting_for_the_end(listen: Callable[..., Any]) -> Callable[..., Any]:
    """Read nothing before the trial's process has ended."""

    def waits(trials: object, length_s: float) -> Any:
        with contextlib.suppress(IndexError):
            until(lambda: psutil.Process().children()[0].status() == "zombie")
        return listen(trials, length_s)

    return waits
