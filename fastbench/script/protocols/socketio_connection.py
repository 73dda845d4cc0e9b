"""One connection of Socket.IO: what comes is told apart, what was asked is answered."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.script import remarks, values
from fastbench.script.protocols.live_messages import Inbox, LiveConnection, attach, replied
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

if TYPE_CHECKING:
    from fastbench.script.api.sockets import Message, Socket

_PINGS = (25_000, 20_000)  # interval and timeout, ms, where the server says nothing


class Ack(NamedTuple):
    """What the server acknowledged an event with; `ok` is False where no ack came in time."""

    ok: bool
    args: tuple[Any, ...] = ()

    @property
    def data(self) -> Any:
        """The first of its arguments, None without one."""
        return self.args[0] if self.args else None


class Event:
    """An event that came: `name`, `args`; `ack(*args)` answers one that asks for it."""

    __slots__ = ("_answer", "args", "name")

    def __init__(self, name: str, args: list[Any], answer: Callable[..., Any] | None) -> None:
        self.name = name
        self.args = args
        self._answer = answer

    @property
    def data(self) -> Any:
        """The first of its arguments, None without one."""
        return self.args[0] if self.args else None

    def ack(self, *args: Any) -> None:
        """Acknowledge it, once; nothing happens where nobody asks."""
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer(*args)

    def __repr__(self) -> str:
        return f"<event {self.name} {self.args!r}>"


class SocketIO(LiveConnection):
    """A connection of Socket.IO; `socket` is what `vu.ws` gave, `sid` the server's name for it."""

    def __init__(self, socket: Socket, timeout_s: float) -> None:
        super().__init__(socket, timeout_s)
        self.sid = ""
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
        """Leave each namespace, and close in order, as Socket.IO's own client does."""
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
        """Connect to a namespace, and return it: `desk = await io.connect("/", auth={…})`.

        `auth` is what the server's middleware gets. What was refused is not `connected`; its
        `error` says why.
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
        """Send a packet, and return the one that answers it: an operation called `name`."""
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
        """Send a packet; await what is returned to wait while too much is unsent."""
        for message in encode(packet):
            sent = self.socket.send(message)
        return sent

    def answer(self, *messages: str | bytes) -> None:
        """Send what the server asked for; while we are closing it is left out, and no error."""
        if self.socket.raw is not None:
            for message in messages:
                self.socket.raw.send(message)

    def next_id(self) -> int:
        return next(self._ids)

    async def start(self) -> None:
        await attach(self.socket, self._take, self._ended)
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._opened.wait()
        except TimeoutError:
            self._give_up("no open packet of Engine.IO came")

    def leave(self) -> None:
        """Say goodbye to each namespace."""
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


class Namespace:
    """A namespace that was connected to; iterate over it for its events.

    `connected`: the server let us; `error`: why not; `sid`: the server's name for it.
    """

    def __init__(self, io: SocketIO, name: str) -> None:
        self.name = name
        self.connected = False
        self.error = ""
        self.sid = ""
        self._io = io
        self._inbox: Inbox[Event] = Inbox(f"namespace {name}")

    def emit(self, event: str, *args: Any) -> Any:
        """Emit an event: `desk.emit("typing", {"ticketId": 7})`. Bytes go as attachments.

        It is sent at once; `await` it to wait while too much is unsent.
        """
        return self._io.send(Packet(EVENT, self.name, [_name(event), *args]))

    async def call(
        self, event: str, *args: Any, name: str | None = None, timeout: Any = None
    ) -> Ack:
        """Emit an event, and return the server's ack: `ack = await desk.call("subscribe", {…})`.

        It is an operation called `name`, else as the event.
        """
        io = self._io
        packet = Packet(EVENT, self.name, [_name(event), *args])
        found = await io.request(name or event, packet, io.next_id(), timeout)
        return Ack(False) if found is None else Ack(True, tuple(found.data))

    def on(self, event: str, call: Callable[..., Any]) -> None:
        """Have `call(*args)` called with each event of this name, instead of reading it.

        Where the server asks for an ack it gets what `call` returns: a tuple is its arguments.
        """
        self._io.handlers.on(f"{self.name}\n{event}", call)

    async def receive(self, timeout: Any = None) -> Event | None:
        """Return the next event; None once nothing more comes, or if time (s, "5s") runs out."""
        return await self._inbox.receive(timeout)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._inbox

    def disconnect(self) -> None:
        """Leave the namespace; the connection stays open for others."""
        if self.connected:
            self._io.answer(*encode(Packet(DISCONNECT, self.name)))
            self.end()

    def take(self, packet: Packet) -> None:
        """Take an event that came."""
        event, *args = packet.data
        answer = None
        if packet.id is not None:
            answer = partial(self._acknowledge, packet.id)

        def done(found: Any) -> None:
            if answer is not None:
                answer(*(found if isinstance(found, tuple) else () if found is None else (found,)))

        if not self._io.handlers.take(f"{self.name}\n{event}", done, *args):
            self._inbox.put(Event(str(event), args, answer))

    def _acknowledge(self, id: int, *args: Any) -> None:
        self._io.answer(*encode(Packet(ACK, self.name, list(args), id)))

    def end(self) -> None:
        """Note that nothing more comes."""
        self.connected = False
        self._inbox.end()

    def __repr__(self) -> str:
        return f"<namespace {self.name}, {'connected' if self.connected else self.error}>"


def _name(event: str) -> str:
    if not isinstance(event, str) or not event:
        raise UsageError('An event has a name, for example emit("typing", {"ticketId": 7}).')
    return event


def _why(packet: Packet) -> str:
    found = packet.data.get("message") if isinstance(packet.data, dict) else None
    return printable(str(found)) if found else "refused"
