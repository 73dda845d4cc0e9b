"""The routes of the embedded server, as an aiohttp application.

Every route is a thing a client may want to try its hand at: a small JSON answer, a body of a known
size, a delay, a status, a chunked body, an upload.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

__all__ = ["BYTES_MAX", "CHUNKS_MAX", "DELAY_MS_MAX", "ROUTES", "application"]

BYTES_MAX = 1 << 30
CHUNKS_MAX = 1_000_000
DELAY_MS_MAX = 600_000
ECHO_BYTES_MAX = 64 << 20
BLOCK = b"x" * (1 << 16)

ROUTES = {
    "/": "this list",
    "/api/health": "a small JSON answer, also at /health",
    "/echo": "method, path, headers and body of the request, as JSON; any method",
    "/bytes/N": f"a body of N bytes, up to {BYTES_MAX}",
    "/delay/MS": f"an answer after MS milliseconds, up to {DELAY_MS_MAX}",
    "/status/CODE": "an answer with that status, 200 to 599",
    "/chunked/N": f"N chunks, up to {CHUNKS_MAX}",
    "/upload": "POST or PUT a body: how many bytes arrived",
    "/count": "how many requests came so far, those to /count aside",
}

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_REQUESTS = web.AppKey("requests", list[int])


def _number(request: web.Request, name: str, low: int, high: int) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise web.HTTPBadRequest(text=f"{name} must be a number from {low} to {high}\n")
    return int(text)


async def _index(request: web.Request) -> web.Response:
    return web.Response(text="".join(f"{path:14}{what}\n" for path, what in ROUTES.items()))


async def _health(request: web.Request) -> web.Response:
    return web.Response(body=b'{"status":"ok"}', content_type="application/json")


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "path": request.raw_path,
            "headers": list(request.headers.items()),
            "body": body.decode("utf-8", "replace"),
            "body_bytes": len(body),
        }
    )


async def _bytes(request: web.Request) -> web.StreamResponse:
    total_bytes = _number(request, "n", 0, BYTES_MAX)
    if total_bytes <= len(BLOCK):
        return web.Response(body=BLOCK[:total_bytes])
    response = web.StreamResponse()
    response.content_type = "application/octet-stream"
    response.content_length = total_bytes
    await response.prepare(request)
    left_bytes = 0 if request.method == "HEAD" else total_bytes
    while left_bytes:
        block = BLOCK[:left_bytes]
        await response.write(block)
        left_bytes -= len(block)
    return response


async def _delay(request: web.Request) -> web.Response:
    delay_ms = _number(request, "ms", 0, DELAY_MS_MAX)
    await asyncio.sleep(delay_ms / 1e3)
    return web.Response(text=f"after {delay_ms} ms\n")


async def _status(request: web.Request) -> web.Response:
    code = _number(request, "code", 200, 599)
    empty = code in (204, 205, 304)  # RFC 9110 15.3.5, 15.3.6, 15.4.5: no content
    return web.Response(status=code, text=None if empty else f"{code}\n")


async def _chunked(request: web.Request) -> web.StreamResponse:
    chunks = _number(request, "n", 0, CHUNKS_MAX)
    response = web.StreamResponse()
    response.content_type = "text/plain"
    response.enable_chunked_encoding()
    await response.prepare(request)
    for i in range(0 if request.method == "HEAD" else chunks):
        await response.write(b"chunk %d\n" % i)
    return response


async def _upload(request: web.Request) -> web.Response:
    total_bytes = 0
    async for block in request.content.iter_any():
        total_bytes += len(block)
    return web.json_response({"bytes": total_bytes})


async def _count(request: web.Request) -> web.Response:
    return web.json_response({"requests": request.app[_REQUESTS][0]})


@web.middleware
async def _counted(request: web.Request, handler: _Handler) -> web.StreamResponse:
    if request.path != "/count":
        request.app[_REQUESTS][0] += 1
    try:
        return await handler(request)
    except (ConnectionError, web.RequestPayloadError):
        # A client that hangs up at the end of its run is no error of the server's.
        return web.Response(status=400)


def application() -> web.Application:
    """Build the application; each one counts its own requests."""
    app = web.Application(middlewares=[_counted], client_max_size=ECHO_BYTES_MAX)
    app[_REQUESTS] = [0]
    app.router.add_get("/", _index)
    app.router.add_get("/api/health", _health)
    app.router.add_get("/health", _health)
    app.router.add_route("*", "/echo", _echo)
    app.router.add_get("/bytes/{n}", _bytes)
    app.router.add_get("/delay/{ms}", _delay)
    app.router.add_route("*", "/status/{code}", _status)
    app.router.add_get("/chunked/{n}", _chunked)
    app.router.add_post("/upload", _upload)
    app.router.add_put("/upload", _upload)
    app.router.add_get("/count", _count)
    return app
