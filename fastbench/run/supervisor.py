"""The processes of one run as their parent sees them: started, heard, stopped, ended, collected.

1. The first signal stops the load, and the run is reported; the second leaves: see signals.py.
2. A look that comes far too late is a pause: the machine, or all of us, stood still. Nobody is
   late for what fell into it.
3. Whoever is left at the end is killed, and counts as lost.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastbench.foundation import meanwhile, signals
from fastbench.run import child
from fastbench.run.child import Child, Message

TICK_S = 0.25  # between two looks
PAUSE_S = 1.0  # a look that comes so much too late
GRACE_S = 1.5  # for workers to end once they should have
LAST_READS = 16  # of a pipe, once all have ended; somebody who escaped may still write
TERM_S = 0.5  # between SIGTERM and SIGKILL

C = TypeVar("C", bound=Child)
T = TypeVar("T")
Take = Callable[[bytes], None]  # takes what a pipe gave, b"" at its end


@dataclass(frozen=True, slots=True)
class Pause:
    """A time in which this process did not run at all, from `t_s` after the start on."""

    t_s: float
    length_s: float


class Supervisor(Generic[C]):
    """All workers of a run, and what wakes the parent: they, or a signal.

    `on_stop` tells the workers to stop; it may be called from a handler of signals.
    """

    def __init__(self, on_stop: Callable[[], None] = lambda: None) -> None:
        self.children: list[C] = []
        self.interrupted = False
        self.stopped_ns = 0  # when the workers were told to stop, 0 before
        self.resumed_ns = 0  # the end of the last pause
        self.pauses: list[Pause] = []
        self._on_stop = on_stop
        self._looked_ns = self._termed_ns = self._shown_ns = 0
        self._poll = select.poll()
        self._streams: dict[int, C] = {}
        self._pipes: dict[int, Take] = {}
        self._wakeup = signals.Wakeup()
        self._poll.register(self._wakeup.fd, select.POLLIN)

    def start(
        self,
        one: C,
        be: Callable[[socket.socket], object],
        pipes: Mapping[int, Take] | None = None,
    ) -> None:
        """Fork a process that calls `be` with its end of the channel; listen to it and `pipes`."""
        one.stream, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.add(one, pipes or {})

        def begin() -> None:
            self._let_go()
            be(theirs)

        one.start(begin)
        theirs.close()

    def add(self, one: C, pipes: Mapping[int, Take]) -> None:
        """Listen to a process."""
        one.stream.settimeout(child.SEND_S)
        self.children.append(one)
        self._streams[one.stream.fileno()] = one
        self._poll.register(one.stream.fileno(), select.POLLIN)
        for fd, take in pipes.items():
            self.hear(fd, take)

    def hear(self, fd: int, take: Take) -> None:
        """Give what a pipe says to `take`; it is closed with the others."""
        self._pipes[fd] = take
        self._poll.register(fd, select.POLLIN)
        os.set_blocking(fd, False)

    def listen(self, wait_s: float) -> Iterator[tuple[C, Message]]:
        """Give what is said within `wait_s`, once something is; of a gone one ("gone", None)."""
        ready = self._poll.poll(max(1, round(wait_s * 1000)))
        meanwhile.beat()
        for fd, _ in ready:
            if fd == self._wakeup.fd:
                self._wakeup.drain()
            elif fd in self._pipes:
                self._pass_on(fd)
            elif fd in self._streams:
                one = self._streams[fd]
                for message in one.receive():
                    yield one, message
                if one.gone:
                    self._forget(fd)
        for fd, one in () if ready else tuple(self._streams.items()):
            if one.bury():  # and what it left behind keeps its stream open
                self._forget(fd)
                yield one, ("gone", None)

    def nap(self, wait_s: float) -> None:
        """Sleep, but not longer than until a worker ends."""
        for _ in self.listen(wait_s):
            pass

    @property
    def all_gone(self) -> bool:
        """Whether every process has ended."""
        return all(each.gone for each in self.children)

    @property
    def lost(self) -> list[C]:
        """Those that ended and should not have."""
        return [each for each in self.children if each.lost]

    def say(self, kind: str, body: object) -> None:
        """Tell all processes that are there."""
        for each in self.children:
            if not each.gone:
                each.send(kind, body)

    def interrupt(self) -> None:
        """Stop and report, at the first signal."""
        self.interrupted = True
        self.stop()

    def stop(self) -> None:
        """Tell the workers to stop, once."""
        if not self.stopped_ns:
            self.stopped_ns = time.monotonic_ns()
            self._on_stop()

    def shown(self, show: Callable[[T], None]) -> Callable[[T], None]:
        """Return the same, its time taken: a terminal that is stopped stops its writer alone."""

        def timed(what: T) -> None:
            begun_ns = time.monotonic_ns()
            show(what)
            self._shown_ns += time.monotonic_ns() - begun_ns

        return timed

    def look(self, now_ns: int, start_ns: int, tick_s: float) -> None:
        """Note a pause: a gap since the last look that neither a tick nor showing explains.

        Nothing in it is the server's. `start_ns` is the start of the run.
        """
        looked_ns, self._looked_ns = self._looked_ns or now_ns, now_ns
        shown_ns, self._shown_ns = self._shown_ns, 0
        gap_ns, most_ns = now_ns - looked_ns, (tick_s + PAUSE_S) * 1e9
        if gap_ns > most_ns:
            self.resumed_ns = now_ns
        if gap_ns - shown_ns > most_ns:
            self.pauses.append(Pause(max(0, looked_ns - start_ns) / 1e9, gap_ns / 1e9))

    def late_s(self, end_ns: int, now_ns: int) -> float:
        """Return for how long workers should have ended: told to, or by themselves at `end_ns`."""
        due_ns = self.stopped_ns or end_ns
        return (now_ns - max(due_ns, self.resumed_ns)) / 1e9 if due_ns else 0.0

    def end(self, late: list[C], now_ns: int) -> None:
        """Ask processes that are late to end, from TERM_S after the first request on kill them."""
        if late and not self._termed_ns:
            self._termed_ns = now_ns
        kill = now_ns - self._termed_ns > TERM_S * 1e9
        for each in late:
            each.kill(signal.SIGKILL if kill else signal.SIGTERM)

    def kill(self) -> None:
        """End what has not ended by itself: those are lost."""
        for each in self.children:
            each.kill()
            each.bury(wait=True)

    def close(self) -> None:
        """Kill who is left, and give the descriptors back."""
        self.kill()
        for fd in tuple(self._pipes) * LAST_READS:
            if fd in self._pipes:
                self._pass_on(fd)
        self._wakeup.close()
        self._let_go()

    def _let_go(self) -> None:
        for each in self.children:
            each.stream.close()
        for fd in self._pipes:
            os.close(fd)
        self._pipes.clear()

    def _pass_on(self, fd: int) -> bool:
        """Give what a pipe holds to who takes it; false when there is nothing to read."""
        try:
            found = os.read(fd, child.READ_BYTES)
        except BlockingIOError:
            return False
        except OSError:  # EIO: the other side of a terminal is closed, pty(7)
            found = b""
        self._pipes[fd](found)
        if not found:
            self._forget(fd)
            del self._pipes[fd]
            os.close(fd)
        return bool(found)

    def _forget(self, fd: int) -> None:
        self._poll.unregister(fd)
        self._streams.pop(fd, None)
