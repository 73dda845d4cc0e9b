"""Phoenix channels: `async with phoenix.open(vu, "ws://host/socket/websocket") as socket:`::

    async with phoenix.open(vu, "/socket/websocket", params={"token": "abc"}) as socket:
        room = await socket.join("room:lobby")
        reply = await room.push("new_msg", {"body": "hello"})
        check(reply, {"accepted": lambda r: r.ok})
        socket.after(0.1, socket.close)
        async for message in room:
            vu.state["last"] = message.event, message.payload

1. join and push are operations of kind ws ("join room:lobby", "new_msg") and samples of ws_msg_rtt:
   from the message until the reply with its ref. A reply with status error fails its operation.
2. Nothing raises that the server or the network does: a reply has a status ("timeout" and "closed"
   are ours), a channel that was refused is not `joined`, and nothing comes of it.
3. A heartbeat goes out every 30 s; without a reply to it until the next one the socket is given up.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import parse_qs, urlsplit

from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks, values
from fastbench.script.http.request_arguments import Fields, HandshakeMore, SocketMore
from fastbench.script.protocols.live_messages import LiveConnection, attach, replied
from fastbench.script.protocols.phoenix_channels import Channel, Reply
from fastbench.script.protocols.phoenix_messages import (
    REPLY,
    VERSIONS,
    PhoenixMessage,
    decode,
    encode,
)
from fastbench.script.signatures import spelled_out

if TYPE_CHECKING:
    from fastbench.script.api.socket_replies import Message
    from fastbench.script.api.sockets import Socket
    from fastbench.script.api.vu import Vu

__all__ = ["Channel", "PhoenixMessage", "Reply", "decode", "encode"]

HEARTBEAT_S = 30.0  # as Phoenix's own client
TIMEOUT_S = 10.0
_ENDS = ("phx_close", "phx_error")


@asynccontextmanager
@spelled_out(HandshakeMore, compression=False, max_message_bytes=16 << 20)
async def open(
    vu: Vu,
    url: str,
    *,
    vsn: str | None = None,
    params: Mapping[str, Any] | None = None,
    heartbeat: Any = HEARTBEAT_S,
    timeout: Any = TIMEOUT_S,
    name: str | None = None,
    headers: Fields | None = None,
    subprotocols: Iterable[str] = (),
    **more: Unpack[HandshakeMore],
) -> AsyncIterator[PhoenixSocket]:
    """Open a socket of Phoenix: `async with phoenix.open(vu, url) as socket:`.

    To join and to push are operations of kind ws. What the network does raises nothing.

    Args:
        vu: The user that opens it.
        url: Absolute with ws or wss, or a path under `base_url` of Options.
        vsn: Version of its messages: "2.0.0" (default, where the URL says nothing) or "1.0.0".
        heartbeat: Time between two heartbeats: seconds, or "30s"; 0: none; default 30 s.
        params: Pairs for the query of the URL.
        timeout: Time limit of the handshake and of each reply: seconds, or "5s"; default 10 s.
        name: Name of the handshake in reports; default: its URL.
        headers: Names and values of the handshake.
        subprotocols: Names to offer.
        compression: Offer permessage-deflate (RFC 7692).
        max_message_bytes: A longer message ends the socket; bytes, default 16 MiB.
        ping_interval: Time between two pings of WebSocket, s; default: none.
        ping_timeout: A socket that is silent for so long after a ping is given up, s.
        auth: User and password of Basic authentication.
        bearer: Token for `Authorization: Bearer`.
        cookies: Cookies of this handshake alone, by name.
        tags: Tags of its samples, beside those of its scenario and group.
        expected: Statuses of the handshake that are no failure.

    Returns:
        A `PhoenixSocket`, opened by `async with`.

    Raises:
        UsageError: An argument cannot be used.

    Example::

        async with phoenix.open(vu, "/socket/websocket") as socket:
            await socket.join("room:lobby", {"name": "ada"})
    """
    version, query = _versioned(url, params or {}, vsn)
    heartbeat_s = values.duration_s(heartbeat, "heartbeat of phoenix.open()")
    timeout_s = values.duration_s(timeout, "timeout of phoenix.open()")
    words: SocketMore = {"params": query or None, "timeout": timeout_s, **more}
    opening = vu.ws(url, headers=headers, subprotocols=subprotocols, name=name, **words)
    async with opening as socket:
        opened = PhoenixSocket(socket, version, timeout_s)
        await opened.start(heartbeat_s)
        try:
            yield opened
        finally:
            opened.handlers.cancel()


class PhoenixSocket(LiveConnection):
    """An open socket of Phoenix, or one that was refused; `phoenix.open()` gives it.

    Attributes:
        socket: The `Socket` under it.
        timeout_s: Time limit of a reply, s.

    Example::

        async with phoenix.open(vu, "/socket/websocket") as socket:
            room = await socket.join("room:lobby")
            check(room, {"joined": lambda r: r.joined})
    """

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
        """Join a topic: an operation of kind ws, `join TOPIC`.

        Args:
            topic: The topic, "room:lobby" for example.
            payload: What the server's join gets.
            name: Name of the operation.
            timeout: Time limit of the reply: seconds, or "5s"; default: that of the socket.

        Returns:
            Its `Channel`; where the server refuses it is not `joined`, and `reply` says why.

        Raises:
            UsageError: The topic is no text.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby", {"name": "ada"})
                check(room.reply, {"let in": lambda r: r.ok})
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
        """Return the next reference of a message.

        :meta private:
        """
        return str(next(self._refs))

    def forget(self, channel: Channel) -> None:
        """Forget a channel that has ended.

        :meta private:
        """
        channel.end()
        if self._channels.get(channel.topic) is channel:
            del self._channels[channel.topic]

    def send(self, channel: Channel, event: str, payload: Any, ref: str | None) -> Any:
        """Send an event of a channel.

        :meta private:
        """
        message = PhoenixMessage(channel.join_ref, ref, channel.topic, event, _payload(payload))
        return self.socket.send(encode(message, self._vsn))

    async def request(
        self, name: str, channel: Channel, event: str, payload: Any, ref: str, timeout: Any
    ) -> Reply:
        """Send an event, and return the reply with its ref: an operation called `name`.

        :meta private:
        """
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
        """Take what comes, and begin the heartbeat.

        :meta private:
        """
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


def _versioned(url: str, params: Mapping[str, Any], vsn: str | None) -> tuple[str, dict[str, Any]]:
    """Return the version of the messages, and the query that says it; raises UsageError."""
    asked = {**parse_qs(urlsplit(url).query), **params}
    version = vsn or asked.get("vsn") or VERSIONS[1]
    version = version[0] if isinstance(version, list) else version
    if version not in VERSIONS:
        raise UsageError(f"vsn of phoenix.open() is one of {', '.join(VERSIONS)}, not {version!r}.")
    return version, {**params} if "vsn" in asked else {**params, "vsn": version}


def _payload(payload: Any) -> Any:
    return {} if payload is None else payload


def _reply(message: PhoenixMessage | None) -> Reply:
    payload = None if message is None else message.payload
    if not isinstance(payload, Mapping):
        return Reply("error", payload)
    return Reply(str(payload.get("status")), payload.get("response"))
