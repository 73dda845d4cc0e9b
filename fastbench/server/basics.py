"""Routes that each are one thing a client may want to try its hand at.

A small JSON answer, a body of a known size, a delay, a status, a chunked body, an upload.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from fastbench.server.routes import Route

BYTES_MAX = 1 << 30
CHUNKS_MAX = 1_000_000
DELAY_MS_MAX = 600_000
ECHO_BYTES_MAX = 64 << 20
BLOCK = b"x" * (1 << 16)


def _number(request: web.Request, name: str, low: int, high: int) -> int:
    text = request.match_info[name]
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and low <= int(text) <= high):
        raise web.HTTPBadRequest(text=f"{name} must be a number from {low} to {high}\n")
    return int(text)


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


def routes() -> tuple[Route, ...]:
    """Give the routes; those without a line of their own are told of in another's."""
    return (
        Route("GET", "/api/health", _health, "a small JSON answer, also at /health"),
        Route("GET", "/health", _health, ""),
        Route("*", "/echo", _echo, "method, path, headers and body of the request, as JSON"),
        Route("GET", "/bytes/{n}", _bytes, f"a body of N bytes, up to {BYTES_MAX}"),
        Route("GET", "/delay/{ms}", _delay, f"an answer after MS ms, up to {DELAY_MS_MAX}"),
        Route("*", "/status/{code}", _status, "an answer with that status, 200 to 599"),
        Route("GET", "/chunked/{n}", _chunked, f"N chunks, up to {CHUNKS_MAX}"),
        Route("POST", "/upload", _upload, "POST or PUT a body: how many bytes arrived"),
        Route("PUT", "/upload", _upload, ""),
    )
