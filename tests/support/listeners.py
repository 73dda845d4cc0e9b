"""Processes that listen, fork, burn and end as a test tells them: no test looks at itself."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

__all__ = ["Listener", "listening"]

END_S = 10

# The parent listens and waits; its child holds the same socket and does what is asked.
SCRIPT = """
import os, socket, sys, threading, time
family, where, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
listener = socket.socket(getattr(socket, family))
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, port != -1)
listener.bind(where if family == "AF_UNIX" else (where, max(port, 0)))
listener.listen()

def burn(cpu_s):
    end_s = time.thread_time() + cpu_s
    while time.thread_time() < end_s:
        sum(range(1000))

def burn_and_stay(cpu_s, done):
    burn(cpu_s)
    done.set()
    threading.Event().wait()

child = os.fork()
if child:
    print(0 if family == "AF_UNIX" else listener.getsockname()[1], child, flush=True)
    os.waitpid(child, 0)
    sys.stdin.read()
    sys.exit()
born = []
while True:
    line = os.read(0, 100).decode().split()
    if not line or line[0] == "end":
        os._exit(0)
    what, cpu_s = line[0], float(line[1])
    if what == "burn":
        burn(cpu_s)
        print(0, flush=True)
    elif what == "thread":
        done = threading.Event()
        threading.Thread(target=burn_and_stay, args=(cpu_s, done), daemon=True).start()
        done.wait()
        print(0, flush=True)
    elif what == "fork":
        told, tells = os.pipe()
        grandchild = os.fork()
        if not grandchild:
            burn(cpu_s)
            os.write(tells, b".")
            threading.Event().wait()
        born.append(grandchild)
        os.read(told, 1)
        print(grandchild, flush=True)
    elif what == "reap":
        print(len([os.waitpid(pid, 0) for pid in born]), flush=True)
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """A process with a child that shares its socket."""

    process: subprocess.Popen[str]
    port: int
    child: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, what: str, cpu_s: float = 0.0) -> int:
        """Have the child burn, itself, by a thread or by a child; return that child's pid."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{what} {cpu_s}\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())


@contextlib.contextmanager
def listening(
    where: str = "127.0.0.1", *, family: str = "AF_INET", port: int = -1, program: str = ""
) -> Iterator[Listener]:
    """Listen on a free port or the given one (then with SO_REUSEPORT; 0 is a free one)."""
    words = [program or sys.executable, "-c", SCRIPT, family, where, str(port)]
    process = subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that all of them can be ended at once
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        bound, child = map(int, process.stdout.readline().split())
        yield Listener(process, bound, child)
    finally:
        below = psutil.Process(process.pid).children(recursive=True)
        ends = [os.pidfd_open(each.pid) for each in below]
        os.killpg(process.pid, signal.SIGKILL)
        process.stdin.close()
        process.stdout.close()
        process.wait()
        for end in ends:  # readable once it has ended, whether or not the init has seen it
            select.select([end], [], [], END_S)
            os.close(end)
