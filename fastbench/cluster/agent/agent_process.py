"""The process on a machine that starts workers for a parent elsewhere, and tells it of them.

    python -m fastbench.cluster.agent.agent_process

Frames come on standard input and go to standard output.

1. It decides nothing: the parent says what is loaded, when it begins and when it stops. The parent
   hears what workers say, how they end, and once a second what changed in their memory.
2. It ends by itself, and its workers with it: when standard input ends, and when the parent was
   silent for LOST_S. A parent that is there says something every BEAT_S.
3. Its clock is not the parent's: `offset_ns` is ours less the parent's. What travels is always of
   the parent's clock.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from fastbench import __version__
from fastbench.cluster.agent import script_agent, url_agent
from fastbench.cluster.agent.instants import Instants
from fastbench.cluster.agent.private_folder import PrivateFolder
from fastbench.cluster.agent.wire import Wire
from fastbench.cluster.agent.work import Work
from fastbench.cluster.frames import Frame, FrameError, Reader, Said
from fastbench.cluster.limits_of_silence import BEAT_S, LOST_S
from fastbench.cluster.worker_memory import LAYOUT
from fastbench.foundation import garbage
from fastbench.foundation.usage_error import UsageError
from fastbench.machine import doctor_checks, environment, host, limits
from fastbench.machine.machine_facts import Machine
from fastbench.results import json_codec
from fastbench.results.json_codec import plain
from fastbench.run.child import QUIET_NICE, Child, Message
from fastbench.run.supervisor import Supervisor
from fastbench.run.worker_pool import StartLine

TICK_S = 0.05
CONNECT_TICK_S = 0.005
END_S = 0.4  # for workers to end once the parent is gone: with LOST_S less than 5 s


class Agent:
    """The state of one run on this machine."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.offset_ns = 0
        self.work: Work | None = None
        self.workers: Supervisor[Any] = Supervisor(self._stop)
        self._reader = Reader()
        self._heard_ns = time.monotonic_ns()
        self._over = False
        self._ready = False
        self._looks: Instants | None = None  # None before the start line
        self._told_ns = 0
        self._private = PrivateFolder()
        self.folder = self._private.path
        self._files = script_agent.Files(self.say, self.folder)
        self._handlers: dict[str, Callable[[Any], None]] = {
            "beat": lambda body: None,
            "begin": self._begin,
            "clock": self._clock,
            "examine": self._examine,
            "file": self._files.take,
            "files": self._files.expect,
            "find": self._find,
            "hello": self._hello,
            "leave": self._leave,
            "load_script": self._load_script,
            "load_urls": self._load_urls,
            "signal": self._signal,
            "stop": self._stopped,
            "sum_up": self._sum_up,
        }

    def serve(self, in_fd: int) -> None:
        """Do as the parent says until it has heard all, or is gone."""
        self.workers.hear(in_fd, self._take)
        try:
            while not (self._over or self.wire.broken):
                for child, message in self.workers.listen(self._wait_s()):
                    self._heard(child, message)
                self._tick(time.monotonic_ns())
                self.wire.flush()
        finally:
            self._end()

    def say(self, kind: str, body: object) -> None:
        """Tell the parent."""
        self._told_ns = time.monotonic_ns()
        self.wire.send(Said(kind, body))

    def send_changes(self) -> None:
        """Send what changed in the memory of the workers."""
        if self.work is not None:
            for each in self.work.memory.changes(self.offset_ns):
                self.wire.send(each)

    # What comes from the parent.

    def _take(self, found: bytes) -> None:
        self._heard_ns = time.monotonic_ns()
        if not found:
            self._over = True
            return
        try:
            for frame in self._reader.feed(found):
                self._obey(frame)
                self._heard_ns = time.monotonic_ns()  # the parent was not silent meanwhile
        except FrameError as error:
            self.say("broke", {"what": f"{error}", "traceback": ""})
            self._over = True

    def _obey(self, frame: Frame) -> None:
        if not isinstance(frame, Said):
            raise FrameError("changes of memory from the parent")
        handlers = {**self._handlers, **({} if self.work is None else self.work.handlers)}
        handler = handlers.get(frame.kind)
        if handler is None:
            raise FrameError(f"nobody knows {frame.kind!r}")
        try:
            handler(frame.body)
        except UsageError as error:
            self.say("refused", str(error))

    def _hello(self, body: dict[str, Any]) -> None:
        self.say(
            "hello",
            {
                "version": __version__,
                "layout": LAYOUT,
                "cores": limits.usable_cores(),
                "memory_bytes": host.counters().memory_bytes,
                "environment": plain(environment.describe()),
            },
        )

    def _examine(self, body: object) -> None:
        """Say what `fastbench doctor` finds here; that takes a second."""
        found = [asdict(each) for each in doctor_checks.examine(Machine())]
        self.say("examined", found)

    def _clock(self, body: dict[str, Any]) -> None:
        self.offset_ns = body["offset_ns"]

    def _find(self, body: dict[str, Any]) -> None:
        self.say("found", url_agent.reached(body))

    def _load_urls(self, body: dict[str, Any]) -> None:
        self.work = url_agent.started(body, self.folder, self.workers)
        if self.workers.stopped_ns:  # an interrupt: it was told before there was anything to stop
            self.work.stop()
        self.say("started", {str(each.index): each.pid for each in self.workers.children})

    def _load_script(self, body: dict[str, Any]) -> None:
        self.work = script_agent.ScriptWork(
            body, self._files, self.workers, self.say, lambda: self.offset_ns
        )
        self.say("started", {})

    def _begin(self, body: dict[str, Any]) -> None:
        """Open the start line, which is of the parent's clock."""
        assert self.work is not None
        line = json_codec.read(StartLine, body, "line")
        whens = (line.line_ns, line.start_ns, line.stop_ns)
        line_ns, start_ns, stop_ns = (at and at + self.offset_ns for at in whens)
        self.work.begin(line_ns=line_ns, start_ns=start_ns, stop_ns=stop_ns)
        self.say("begun", {"late_ns": max(0, time.monotonic_ns() - line_ns)})
        self._looks = Instants(start_ns, line.instants_s)
        os.nice(QUIET_NICE)  # not before the line is open: a busy machine would hold it up
        garbage.collect()

    def _stopped(self, body: object) -> None:
        self.workers.stop()

    def _signal(self, body: dict[str, int]) -> None:
        for child in self.workers.children:
            if child.index == body["worker"]:
                child.kill(body["number"])

    def _sum_up(self, body: dict[str, Any]) -> None:
        assert self.work is not None
        self.say("summed", self.work.summed_up(body))

    def _leave(self, body: object) -> None:
        self._over = True

    # What workers do.

    def _heard(self, child: Child, message: Message) -> None:
        kind, body = message
        self.send_changes()  # all that it counted is there before what it says
        if kind != "gone":
            if self.work is not None:
                self.work.heard(kind, body)
            self.say("said", {"worker": child.index, "kind": kind, "body": body})
            return
        self.send_changes()  # all that it counted is there before its end is
        self.say("gone", {"worker": child.index, "status": child.status, "used_s": child.used_s})

    def _tick(self, now_ns: int) -> None:
        if now_ns - self._heard_ns > LOST_S * 1e9:
            self._over = True
        elif self.work is not None:
            self.work.tick()
            self._look(self.work, now_ns)
        if now_ns - self._told_ns > BEAT_S * 1e9:  # nor anything else
            self.say("beat", {})

    def _look(self, work: Work, now_ns: int) -> None:
        """Tell what changed, when that is due."""
        if not self._ready:
            self._ready = work.ready()
            if self._ready:
                self.send_changes()
        elif self._looks is not None and now_ns >= self._looks.due_ns:
            whole = self._looks.passed(now_ns)
            self.send_changes()
            if whole and self.workers.children and not self.workers.all_gone:
                self.say("use", work.used())

    def _wait_s(self) -> float:
        """Return for how long to listen: up to the next look at most."""
        if self.work is not None and not self._ready:
            return CONNECT_TICK_S
        if self._looks is None:
            return TICK_S
        return min(TICK_S, max(0.001, (self._looks.due_ns - time.monotonic_ns()) / 1e9))

    def _stop(self) -> None:
        if self.work is not None:
            self.work.stop()

    @property
    def _all_over(self) -> bool:
        return self.workers.all_gone or (self.work is not None and self.work.over)

    def _end(self) -> None:
        """Leave nobody behind: workers may end by themselves for a moment."""
        self.workers.stop()
        limit_ns = time.monotonic_ns() + round(END_S * 1e9)
        while not self._all_over and time.monotonic_ns() < limit_ns:
            self.workers.nap(CONNECT_TICK_S)
        self.workers.close()
        self._files.give_up()
        self._private.remove()
        while self.wire.waits and not self.wire.broken and time.monotonic_ns() < limit_ns:
            time.sleep(CONNECT_TICK_S)
            self.wire.flush()


def fault(error: Exception) -> str:
    """Say in one sentence what is wrong with us."""
    at = traceback.extract_tb(error.__traceback__)[-1]
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"{what} ({os.path.basename(at.filename)}, line {at.lineno})"


def main() -> None:
    """Be an agent: nothing but frames goes to standard output."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the parent is told, and decides
    out_fd = os.dup(1)
    os.dup2(2, 1)
    os.set_inheritable(out_fd, False)
    wire = Wire(out_fd)
    agent = Agent(wire)
    try:
        agent.serve(os.dup(0))
    except Exception as error:
        wire.send(Said("broke", {"what": fault(error), "traceback": traceback.format_exc()}))
        wire.flush()
        raise  # to standard error, which is the Dask worker's


if __name__ == "__main__":
    main()
