"""Start `python -m fastbench` by forking a process that has imported all of it already.

Most tests ask what a command says or writes; for them a fork is the same as a fresh interpreter,
and costs a sixth of it. Who asks for a stream of its own or for limits gets a fresh one. One such
process serves a test process; it ends when that does.
"""

from __future__ import annotations

import array
import contextlib
import gc
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from subprocess import CompletedProcess
from typing import IO, Any, Self

_MAX_BYTES = 1 << 20
_ASKED_BYTES_MAX = 1 << 16  # one packet
_AT_START = re.compile("PYTHON|LD_|LC_|LANG")
_lock = threading.Lock()
_served: dict[int, _ForkServer] = {}


class _ForkServer:
    """The test's end: requests go out one by one, exit codes come back by pid."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            # It leaves its parent: tests count the children of this process.
            subprocess.run(
                [sys.executable, __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                check=True,
            )
        self.socket = ours
        self.codes: dict[int, int] = {}
        self.pids: list[int] = []
        self.changed = threading.Condition()
        self.one = threading.Lock()  # fork at a time
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while told := self.socket.recv(_MAX_BYTES):
            said = json.loads(told)
            with self.changed:
                if "started" in said:
                    self.pids.append(said["started"])
                else:
                    self.codes[said["ended"]] = said["code"]
                self.changed.notify_all()

    def start(self, asked: bytes, fds: list[int]) -> int:
        """Fork; returns the pid."""
        with self.one, self.changed:
            passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            self.socket.sendmsg([asked], passed)
            if not self.changed.wait_for(lambda: self.pids, 30):
                raise TimeoutError("nothing was forked")
            return self.pids.pop()

    def wait(self, pid: int, limit_s: float | None) -> int | None:
        """Return the exit code as subprocess has it, None after `limit_s` of seconds."""
        with self.changed:
            if not self.changed.wait_for(lambda: pid in self.codes, limit_s):
                return None
            return self.codes.pop(pid)


def serves(arguments: tuple[str, ...], env: Mapping[str, str] | None = None) -> bool:
    """Tell whether a fork will do: beside other tests, and for words that fit into a packet.

    What is measured alone gets a fresh interpreter, and so does what is read as one starts.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ or any(_AT_START.match(name) for name in env or ()):
        return False
    return len(_asked(arguments, None, False, env)) < _ASKED_BYTES_MAX


def _asked(
    arguments: tuple[str, ...], cwd: str | None, session: bool, env: Mapping[str, str] | None
) -> bytes:
    asked = {"argv": arguments, "cwd": cwd or os.getcwd(), "session": session}
    return json.dumps({**asked, "env": {**os.environ, **(env or {})}}).encode()


