"""Redirects of a plan's URLs, followed once before the load: `--follow`.

1. Each request is sent once, as the load would send it, and so is what its Location asks for, until
   an answer is no redirect. 301 and 302 turn POST into GET, 303 all but HEAD; 307 and 308 repeat
   method and body (RFC 9110 section 15.4, Fetch section 4.4).
2. What is loaded is where that ended. The URLs shown stay those that were typed; `config` says
   where each leads.
3. Nothing that is a secret goes to another server than it was given for: that is refused.
4. Each server on the way is asked through its own proxy, which --proxy env may have for one of
   them alone; that of the last one is the run's.
5. A server that cannot be connected to at all is left to the run, whose report says it best.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass, replace
from typing import NoReturn

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import hostnames, urls
from fastbench.plan.network import plain_http, proxies, resolve
from fastbench.plan.plan import Follow, Plan, Request, Target, Tls
from fastbench.plan.proxy import Proxy
from fastbench.plan.urls import Url

MAX_SHOWN = 100  # rows of `config`
MAX_READ_BYTES = 1 << 20  # of an answer that is thrown away; a longer one costs its connection

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ABOUT_BODY = (b"content-type", b"content-length", b"content-encoding", b"content-language")


@dataclass(slots=True)
class _Way:
    """A request on its way: what is sent next and where to, and the statuses that led there."""

    typed: Request
    request: Request
    url: Url
    statuses: list[int]
    moved_away: bool = False  # to another server

    @property
    def asks(self) -> tuple[str, str, bytes]:
        """What is asked for, to know it again."""
        return self.request.method, self.url.server, self.url.path


class _Unreachable(Exception):
    """No server has answered."""


def followed(plan: Plan) -> Plan:
    """Return the plan of what its URLs lead to; as it is without --follow. Raises UsageError."""
    if plan.follow is None:
        return plan
    found: dict[tuple[str, bytes], _Way] = {}
    client = _Client(plan, plan.follow)
    try:
        for request in plan.requests:
            if (request.method, request.target) not in found:
                found[request.method, request.target] = client.follow(request)
    except _Unreachable:
        return replace(plan, follow=None)
    finally:
        client.close()
    ways = [found[each.method, each.target] for each in plan.requests]
    moved = [way for way in found.values() if way.statuses]
    rows = [
        {
            "from": way.typed.url,
            "to": way.url.shown,
            "method": way.request.method,
            "statuses": way.statuses,
        }
        for way in moved[:MAX_SHOWN]
    ]
    end = _one_server(ways)
    proxy = client.proxy(end)
    config = {**plan.config, "redirects": rows, "redirected": len(moved)}
    return replace(
        plan,
        target=_target(plan.target, plan.follow, end),
        requests=tuple(map(_loaded, plan.requests, ways)),
        config=config if proxy == plan.proxy else {**config, "proxy": proxy and proxy.shown},
        proxy=proxy,
        follow=None,
    )


def told(plan: Plan) -> list[str]:
    """Return a sentence for each redirect that was followed."""
    rows = plan.config.get("redirects")
    return [
        f"{row['from']} redirects to {row['to']} ({', '.join(map(str, row['statuses']))})"
        for row in (rows if isinstance(rows, list) else [])
    ]


def _loaded(request: Request, way: _Way) -> Request:
    """Return what a request is at the end of the way of one with its method and target."""
    if not way.statuses:
        return request
    loaded = _moved(request, way.request.method, way.url)
    return _to_host(loaded, way.url) if way.moved_away else loaded


def _one_server(ways: list[_Way]) -> Url:
    first = ways[0]
    for way in ways:
        if way.url.origin != first.url.origin:
            raise UsageError(
                "All URLs of a run share scheme, host and port, but with --follow "
                f"{first.typed.url} leads to {first.url.shown} and {way.typed.url} to "
                f"{way.url.shown}; run fastbench once for each server."
            )
    return first.url


def _target(target: Target, follow: Follow, url: Url) -> Target:
    if url.origin == (target.scheme, target.host, target.port):
        return target
    tls = _tls(follow, url) if url.scheme == "https" else None
    server = f"{url.scheme}://{url.authority}"
    return Target(url.scheme, url.host, url.port, None, tls, target.url, server)


def _tls(follow: Follow, url: Url) -> Tls:
    name = follow.tls.servername or hostnames.certificate_name(url.host)
    return replace(follow.tls, servername=name)


def _method(method: str, status: int) -> str:
    """Return the method that a redirect asks for, see the top."""
    if (status in (301, 302) and method == "POST") or (status == 303 and method != "HEAD"):
        return "GET"
    return method


def _moved(request: Request, method: str, url: Url) -> Request:
    """Return a request for another URL; one that turns into GET has no body any more."""
    fields, body = request.fields, request.body
    if method != request.method:
        fields = tuple(each for each in fields if each[0].lower() not in _ABOUT_BODY)
        body = None
    return replace(request, method=method, target=url.path, fields=fields, body=body)


def _to_host(request: Request, url: Url) -> Request:
    host = url.authority.encode("ascii")
    fields = ((name, host if name.lower() == b"host" else value) for name, value in request.fields)
    return replace(request, fields=tuple(fields))


class _Client:
    """Sends requests one after another; a connection to each server stays open."""

    def __init__(self, plan: Plan, follow: Follow) -> None:
        self._plan = plan
        self._follow = follow
        self._limit_s = max(plan.load.timeout_s, plan.load.connect_timeout_s)
        self._open: dict[str, plain_http.Connection] = {}
        self._answered = False

    def close(self) -> None:
        """Close all connections."""
        for connection in self._open.values():
            connection.close()

    def proxy(self, url: Url) -> Proxy | None:
        """Return the proxy for the server of a URL, None where it is connected to directly."""
        first = self._plan.target
        if url.origin == (first.scheme, first.host, first.port):
            return self._plan.proxy
        return proxies.of(self._follow.proxies, url.scheme, url.host, url.port)

    def follow(self, request: Request) -> _Way:
        """Follow one request to its end."""
        target = self._plan.target
        url = Url(target.scheme, target.host, target.port, request.target, None, request.url)
        way = _Way(request, request, url, [])
        passed = [way.asks]
        while True:
            status, location = self._ask(way)
            if status not in _REDIRECTS or not location:
                return way
            most = self._follow.most
            if len(way.statuses) == most:
                cure = f"give the final URL, or allow more with --follow {2 * most}"
                _refuse(way, f"redirects more than {most} times", cure)
            self._step(way, status, location)
            if way.asks in passed:
                _refuse(way, "redirects in a circle", "mend the server, or give another URL")
            passed.append(way.asks)

    def _step(self, way: _Way, status: int, location: str) -> None:
        """Go where a Location leads; refuse what cannot or must not be followed."""
        try:
            text = urls.join(way.url.server, way.url.path.decode("ascii"), location)
            url = urls.parse(text)
        except UsageError as error:
            why = redact.printable(str(error).rstrip("."))
            _refuse(way, f"leads to where no request can be sent ({why})", "give the final URL")
        fields = {name.lower(): value for name, value in way.request.fields}
        if url.scheme == way.url.scheme and url.authority.encode("ascii") == fields.get(b"host"):
            url = replace(url, host=way.url.host, port=way.url.port)  # the server calls itself so
        request = _moved(way.request, _method(way.request.method, status), url)
        if url.origin != way.url.origin:
            self._check_other_server(way, url)
            request = _to_host(request, url)
            way.moved_away = True
        way.request, way.url = request, url
        way.statuses.append(status)

    def _check_other_server(self, way: _Way, url: Url) -> None:
        to = f"redirects to another server, {url.shown}"
        if self._plan.target.unix_path is not None:
            _refuse(way, to, "leave --follow or --unix out")
        names = (name.decode("latin-1") for name, _ in way.request.fields)
        if secret := next(filter(redact.secret_header, names), ""):
            _refuse(way, f"{to}, which is not sent {secret}", "give the final URL")

    def _ask(self, way: _Way) -> tuple[int, str]:
        """Send a request; return status and Location of the answer."""
        again = way.url.server in self._open  # a kept connection may be closed meanwhile
        try:
            try:
                return self._exchanged(way)
            except (http.client.HTTPException, ConnectionError):
                self._drop(way.url)
                if not again:
                    raise
                return self._exchanged(way)
        except plain_http.FAILURES as error:
            why = plain_http.reason(error, self._limit_s)
        self._drop(way.url)
        if not self._answered:
            raise _Unreachable
        where = f"{way.url.shown} does not answer: {redact.printable(why)}"
        raise UsageError(f"--follow: {where}; start that server, or give the final URL.")

    def _exchanged(self, way: _Way) -> tuple[int, str]:
        connection = self._connection(way.url)
        response = connection.exchange(way.request)
        self._answered = True
        found = response.status, response.msg.get("Location", "")  # of two the first
        whole = len(response.read(MAX_READ_BYTES)) < MAX_READ_BYTES
        if not whole or response.will_close:
            self._drop(way.url)
        return found

    def _connection(self, url: Url) -> plain_http.Connection:
        if found := self._open.get(url.server):
            return found
        plan, first = self._plan, self._plan.target
        tls = None
        if url.scheme == "https":
            own = url.origin == (first.scheme, first.host, first.port)
            tls = first.tls if own else _tls(self._follow, url)
        secure = None if tls is None else plain_http.context_of(tls)
        family = resolve.family_of(plan.family, plan.bind)
        way = (secure, first.unix_path, family, plan.connect_to, self.proxy(url))
        found = plain_http.Connection(url, self._limit_s, *way)
        found.servername = "" if tls is None else tls.servername
        self._open[url.server] = found
        return found

    def _drop(self, url: Url) -> None:
        if found := self._open.pop(url.server, None):
            found.close()


def _refuse(way: _Way, what: str, cure: str) -> NoReturn:
    at = "" if way.url.shown == way.typed.url else f" (at {way.url.shown})"
    raise UsageError(f"--follow: {way.typed.url}{at} {what}; {cure}.")
