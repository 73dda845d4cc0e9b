"""The embedded server's application: its parts put together, listed and counted.

1. GET / lists what a client may want to try its hand at; GET /api lists a made-up application, made
   of what load-test plans ask for.
2. A route under /api/v1 also answers without that prefix.
3. GET /count says what came: all requests, answers by route and status, and totals by name. It is
   not counted itself, so that a run can compare its own counts with it.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from aiohttp import web

from fastbench.server import basics, event_streams
from fastbench.server.accounts import Accounts
from fastbench.server.conversations import Conversations
from fastbench.server.functions import Functions
from fastbench.server.helpdesk import HelpDesk
from fastbench.server.limited import Limited
from fastbench.server.live_sockets import Sockets
from fastbench.server.media_streams import MediaStreams
from fastbench.server.message_sockets import MessageSockets
from fastbench.server.routes import Handler, Route, Totals, bearer
from fastbench.server.socketio_server import SocketIo
from fastbench.server.storage import Storage
from fastbench.server.topics import Topics

COUNT = "/count"
PREFIX = "/api/v1"


@dataclass(slots=True)
class _Seen:
    """What came so far; routes by method and path as they are listed, then by status."""

    requests: int = 0
    routes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    totals: Totals = field(default_factory=Totals)


_SEEN = web.AppKey("seen", _Seen)


@cache
def _shown(path: str) -> str:
    """Give a path as people read it: `/bytes/N` for `/bytes/{n}`."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda found: found[1].upper(), path)


def _listed(lines: Iterable[tuple[str, str]]) -> Handler:
    lines = [(name, what) for name, what in lines if what]
    width = max(len(name) for name, _ in lines) + 2
    text = "".join(f"{name:{width}}{what}\n" for name, what in lines)

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=text)

    return answer


async def _count(request: web.Request) -> web.Response:
    seen = request.app[_SEEN]
    return web.json_response(
        {"requests": seen.requests, "routes": seen.routes, "totals": seen.totals}
    )


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path == COUNT:
        return await handler(request)
    seen = request.app[_SEEN]
    seen.requests += 1
    route = request.match_info.route
    name = f"{route.method} {_shown(route.resource.canonical)}" if route.resource else "unknown"
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as refusal:
        status = refusal.status
        raise
    except (ConnectionError, web.RequestPayloadError):
        # A client that hangs up at the end of its run is no error of the server's.
        status = 400
        return web.Response(status=status)
    finally:
        seen.routes[name][str(status)] += 1


def _cleaning(helpdesk: HelpDesk) -> Route:
    async def clean(request: web.Request) -> web.Response:
        bearer(request)
        return web.json_response({"deleted": helpdesk.clear()})

    return Route("DELETE", "/admin/cleanup-test-data", clean, "forget all tickets")


def _made_up(
    clock: Callable[[], float], totals: Totals, sockets: Sockets
) -> tuple[list[Route], list[Route]]:
    """Give the routes of the made-up application, and its WebSockets beside others."""
    accounts = Accounts(clock, totals)
    topics, socketio = Topics(sockets, totals), SocketIo(sockets, accounts.holder, totals)
    helpdesk = HelpDesk(accounts.user, totals, socketio.publish)
    conversations = Conversations(accounts.user, clock, totals, topics.publish)
    parts = (accounts, helpdesk, conversations, Functions(clock, totals), Storage(totals))
    live = (MessageSockets(sockets), topics, socketio, MediaStreams(sockets, totals))
    return (
        [*(route for part in parts for route in part.routes()), _cleaning(helpdesk)],
        [route for part in live for route in part.routes()],
    )


def _add(router: web.UrlDispatcher, route: Route, path: str) -> None:
    if route.method == "GET":
        router.add_get(path, route.answer)  # answers HEAD as well
    else:
        router.add_route(route.method, path, route.answer)


def application(clock: Callable[[], float] = time.monotonic) -> web.Application:
    """Build the application; each one has its own state and counts its own requests."""
    app = web.Application(middlewares=[_counted], client_max_size=basics.ECHO_BYTES_MAX)
    app[_SEEN] = seen = _Seen()
    sockets = Sockets(seen.totals)
    app.on_shutdown.append(sockets.close_all)
    made_up, live = _made_up(clock, seen.totals, sockets)
    plain = (*basics.routes(), *event_streams.routes(), *Limited(clock).routes(), *live)
    health = next(route for route in plain if route.path == "/health")
    router = app.router
    for route in (*plain, *made_up):
        _add(router, route, route.path)
        if route.path.startswith(PREFIX + "/"):
            _add(router, route, route.path.removeprefix(PREFIX))
    router.add_get(PREFIX + health.path, health.answer)
    router.add_get(COUNT, _count)
    more = [
        ("/", "this list"),
        ("/api", "the routes of a made-up application, listed: log in, tickets, messages, files"),
        (COUNT, "how many requests came so far, those to /count aside"),
    ]
    router.add_get("/", _listed([more[0], *((_shown(r.path), r.what) for r in plain), *more[1:]]))
    router.add_get("/api", _listed((f"{r.method:7}{_shown(r.path)}", r.what) for r in made_up))
    return app
