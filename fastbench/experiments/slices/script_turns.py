"""Two runs of a script whose iterations take turns: see script/slice_gate.py and run/turns.py.

1. Each side is a whole run, with processes of its own: setup, its users, teardown. Both are alive
   all the time, and the gate of one of them is open.
2. A side that ends before it is told to ends the comparison, and the sentence says why.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

from fastbench.experiments.trials import trial
from fastbench.foundation import signals
from fastbench.machine import limits
from fastbench.results.histogram import highest_ns
from fastbench.run.child import Child, Lines, encoded
from fastbench.run.supervisor import TICK_S, Supervisor, Take
from fastbench.run.turns import SlicePart
from fastbench.script.exceptions import ScriptError
from fastbench.script.run_request import RunRequest
from fastbench.script.slice_gate import Home, SliceGate

NAMES = ("base", "candidate")
HOME_S = 90.0  # for an iteration that is under way when its slice ends: k6's timeout is 60 s
STOP_S = 12.0  # from a signal to the end of teardown, which has less time then
END_S = 3600.0  # for teardown; the run itself keeps teardown_timeout of Options
SAY_S = 2.0  # from the end of a worker to what its run says of it

Hear = Callable[[str, str], None]  # kind, text: `notice` or `echo`


class StoppedError(Exception):
    """A signal came: the runs have been told to stop."""


class FarFromHomeError(Exception):
    """The iterations of a slice did not come home in the time that was given."""


@dataclass(frozen=True, slots=True)
class ScriptPart:
    """One slice of a script: what there is of every slice, and its iterations."""

    part: SlicePart
    iterations: int
    iteration_s: float  # the mean of them
    longest_s: float  # of them


@dataclass(slots=True, eq=False)
class _SideRun(Child):
    """The process of one side, and the sockets to its workers."""

    leads: Callable[[], object] | None = os.setpgrp
    fds: list[int] = field(default_factory=list)
    heard: dict[int, Lines] = field(default_factory=dict)
    ready: int = 0
    workers: int = 0  # 0 before it is known
    planned: bool = False
    homes: list[Home] = field(default_factory=list)
    refused: Exception | None = None
    over: str = ""  # how its run ended
    deaf_ns: int = 0  # when a worker ended


class ScriptTurns:
    """The state of two runs in turns; to be used in a process of its own."""

    def __init__(self, requests: Sequence[RunRequest], length_s: float, hear: Hear) -> None:
        self._requests = requests
        self._length_s = length_s
        self._hear = hear
        self._said: set[str] = set()
        self._begun_ns = 0
        self._runs: list[_SideRun] = []
        self._workers: Supervisor[_SideRun] = Supervisor(self._pass_on)

    def __enter__(self) -> Self:
        """Start both sides and wait until all of their workers are ready."""
        for index, request in enumerate(self._requests):
            gate = SliceGate(request.workers or limits.usable_cores(), self._length_s)
            side = _SideRun(index, fds=gate.ours)
            self._runs.append(side)
            pipes: dict[int, Take] = {fd: partial(self._take, side, fd) for fd in gate.ours}
            work = partial(_carry_out, replace(request, gate=gate))
            self._workers.start(side, partial(trial.be, work), pipes)
            gate.leave()
        return self

    def __exit__(self, *raised: object) -> None:
        self._workers.close()

    @property
    def processes(self) -> Sequence[Child]:
        """The processes of both runs; their workers are children of them."""
        return self._runs

    @property
    def workers(self) -> int:
        """How many processes load one side."""
        return max(each.workers for each in self._runs)

    @property
    def planned(self) -> bool:
        """Whether iterations begin at planned instants, and times are counted from these."""
        return any(each.planned for each in self._runs)

    def await_ready(self) -> None:
        """Wait for setup() of both. Raises what refuses a script, StoppedError."""
        with signals.heard(self._workers.interrupt):
            self._pump(lambda: all(0 < each.workers <= each.ready for each in self._runs))

    def slices(
        self, order: bytes, slice_s: float, until_s: float, home_s: float = HOME_S
    ) -> Iterator[ScriptPart]:
        """Load in turns; no slice begins later than `until_s`, of time.monotonic().

        Raises what refuses a script, ScriptError when a side ends by itself, StoppedError, and
        FarFromHomeError.
        """
        with signals.heard(self._workers.interrupt):
            for side in order:
                if time.monotonic() >= until_s:
                    return
                yield self._slice(self._runs[side], side, slice_s, home_s)

    def end(self) -> list[str]:
        """End both runs in order, with their teardown; return what went wrong there."""
        for each in self._runs:
            for fd in each.fds:
                _tell(fd, "over", {})
        with signals.heard(self._workers.interrupt):
            self._drain(END_S)
        return [
            f"{name}: {side.over or 'its run did not end'}"
            for side, name in zip(self._runs, NAMES, strict=True)
            if side.over != "complete"
        ]

    def stop(self) -> None:
        """End both runs at once; teardown is run all the same."""
        with signals.heard(self._workers.interrupt):
            self._workers.stop()
            self._drain(STOP_S)

    def _slice(self, run: _SideRun, side: int, slice_s: float, home_s: float) -> ScriptPart:
        run.homes = []
        begun_ns = time.monotonic_ns()
        self._begun_ns = self._begun_ns or begun_ns
        for fd in run.fds[: run.workers]:
            _tell(fd, "open", {"length_ns": round(slice_s * 1e9)})
        limit_ns = begun_ns + round((slice_s + home_s) * 1e9)
        if not self._pump(lambda: len(run.homes) >= run.workers, limit_ns):
            raise FarFromHomeError
        return _part(run.homes, side, (begun_ns - self._begun_ns) / 1e9)

    def _pump(self, done: Callable[[], bool], limit_ns: int = 0) -> bool:
        """Listen until something is done; False when it was not in time."""
        while not done():
            if limit_ns and time.monotonic_ns() > limit_ns:
                return False
            self._listen()
            self._check()
        return True

    def _listen(self) -> None:
        for side, (kind, body) in self._workers.listen(TICK_S):
            if kind == "refused":
                side.refused = trial.refusal(body)
            elif kind == "over":
                side.over = body
            elif kind in ("notice", "echo") and body not in self._said:
                if kind == "notice":
                    self._said.add(body)
                self._hear(kind, body)

    def _check(self) -> None:
        """Raise what ends the comparison."""
        if self._workers.stopped_ns:
            self._drain(STOP_S)
            raise StoppedError
        for side, name in zip(self._runs, NAMES, strict=True):
            if side.refused is not None:
                raise side.refused
            if side.over:
                raise ScriptError(f"{name}: {side.over}")
            if side.gone:
                raise ScriptError(f"{name}: its run ended {side.how}")
            if side.deaf_ns and time.monotonic_ns() - side.deaf_ns > SAY_S * 1e9:
                raise ScriptError(f"{name}: one of its workers ended early")

    def _drain(self, for_s: float) -> None:
        """Wait until both runs have ended; once told to stop they have STOP_S."""
        begun_ns = time.monotonic_ns()
        while not self._workers.all_gone:
            now_ns = time.monotonic_ns()
            if now_ns - begun_ns > for_s * 1e9 or self._workers.late_s(0, now_ns) > STOP_S:
                return
            self._listen()

    def _pass_on(self) -> None:
        for each in self._runs:
            each.kill(signal.SIGTERM)

    def _take(self, side: _SideRun, fd: int, found: bytes) -> None:
        """Take what a worker says; b"" is its end."""
        if not found:
            if fd in side.fds[: side.workers]:
                side.deaf_ns = side.deaf_ns or time.monotonic_ns()
            side.fds = [each for each in side.fds if each != fd]
            return
        for kind, body in side.heard.setdefault(fd, Lines()).feed(found):
            if kind == "ready":
                side.ready += 1
                side.workers = body["workers"]
                side.planned = body["planned"]
            elif kind == "home":
                side.homes.append(Home.from_json(body))


def _carry_out(request: RunRequest, channel: socket.socket) -> None:
    """Carry out the run of one side, in its process; say how it ended."""
    from fastbench.script import parent

    def say(kind: str, text: str) -> None:
        trial.say(channel, kind, text)

    found = parent.run(request, lambda progress: None, partial(say, "notice"), partial(say, "echo"))
    ended = found.summary.ended
    reasons = found.validity.reasons
    say("over", reasons[0] if ended != "complete" and reasons else ended)


def _part(homes: Sequence[Home], side: int, at_s: float) -> ScriptPart:
    """Return a slice over all workers."""
    rate, times = 0.0, array("I")
    for each in homes:
        rate += each.ok / max(1, each.last_ns - each.begin_ns) * 1e9
        for counter, count in each.times.items():
            times.extend(array("I", [min(highest_ns(counter), 2**32 - 1)]) * count)
    busy = [min(1.0, each.used_ns / max(1, each.last_ns - each.begin_ns)) for each in homes]
    part = SlicePart(
        side,
        sum(each.ok for each in homes),
        sum(each.failed for each in homes),
        sum(each.dropped for each in homes),
        rate,
        max(busy),
        times,
        at_s=at_s,
        span_s=max(each.last_ns - each.begin_ns for each in homes) / 1e9,
        client_cores=sum(busy),
    )
    iterations = sum(each.iterations for each in homes)
    iteration_s = sum(each.spent_ns for each in homes) / 1e9 / max(1, iterations)
    return ScriptPart(part, iterations, iteration_s, max(each.longest_ns for each in homes) / 1e9)


def _tell(fd: int, kind: str, body: Any) -> None:
    """Tell a worker; one that has ended is seen elsewhere."""
    with suppress(OSError):
        os.write(fd, encoded(kind, body))
