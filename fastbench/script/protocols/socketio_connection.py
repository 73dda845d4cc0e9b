"""One connection of Socket.IO: what comes is told apart, what was asked is answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks, values
from fastbench.script.protocols.live_messages import LiveConnection, attach, replied
from fastbench.script.protocols.socketio_messages import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    Packet,
    decode,
    encode,
    with_attachments,
)
from fastbench.script.protocols.socketio_namespaces import Namespace

if TYPE_CHECKING:
    from fastbench.script.api.socket_replies import Message
    from fastbench.script.api.sockets import Socket

_PINGS = (25_000, 20_000)  # interval and timeout, ms, where the server says nothing


class SocketIO(LiveConnection):
    """A connection of Socket.IO, or one that was refused; `socketio.open()` gives it.

    Attributes:
        socket: The `Socket` under it.
        sid: The server's name for it; "" before it is open.
        timeout_s: Time limit of a CONNECT and of an ack, s.

    Example::

        async with socketio.open(vu, "/socket.io/") as io:
            desk = await io.connect("/")
            check(desk, {"connected": lambda d: d.connected})
    """

    def __init__(self, socket: Socket, timeout_s: float) -> None:
        super().__init__(socket, timeout_s)
        self.sid: str = ""
        self._opened = asyncio.Event()
        self._ids = itertools.count()
        self._namespaces: dict[str, Namespace] = {}
        self._pending: dict[tuple[str, int | None], Packet | None] = {}
        self._last: Packet | None = None  # the answer that comes just now
        self._partial: tuple[Packet, int, list[bytes]] | None = None
        self._pinged = False

    @property
    def open(self) -> bool:
        """Tell whether events can be sent and received."""
        return self.socket.open and bool(self.sid)

    async def close(self) -> None:
        """Leave each namespace and close in order, as Socket.IO's own client does.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                await io.close()
        """
        self.leave()
        await self.socket.close()

    async def connect(
        self,
        namespace: str = "/",
        auth: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        timeout: Any = None,
    ) -> Namespace:
        """Connect to a namespace: an operation of kind ws, `connect NAMESPACE`.

        Args:
            namespace: Its name, "/chat" for example.
            auth: What the server's middleware gets.
            name: Name of the operation.
            timeout: Time limit: seconds, or "5s"; default: that of the connection.

        Returns:
            The `Namespace`; where the server refuses it is not `connected`, and `error` says why.

        Raises:
            UsageError: The name does not begin with a slash, or it is connected already.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/tickets", auth={"token": "abc"})
                check(desk, {"connected": lambda d: d.connected})
        """
        if not isinstance(namespace, str) or not namespace.startswith("/") or "," in namespace:
            raise UsageError(f'A namespace is a text such as "/chat", not {namespace!r}.')
        if (old := self._namespaces.get(namespace)) is not None and old.connected:
            raise UsageError(f"{namespace} is connected already; disconnect() ends it.")
        made = self._namespaces[namespace] = Namespace(self, namespace)
        packet = Packet(CONNECT, namespace, dict(auth) if auth is not None else None)
        found = await self.request(name or f"connect {namespace}", packet, None, timeout)
        made.connected = found is not None and found.type == CONNECT and self.open
        if found is None:
            gone = self.error or f"closed: {self.socket.close_code}"
            made.error = "no reply in time" if self.socket.open else gone
        elif not made.connected:
            made.error = _why(found)
        else:
            made.sid = str(found.data.get("sid", "")) if isinstance(found.data, dict) else ""
        if not made.connected:
            made.end()
        return made

    async def request(
        self, name: str, packet: Packet, id: int | None, timeout: Any
    ) -> Packet | None:
        """Send a packet, and return the one that answers it: an operation called `name`.

        :meta private:
        """
        limit_s = self.timeout_s
        if timeout is not None:
            limit_s = values.duration_s(timeout, f"timeout of {name}")
        messages = encode(packet._replace(id=id))
        key = (packet.namespace, id)
        self._pending[key] = None

        def send() -> None:
            for message in messages:
                self.socket.send(message)

        def refusal() -> str:
            found = self._pending[key]
            return _why(found) if found is not None and found.type == CONNECT_ERROR else ""

        def takes(_: Message) -> bool:
            return self._last is not None and self._last is self._pending.get(key)

        try:
            await replied(self.socket, name, send, takes, refusal, limit_s)
            return self._pending[key]
        finally:
            del self._pending[key]

    def send(self, packet: Packet) -> Any:
        """Send a packet, and return what may be awaited.

        :meta private:
        """
        for message in encode(packet):
            sent = self.socket.send(message)
        return sent

    def answer(self, *messages: str | bytes) -> None:
        """Send what the server asked for; while we are closing it is left out, and no error.

        :meta private:
        """
        if self.socket.raw is not None:
            for message in messages:
                self.socket.raw.send(message)

    def next_id(self) -> int:
        """Return the next number of an ack.

        :meta private:
        """
        return next(self._ids)

    async def start(self) -> None:
        """Take what comes, and wait for the open packet.

        :meta private:
        """
        await attach(self.socket, self._take, self._ended)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._opened.wait()
        except TimeoutError:
            self._give_up("no open packet of Engine.IO came")

    def leave(self) -> None:
        """Say goodbye to each namespace.

        :meta private:
        """
        for namespace in self._namespaces.values():
            namespace.disconnect()

    def _give_up(self, why: str) -> None:
        if self.socket.raw is not None:
            self.socket.raw.abandon(why)

    def _take(self, message: Message) -> bool:
        """Take a message of Engine.IO; False where it goes to the request that waits for it."""
        if isinstance(message, bytes):
            return self._attachment(message)
        kind = message[:1]
        if kind == "2":
            self._pinged = True
            self.answer("3" + message[1:])
        elif kind == "4":
            found = decode(message)
            if found is None:
                return self._odd()
            packet, wanted = found
            if wanted:
                self._partial = (packet, wanted, [])
                return True
            return self._packet(packet)
        elif kind == "0":
            self._open(message[1:])
        elif kind == "1":
            self._ended()
        elif kind not in ("3", "5", "6"):
            return self._odd()
        return True

    def _open(self, text: str) -> None:
        try:
            found = orjson.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            self._odd()
            return
        self.sid = str(found.get("sid", "")) or "?"
        self._opened.set()
        pings = (found.get("pingInterval"), found.get("pingTimeout"))
        limit_s = sum(
            said if isinstance(said, int | float) and said > 0 else usual
            for said, usual in zip(pings, _PINGS, strict=True)
        )
        self.socket.every(limit_s / 1e3, lambda: self._look(limit_s / 1e3))

    def _look(self, limit_s: float) -> None:
        if not self._pinged:
            self._give_up(f"the server sent no ping within {limit_s:g} s")
        self._pinged = False

    def _attachment(self, data: bytes) -> bool:
        if self._partial is None:
            return self._odd()
        packet, wanted, attachments = self._partial
        attachments.append(data)
        if len(attachments) < wanted:
            return True
        self._partial = None
        whole = with_attachments(packet, attachments)
        return self._odd() if whole is None else self._packet(whole)

    def _odd(self) -> bool:
        remarks.tell(
            "socketio",
            "a message that came is none of Socket.IO's, and was left out",
            "the server must speak Socket.IO v3 or v4 at this URL (EIO=4)",
        )
        return True

    def _packet(self, packet: Packet) -> bool:
        namespace = self._namespaces.get(packet.namespace)
        if packet.type in (CONNECT, CONNECT_ERROR, ACK):
            key = (packet.namespace, packet.id if packet.type == ACK else None)
            if key in self._pending and self._pending[key] is None:
                self._pending[key] = self._last = packet
                return False
        elif namespace is None:
            pass
        elif packet.type == DISCONNECT:
            namespace.end()
        elif packet.type == EVENT:
            namespace.take(packet)
        return True

    def _ended(self) -> None:
        self._opened.set()
        for namespace in self._namespaces.values():
            namespace.end()

    def __repr__(self) -> str:
        return f"<socket.io {self.socket!r}>"


def _why(packet: Packet) -> str:
    found = packet.data.get("message") if isinstance(packet.data, dict) else None
    return printable(str(found)) if found else "refused"
