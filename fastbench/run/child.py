"""A process of ours, and the channel to it: JSON objects, one per line each way, {kind: body}.

1. It is forked, does one thing and ends; it ends with us, too.
2. What is no such line is passed over: a broken process, not a broken run.
3. The end of a process is seen as the end of its stream. Its exit status is collected then.
4. Of a process on another machine, somebody there starts, kills and collects it (`Elsewhere`); the
   channel leads there.
5. Writing never blocks for long. One that read half a message could not read the next: it is told
   the end, and leaves.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastbench.engine.bridge import _core
from fastbench.foundation import garbage, signals
from fastbench.machine import processes

QUIET_NICE = 10  # of who looks at a load beside it
EXIT_FAILED = 70  # sysexits.h, EX_SOFTWARE
READ_BYTES = 1 << 18
DYING_S = 0.5  # from the end of its stream to the end of a process
SEND_S = 1.0  # without a byte taken: a process that does not read

Message = tuple[str, Any]


def encoded(kind: str, body: object) -> bytes:
    """Return a message as a line. Raises TypeError for what JSON cannot hold."""
    import orjson  # not needed by a run of URLs, whose workers say nothing

    return orjson.dumps({kind: body}, option=orjson.OPT_APPEND_NEWLINE)


class Lines:
    """Messages out of bytes as they come."""

    def __init__(self) -> None:
        self._unread = bytearray()  # of a line that is not whole yet

    def feed(self, found: bytes) -> Iterator[Message]:
        """Take bytes; give the messages that are whole."""
        import orjson

        self._unread += found
        if b"\n" not in found:  # what setup() returned may be megabytes
            return
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError):
                if isinstance(said := orjson.loads(line), dict):
                    yield from said.items()


class Elsewhere(Protocol):
    """A process on another machine."""

    @property
    def cpu_s(self) -> float:
        """What it has used, as far as is known."""

    def kill(self, number: int) -> None:
        """Let it be sent a signal."""

    def ended(self, *, wait: bool) -> tuple[int, float] | None:
        """Return its status as os.wait4 gives it and what it used; None while it runs.

        To `wait` is to wait for a bounded time; then it counts as killed.
        """


@dataclass(slots=True, eq=False)
class Child:
    """A process as its parent sees it.

    `leads` makes it the leader of a group of its own, as os.setpgrp does: then it gets signals
    itself, and its group is killed with it. `stays`: it does not end before it is told to `quit`.
    `lost`: it ended otherwise, or broke.
    """

    index: int = 0
    pid: int = 0
    stream: socket.socket = field(init=False, repr=False)
    leads: Callable[[], object] | None = None
    stays: bool = False
    quit: bool = False
    gone: bool = False
    lost: bool = False
    status: int = 0  # of os.wait4
    used_s: float = 0.0
    lines: Lines = field(default_factory=Lines)
    elsewhere: Elsewhere | None = None

    def start(self, be: Callable[[], object]) -> None:
        """Fork the process, which calls `be` and ends: with status 0 if that returns."""
        parent = os.getpid()
        self.pid = signals.fork(receives_signals=self.leads is not None)
        if self.pid:
            return
        code = EXIT_FAILED
        try:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a live view has its own
            _core.die_with_parent()
            if self.leads is not None:
                self.leads()
            garbage.collect()
            if os.getppid() == parent:  # it may be gone since before the kernel was told
                be()
                code = 0
        except KeyboardInterrupt:
            pass  # a signal before there was anything to stop
        except BaseException:
            traceback.print_exc()
        finally:  # nothing of the parent's goes on in here
            os._exit(code)

    @property
    def cpu_s(self) -> float:
        """What it has used, also while it runs."""
        if self.elsewhere is not None and not self.gone:
            return self.elsewhere.cpu_s
        now = None if self.gone else processes.reading(self.pid)
        return self.used_s if now is None else now.cpu_s

    @property
    def how(self) -> str:
        """How it ended: with which status, or by which signal."""
        code = os.waitstatus_to_exitcode(self.status)
        return f"with status {code}" if code >= 0 else f"by {signals.name_of(-code)}"

    def send(self, kind: str, body: object) -> None:
        """Send one object; a process that is gone, or does not read, does not get it."""
        whole = encoded(kind, body)
        left = memoryview(whole)
        with contextlib.suppress(OSError):
            try:
                while left:
                    left = left[self.stream.send(left) :]
            except TimeoutError:
                if len(left) < len(whole):
                    self.stream.shutdown(socket.SHUT_WR)

    def receive(self) -> Iterator[Message]:
        """Take what it said; ("gone", None) is the last of it, and then it has been collected."""
        try:
            found = self.stream.recv(READ_BYTES)
        except OSError:
            found = b""
        if found:
            yield from self.lines.feed(found)
            return
        self._end(DYING_S)
        yield "gone", None

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, if there is anybody left; SIGKILL goes to its group, too."""
        if self.gone:
            return
        if self.elsewhere is not None:
            self.elsewhere.kill(number)
            return
        group = self.leads is not None and number == signal.SIGKILL
        for send in (os.killpg, os.kill) if group else (os.kill,):  # it may have no group yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                send(self.pid, number)

    def bury(self, *, wait: bool = False) -> bool:
        """Collect the exit status if it has ended; true once it is gone."""
        if self.gone:
            return True
        ended = self._ended(wait) if self.elsewhere is None else self.elsewhere.ended(wait=wait)
        if ended is not None:
            self.gone = True
            self.status, self.used_s = ended
            self.lost = not self.quit and (self.stays or self.status != 0)
        return self.gone

    def _ended(self, wait: bool) -> tuple[int, float] | None:
        pid, status, usage = os.wait4(self.pid, 0 if wait else os.WNOHANG)
        return (status, usage.ru_utime + usage.ru_stime) if pid else None

    def _end(self, wait_s: float) -> None:
        """Collect one that is ending; a process closes its files before its status is there."""
        limit_s = time.monotonic() + wait_s
        while not self.bury():
            if time.monotonic() > limit_s:
                self.kill()
                self.bury(wait=True)
                return
            time.sleep(DYING_S / 500)


@dataclass(slots=True, eq=False)
class HeardChild(Child):
    """One whose messages go to `hear` as they come."""

    hear: Callable[[str, Any], None] = lambda kind, body: None

    def receive(self) -> Iterator[Message]:
        """Take what it said, and pass it on."""
        for kind, body in Child.receive(self):
            self.hear(kind, body)
            yield kind, body
