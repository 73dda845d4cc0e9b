"""A worker on another machine, as a Child of the parent's Supervisor has it."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from threading import Event

WAIT_S = 2.0  # for the end of a process that was killed


class RemoteProcess:
    """The process of one worker; the machine tells what becomes of it.

    `channel` is the other end of the stream that the Child has.
    """

    def __init__(
        self, index: int, channel: socket.socket, send_signal: Callable[[int, int], None]
    ) -> None:
        self.index = index
        self.channel = channel
        self.cpu_s = 0.0
        self.unsent = bytearray()  # of what it said, on the way to the parent
        self._send_signal = send_signal
        self._end: tuple[int, float] | None = None
        self._is_over = Event()

    def kill(self, number: int) -> None:
        """Let it be sent a signal."""
        self._send_signal(self.index, number)

    def ended(self, *, wait: bool) -> tuple[int, float] | None:
        """Return its status as os.wait4 gives it and what it used; None while it runs."""
        if wait and not self._is_over.wait(WAIT_S):
            self.end(signal.SIGKILL, self.cpu_s)
        return self._end

    def end(self, status: int, used_s: float) -> None:
        """Learn that it has ended; the first time counts."""
        if self._end is None:
            self._end = status, used_s
            self._is_over.set()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._end is not None

    def write(self) -> bool:
        """Write what its stream takes of `unsent`; true once nothing is left."""
        try:
            while self.unsent:
                del self.unsent[: self.channel.send(self.unsent)]
        except BlockingIOError:
            return False
        except OSError:  # the parent has closed its end
            self.unsent.clear()
        return True

    def close(self) -> None:
        """Let the parent see the end of its stream."""
        self.channel.close()
