"""The keeper of a server: a process that starts it, and that nothing it started outlives.

1. It is forked by us and holds an end of a channel. When the other end closes, because we say so
   or because we are dead, everything below the keeper is ended: asked first, then killed.
2. It is a subreaper (prctl(2)): what the server leaves behind, daemons too, becomes its child.
3. It is a session of its own, so that a terminal's signals reach only us; and so is the server.
4. It says `exit` and a code once nothing of the server runs any more, or `failed` and the reason
   when there is no shell to run it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import socket
import subprocess
import time

from fastbench.foundation import signals
from fastbench.machine import processes
from fastbench.run.child import encoded

STOP_S = 3.0  # for a server to end once asked
KILL_LOOK_S = 0.01
MAX_FILES = 1 << 20  # fs.nr_open of most kernels: proc(5)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # prctl(2)
_SHELL = "/bin/sh"
_FORWARDED = frozenset(int(number) for number in signals.SIGNALS)


def keep(command: str, channel: socket.socket, output_fd: int, cores: tuple[int, ...] = ()) -> None:
    """Run the command until the channel closes; `cores` are all it may use, nothing for all."""
    try:
        if cores:
            os.sched_setaffinity(0, cores)  # what we start inherits it
        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_PDEATHSIG, 0, 0, 0, 0)  # who outlives us can end what it started
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        _let_go_of_all_but({channel.fileno(), output_fd})
        _Keeper(command, channel, output_fd).run()
    except BaseException as error:  # there is nobody above who could be told otherwise
        channel.sendall(encoded("failed", repr(error)))


class _Keeper:
    def __init__(self, command: str, channel: socket.socket, output_fd: int) -> None:
        self._command = command
        self._channel = channel
        self._output_fd = output_fd
        self._first = 0  # the shell
        self._code = 0
        # Handlers rather than SIG_IGN: the server would inherit that.
        for number in (*_FORWARDED, signal.SIGCHLD):
            signal.signal(number, lambda number, frame: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._wakeup = signals.Wakeup()

    def run(self) -> None:
        """Start the server, wait for the end of it or of us, leave nobody."""
        try:
            self._first = self._start()
        except OSError as error:
            self._say("failed", (error.strerror or str(error)).lower())
            return
        try:
            self._wait()
        finally:
            self._stop()

    def _start(self) -> int:
        """Start the shell; it is collected with all the others, not by subprocess."""
        process = subprocess.Popen(
            [_SHELL, "-c", self._command],
            stdin=subprocess.DEVNULL,
            stdout=self._output_fd,
            stderr=self._output_fd,
            start_new_session=True,
        )
        process.returncode = 0
        return process.pid

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        poll.register(self._wakeup.fd, select.POLLIN)
        while self._reap():
            for fd, _ in poll.poll():
                if fd == self._channel.fileno() or not _FORWARDED.isdisjoint(self._wakeup.drain()):
                    return
        self._say("exit", self._code)
        with contextlib.suppress(OSError):
            self._channel.recv(1)  # until nobody is interested any more

    def _stop(self) -> None:
        """Ask, wait a little, then kill until nobody is left."""
        self._signal_all(signal.SIGTERM)
        self._signal_all(signal.SIGCONT)  # one that is stopped cannot end
        limit_s = time.monotonic() + STOP_S
        poll = select.poll()
        poll.register(self._wakeup.fd, select.POLLIN)
        while self._reap() and (left_s := limit_s - time.monotonic()) > 0:
            if poll.poll(max(1, round(left_s * 1000))):
                self._wakeup.drain()
        limit_s += STOP_S  # where /proc is masked, what left its session cannot be found
        while self._reap() and time.monotonic() < limit_s:
            self._signal_all(signal.SIGKILL)
            time.sleep(KILL_LOOK_S)

    def _reap(self) -> bool:
        """Collect who has ended; true while somebody has not."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if not pid:
                return True
            if pid == self._first:
                self._code = os.waitstatus_to_exitcode(status)

    def _signal_all(self, number: signal.Signals) -> None:
        """Signal everybody below this process; the server's session, if they are not visible."""
        pids = processes.children(os.getpid())
        if self._first and not pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._first, number)
        for pid in pids:  # it grows on the way
            pids += processes.children(pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _say(self, kind: str, body: object) -> None:
        with contextlib.suppress(OSError):
            self._channel.sendall(encoded(kind, body))


def _let_go_of_all_but(kept: set[int]) -> None:
    """Close what was inherited: other pipes' ends would keep those pipes open."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    end = MAX_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_FILES)
    ends = sorted(kept - {0, 1, 2})
    for low, high in zip([2, *ends], [*ends, end], strict=True):  # without asking /proc
        os.closerange(low + 1, high)
