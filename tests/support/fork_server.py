"""Start `python -m fastbench` by forking a process that has imported all of it already.

Most tests ask what a command says or writes; for them a fork is the same as a fresh interpreter,
and costs a quarter of it. Who asks for an environment, a stream of its own or limits gets a fresh
one. One such process serves a test process; it ends when that does.
"""

from __future__ import annotations

import array
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

_MAX_BYTES = 1 << 20
_ASKED_BYTES_MAX = 1 << 16  # one packet
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

    def start(self, arguments: list[str], cwd: str, session: bool, fds: list[int]) -> int:
        """Fork; returns the pid."""
        asked = _asked(arguments, cwd, session)
        with self.one, self.changed:
            passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            self.socket.sendmsg([asked], passed)
            if not self.changed.wait_for(lambda: self.pids, 30):
                raise TimeoutError("nothing was forked")
            return self.pids.pop()

    def wait(self, pid: int, limit_s: float) -> int | None:
        """Return the exit code as subprocess has it, None after `limit_s`."""
        with self.changed:
            if not self.changed.wait_for(lambda: pid in self.codes, limit_s):
                return None
            return self.codes.pop(pid)


def serves(arguments: tuple[str, ...]) -> bool:
    """Tell whether a fork will do: beside other tests, and for words that fit into a packet.

    What is measured alone gets a fresh interpreter.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return False
    return len(_asked(list(arguments), os.getcwd(), False)) < _ASKED_BYTES_MAX


def _asked(arguments: list[str], cwd: str, session: bool) -> bytes:
    asked = {"argv": arguments, "cwd": cwd, "session": session, "env": dict(os.environ)}
    return json.dumps(asked).encode()


def run(
    *arguments: str, stdin: str, cwd: str | None, limit_s: float, session: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run `fastbench ARGUMENTS` to its end, as subprocess.run does with text and pipes."""
    with _lock:
        if os.getpid() not in _served:
            _served[os.getpid()] = _ForkServer()
        server = _served[os.getpid()]
    pipes = [os.pipe() for _ in range(3)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    pid = server.start(list(arguments), cwd or os.getcwd(), session, theirs)
    for fd in theirs:
        os.close(fd)
    texts: dict[str, str] = {}

    def read(name: str, fd: int) -> None:
        with open(fd, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            texts[name] = stream.read().replace("\r\n", "\n").replace("\r", "\n")

    readers = [
        threading.Thread(target=read, args=(name, pipes[at][0]), daemon=True)
        for at, name in ((1, "out"), (2, "err"))
    ]
    for each in readers:
        each.start()
    try:
        with open(pipes[0][1], "wb") as stream:
            stream.write(stdin.encode("utf-8", "surrogateescape"))
    except BrokenPipeError:
        pass
    end_s = time.monotonic() + limit_s
    for each in readers:
        each.join(max(0.0, end_s - time.monotonic()))
    code = server.wait(pid, max(0.0, end_s - time.monotonic()))
    command = [sys.executable, "-m", "fastbench", *arguments]
    if code is None:
        os.kill(pid, signal.SIGKILL)
        server.wait(pid, 10)
        raise subprocess.TimeoutExpired(command, limit_s, texts.get("out"), texts.get("err"))
    return subprocess.CompletedProcess(command, code, texts["out"], texts["err"])


def _serve(channel: socket.socket) -> list[str] | None:
    """Fork for every request; returns the words of one in its child, None at the end."""
    children: set[int] = set()
    channel.settimeout(0.005)
    while True:
        for pid in list(children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                children.discard(pid)
                code = os.waitstatus_to_exitcode(status)
                channel.send(json.dumps({"ended": pid, "code": code}).encode())
        try:
            asked, control, _, _ = channel.recvmsg(_MAX_BYTES, socket.CMSG_SPACE(12))
        except TimeoutError:
            channel.settimeout(0.005 if children else None)
            continue
        if not asked:
            return None
        fds = array.array("i", control[0][2]).tolist()
        pid = os.fork()
        if not pid:
            channel.close()
            return _become(json.loads(asked), fds)
        for fd in fds:
            os.close(fd)
        children.add(pid)
        channel.settimeout(0.005)
        channel.send(json.dumps({"started": pid}).encode())


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
    words = _serve(socket.socket(fileno=int(sys.argv[1])))
    if words is not None:
        import runpy

        sys.argv = ["fastbench", *words]
        sys.path[0] = os.getcwd()
        runpy.run_module("fastbench", run_name="__main__", alter_sys=True)
