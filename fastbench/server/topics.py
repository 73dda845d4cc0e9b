"""Topics as Phoenix channels have them: join, push, leave, heartbeat; a reply has its push's `ref`.

1. A message is `[join_ref, ref, topic, event, payload]` with `vsn=2.0.0`, and an object with these
   names with `vsn=1.0.0`, which is also what a client without `vsn` speaks.
   A payload of bytes is a binary message of version 2.0.0: its kind, the lengths of its texts, the
   texts, the payload.
2. An event that a member pushes goes to all members of the topic, and its sender gets a reply. At
   /realtime/v1/websocket, which needs an `apikey`, the event `broadcast` goes to all others, and is
   replied to and sent back only if the join's `config.broadcast` has `ack` and `self`.
3. A topic `private:…` is joined with a `token` in the payload only. Who sends nothing for TIMEOUT_S
   is closed, as by Phoenix.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import web

from fastbench.server.live_sockets import LiveSocket, Sockets, WrongMessage, parsed, rendered, text
from fastbench.server.routes import Route, Totals, refused

TIMEOUT_S = 60.0
TOPICS_MAX = 100  # that one socket has joined
TOPIC_CHARACTERS_MAX = 200
PUSH, BROADCAST = 0, 2  # first byte of a binary message
VERSIONS = ("1.0.0", "2.0.0")
Ref = str | int | None
_NAMES = ("join_ref", "ref", "topic", "event", "payload")


class TopicMessage(NamedTuple):
    """One message, either way."""

    join_ref: Ref
    ref: Ref
    topic: str
    event: str
    payload: Any

    def rendered(self, listed: bool) -> str | bytes | None:
        """Render it, as a list (version 2.0.0) or as an object (1.0.0), which has no bytes."""
        if not isinstance(self.payload, bytes):
            return rendered(self if listed else self._asdict())
        topic, event = self.topic.encode(), self.event.encode()
        head = bytes((BROADCAST, len(topic), len(event)))
        return head + topic + event + self.payload if listed else None


@dataclass(slots=True, eq=False)
class _Member:
    """One socket, and what it has joined: the `join_ref` and the payload by topic."""

    socket: LiveSocket
    listed: bool  # messages are lists: version 2.0.0
    supabase: bool
    joined: dict[str, tuple[Ref, Mapping[str, Any]]] = field(default_factory=dict)

    def put(self, *values: Any) -> None:
        message = TopicMessage(*values).rendered(self.listed)
        if message is not None:
            self.socket.put(message)

    def reply(self, to: TopicMessage, status: str = "ok", **response: Any) -> None:
        payload = {"status": status, "response": response}
        self.put(to.join_ref, to.ref, to.topic, "phx_reply", payload)


class Topics:
    """Who has joined which topic."""

    def __init__(self, sockets: Sockets, totals: Totals) -> None:
        self._sockets = sockets
        self._totals = totals
        self._members: dict[str, set[_Member]] = {}

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        return (
            Route("GET", "/socket/websocket", self._phoenix, "Phoenix topics: ?vsn=2.0.0"),
            Route("GET", "/realtime/v1/websocket", self._realtime, "Supabase's: ?apikey=KEY"),
        )

    def publish(self, topic: str, event: str, payload: Mapping[str, Any]) -> None:
        """Send an event to all members of a topic, as the server's own."""
        self._send(TopicMessage(None, None, topic, event, payload), None)

    async def _phoenix(self, request: web.Request) -> web.StreamResponse:
        return await self._serve(request, False)

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        if not (request.query.get("apikey") or request.headers.get("apikey")):
            raise refused(web.HTTPUnauthorized, "an apikey is needed: ?apikey=KEY")
        return await self._serve(request, True)

    async def _serve(self, request: web.Request, supabase: bool) -> web.StreamResponse:
        version = request.query.get("vsn", VERSIONS[0])
        if version not in VERSIONS:
            raise refused(web.HTTPBadRequest, f"vsn must be one of {', '.join(VERSIONS)}")
        async with self._sockets.accepted(request) as socket:
            member = _Member(socket, version == VERSIONS[1], supabase)
            try:
                while (message := await socket.receive(TIMEOUT_S)) is not None:
                    if isinstance(message, bytes) and member.listed:
                        self._take(member, _of_bytes(message))
                    else:
                        self._take(member, _decoded(text(message), member.listed))
            except TimeoutError:
                pass  # its client is gone, or forgets its heartbeat
            finally:
                for topic in list(member.joined):
                    self._leave(member, topic)
        return socket.response

    def _take(self, member: _Member, message: TopicMessage) -> None:
        if message.topic == "phoenix":
            if message.event == "heartbeat":
                member.reply(message)
            else:
                member.reply(message, "error", reason="unmatched topic")
        elif message.event == "phx_join":
            self._join(member, message)
        elif message.topic not in member.joined:
            member.reply(message, "error", reason="unmatched topic")
        elif message.event == "phx_leave":
            join_ref, _ = self._leave(member, message.topic)
            member.reply(message)
            member.put(join_ref, join_ref, message.topic, "phx_close", {})
        else:
            self._push(member, message)

    def _join(self, member: _Member, message: TopicMessage) -> None:
        topic, payload = message.topic, message.payload
        if not isinstance(payload, dict):
            raise WrongMessage("the payload of phx_join must be an object")
        if topic.startswith("private:") and not payload.get("token"):
            return member.reply(message, "error", reason="unauthorized")
        if topic in member.joined:  # a second join replaces the first
            join_ref, _ = self._leave(member, topic)
            member.put(join_ref, join_ref, topic, "phx_close", {})
        if len(member.joined) == TOPICS_MAX:
            return member.reply(message, "error", reason=f"more than {TOPICS_MAX} topics")
        member.joined[topic] = (message.join_ref or message.ref, payload)
        self._members.setdefault(topic, set()).add(member)
        self._totals["topic_joins"] += 1
        member.reply(message)

    def _leave(self, member: _Member, topic: str) -> tuple[Ref, Mapping[str, Any]]:
        members = self._members[topic]
        members.discard(member)
        if not members:
            del self._members[topic]
        return member.joined.pop(topic)

    def _push(self, member: _Member, message: TopicMessage) -> None:
        self._totals["topic_pushes"] += 1
        to_self = acked = True
        if member.supabase and message.event == "broadcast":
            wanted = _broadcast_config(member.joined[message.topic][1])
            to_self, acked = wanted.get("self") is True, wanted.get("ack") is True
        if acked:
            member.reply(message)
        out = TopicMessage(None, None, message.topic, message.event, message.payload)
        self._send(out, None if to_self else member)

    def _send(self, message: TopicMessage, but: _Member | None) -> None:
        """Send a message to the members of its topic, rendered once for each version."""
        made: dict[bool, str | bytes | None] = {}
        for each in self._members.get(message.topic, ()):
            if each is not but:
                if each.listed not in made:
                    made[each.listed] = message.rendered(each.listed)
                found = made[each.listed]
                if found is not None:
                    each.socket.put(found)


