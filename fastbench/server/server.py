"""Serve the embedded application until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import stat
from collections.abc import Callable

from aiohttp import web

from fastbench.server.app import application

PR_SET_PDEATHSIG = 1  # prctl(2)
BACKLOG = 4096  # a benchmark opens its connections at once; the kernel lowers it to somaxconn
SHUTDOWN_S = 1.0


def die_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent dies: prctl(2)."""
    import ctypes

    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was told
        os.kill(os.getpid(), signal.SIGTERM)


def serve(host: str, port: int, unix_path: str | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the address once it listens.

    Port 0 means any free port. Raises OSError when the address cannot be had.
    """
    try:
        import uvloop
    except ImportError:
        factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(host, port, unix_path, ready))


async def _serve(host: str, port: int, unix_path: str | None, ready: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    listener = _listen_unix(unix_path) if unix_path else _listen_tcp(host, port)
    runner = web.AppRunner(application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    try:
        await runner.setup()
        await web.SockSite(runner, listener, backlog=BACKLOG).start()
        ready(_address(listener))
        await stop.wait()
    finally:
        await runner.cleanup()
        listener.close()
        if unix_path:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(unix_path)


def _listen_tcp(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def _listen_unix(path: str) -> socket.socket:
    """Bind a Unix socket; one that a dead server left behind is replaced, a live one is not."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode) and not _alive(path):
            os.unlink(path)
        listener.bind(path)
    except OSError:
        listener.close()
        raise
    return listener


def _alive(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0


def _address(listener: socket.socket) -> str:
    if listener.family == socket.AF_UNIX:
        return f"unix:{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
