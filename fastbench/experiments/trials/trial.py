"""One trial: a whole run, in a process of its own that nothing outlives.

1. A run leaves traces in its process: its niceness, its signal handlers, its mappings. A fork per
   trial keeps them apart, so that the last trial finds the same process as the first.
2. The process has a group of its own, so that a terminal's Ctrl-C reaches only us: we pass it on
   and wait until the load has ended and the script has cleaned up. After a while, after a second
   signal, or when we are gone, the whole group is killed.
3. It says one JSON object per line: how far it is, what a script prints, at last its document.
   Progress is left out rather than waited for: a reader that is stopped must not stop the load.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.foundation import signals
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.plan import Plan
from fastbench.results import json_codec
from fastbench.results.result import Result
from fastbench.run import runner
from fastbench.run.child import Child, encoded
from fastbench.run.sampling import Progress
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import WorkerPool
from fastbench.script.run_request import RunRequest

LOOK_S = 0.25  # between looks whether the process is still there
GRACE_S = 15.0  # from the first signal to the end of load and teardown
ATOMIC_BYTES = select.PIPE_BUF  # so much fits into a socket that can be written to

Job = Plan | RunRequest
Work = Callable[[socket.socket], None]  # of a process of its own, with its end of the channel


@dataclass(frozen=True, slots=True)
class PlanOnMachines:
    """A plan for machines: `pool` opens them in the trial, and gets who tells its sentences."""

    plan: Plan
    pool: Callable[[Callable[[str], None]], AbstractContextManager[WorkerPool | None]]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    `make` renders what one trial runs; the port is None for a URL. `command` starts the server, in
    a shell; `{port}` in it and in `wait_for` is filled in. `flag` names the command in sentences.
    `cores` are the processors that the server may use, nothing for all.
    """

    label: str
    make: Callable[[int | None], Job]
    command: str | None = None
    wait_for: str | None = None
    flag: str = ""
    cores: tuple[int, ...] = ()


class TrialError(Exception):
    """The process of a trial ended without a result; the sentence says how."""


def _nobody(words: str) -> None:
    """Hear nothing."""


@dataclass(frozen=True, slots=True)
class TrialObserver:
    """Who listens to a trial. `echo` takes lines that a script prints, `notice` sentences."""

    progress: Callable[[Progress], None] = lambda progress: None
    notice: Callable[[str], None] = _nobody
    echo: Callable[[str], None] = _nobody


def run_trial(job: Job | PlanOnMachines, observer: TrialObserver, stop: Interrupts) -> Result:
    """Carry a run out in a process of its own.

    Raises what refuses the run (UsageError and its kin), Interrupted when a signal ended it,
    KeyboardInterrupt at a second signal, TrialError when its process was lost.
    """
    found: list[Result] = []

    def hear(kind: str, body: Any) -> None:
        if kind == "progress":
            with contextlib.suppress(json_codec.DocumentError):  # it is only for the eyes
                observer.progress(json_codec.read(Progress, body, kind))
        elif kind == "notice":
            observer.notice(body)
        elif kind == "echo":
            observer.echo(body)
        elif kind == "result":
            found.append(Result.from_document(body))

    run_apart(partial(_run, job), hear, stop)
    return found[0]


def run_apart(work: Work, hear: Callable[[str, Any], None], stop: Interrupts) -> None:
    """Do work in a process of its own; `hear` gets kind and body of all that it says.

    Raises the same as `run_trial`.
    """
    stop.check()
    trial = _Trial(hear)
    with closing(trial.processes):
        trial.listen(work, stop)
    if stop.came:
        raise Interrupted
    trial.check()


class _Trial:
    """A trial as the parent sees it."""

    def __init__(self, hear: Callable[[str, Any], None]) -> None:
        self._process = Child(leads=os.setpgrp)
        self.processes: Supervisor[Child] = Supervisor(lambda: self._process.kill(signal.SIGTERM))
        self._hear = hear
        self._done = False
        self._refused: dict[str, Any] | None = None

    def listen(self, work: Work, stop: Interrupts) -> None:
        """Start it and hear it out until it has ended; pass a signal on."""
        self.processes.start(self._process, lambda channel: be(work, channel))
        while not self._process.gone and self.processes.late_s(0, time.monotonic_ns()) < GRACE_S:
            for _, (kind, body) in self.processes.listen(LOOK_S):
                self._heard(kind, body)
            if stop.came:
                self.processes.stop()

    def check(self) -> None:
        """Raise what took the place of an orderly end."""
        if self._refused is not None:
            raise refusal(self._refused)
        if not self._done:
            raise TrialError(f"the process that measured ended {self._process.how}")

    def _heard(self, kind: str, body: Any) -> None:
        if kind == "refused":
            self._refused = body
        elif kind == "done":
            self._done = True
        elif kind != "gone":
            self._hear(kind, body)


def refusal(body: dict[str, Any]) -> Exception:
    """Return the refusal as it was raised in the trial."""
    kind, text = body["kind"], body["text"]
    if kind in ("TrialError", "UsageError"):
        return TrialError(text) if kind == "TrialError" else UsageError(text)
    from fastbench.script.exceptions import OptionsError, ScriptError

    return OptionsError(text) if kind == "OptionsError" else ScriptError(text, body["traceback"])


def be(work: Work, channel: socket.socket) -> None:
    """Be the trial; the last it says is that it is done, or why it cannot be."""
    try:
        work(channel)
        say(channel, "done", None)
    except Exception as error:
        kind, text, trace = "TrialError", traceback.format_exc(), ""
        if isinstance(error, UsageError):
            kind, text, trace = type(error).__name__, str(error), getattr(error, "traceback", "")
        say(channel, "refused", {"kind": kind, "text": text, "traceback": trace})


def _run(job: Job | PlanOnMachines, channel: socket.socket) -> None:
    """Carry a run out; the last it says is its document."""

    def tell(progress: Progress) -> None:
        _say_if_heard(channel, "progress", json_codec.plain(progress))

    def notice(sentence: str) -> None:
        say(channel, "notice", sentence)

    def echo(lines: str) -> None:
        say(channel, "echo", lines)

    if isinstance(job, Plan):
        found = runner.run(job, tell, thread_rates=False)
    elif isinstance(job, PlanOnMachines):
        # A signal waits until the machines are there, so that they are left in good order.
        with signals.held(), job.pool(notice) as pool:
            found = runner.run(job.plan, tell, thread_rates=False, pool=pool)
    else:
        from fastbench.script.parent import run

        found = run(job, tell, notice, echo)
    say(channel, "result", found.to_document())


def say(channel: socket.socket, kind: str, body: object) -> None:
    """Say something to the parent of a trial."""
    channel.sendall(encoded(kind, body))


def _say_if_heard(channel: socket.socket, kind: str, body: object) -> None:
    """Say what may be lost: not to a full channel."""
    line = encoded(kind, body)
    poll = select.poll()
    poll.register(channel, select.POLLOUT)
    if len(line) <= ATOMIC_BYTES and poll.poll(0):
        channel.sendall(line)
