"""A help desk: tickets with comments and a search, a knowledge base, a dashboard."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web

from fastbench.server.routes import Route, Totals, json_object, number, refused, text_of

TICKETS_MAX = 10_000  # the oldest is forgotten first
COMMENTS_MAX = 10  # kept of one ticket, the newest
SEARCHED_MAX = 1000  # newest tickets that a search looks at
PAGE_MAX = 100
PAGES_MAX = TICKETS_MAX
PRIORITIES = ("LOW", "MEDIUM", "HIGH", "URGENT")
STATUSES = ("OPEN", "IN_PROGRESS", "RESOLVED", "CLOSED")
SEEDED = ("urgent printer", "billing question", "support wanted", "technical test")
TOPICS = ("billing", "accounts", "printing", "networks", "security")
ARTICLES = tuple(
    {"id": i, "title": f"About {topic}, part {i}", "topic": topic, "body": f"{topic} " * 60}
    for i, topic in enumerate(TOPICS * 4, 1)
)


@dataclass(frozen=True, slots=True)
class _Ticket:
    """A ticket; a change makes a new one under the same id."""

    id: str
    title: str
    description: str
    priority: str
    author: str
    status: str = "OPEN"
    comments: deque[dict[str, str]] = field(default_factory=lambda: deque(maxlen=COMMENTS_MAX))

    def row(self) -> dict[str, str]:
        """Give it as it stands in a list."""
        names = ("id", "title", "description", "priority", "author", "status")
        return {name: getattr(self, name) for name in names}


def _one_of(body: dict[str, Any], name: str, known: Sequence[str], default: str) -> str:
    found = body.get(name, default)
    if found not in known:
        raise refused(web.HTTPBadRequest, f"{name} must be one of {', '.join(known)}")
    return str(found)


class HelpDesk:
    """Tickets for whoever logged in; `user` gives the name behind a request or refuses it.

    `publish(channels, event, ticket)` tells those who listen that a ticket was created or changed.
    """

    def __init__(
        self,
        user: Callable[[web.Request], str],
        totals: Totals,
        publish: Callable[[str, str, dict[str, str]], None] = lambda *told: None,
    ) -> None:
        self._user = user
        self._totals = totals
        self._publish = publish
        self._tickets: dict[str, _Ticket] = {}
        for i, title in enumerate(SEEDED * 5):
            ticket_id = str(uuid.UUID(int=i + 1))
            self._keep(_Ticket(ticket_id, title, "", PRIORITIES[i % 4], "nobody"))

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        tickets = "/api/v1/tickets"
        one = tickets + "/{id}"
        articles = "/api/v1/knowledge-base/articles"
        return (
            Route("POST", tickets, self._create, "{title, description, priority}: 201 and its id"),
            Route("GET", tickets, self._list, "?page&limit, newest first"),
            Route("GET", tickets + "/search", self._search, "?q"),
            Route("GET", one, self._get, "a ticket with its comments"),
            Route("PATCH", one, self._change, "{title, description, priority, status}"),
            Route("DELETE", one, self._delete, "204"),
            Route("POST", one + "/comments", self._comment, "{content}: 201"),
            Route("GET", "/api/v1/analytics/dashboard", self._dashboard, "how many tickets"),
            Route("GET", articles, self._articles, "?q, the knowledge base; nobody need log in"),
            Route("GET", articles + "/{id}", self._article, "one article"),
        )

    def clear(self) -> int:
        """Forget all tickets; give how many there were."""
        count = len(self._tickets)
        self._tickets.clear()
        return count

    def _keep(self, ticket: _Ticket) -> None:
        self._tickets[ticket.id] = ticket
        if len(self._tickets) > TICKETS_MAX:
            del self._tickets[next(iter(self._tickets))]

    def _found(self, request: web.Request) -> _Ticket:
        ticket = self._tickets.get(request.match_info["id"])
        if ticket is None:
            raise refused(web.HTTPNotFound, "no such ticket")
        return ticket

    async def _create(self, request: web.Request) -> web.Response:
        author = self._user(request)
        body = await json_object(request)
        ticket = _Ticket(
            id=str(uuid.uuid4()),
            title=text_of(body, "title"),
            description=text_of(body, "description", "none"),
            priority=_one_of(body, "priority", PRIORITIES, "MEDIUM"),
            author=author,
        )
        self._keep(ticket)
        self._totals["tickets_created"] += 1
        self._publish("tickets:", "ticket:created", ticket.row())
        return web.json_response(ticket.row(), status=201)

    async def _list(self, request: web.Request) -> web.Response:
        self._user(request)
        page = number(request, "page", 1, PAGES_MAX)
        limit = number(request, "limit", 20, PAGE_MAX)
        newest = reversed(self._tickets.values())
        rows = [each.row() for each in itertools.islice(newest, (page - 1) * limit, page * limit)]
        return web.json_response({"data": rows, "page": page, "total": len(self._tickets)})

    async def _search(self, request: web.Request) -> web.Response:
        self._user(request)
        wanted = request.query.get("q", "").lower()
        newest = itertools.islice(reversed(self._tickets.values()), SEARCHED_MAX)
        found = (each.row() for each in newest if wanted in each.title.lower())
        rows = list(itertools.islice(found, PAGE_MAX))
        return web.json_response({"data": rows, "total": len(rows)})

    async def _get(self, request: web.Request) -> web.Response:
        self._user(request)
        ticket = self._found(request)
        return web.json_response({**ticket.row(), "comments": list(ticket.comments)})

    async def _change(self, request: web.Request) -> web.Response:
        self._user(request)
        body = await json_object(request)
        old = self._found(request)
        new = replace(
            old,
            title=text_of(body, "title", old.title),
            description=text_of(body, "description", old.description or "none"),
            priority=_one_of(body, "priority", PRIORITIES, old.priority),
            status=_one_of(body, "status", STATUSES, old.status),
        )
        self._tickets[new.id] = new
        self._totals["tickets_changed"] += 1
        self._publish("tickets:", "ticket:changed", new.row())
        return web.json_response(new.row())

    async def _delete(self, request: web.Request) -> web.Response:
        self._user(request)
        del self._tickets[self._found(request).id]
        return web.Response(status=204)

    async def _comment(self, request: web.Request) -> web.Response:
        author = self._user(request)
        content = text_of(await json_object(request), "content")
        comment = {"id": str(uuid.uuid4()), "author": author, "content": content}
        self._found(request).comments.append(comment)
        self._totals["comments"] += 1
        return web.json_response(comment, status=201)

    async def _dashboard(self, request: web.Request) -> web.Response:
        self._user(request)
        by_status = Counter(each.status for each in self._tickets.values())
        return web.json_response({"tickets": len(self._tickets), "byStatus": by_status})

    async def _articles(self, request: web.Request) -> web.Response:
        wanted = request.query.get("q", "").lower()
        rows = [
            {name: each[name] for name in ("id", "title", "topic")}
            for each in ARTICLES
            if wanted in str(each["title"]).lower()
        ]
        return web.json_response({"data": rows, "total": len(rows)})

    async def _article(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for each in ARTICLES:
            if str(each["id"]) == wanted:
                return web.json_response(each)
        raise refused(web.HTTPNotFound, "no such article")
