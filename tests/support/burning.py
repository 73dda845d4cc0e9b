"""A server in a process of its own whose requests cost a known processor time, not wall time.

A neighbour on its core makes it slower, but not its requests more expensive. With a helper, a child
of it works all the time. Run as a script it is that server: `serving` does.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from servers import OK

HELP = "help"


@contextlib.contextmanager
def burning(cpu_us: int, *, helper: bool = False) -> Iterator[tuple[int, str]]:
    """Start the server; give its pid and its URL."""
    words = [sys.executable, __file__, str(cpu_us), *([HELP] if helper else [])]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.pid, f"http://127.0.0.1:{int(process.stdout.readline())}/"
        process.stdin.close()  # which ends it


def burn(until_ns: int) -> None:
    """Work until this thread has used so much processor time."""
    while time.thread_time_ns() < until_ns:
        pass


def _help() -> None:
    server = os.getpid()
    if os.fork() == 0:
        while os.getppid() == server:
            burn(time.thread_time_ns() + 1_000_000)
        os._exit(0)


def _serve(cpu_us: int) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    with selectors.DefaultSelector() as ready:
        ready.register(sys.stdin, selectors.EVENT_READ)
        ready.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is listener:
                    ready.register(listener.accept()[0], selectors.EVENT_READ)
                    continue
                peer = key.fileobj
                assert isinstance(peer, socket.socket)
                begun_ns = time.thread_time_ns()
                if not peer.recv(65536):
                    ready.unregister(peer)
                    peer.close()
                    continue
                burn(begun_ns + cpu_us * 1000)
                peer.send(OK)


if __name__ == "__main__":
    if HELP in sys.argv[2:]:
        _help()
    _serve(int(sys.argv[1]))
