"""Channels of Phoenix: a topic that was joined, what is pushed to it and what comes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Protocol

from fastbench.foundation.redact import printable
from fastbench.script.protocols.live_messages import Handlers, Inbox
from fastbench.script.protocols.phoenix_messages import PhoenixMessage


class Carrier(Protocol):
    """The socket that a channel is on, as far as the channel needs it."""

    handlers: Handlers

    def ref(self) -> str:
        """Return the next reference of a message."""

    def forget(self, channel: Channel, /) -> None:
        """Forget a channel that has ended."""

    def send(self, channel: Channel, event: str, payload: Any, ref: str | None, /) -> Any:
        """Send an event of a channel."""

    async def request(
        self, name: str, channel: Channel, event: str, payload: Any, ref: str, timeout: Any, /
    ) -> Reply:
        """Send an event, and return the reply with its ref."""


class Reply(NamedTuple):
    """What a join or a push was answered.

    Attributes:
        status: The server's, "ok" or "error"; or ours, "timeout" or "closed".
        response: The value that the server gave, else None.

    Example::

        async with phoenix.open(vu, "/socket/websocket") as socket:
            room = await socket.join("room:lobby")
            reply = await room.push("new_msg", {"body": "hello"})
            check(reply, {"accepted": lambda r: r.ok})
    """

    status: str
    response: Any = None

    @property
    def ok(self) -> bool:
        """Tell whether the status is "ok"."""
        return self.status == "ok"

    @property
    def reason(self) -> str:
        """Why it is not ok: the `reason` of the response, or the status; "" if it is ok."""
        if self.ok:
            return ""
        found = self.response.get("reason") if isinstance(self.response, Mapping) else None
        return printable(f"{self.status}: {found}" if found else self.status)


class Channel:
    """A topic that was joined; `async for message in channel:` gives its messages.

    Attributes:
        topic: The topic.
        joined: True while the server has us in it.
        ended: True once nothing more comes.
        reply: What the server answered the join, a `Reply`.
        join_ref: The reference of the join, as the protocol has it.

    Example::

        async with phoenix.open(vu, "/socket/websocket") as socket:
            room = await socket.join("room:lobby")
            await room.push("new_msg", {"body": "hello"})
            async for message in room:
                check(message, {"an event": lambda m: m.event != ""})
                break
    """

    def __init__(self, socket: Carrier, topic: str, join_ref: str | None) -> None:
        self.topic = topic
        self.join_ref = join_ref
        self.joined: bool = False
        self.ended: bool = False
        self.reply: Reply = Reply("closed")
        self.inbox: Inbox[PhoenixMessage] = Inbox(topic)
        self._socket = socket

    async def push(
        self, event: str, payload: Any = None, *, name: str | None = None, timeout: Any = None
    ) -> Reply:
        """Push an event, and wait for the reply: an operation of kind ws.

        Args:
            event: Name of the event.
            payload: A dict, or bytes (version 2.0.0).
            name: Name of the operation; default: that of the event.
            timeout: Time limit of the reply: seconds, or "5s"; default: that of the socket.

        Returns:
            The `Reply`.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby")
                reply = await room.push("new_msg", {"body": "hello"}, timeout=5)
                check(reply, {"accepted": lambda r: r.ok})
        """
        socket = self._socket
        return await socket.request(name or event, self, event, payload, socket.ref(), timeout)

    def send(self, event: str, payload: Any = None) -> Any:
        """Push an event, and wait for no reply.

        Args:
            event: Name of the event.
            payload: A dict, or bytes (version 2.0.0).

        Returns:
            What may be awaited, which waits while more than 1 MiB is unsent.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby")
                room.send("typing", {"who": "ada"})
        """
        return self._socket.send(self, event, payload, self._socket.ref())

    def on(self, event: str, call: Callable[[PhoenixMessage], Any]) -> None:
        """Have a function called with each message of an event, instead of reading it.

        Args:
            event: Name of the event.
            call: The function of the message; a coroutine function runs in a task of its own.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby")
                room.on("new_msg", lambda message: check(message, {"came": message.topic != ""}))
                await room.push("new_msg", {"body": "hello"})
        """
        self._socket.handlers.on(self.topic + "\n" + event, call)

    async def receive(self, timeout: Any = None) -> PhoenixMessage | None:
        """Wait for the next message.

        Args:
            timeout: For how long: seconds, or "5s"; default: until the channel ends.

        Returns:
            The message; None once the channel ends, or if time runs out.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby")
                await room.push("new_msg", {"body": "hello"})
                message = await room.receive(timeout=5)
        """
        return await self.inbox.receive(timeout)

    def __aiter__(self) -> AsyncIterator[PhoenixMessage]:
        return self.inbox

    async def leave(self, *, timeout: Any = None) -> Reply:
        """Leave the topic: an operation of kind ws, `leave TOPIC`.

        Args:
            timeout: Time limit of the reply: seconds, or "5s"; default: that of the socket.

        Returns:
            The `Reply`.

        Example::

            async with phoenix.open(vu, "/socket/websocket") as socket:
                room = await socket.join("room:lobby")
                await room.leave()
        """
        socket = self._socket
        ref = socket.ref()
        reply = await socket.request(f"leave {self.topic}", self, "phx_leave", {}, ref, timeout)
        socket.forget(self)
        return reply

    def end(self) -> None:
        """Note that nothing more comes.

        :meta private:
        """
        self.joined, self.ended = False, True
        self.inbox.end()

    def __repr__(self) -> str:
        return f"<channel {self.topic}, {'joined' if self.joined else self.reply.status}>"
