"""A server that answers for any host, over HTTP and TLS: it tells what came, as httpbin does.

Scripts that name public hosts are tried against it: pages, forms, cookies, redirects, both kinds of
authentication, WebSockets that echo. It runs in a thread, on two ports of this machine.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import hashlib
import json
import ssl
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import trustme
from aiohttp import WSMsgType, web
from certificates import Authority

__all__ = ["Named", "named_server"]

READY_S = 20.0
PAGE = """<!DOCTYPE html><html><head><title>{title}</title></head><body>
<h1 class="head">{title}</h1><p class="description">This is a replacement of a page.</p>
<a href="/get?clicked=1" id="more">More</a> <a href="/user/login">Log in</a>
<form method="post" action="/post"><input name="login" value=""><input type="hidden"
name="form_build_id" value="b1">
<input type="hidden" name="form_id" value="f1">
<input type="hidden" name="form_token" value="t1">
<input type="hidden" name="product_id" value="2">
<input type="submit" value="Send"></form><ul><li>one</li><li>two</li></ul></body></html>
"""


@dataclass(frozen=True, slots=True)
class Named:
    """The ports."""

    http: int
    https: int

    def leads(self, *hosts: str) -> dict[str, str]:
        """Return where each HOST:PORT is; port 443 and those ending in 443 have TLS."""
        return {
            host: f"127.0.0.1:{self.https if host.endswith('443') else self.http}" for host in hosts
        }


@contextlib.contextmanager
def named_server() -> Iterator[Named]:
    """Serve until the end of the block."""
    loop = asyncio.new_event_loop()
    runner = web.AppRunner(_app(), access_log=None, shutdown_timeout=1)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            begun = asyncio.run_coroutine_threadsafe(_begin(runner, Path(folder)), loop)
            yield begun.result(READY_S)
            asyncio.run_coroutine_threadsafe(_end(runner), loop).result(READY_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(READY_S)
        loop.close()


async def _begin(runner: web.AppRunner, folder: Path) -> Named:
    await runner.setup()
    # A key that old cipher suites can use, too: scripts may ask for these alone.
    leaf = Authority(folder).ca.issue_cert("localhost", key_type=trustme.KeyType.RSA)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT")
    leaf.configure_cert(context)
    plain = web.TCPSite(runner, "127.0.0.1", 0)
    secure = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await plain.start()
    await secure.start()
    ports = [address[1] for address in runner.addresses]
    return Named(ports[0], ports[1])


async def _end(runner: web.AppRunner) -> None:
    await runner.cleanup()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()  # handlers whose client has gone
    await asyncio.gather(*left, return_exceptions=True)


def _app() -> web.Application:
    app = web.Application(client_max_size=1 << 24)
    route = app.router.add_route
    for path in ("/get", "/post", "/put", "/patch", "/delete", "/anything"):
        route("*", path, _told)
    route("*", "/", _index)
    route("*", "/status/{status}", _status)
    route("GET", "/redirect/{count}", _redirect)
    route("*", "/redirect-to", _redirect_to)
    route("GET", "/cookies", _cookies)
    route("GET", "/cookies/set", _set_cookies)
    route("GET", "/basic-auth/{user}/{password}", _basic)
    route("GET", "/digest-auth/{qop}/{user}/{password}", _digest)
    route("GET", "/delay/{ms}", _delay)
    route("GET", "/coded/{coding}", _coded)
    route("GET", "/bytes/{size}", _bytes)
    route("GET", "/broken", _broken)
    route("GET", "/ws", _echo)
    route("*", "/{rest:.*}", _other)
    return app


def _json(body: Any, **more: Any) -> web.Response:
    return web.json_response(body, **more)


def _page(title: str) -> web.Response:
    return web.Response(text=PAGE.format(title=title), content_type="text/html")


async def _index(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await _echo(request)
    return _page("Welcome")


def _values(pairs: Any) -> dict[str, Any]:
    """Return values by name; several of one name are a list."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            before = found[name]
            found[name] = [*(before if isinstance(before, list) else [before]), value]
        else:
            found[name] = value
    return found


def _unpacked(raw: bytes, coding: str) -> bytes:
    unpack: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress}
    unpack["deflate"] = zlib.decompress
    with contextlib.suppress(zlib.error, OSError):
        for each in reversed([part.strip() for part in coding.split(",") if part.strip()]):
            raw = unpack.get(each, bytes)(raw)
    return raw


