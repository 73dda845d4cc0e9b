"""The client of a worker: its pool, where names lead, and the way through a proxy."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from functools import partial
from os import fsencode

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client
from fastbench.plan import hostnames
from fastbench.plan.network import proxies, resolve
from fastbench.plan.proxy import Proxy
from fastbench.plan.urls import DEFAULT_PORT
from fastbench.script.api.options import Settings
from fastbench.script.expected import DEFAULT, Expected
from fastbench.script.http import client
from fastbench.script.run_request import RunRequest

_PROTOCOLS = {"": "h2,http/1.1", "1.1": "http/1.1", "2": "h2"}


def pool(
    settings: Settings,
    request: RunRequest,
    block: Block,
    index: int,
    loop: asyncio.AbstractEventLoop,
) -> _client.Pool:
    """Return what all users of a worker connect through."""
    tls = settings.tls
    limit_s = settings.connect_timeout_s or settings.timeout_s
    return _client.Pool(
        block,
        index,
        loop,
        tls=(
            tls.servername.encode(),
            tls.verify,
            fsencode(tls.cafile or ""),
            fsencode(tls.certfile or ""),
            fsencode(tls.keyfile or ""),
        ),
        connect_timeout_ns=round(limit_s * 1e9),
        sources=[
            (int(socket.AF_INET6 if ":" in address else socket.AF_INET), address, 0, 0)
            for address in request.bind
        ],
        family=resolve.family_of(request.family, request.bind),
        resolve=partial(addresses, request),
        one_address=request.one_address,
        keepalive=not settings.no_connection_reuse,
        unix_path=request.unix_path or "",
        protocols=_PROTOCOLS[settings.http],
        way=partial(_way, settings, request) if settings.proxies.all() else None,
    )


async def addresses(
    request: RunRequest, host: str, port: int, family: int = 0
) -> list[resolve.Row]:
    """Return the addresses of a server, or of the one in its place; raises ResolveError."""
    if request.blocked is not None:
        request.blocked.check_name(host)
    rows = await resolve.soon(host, port, family, request.connect_to)
    if request.blocked is not None:
        request.blocked.check_addresses(rows)
    return rows


class Way:
    """The way to a server through a proxy, as the pool takes it."""

    def __init__(
        self, proxy: Proxy, request: RunRequest, host: str, port: int, *, asked: bool
    ) -> None:
        """`asked`: requests are the proxy's to answer, in absolute form."""
        name = hostnames.without_zone(host)
        name = f"[{name}]" if ":" in name else name
        authority = name if port == DEFAULT_PORT["http"] else f"{name}:{port}"
        value = proxy.authorization
        self.shown = proxy.shown
        self.prefix = f"http://{authority}".encode("ascii") if asked else b""
        self.login = f"Proxy-Authorization: {value}\r\n".encode("ascii") if asked and value else b""
        self._proxy = proxy
        self._request = request
        self._server = host, port

    async def find(self, family: int) -> tuple[list[resolve.Row], tuple[bytes, ...]]:
        """Return the addresses of the proxy, and what is said to it for a tunnel."""
        proxy, request = self._proxy, self._request
        beyond = proxies.destination(request.connect_to, *self._server)
        if not proxy.looks_up:
            rows = await addresses(request, *self._server)
            beyond = rows[0][1], rows[0][2]
        elif request.blocked is not None:
            request.blocked.check_name(self._server[0])
        return await resolve.soon(proxy.host, proxy.port, family), proxy.tunnel(*beyond)


def _way(settings: Settings, request: RunRequest, scheme: str, host: str, port: int) -> Way | None:
    """Return the way to a server, None where it is connected to directly."""
    proxy = proxies.of(settings.proxies, scheme, host, port)
    if proxy is None or request.unix_path is not None:
        return None
    rules = request.connect_to
    asked = settings.http != "2" and proxies.answers_itself(proxy, scheme, host, port, rules)
    return Way(proxy, request, host, port, asked=asked)


def client_settings(settings: Settings) -> client.Settings:
    """Return what requests have in common."""
    found = client.Settings(
        base_url=settings.base_url or "",
        headers=settings.headers,
        timeout_s=settings.timeout_s,
        max_redirects=settings.max_redirects,
        expected=DEFAULT if settings.expected is None else Expected(settings.expected),
        group_ids=settings.group_ids,
        whole_urls=settings.whole_urls,
        batch=settings.batch,
        keepalive=not settings.no_connection_reuse,
    )
    agent = settings.user_agent
    return found if agent is None else replace(found, user_agent=agent)
