"""Phoenix channels: `async with phoenix.open(vu, "ws://host/socket/websocket") as socket:`.

    async with phoenix.open(vu, "/socket/websocket", params={"token": token}) as socket:
        room = await socket.join("room:lobby")
        reply = await room.push("new_msg", {"body": "hello"})
        check(reply, {"accepted": lambda r: r.ok})
        async for message in room:
            ...                                             # message.event, message.payload

1. join and push are operations of kind ws ("join room:lobby", "new_msg") and samples of ws_msg_rtt:
   from the message until the reply with its ref. A reply with status error fails its operation.
2. Nothing raises that the server or the network does: a reply has a status ("timeout" and "closed"
   are ours), a channel that was refused is not `joined`, and nothing comes of it.
3. A heartbeat goes out every 30 s; without a reply to it until the next one the socket is given up.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks, values
from fastbench.script.protocols.live_messages import Inbox, LiveConnection, attach, replied
from fastbench.script.protocols.phoenix_messages import (
    REPLY,
    VERSIONS,
    PhoenixMessage,
    decode,
    encode,
)

if TYPE_CHECKING:
    from fastbench.script.api.sockets import Message, Socket
    from fastbench.script.api.vu import Vu

__all__ = ["PhoenixMessage", "decode", "encode"]

HEARTBEAT_S = 30.0  # as Phoenix's own client
TIMEOUT_S = 10.0
_ENDS = ("phx_close", "phx_error")


class Reply(NamedTuple):
    """What a push was answered: `status` is "ok", "error", "timeout" or "closed"."""

    status: str
    response: Any = None

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    @property
    def reason(self) -> str:
        """Say why it is not ok: the response's `reason`, or the status; "" if it is."""
        if self.ok:
            return ""
        found = self.response.get("reason") if isinstance(self.response, Mapping) else None
        return printable(f"{self.status}: {found}" if found else self.status)


@asynccontextmanager
async def open(
    vu: Vu,
    url: str,
    *,
    vsn: str | None = None,
    params: Mapping[str, Any] | None = None,
    heartbeat: Any = HEARTBEAT_S,
    timeout: Any = TIMEOUT_S,
    name: str | None = None,
    **more: Any,
) -> AsyncIterator[PhoenixSocket]:
    """Open a socket of Phoenix: `async with phoenix.open(vu, "/socket/websocket") as socket:`.

    `vsn` is the version of its messages, "2.0.0" (where the URL says nothing) or "1.0.0";
    `heartbeat` how often one goes out (s, or a text such as "30s"; 0: never); `timeout` what the
    handshake and each reply may take. `params` and `more` are those of `vu.ws`.
    """
    asked = {**parse_qs(urlsplit(url).query), **(params or {})}
    version = vsn or asked.get("vsn") or VERSIONS[1]
    version = version[0] if isinstance(version, list) else version
    if version not in VERSIONS:
        raise UsageError(f"vsn of phoenix.open() is one of {', '.join(VERSIONS)}, not {version!r}.")
    query = {**(params or {})}
    if "vsn" not in asked:
        query["vsn"] = version
    heartbeat_s = values.duration_s(heartbeat, "heartbeat of phoenix.open()")
    timeout_s = values.duration_s(timeout, "timeout of phoenix.open()")
    async with vu.ws(url, name=name, params=query or None, timeout=timeout_s, **more) as socket:
        opened = PhoenixSocket(socket, version, timeout_s)
        await opened.start(heartbeat_s)
        try:
            yield opened
        finally:
            opened.handlers.cancel()