def _broadcast_config(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = payload
    for name in ("config", "broadcast"):
        found = found.get(name)
        if not isinstance(found, dict):
            return {}
    wanted: Mapping[str, Any] = found
    return wanted


def _decoded(message: str, listed: bool) -> TopicMessage:
    found = parsed(message)
    if listed:
        values = found if isinstance(found, list) and len(found) == len(_NAMES) else None
    else:
        values = [found.get(name) for name in _NAMES] if isinstance(found, dict) else None
    if values is None:
        shape = "a list of 5" if listed else "an object"
        raise WrongMessage(f"the message must be {shape}: {', '.join(_NAMES)}")
    join_ref, ref, topic, event, payload = values
    for each in (join_ref, ref):
        if not isinstance(each, str | int | None):
            raise WrongMessage("ref and join_ref must be texts, numbers or null")
    if not (isinstance(topic, str) and 0 < len(topic) <= TOPIC_CHARACTERS_MAX):
        raise WrongMessage(f"topic must be a text of 1 to {TOPIC_CHARACTERS_MAX} characters")
    if not (isinstance(event, str) and event):
        raise WrongMessage("event must be a text")
    return TopicMessage(join_ref, ref, topic, event, payload)


def _of_bytes(data: bytes) -> TopicMessage:
    """Read a binary push: 0, four lengths, then join_ref, ref, topic, event and the payload."""
    sizes = data[1:5]
    if len(sizes) < 4 or len(data) < 5 + sum(sizes) or data[0] != PUSH:
        raise WrongMessage("a binary message must be a push with its texts")
    at, texts = 5, []
    for size in sizes:
        texts.append(data[at : at + size])
        at += size
    try:
        join_ref, ref, topic, event = (each.decode() for each in texts)
    except UnicodeDecodeError:
        raise WrongMessage("the texts of a binary message must be UTF-8") from None
    if not topic or not event or len(topic) > TOPIC_CHARACTERS_MAX:
        raise WrongMessage("a binary message must have a topic and an event")
    return TopicMessage(join_ref or None, ref or None, topic, event, data[at:])
