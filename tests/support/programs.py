"""Programs that use a processor on purpose, each a process of its own, pinned to a core."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

__all__ = ["BURNING", "cores", "hog", "pinned", "server_that_burns"]

# One connection after the other would starve the rest: select serves whoever is ready.
BURNING = """
import select, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0), backlog=256)
print(listener.getsockname()[1], flush=True)
peers = [listener]
while True:
    for peer in select.select(peers, [], [])[0]:
        if peer is listener:
            peers.append(listener.accept()[0])
            continue
        data = peer.recv(65536)
        if not data:
            peers.remove(peer)
            peer.close()
            continue
        until = time.thread_time() + float(sys.argv[1])
        while time.thread_time() < until:
            pass
        peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
"""
HOG = "print(flush=True)\nwhile True: pass"


def cores() -> list[int]:
    """List the cores this process may use."""
    return sorted(os.sched_getaffinity(0))


def pinned(core: int) -> Callable[[], None]:
    """Return what puts a child on one core, for the moment before it begins."""
    return lambda: os.sched_setaffinity(0, {core})


@contextlib.contextmanager
def _program(text: str, *words: str, core: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", text, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=pinned(core)
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def hog(core: int) -> Iterator[None]:
    """Use all of a core."""
    with _program(HOG, core=core) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield


@contextlib.contextmanager
def server_that_burns(seconds: float, *, core: int) -> Iterator[tuple[str, int]]:
    """Serve from one thread that computes so long for each answer; yields URL and pid."""
    with _program(BURNING, str(seconds), core=core) as process:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/", process.pid
