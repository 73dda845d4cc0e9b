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
import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from fastbench.engine.bridge import _core
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.foundation import signals
from fastbench.plan.plan import Plan, UsageError
from fastbench.results import json_codec
from fastbench.results.result import Result
from fastbench.run import runner
from fastbench.run.sampling import Progress
from fastbench.script.run_request import RunRequest

__all__ = ["Job", "Side", "TrialError", "TrialObserver", "run_trial"]

LOOK_S = 0.25  # between looks whether the process is still there
GRACE_S = 15.0  # from the first signal to the end of load and teardown
ATOMIC_BYTES = select.PIPE_BUF  # pipe(7): so much fits into a pipe that can be written to
READ_BYTES = 1 << 16
EXIT_FAILED = 70  # sysexits.h, EX_SOFTWARE

Job = Plan | RunRequest


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared.

    `make` renders what one trial runs; the port is None for a URL. `command` starts the server, in
    a shell; `{port}` in it and in `wait_for` is filled in. `flag` names the command in sentences.
    """

    label: str
    make: Callable[[int | None], Job]
    command: str | None = None
    wait_for: str | None = None
    flag: str = ""


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


def run_trial(job: Job, hears: TrialObserver, stop: Interrupts) -> Result:
    """Carry a run out in a process of its own.

    Raises what refuses the run (UsageError and its kin), Interrupted when a signal ended it,
    KeyboardInterrupt at a second signal, TrialError when its process was lost.
    """
    stop.check()
    read_fd, write_fd = os.pipe()
    # A signal between the fork and the child's own handlers must not run ours in the child.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signals.SIGNALS)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _be_the_trial(job, write_fd, parent, mask)
    process = _TrialProcess(pid, read_fd, hears)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.close(write_fd)
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.setpgid(pid, pid)  # here too: whoever is first
        process.listen(stop)
    finally:
        process.close()
    if stop.came:
        raise Interrupted
    return process.outcome()


class _TrialProcess:
    """A trial as the parent sees it."""

    def __init__(self, pid: int, read_fd: int, hears: TrialObserver) -> None:
        self._pid = pid
        self._fd = read_fd
        self._hears = hears
        self._unread = b""
        self._status: int | None = None  # once it has been collected
        self._open = True
        self._result: Result | None = None
        self._refused: dict[str, Any] | None = None
        os.set_blocking(read_fd, False)

    def listen(self, stop: Interrupts) -> None:
        """Hear it out until it has ended; pass a signal on."""
        kill_s = 0.0  # when patience ends
        while not self._ended(wait=False):
            ready = stop.wait(LOOK_S, *([self._fd] if self._open else []))
            if self._fd in ready and not self._read() and not self._open:
                self._ended(wait=True)  # its files are closed: it is about to end
            if stop.came and not kill_s:
                kill_s = time.monotonic() + GRACE_S
                os.kill(self._pid, signal.SIGTERM)
            if kill_s and time.monotonic() > kill_s:
                return
        while self._open and self._read():
            pass

    def close(self) -> None:
        """Kill who is left."""
        if self._status is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
            os.kill(self._pid, signal.SIGKILL)  # before it had its group
            self._ended(wait=True)
        os.close(self._fd)

    def outcome(self) -> Result:
        """Return the result, or raise what took its place."""
        if self._result is not None:
            return self._result
        if self._refused is not None:
            raise _refusal(self._refused)
        code = os.waitstatus_to_exitcode(self._status or 0)
        how = f"with status {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        raise TrialError(f"the process that measured ended {how}")

    def _ended(self, *, wait: bool) -> bool:
        if self._status is None:
            pid, status = os.waitpid(self._pid, 0 if wait else os.WNOHANG)
            self._status = status if pid else None
        return self._status is not None

    def _read(self) -> bool:
        """Take what there is; false when there is nothing now."""
        try:
            found = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return False
        self._open = bool(found)
        *lines, self._unread = (self._unread + found).split(b"\n")
        for line in lines:
            for kind, body in json.loads(line).items():
                self._heard(kind, body)
        return bool(found)

    def _heard(self, kind: str, body: Any) -> None:
        if kind == "progress":
            with contextlib.suppress(json_codec.DocumentError):  # it is only for the eyes
                self._hears.progress(json_codec.read(Progress, body, kind))
        elif kind == "notice":
            self._hears.notice(body)
        elif kind == "echo":
            self._hears.echo(body)
        elif kind == "refused":
            self._refused = body
        elif kind == "result":
            self._result = Result.from_document(body)


def _refusal(body: dict[str, Any]) -> Exception:
    """Return the refusal as it was raised in the trial."""
    kind, text = body["kind"], body["text"]
    if kind == "TrialError":
        return TrialError(text)
    if kind == "UsageError":
        return UsageError(text)
    from fastbench.script.parent import refused

    if kind == "OptionsError":
        return refused.OptionsError(text)
    return refused.ScriptError(text, body["traceback"])


def _be_the_trial(job: Job, write_fd: int, parent: int, mask: set[int]) -> NoReturn:
    """Run, say what came of it, end this process."""
    code = EXIT_FAILED
    try:
        _core.die_with_parent()
        os.setpgid(0, 0)
        signals.restore()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a live view has its own
        if os.getppid() == parent:  # it may be gone since before the kernel was told
            _say(write_fd, *_carried_out(job, write_fd))
            code = 0
    except KeyboardInterrupt:
        pass  # a signal before there was anything to stop
    finally:
        os._exit(code)


def _carried_out(job: Job, fd: int) -> tuple[str, object]:
    """Return the last word of a trial: its document, or why there is none."""
    try:
        return "result", _run(job, fd).to_document()
    except UsageError as refused:
        text, trace = str(refused), getattr(refused, "traceback", "")
        return "refused", {"kind": type(refused).__name__, "text": text, "traceback": trace}
    except Exception:
        return "refused", {"kind": "TrialError", "text": traceback.format_exc(), "traceback": ""}


def _run(job: Job, fd: int) -> Result:
    def tell(progress: Progress) -> None:
        _say_if_heard(fd, "progress", json_codec.plain(progress))

    if isinstance(job, Plan):
        return runner.run(job, tell, thread_rates=False)
    from fastbench.script.parent import run

    def notice(sentence: str) -> None:
        _say(fd, "notice", sentence)

    def echo(lines: str) -> None:
        _say(fd, "echo", lines)

    return run(job, tell, notice, echo)


def _say(fd: int, kind: str, body: object) -> None:
    line = json.dumps({kind: body}).encode() + b"\n"
    while line:
        line = line[os.write(fd, line) :]


def _say_if_heard(fd: int, kind: str, body: object) -> None:
    """Say what may be lost: not to a full pipe."""
    line = json.dumps({kind: body}).encode() + b"\n"
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if len(line) <= ATOMIC_BYTES and poll.poll(0):
        os.write(fd, line)
