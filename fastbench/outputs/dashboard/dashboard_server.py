"""The thread that serves the page: who may ask, and the stream of what happens.

The listener is made before the load, so that a port in use costs nobody a run; the thread starts
with the first look, when no worker will be forked any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable

from aiohttp import web

from fastbench.experiments.compare.compare_document import Comparison
from fastbench.foundation.signals import SIGNALS
from fastbench.foundation.usage_error import UsageError
from fastbench.outputs.dashboard.story import Story
from fastbench.results.result import Result
from fastbench.run.sampling import Progress

ADDRESS = "127.0.0.1"
HTTP_PORT = 80
NAMES = (ADDRESS, "localhost", "[::1]")  # by which a browser on this machine may call it
TOKEN_BYTES = 16
MAX_STREAMS = 16
SILENCE_S = 1.25  # a row comes every second; without one, in a warm-up say, a step all the same
FLUSH_S = 0.7  # for streams to carry how the run ended
CLEANUP_S = 0.1
LAST_S = 1.0  # all of it

HEADERS = {
    "Cache-Control": "no-store",
    # What the page may do stands in the page; this cannot stand there.
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "fastbench",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

_silent = logging.getLogger(__name__)  # a browser that goes away is nobody's business
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Board:
    """The dashboard of one run. Everything public is for the thread that runs the load.

    Raises UsageError when the port cannot be had; 0 is any free one.
    """

    def __init__(self, page: str, story: Story, port: int) -> None:
        self._page = page.encode()
        self._story = story
        self._listener = _listen(port)
        self._port: int = self._listener.getsockname()[1]
        self._path = f"/{secrets.token_urlsafe(TOKEN_BYTES)}/"
        names = (*NAMES,) if self._port == HTTP_PORT else ()  # which a browser leaves out
        self._hosts = frozenset((*names, *(f"{name}:{self._port}" for name in NAMES)))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._changed: asyncio.Event
        self._over: asyncio.Event
        self._streams: list[web.BaseRequest] = []
        self._row: object = None
        self._silent_until_s = 0.0

    @property
    def url(self) -> str:
        """The address of the page; whoever knows it may look."""
        return f"http://{ADDRESS}:{self._port}{self._path}"

    def update(self, now: Progress) -> None:
        """Hand on what is new; never waits."""
        now_s = time.monotonic()
        if now.row is self._row and now_s < self._silent_until_s:
            return
        self._row = now.row
        self._silent_until_s = now_s + SILENCE_S
        self._do(lambda: self._story.take(now))

    def end(self, result: Result, beside: Comparison | None = None) -> None:
        """Hand on how the run ended; `close` waits until it is told."""
        if self._thread is not None:
            self._do(lambda: self._story.end(result, beside))

    def close(self) -> None:
        """Let the pages hear the last of it, but no longer than agreed, and stop listening."""
        if self._thread is None:
            self._listener.close()
            return
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(LAST_S)

    def _do(self, act: Callable[[], None]) -> None:
        if self._thread is None:
            self._start()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody can be told any more
            self._loop.call_soon_threadsafe(self._tell, act)

    def _start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda loop, context: None)
        self._changed, self._over = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="dashboard", daemon=True)
        self._thread.start()

    # What follows runs in the thread.

    def _run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # are for the thread of the load
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = web.Server(self._answer, access_log=None, logger=_silent)
        runner = web.ServerRunner(server, shutdown_timeout=CLEANUP_S)
        await runner.setup()
        await web.SockSite(runner, self._listener).start()
        await self._over.wait()
        limit_s = self._loop.time() + FLUSH_S
        while self._story.over and self._streams and self._loop.time() < limit_s:
            await asyncio.sleep(FLUSH_S / 50)
        for request in self._streams:
            if request.transport is not None:
                request.transport.abort()
        await runner.cleanup()

    def _tell(self, act: Callable[[], None]) -> None:
        act()
        self._changed.set()
        self._changed = asyncio.Event()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        status, reason = self._refused(request)
        if status:
            return web.Response(status=status, text=f"{reason}\n", headers=HEADERS)
        if _same(request.path, self._path):
            return web.Response(
                body=self._page, content_type="text/html", charset="utf-8", headers=HEADERS
            )
        return await self._stream(request)

    def _refused(self, request: web.BaseRequest) -> tuple[int, str]:
        """Return status and reason of a refusal, 0 for a request that may be answered.

        A foreign name in Host is how a page elsewhere reads what only this machine serves (DNS
        rebinding); Origin is what a browser says of the page that asks.
        """
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return 403, "This page is only for this machine, under its own host name."
        origins = request.headers.getall("Origin", [])
        if any(each.lower().removeprefix("http://") not in self._hosts for each in origins):
            return 403, "Other pages may not read this one."
        if request.method != "GET":
            return 405, "Only GET is allowed here."
        if not (_same(request.path, self._path) or _same(request.path, self._path + "events")):
            return 404, "Not found; the terminal of the run shows the full address."
        if request.path.endswith("events") and len(self._streams) >= MAX_STREAMS:
            return 503, "Too many open pages for this run; close one of them."
        return 0, ""

    async def _stream(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={**HEADERS, "Content-Type": "text/event-stream"})
        response.force_close()
        self._streams.append(request)
        try:
            await response.prepare(request)
            await self._follow(response)
        except ConnectionError:
            pass  # it was closed
        finally:
            self._streams.remove(request)
        return response

    async def _follow(self, response: web.StreamResponse) -> None:
        """Tell each step as soon as the last one is taken; who missed one gets the whole."""
        story, seen = self._story, -1
        while not (story.over and seen == story.version):
            changed = self._changed
            if seen == story.version:
                await changed.wait()
                continue
            next_one = seen == story.version - 1
            seen = story.version
            await response.write(story.news if next_one and story.news else story.whole())
        await response.write_eof()


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ADDRESS, port))
        listener.listen()
    except OSError as error:
        listener.close()
        reason = os.strerror(error.errno or 0).lower()
        raise UsageError(
            f"--dashboard={port} cannot be served: {reason}; give another port, or leave "
            "the port out for any free one."
        ) from None
    return listener


def _same(path: str, known: str) -> bool:
    """Compare in the same time whatever is wrong, so that a token cannot be guessed by pieces."""
    return hmac.compare_digest(path.encode("utf-8", "surrogateescape"), known.encode())
