"""A server that answers at once, and again and again resets all of its connections together."""

from __future__ import annotations

import selectors
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from servers import OK

_LINGER = struct.pack("ii", 1, 0)  # close(2) resets: socket(7)


@dataclass(slots=True)
class Resetting:
    """Where it is, and what it has seen."""

    url: str
    requests: int = 0
    resets: int = 0


@contextmanager
def resetting(every_s: float) -> Iterator[Resetting]:
    """Serve in a thread; how many requests came is known once the block is left."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        seen = Resetting(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        stopping = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, stopping, seen, every_s))
        thread.start()
        try:
            yield seen
        finally:
            stopping.set()
            thread.join()


def _serve(
    listener: socket.socket, stopping: threading.Event, seen: Resetting, every_s: float
) -> None:
    listener.setblocking(False)
    due_s = time.monotonic() + every_s
    with selectors.DefaultSelector() as selector:
        selector.register(listener, selectors.EVENT_READ)
        connections: set[socket.socket] = set()
        while not stopping.is_set():
            for key, _ in selector.select(0.01):
                connection = key.fileobj
                assert isinstance(connection, socket.socket)
                if connection is listener:
                    connections |= _accepted(listener, selector)
                elif not _answered(connection, seen):
                    selector.unregister(connection)
                    connections.discard(connection)
                    connection.close()
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + every_s
                _reset(connections, selector)
                seen.resets += 1
        _reset(connections, selector)


def _accepted(listener: socket.socket, selector: selectors.BaseSelector) -> set[socket.socket]:
    found: set[socket.socket] = set()
    while True:
        try:
            connection, _ = listener.accept()
        except BlockingIOError:
            return found
        connection.setblocking(True)
        selector.register(connection, selectors.EVENT_READ)
        found.add(connection)


def _answered(connection: socket.socket, seen: Resetting) -> bool:
    """Answer what has come; tell whether the client is still there."""
    try:
        count = connection.recv(65536).count(b"\r\n\r\n")
        seen.requests += count
        connection.sendall(OK * count)
    except OSError:
        return False
    return count > 0


def _reset(connections: set[socket.socket], selector: selectors.BaseSelector) -> None:
    for connection in connections:
        selector.unregister(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    for connection in connections:  # at one moment, as far as can be
        connection.close()
    connections.clear()