async def _told(request: web.Request) -> web.Response:
    form: dict[str, Any] = {}
    files: dict[str, Any] = {}
    raw = b""
    if request.content_type == "multipart/form-data":
        for name, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                kind = value.content_type
                files[name] = [value.filename, kind, len(value.file.read())]
            else:
                form = _values([*_pairs(form), (name, value)])
    else:
        raw = _unpacked(await request.read(), request.headers.get("Content-Encoding", ""))
    if request.content_type == "application/x-www-form-urlencoded":
        form = _values(parse_qsl(raw.decode(), keep_blank_values=True))
    try:
        parsed = json.loads(raw)
    except ValueError:
        parsed = None
    return _json(
        {
            "args": _values(request.query.items()),
            "data": raw.decode("utf-8", "replace"),
            "files": files,
            "form": form,
            "headers": dict(request.headers),
            "json": parsed,
            "method": request.method,
            "url": str(request.url),
        }
    )


def _pairs(values: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (name, each)
        for name, value in values.items()
        for each in (value if isinstance(value, list) else [value])
    ]


async def _status(request: web.Request) -> web.Response:
    status = int(request.match_info["status"])
    return web.Response(status=status, text="" if status in (204, 304) else f"status {status}")


async def _redirect(request: web.Request) -> web.Response:
    count = int(request.match_info["count"])
    target = f"/redirect/{count - 1}" if count > 1 else "/get"
    return web.Response(status=302, headers={"Location": target, "X-Hop": str(count)})


async def _redirect_to(request: web.Request) -> web.Response:
    await request.read()
    status = int(request.query.get("status", "302"))
    return web.Response(status=status, headers={"Location": request.query["url"]})


async def _cookies(request: web.Request) -> web.Response:
    return _json({"cookies": dict(request.cookies)})


async def _set_cookies(request: web.Request) -> web.Response:
    answer = web.Response(status=302, headers={"Location": "/cookies"})
    for name, value in request.query.items():
        answer.set_cookie(name, value, path="/")
    return answer


def _known(request: web.Request) -> tuple[str, str]:
    return request.match_info["user"], request.match_info["password"]


async def _basic(request: web.Request) -> web.Response:
    user, password = _known(request)
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    if request.headers.get("Authorization") != wanted:
        return web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="test"'})
    return _json({"authenticated": True, "user": user})


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


async def _digest(request: web.Request) -> web.Response:
    user, password = _known(request)
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    told = dict(
        (name.strip(), value.strip().strip('"'))
        for name, _, value in (part.partition("=") for part in rest.split(","))
    )
    if scheme == "Digest":
        secret = _md5(user, told.get("realm", ""), password)
        target = _md5(request.method, told.get("uri", ""))
        names = ("nonce", "nc", "cnonce", "qop") if "qop" in told else ("nonce",)
        wanted = _md5(secret, *(told.get(name, "") for name in names), target)
        if told.get("response") == wanted:
            return _json({"authenticated": True, "user": user})
    asked = 'Digest realm="test", nonce="abcdef", qop="auth", opaque="0123", algorithm=MD5'
    return web.Response(status=401, headers={"WWW-Authenticate": asked})


async def _delay(request: web.Request) -> web.Response:
    await asyncio.sleep(int(request.match_info["ms"]) / 1e3)
    return _json({"waited": True})


async def _coded(request: web.Request) -> web.Response:
    coding, raw = request.match_info["coding"], b'{"coded": true}' * 20
    packed = gzip.compress(raw) if coding == "gzip" else zlib.compress(raw)
    return web.Response(body=packed, headers={"Content-Encoding": coding})


async def _bytes(request: web.Request) -> web.Response:
    raw = bytes(each % 256 for each in range(int(request.match_info["size"])))
    return web.Response(body=raw, content_type="application/octet-stream")


async def _broken(request: web.Request) -> web.Response:
    """Hang up in the place of an answer."""
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            await socket.send_str(message.data)
        elif message.type == WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def _other(request: web.Request) -> web.StreamResponse:
    if request.headers.get("Upgrade", "").lower() == "websocket":
        return await _echo(request)
    if request.path == "/pi.php":
        return web.Response(text="3.14", content_type="text/html")
    if request.path.startswith("/api/"):
        return _json({"id": 1, "path": request.path, "stars": 5})
    return _page(request.path.strip("/"))
