"""Conversations and their messages, as a database's REST face gives them and as an API does.

The first speaks PostgREST's query (`select=*&order=…&limit=50`, `conversation_id=eq.ID`) and takes
any bearer token, as a gateway that only looks whether there is one; its count is limited per token.
The second is for whoever logged in.
"""

from __future__ import annotations

import itertools
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from fastbench.server.limiter import Limiter
from fastbench.server.routes import Route, Totals, bearer, json_object, number, refused, text_of

CONVERSATIONS = 50
MESSAGES_MAX = 100  # kept of one conversation, the newest
MESSAGES_SEEDED = 50
LIST_MAX = 1000
LIMIT_REQUESTS = 1000
LIMIT_WINDOW_S = 3600.0
CHANNELS = ("whatsapp", "email", "sms")

_Message = dict[str, str]


class _Conversation:
    """One conversation; its messages stand newest first."""

    def __init__(self, position: int) -> None:
        self.id = str(uuid.UUID(int=position + 1))
        self.channel = CHANNELS[position % len(CHANNELS)]
        self.unread = True
        self.messages: deque[_Message] = deque(maxlen=MESSAGES_MAX)
        for i in range(MESSAGES_SEEDED):
            self.add("customer", f"message {i} of conversation {position}")

    def add(self, author: str, content: str) -> _Message:
        message = {
            "id": str(uuid.uuid4()),
            "conversation_id": self.id,
            "author": author,
            "content": content,
        }
        self.messages.appendleft(message)
        return message

    def row(self) -> dict[str, object]:
        """Give it as it stands in a list."""
        last = self.messages[0]["content"]
        return {"id": self.id, "channel": self.channel, "unread": self.unread, "last_message": last}


class Conversations:
    """A fixed number of conversations, the one with the newest message first.

    `publish(topic, event, payload)` tells those who listen that a row was inserted or changed.
    """

    def __init__(
        self,
        user: Callable[[web.Request], str],
        clock: Callable[[], float],
        totals: Totals,
        publish: Callable[[str, str, Mapping[str, Any]], None] = lambda *told: None,
    ) -> None:
        self._publish = publish
        self._user = user
        self._totals = totals
        self._limiter = Limiter(LIMIT_REQUESTS, LIMIT_WINDOW_S, clock)
        self._all = {each.id: each for each in map(_Conversation, range(CONVERSATIONS))}

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        mine = "/api/v1/messages"
        one = mine + "/conversations/{id}"
        limit = f"{LIMIT_REQUESTS:,} an hour for each bearer token, then 429 with Retry-After"
        return (
            Route("GET", "/rest/v1/conversations", self._rows, f"?select=count: {limit}"),
            Route("GET", "/rest/v1/messages", self._messages, "?conversation_id=eq.ID&limit"),
            Route("POST", mine + "/send", self._send, "{content, conversationId}"),
            Route("GET", mine + "/conversations", self._list, "?limit"),
            Route("GET", one, self._get, "a conversation with its messages"),
            Route("PATCH", one + "/read", self._read, "mark it as read"),
            Route("POST", one + "/reply", self._reply, "{content}"),
            Route("GET", "/api/v1/analytics/summary", self._summary, "messages by channel"),
        )

    def _find(self, conversation_id: str) -> _Conversation:
        found = self._all.get(conversation_id)
        if found is None:
            raise refused(web.HTTPNotFound, "no such conversation")
        return found

    def _add(self, conversation: _Conversation, author: str, content: str) -> _Message:
        message = conversation.add(author, content)
        conversation.unread = True
        del self._all[conversation.id]  # the newest stands last
        self._all[conversation.id] = conversation
        self._totals["messages"] += 1
        self._changed("INSERT", "messages", message)
        self._changed("UPDATE", "conversations", conversation.row())
        return message

    def _changed(self, event: str, table: str, record: Mapping[str, Any]) -> None:
        """Tell the topic of a table, as Supabase does."""
        payload = {"type": event, "schema": "public", "table": table, "record": record}
        self._publish(f"realtime:public:{table}", event, payload)

    def _newest(self, limit: int) -> list[dict[str, object]]:
        return [each.row() for each in itertools.islice(reversed(self._all.values()), limit)]

    async def _rows(self, request: web.Request) -> web.Response:
        token = bearer(request)
        if request.query.get("select") != "count":
            return web.json_response(self._newest(number(request, "limit", 50, LIST_MAX)))
        wait_s = self._limiter.wait_s(token)
        if wait_s:
            self._totals["limited"] += 1
            raise refused(
                web.HTTPTooManyRequests,
                f"more than {LIMIT_REQUESTS:,} requests an hour",
                {"Retry-After": str(wait_s)},
            )
        return web.json_response([{"count": len(self._all)}])

    async def _messages(self, request: web.Request) -> web.Response:
        bearer(request)
        wanted = request.query.get("conversation_id", "")
        if not wanted.startswith("eq."):
            raise refused(web.HTTPBadRequest, "conversation_id must be eq.ID")
        conversation = self._all.get(wanted.removeprefix("eq."))
        limit = number(request, "limit", 50, LIST_MAX)
        found = conversation.messages if conversation else ()
        return web.json_response(list(itertools.islice(found, limit)))

    async def _send(self, request: web.Request) -> web.Response:
        author = self._user(request)
        body = await json_object(request)
        conversation = self._find(text_of(body, "conversationId", next(iter(self._all))))
        return web.json_response(self._add(conversation, author, text_of(body, "content")))

    async def _list(self, request: web.Request) -> web.Response:
        self._user(request)
        return web.json_response({"data": self._newest(number(request, "limit", 20, LIST_MAX))})

    async def _get(self, request: web.Request) -> web.Response:
        self._user(request)
        found = self._find(request.match_info["id"])
        return web.json_response({**found.row(), "messages": list(found.messages)})

    async def _read(self, request: web.Request) -> web.Response:
        self._user(request)
        found = self._find(request.match_info["id"])
        found.unread = False
        self._changed("UPDATE", "conversations", found.row())
        return web.json_response(found.row())

    async def _reply(self, request: web.Request) -> web.Response:
        author = self._user(request)
        content = text_of(await json_object(request), "content")
        found = self._find(request.match_info["id"])
        return web.json_response(self._add(found, author, content))

    async def _summary(self, request: web.Request) -> web.Response:
        self._user(request)
        by_channel = dict.fromkeys(CHANNELS, 0)
        for each in self._all.values():
            by_channel[each.channel] += len(each.messages)
        return web.json_response({"messages": sum(by_channel.values()), "byChannel": by_channel})
