"""The parent's end of its workers: a process each, one JSON object per line each way.

1. An object has one key, its kind. What does not fit that is a broken worker, not a broken run.
2. A worker's end is seen as the end of its stream. Its exit status is collected then and there.
3. On a terminal the workers' own output comes through a pipe each, line by line: what they write
   themselves would tear the live view, and each other's lines.
4. Writing never blocks for long: a worker that does not read is stuck, and the watchdog's business.
   One that read half a message could not read the next: it is told the end, and leaves.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

__all__ = ["Child", "Echo", "Hub", "Message"]

READ_BYTES = 1 << 18
MAX_DUMP_BYTES = 1 << 16
DYING_S = 0.5  # from the end of its stream to the end of a worker
SEND_S = 1.0  # without a byte taken: a worker that does not read

Message = tuple[str, Any]
Echo = Callable[[str], None]  # takes whole lines of what workers print


@dataclass(slots=True)
class Child:
    """One worker as the parent sees it.

    `loaded`, `ended` and `gone` are the stations of its life: the script is imported, its load is
    over, its process is no more. `lost`: it was gone before it was told to quit.
    """

    index: int
    pid: int
    stream: socket.socket
    dump_fd: int  # where the stack of a stuck worker arrives
    out_fd: int = -1  # where what it prints arrives, -1: it writes to our stderr
    loaded: bool = False
    ended: bool = False
    quit: bool = False
    gone: bool = False
    lost: bool = False
    status: int = 0  # of os.wait4
    cpu_s: float = 0.0
    dump: bytes = b""
    unread: bytearray = field(default_factory=bytearray)  # of a line that is not whole yet
    unprinted: bytes = b""

    def send(self, kind: str, body: object) -> None:
        """Send one object; a worker that is gone, or does not read, does not get it."""
        whole = orjson.dumps({kind: body}, option=orjson.OPT_APPEND_NEWLINE)
        left = memoryview(whole)
        with contextlib.suppress(OSError):
            try:
                while left:
                    left = left[self.stream.send(left) :]
            except TimeoutError:
                if len(left) < len(whole):
                    self.stream.shutdown(socket.SHUT_WR)

    def kill(self, number: int) -> None:
        """Send a signal, if there is anybody left."""
        if not self.gone:
            os.kill(self.pid, number)

    def end(self, wait_s: float) -> None:
        """Collect one that is ending; a process closes its files before its status is there."""
        limit_s = time.monotonic() + wait_s
        while not self.bury():
            if time.monotonic() > limit_s:
                self.kill(signal.SIGKILL)
                self.bury(wait=True)
                return
            time.sleep(DYING_S / 100)

    def bury(self, *, wait: bool = False) -> bool:
        """Collect the exit status if it has ended; true once it is gone."""
        if self.gone:
            return True
        pid, status, usage = os.wait4(self.pid, 0 if wait else os.WNOHANG)
        if pid:
            self.gone = True
            self.status = status
            self.cpu_s = usage.ru_utime + usage.ru_stime
            self.lost = not self.quit
        return self.gone


class Hub:
    """All workers of a run, and what wakes the parent: they, or a signal."""

    def __init__(self, echo: Echo | None = None) -> None:
        self.children: list[Child] = []
        self._echo = echo
        self._poll = select.poll()
        self._by_fd: dict[int, Child] = {}
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll.register(self._woken, select.POLLIN)
        self._wakeup_before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def add(self, child: Child) -> None:
        """Listen to a worker."""
        child.stream.settimeout(SEND_S)
        self.children.append(child)
        for fd in (child.stream.fileno(), child.dump_fd, child.out_fd):
            if fd >= 0:
                self._by_fd[fd] = child
                self._poll.register(fd, select.POLLIN)
        for fd in (child.dump_fd, child.out_fd):
            if fd >= 0:
                os.set_blocking(fd, False)

    def listen(self, wait_s: float) -> Iterator[tuple[Child, Message]]:
        """Give what the workers say, after at most `wait_s`; a gone one says ("gone", None)."""
        for fd, _ in self._poll.poll(max(0, round(wait_s * 1000))):
            child = self._by_fd.get(fd)
            if child is None:
                self._drain()
            elif fd == child.dump_fd:
                self._read_dump(child)
            elif fd == child.out_fd:
                self._read_output(child)
            else:
                yield from ((child, message) for message in self._read(child))

    def say(self, kind: str, body: object) -> None:
        """Tell all workers that are there."""
        for child in self.children:
            if not child.gone:
                child.send(kind, body)

    def close(self) -> None:
        """Kill who is left, and give the descriptors back."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                child.kill(signal.SIGKILL)
            child.bury(wait=True)
            child.stream.close()
            os.close(child.dump_fd)
            if child.out_fd >= 0:
                while child.out_fd in self._by_fd and self._read_output(child):
                    pass
                os.close(child.out_fd)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._woken)
        os.close(self._wake)
        self._by_fd.clear()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, READ_BYTES)

    def _read_dump(self, child: Child) -> None:
        with contextlib.suppress(BlockingIOError):
            found = os.read(child.dump_fd, MAX_DUMP_BYTES)
            if not found:
                self._forget(child.dump_fd)
            child.dump = (child.dump + found)[-MAX_DUMP_BYTES:]

    def _read_output(self, child: Child) -> bool:
        """Pass lines on as they become whole; false when there is nothing to read."""
        try:
            found = os.read(child.out_fd, READ_BYTES)
        except BlockingIOError:
            return False
        lines, end, rest = (child.unprinted + found).rpartition(b"\n")
        if not found:
            self._forget(child.out_fd)
            lines, rest = rest, b""
        child.unprinted = rest
        if self._echo is not None and (lines or end):
            self._echo(lines.decode("utf-8", "replace") + "\n")
        return bool(found)

    def _forget(self, fd: int) -> None:
        self._poll.unregister(fd)
        del self._by_fd[fd]

    def _read(self, child: Child) -> list[Message]:
        try:
            found = child.stream.recv(READ_BYTES)
        except OSError:
            found = b""
        if not found:
            self._forget(child.stream.fileno())
            child.end(DYING_S)
            return [("gone", None)]
        child.unread += found
        if b"\n" not in found:  # what setup() returned may be megabytes
            return []
        *lines, child.unread = child.unread.split(b"\n")
        return [message for line in lines for message in _messages(line)]


def _messages(line: bytes | bytearray) -> Iterator[Message]:
    try:
        found = orjson.loads(line)
    except ValueError:
        return
    if isinstance(found, dict):
        yield from found.items()