class Forked:
    """A command under way, as subprocess.Popen has it with text and pipes."""

    def __init__(
        self,
        *arguments: str,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        session: bool = False,
        stdin: int = subprocess.DEVNULL,
        errors: str = "strict",
    ) -> None:
        self._server = _server()
        self.args = [sys.executable, "-m", "fastbench", *arguments]
        self.returncode: int | None = None
        given, out, err = os.pipe(), os.pipe(), os.pipe()
        theirs = [given[0], out[1], err[1]]
        self.pid = self._server.start(_asked(arguments, cwd, session, env), theirs)
        for fd in theirs:
            os.close(fd)
        self.stdin: IO[str] = os.fdopen(
            given[1], "w", encoding="utf-8", errors="surrogateescape", newline=""
        )
        if stdin == subprocess.DEVNULL:
            self.stdin.close()  # its end is there at once
        self.stdout: IO[str] = os.fdopen(out[0], encoding="utf-8", errors=errors)
        self.stderr: IO[str] = os.fdopen(err[0], encoding="utf-8", errors=errors)

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.wait(self.pid, 0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._server.wait(self.pid, timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self.returncode

    def communicate(
        self, input: str | None = None, timeout: float | None = None
    ) -> tuple[str, str]:
        """Write to it, and return all that it writes from now on; raises TimeoutExpired."""
        end_s = None if timeout is None else time.monotonic() + timeout
        texts = _Texts({"out": self.stdout, "err": self.stderr})
        if not self.stdin.closed:
            with contextlib.suppress(BrokenPipeError), self.stdin as stream:
                stream.write(input or "")
        if not texts.whole(end_s):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        self.wait(None if end_s is None else max(0.0, end_s - time.monotonic()))
        return texts.read["out"], texts.read["err"]

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it may end at this moment
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ends: object) -> None:
        for each in (self.stdin, self.stdout, self.stderr):
            each.close()
        self.wait()


class _Texts:
    """What streams hold until their ends, read by a thread each."""

    def __init__(self, streams: dict[str, IO[str]]) -> None:
        self.read: dict[str, str] = {}
        self._threads = [
            threading.Thread(target=self._take, args=each, daemon=True) for each in streams.items()
        ]
        for each in self._threads:
            each.start()

    def _take(self, name: str, stream: IO[str]) -> None:
        with stream:
            self.read[name] = stream.read()

    def whole(self, end_s: float | None) -> bool:
        """Wait until that time of the clock; tells whether all is read."""
        for each in self._threads:
            each.join(None if end_s is None else max(0.0, end_s - time.monotonic()))
        return not any(each.is_alive() for each in self._threads)


def _server() -> _ForkServer:
    with _lock:
        if os.getpid() not in _served:
            _served[os.getpid()] = _ForkServer()
        return _served[os.getpid()]


def run(
    *arguments: str, stdin: str, cwd: str | None, env: Mapping[str, str] | None, limit_s: float
) -> CompletedProcess[str]:
    """Run `fastbench ARGUMENTS` to its end, as subprocess.run does with text and pipes."""
    process = Forked(*arguments, cwd=cwd, env=env, stdin=subprocess.PIPE, errors="surrogateescape")
    try:
        out, err = process.communicate(stdin, limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return CompletedProcess(process.args, process.wait(), out, err)


def _serve(channel: socket.socket) -> list[str] | None:
    """Fork for every request; returns the words of one in its child, None at the end."""
    children: dict[int, int] = {}  # the pid of each, by the descriptor that tells of its end
    ready = select.poll()
    ready.register(channel, select.POLLIN)
    while True:
        for fd, _ in ready.poll():
            if fd != channel.fileno():
                ready.unregister(fd)
                os.close(fd)
                pid, status = os.waitpid(children.pop(fd), 0)
                code = os.waitstatus_to_exitcode(status)
                channel.send(json.dumps({"ended": pid, "code": code}).encode())
                continue
            asked, control, _, _ = channel.recvmsg(_MAX_BYTES, socket.CMSG_SPACE(12))
            if not asked:
                return None
            fds = array.array("i", control[0][2]).tolist()
            pid = os.fork()
            if not pid:
                for each in children:
                    os.close(each)
                words = _become(json.loads(asked), fds)
                channel.send(json.dumps({"started": os.getpid()}).encode())
                channel.close()
                return words
            for each in fds:
                os.close(each)
            end_fd = os.pidfd_open(pid)
            children[end_fd] = pid
            ready.register(end_fd, select.POLLIN)


def _become(asked: dict[str, Any], fds: list[int]) -> list[str]:
    for at, fd in enumerate(fds):
        os.dup2(fd, at)
        os.close(fd)
    if asked["session"]:
        os.setsid()
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    return [str(word) for word in asked["argv"]]


def _preload() -> None:
    import importlib
    import pkgutil

    import fastbench

    for found in pkgutil.walk_packages(fastbench.__path__, "fastbench."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    _preload()
    gc.freeze()  # what is there already is no garbage: a child that looked at it would copy it
    words = _serve(socket.socket(fileno=int(sys.argv[1])))
    if words is not None:
        import runpy

        sys.argv = ["fastbench", *words]
        sys.path[0] = os.getcwd()
        runpy.run_module("fastbench", run_name="__main__", alter_sys=True)
