"""Namespaces of Socket.IO: what is emitted in one, and the events that come of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Protocol

from fastbench.foundation.usage_error import UsageError
from fastbench.script.protocols.live_messages import Handlers, Inbox
from fastbench.script.protocols.socketio_events import Ack, Event
from fastbench.script.protocols.socketio_messages import ACK, DISCONNECT, EVENT, Packet, encode


class Carrier(Protocol):
    """The connection that a namespace is on, as far as the namespace needs it."""

    handlers: Handlers

    def send(self, packet: Packet, /) -> Any:
        """Send a packet, and return what may be awaited."""

    def answer(self, *messages: str | bytes) -> None:
        """Send what the server asked for."""

    def next_id(self) -> int:
        """Return the next number of an ack."""

    async def request(
        self, name: str, packet: Packet, id: int | None, timeout: Any, /
    ) -> Packet | None:
        """Send a packet, and return the one that answers it."""


class Namespace:
    """A namespace that was connected to; `async for event in namespace:` gives its events.

    Attributes:
        name: Its name.
        connected: True while the server has us in it.
        error: Why not; "" while connected.
        sid: The server's name for it.

    Example::

        async with socketio.open(vu, "/socket.io/") as io:
            desk = await io.connect("/")
            desk.emit("echo", 7)
            async for event in desk:
                check(event, {"named": lambda e: e.name == "echo"})
                break
    """

    def __init__(self, io: Carrier, name: str) -> None:
        self.name = name
        self.connected: bool = False
        self.error = ""
        self.sid = ""
        self._io = io
        self._inbox: Inbox[Event] = Inbox(f"namespace {name}")

    def emit(self, event: str, *args: Any) -> Any:
        """Emit an event at once, and wait for no ack.

        Args:
            event: Name of the event.
            args: Its arguments; bytes go as attachments.

        Returns:
            What may be awaited, which waits while more than 1 MiB is unsent.

        Raises:
            UsageError: The name is no text, or an argument cannot be JSON.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                desk.emit("typing", {"ticketId": 7})
        """
        return self._io.send(Packet(EVENT, self.name, [_name(event), *args]))

    async def call(
        self, event: str, *args: Any, name: str | None = None, timeout: Any = None
    ) -> Ack:
        """Emit an event, and wait for the server's ack: an operation of kind ws.

        Args:
            event: Name of the event.
            args: Its arguments; bytes go as attachments.
            name: Name of the operation; default: that of the event.
            timeout: Time limit of the ack: seconds, or "5s"; default: that of the connection.

        Returns:
            The `Ack`.

        Raises:
            UsageError: The name is no text, or an argument cannot be JSON.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                ack = await desk.call("echo", {"ticket": 7}, timeout=5)
                check(ack, {"acknowledged": lambda a: a.ok})
        """
        io = self._io
        packet = Packet(EVENT, self.name, [_name(event), *args])
        found = await io.request(name or event, packet, io.next_id(), timeout)
        return Ack(False) if found is None else Ack(True, tuple(found.data))

    def on(self, event: str, call: Callable[..., Any]) -> None:
        """Have a function called with the arguments of each event of a name, instead of reading it.

        Args:
            event: Name of the event.
            call: The function; a coroutine function runs in a task of its own. Where the server
                asks for an ack it gets what the function returns, of a tuple each member.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                seen: list[int] = []
                desk.on("echo", seen.append)
                await desk.call("echo", 7)
        """
        self._io.handlers.on(f"{self.name}\n{event}", call)

    async def receive(self, timeout: Any = None) -> Event | None:
        """Wait for the next event.

        Args:
            timeout: For how long: seconds, or "5s"; default: until nothing more comes.

        Returns:
            The `Event`; None once nothing more comes, or if time runs out.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                desk.emit("echo", 7)
                event = await desk.receive(timeout=5)
        """
        return await self._inbox.receive(timeout)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._inbox

    def disconnect(self) -> None:
        """Leave the namespace; the connection stays open for others.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                desk.disconnect()
        """
        if self.connected:
            self._io.answer(*encode(Packet(DISCONNECT, self.name)))
            self.end()

    def take(self, packet: Packet) -> None:
        """Take an event that came.

        :meta private:
        """
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
        """Note that nothing more comes.

        :meta private:
        """
        self.connected = False
        self._inbox.end()

    def __repr__(self) -> str:
        return f"<namespace {self.name}, {'connected' if self.connected else self.error}>"


def _name(event: str) -> str:
    if not isinstance(event, str) or not event:
        raise UsageError('An event has a name, for example emit("typing", {"ticketId": 7}).')
    return event