class PhoenixSocket(LiveConnection):
    """An open socket of Phoenix, or one that was refused; `socket` is what `vu.ws` gave."""

    def __init__(self, socket: Socket, vsn: str, timeout_s: float) -> None:
        super().__init__(socket, timeout_s)
        self._vsn = vsn
        self._refs = itertools.count(1)
        self._channels: dict[str, Channel] = {}
        self._pending: dict[str, PhoenixMessage | None] = {}
        self._last: str | None = None  # the ref of the reply that comes just now
        self._unanswered: str | None = None  # the ref of the heartbeat that went out

    async def join(
        self,
        topic: str,
        payload: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        timeout: Any = None,
    ) -> Channel:
        """Join a topic, and return its channel: `room = await socket.join("room:lobby")`.

        `payload` is what the server's join gets, `name` that of the operation. What was refused is
        not `joined`, and `reply` says why.
        """
        if not isinstance(topic, str) or not topic:
            raise UsageError('A topic is a text, for example socket.join("room:lobby").')
        if (old := self._channels.get(topic)) is not None:
            old.end()
        ref = self.ref()
        channel = self._channels[topic] = Channel(self, topic, ref)
        channel.reply = await self.request(
            name or f"join {topic}", channel, "phx_join", payload, ref, timeout
        )
        channel.joined = channel.reply.ok and not channel.ended
        if not channel.joined:
            self.forget(channel)
        return channel

    def ref(self) -> str:
        return str(next(self._refs))

    def forget(self, channel: Channel) -> None:
        channel.end()
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def send(self, channel: Channel, event: str, payload: Any, ref: str | None) -> Any:
        message = PhoenixMessage(channel.join_ref, ref, channel.topic, event, _payload(payload))
        return self.socket.send(encode(message, self._vsn))

    async def request(
        self, name: str, channel: Channel, event: str, payload: Any, ref: str, timeout: Any
    ) -> Reply:
        """Send an event, and return the reply with its ref: an operation called `name`."""
        limit_s = self.timeout_s
        if timeout is not None:
            limit_s = values.duration_s(timeout, f"timeout of {event}")
        message = PhoenixMessage(channel.join_ref, ref, channel.topic, event, _payload(payload))
        data = encode(message, self._vsn)
        self._pending[ref] = None
        try:
            await replied(
                self.socket,
                name,
                lambda: self.socket.send(data),
                lambda _: self._last == ref,
                lambda: _reply(self._pending[ref]).reason,
                limit_s,
            )
            found = self._pending[ref]
        finally:
            del self._pending[ref]
        if found is None:
            return Reply("timeout" if self.open else "closed")
        return _reply(found)

    async def start(self, heartbeat_s: float) -> None:
        await attach(self.socket, self._take, self._ended)
        if heartbeat_s and self.open:
            self.socket.every(heartbeat_s, lambda: self._beat(heartbeat_s))

    def _beat(self, limit_s: float) -> None:
        if self._unanswered is not None and self.socket.raw is not None:
            self.socket.raw.abandon(f"no reply to the heartbeat within {limit_s:g} s")
            return
        self._unanswered = self.ref()
        pulse = PhoenixMessage(None, self._unanswered, "phoenix", "heartbeat", {})
        self.socket.send(encode(pulse, self._vsn))

    def _take(self, data: Message) -> bool:
        """Take a message that came; False where it goes to the request that waits for it."""
        message = decode(data, self._vsn)
        if message is None:
            remarks.tell(
                "phoenix",
                "a message that came is none of Phoenix's, and was left out",
                'give the version of the server\'s messages: vsn="1.0.0" or vsn="2.0.0"',
            )
            return True
        if message.event == REPLY:
            if message.ref == self._unanswered:
                self._unanswered = None
            if message.ref not in self._pending or self._pending[message.ref] is not None:
                return True  # late, or to what nobody waits for
            self._last, self._pending[message.ref] = message.ref, message
            return False
        channel = self._channels.get(message.topic)
        if channel is None:
            return True
        if message.event in _ENDS and message.join_ref in (None, channel.join_ref):
            self.forget(channel)
        elif not self.handlers.take(channel.topic + "\n" + message.event, None, message):
            channel.inbox.put(message)
        return True

    def _ended(self) -> None:
        for channel in list(self._channels.values()):
            self.forget(channel)

    def __repr__(self) -> str:
        return f"<phoenix {self.socket!r}>"


class Channel:
    """A topic that was joined; iterate over it for its messages (event, payload).

    `joined`: the server let us; `reply`: what it answered the join.
    """

    def __init__(self, socket: PhoenixSocket, topic: str, join_ref: str | None) -> None:
        self.topic = topic
        self.join_ref = join_ref
        self.joined = False
        self.ended = False
        self.reply = Reply("closed")
        self.inbox: Inbox[PhoenixMessage] = Inbox(topic)
        self._socket = socket

    async def push(
        self, event: str, payload: Any = None, *, name: str | None = None, timeout: Any = None
    ) -> Reply:
        """Push an event, and return the server's reply: `await room.push("new_msg", {…})`.

        It is an operation called `name`, else as the event. `payload` is a dict, or bytes (2.0.0).
        """
        socket = self._socket
        return await socket.request(name or event, self, event, payload, socket.ref(), timeout)

    def send(self, event: str, payload: Any = None) -> Any:
        """Push an event, and wait for no reply; await it to wait while too much is unsent."""
        return self._socket.send(self, event, payload, self._socket.ref())

    def on(self, event: str, call: Callable[[PhoenixMessage], Any]) -> None:
        """Have `call(message)` called with each message of this event, instead of reading it."""
        self._socket.handlers.on(self.topic + "\n" + event, call)

    async def receive(self, timeout: Any = None) -> PhoenixMessage | None:
        """Return the next message; None once the channel ends, or if time (s, "5s") runs out."""
        return await self.inbox.receive(timeout)

    def __aiter__(self) -> AsyncIterator[PhoenixMessage]:
        return self.inbox

    async def leave(self, *, timeout: Any = None) -> Reply:
        """Leave the topic: `await room.leave()`."""
        socket = self._socket
        ref = socket.ref()
        reply = await socket.request(f"leave {self.topic}", self, "phx_leave", {}, ref, timeout)
        socket.forget(self)
        return reply

    def end(self) -> None:
        """Note that nothing more comes."""
        self.joined, self.ended = False, True
        self.inbox.end()

    def __repr__(self) -> str:
        return f"<channel {self.topic}, {'joined' if self.joined else self.reply.status}>"


def _payload(payload: Any) -> Any:
    return {} if payload is None else payload


def _reply(message: PhoenixMessage | None) -> Reply:
    payload = None if message is None else message.payload
    if not isinstance(payload, Mapping):
        return Reply("error", payload)
    return Reply(str(payload.get("status")), payload.get("response"))
