"""What protocols over a WebSocket share: messages told apart as they come, and replies measured.

1. A message is given to its connection from inside the read that completed it, in the context where
   the connection was opened: what a script's function counts there belongs to its scenario.
2. A request is an operation of kind ws and a sample of ws_msg_rtt. Without a reply in time it fails
   and counts in ws_msgs_lost; a reply that says no fails it, with what it says.
3. What a script does not read is kept, the newest MAX_UNREAD of each channel.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any, Generic, TypeVar

from fastbench.script import remarks, values
from fastbench.script.api.operations import operation
from fastbench.script.api.socket_replies import Message
from fastbench.script.api.socket_timers import Timer
from fastbench.script.api.sockets import Socket

T = TypeVar("T")

MAX_UNREAD = 1000


class Inbox(Generic[T]):
    """Messages that came and nobody has read yet: `await receive(5)`, `async for`."""

    __slots__ = ("_ended", "_name", "_unread", "_wake")

    def __init__(self, name: str) -> None:
        self._name = name
        self._unread: deque[T] = deque()
        self._wake = asyncio.Event()
        self._ended = False

    def put(self, message: T) -> None:
        """Add a message; the oldest goes when too many are unread."""
        if len(self._unread) == MAX_UNREAD:
            self._unread.popleft()
            remarks.tell(
                "messages_unread",
                f"{self._name}: more than {MAX_UNREAD:,} unread messages; older ones are gone",
                "read them (async for), or take them by on(event, function)",
            )
        self._unread.append(message)
        self._wake.set()

    def end(self) -> None:
        """Say that no more come: what is unread can still be read."""
        self._ended = True
        self._wake.set()

    async def receive(self, timeout: Any = None) -> T | None:
        """Return the next message; None if no more come or time runs out."""
        limit_s = None if timeout is None else values.duration_s(timeout, "timeout of receive()")
        if not self._unread and not self._ended:
            try:
                async with asyncio.timeout(limit_s):
                    await self._more()
            except TimeoutError:
                return None
        return self._unread.popleft() if self._unread else None

    async def _more(self) -> None:
        while not self._unread and not self._ended:
            self._wake.clear()
            await self._wake.wait()

    def __aiter__(self) -> Inbox[T]:
        return self

    async def __anext__(self) -> T:
        message = await self.receive()
        if message is None:
            raise StopAsyncIteration
        return message


class Handlers:
    """Functions of the script by event; a coroutine function runs in a task of its own."""

    __slots__ = ("_by_event", "_context", "_socket", "_tasks")

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._by_event: dict[str, Callable[..., Any]] = {}
        self._context = copy_context()
        self._tasks: set[asyncio.Task[Any]] = set()

    def on(self, event: str, call: Callable[..., Any]) -> None:
        self._by_event[event] = call

    def take(self, event: str, done: Callable[[Any], None] | None, *args: Any) -> bool:
        """Call what the script has for an event, if it has; `done` gets what it returns."""
        call = self._by_event.get(event)
        if call is None:
            return False
        found = self._context.run(call, *args)
        if inspect.isawaitable(found):
            task = self._context.run(asyncio.ensure_future, _finished(found, done))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        elif done is not None:
            done(found)
        return True

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._socket.fail(error)

    def cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


class LiveConnection:
    """What a connection has of its socket, which is what `vu.ws` gave; times are in seconds."""

    def __init__(self, socket: Socket, timeout_s: float) -> None:
        self.socket: Socket = socket
        self.timeout_s = timeout_s
        self.handlers: Handlers = Handlers(socket)

    @property
    def status(self) -> int:
        """The status of the handshake: 101, or that of the refusal; 0 without a response."""
        return self.socket.status

    @property
    def open(self) -> bool:
        """Tell whether messages can be sent and received."""
        return self.socket.open

    @property
    def error(self) -> str:
        """Why it did not open, or broke; "" if it is open or was closed in order."""
        return self.socket.error

    @property
    def close_code(self) -> int | None:
        """The close code, None while it is open."""
        return self.socket.close_code

    def every(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call a function again and again until the connection ends; see `Socket.every`.

        Args:
            seconds: Time between two calls, s.
            call: The function; what it returns is awaited if it is a coroutine.

        Returns:
            The `Timer`, whose `cancel()` ends it.

        Raises:
            UsageError: `seconds` is not above 0, or `call` no function.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                io.every(0.05, lambda: desk.emit("typing"))
                await sleep(0.1)
        """
        return self.socket.every(seconds, call)

    def after(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call a function once, unless the connection has ended before; see `Socket.after`.

        Args:
            seconds: When, s from now.
            call: The function; what it returns is awaited if it is a coroutine.

        Returns:
            The `Timer`, whose `cancel()` ends it.

        Raises:
            UsageError: `seconds` is not above 0, or `call` no function.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                io.after(0.1, io.close)
                async for event in desk:
                    pass
        """
        return self.socket.after(seconds, call)

    async def close(self) -> None:
        """Close in order: iterations over what comes end.

        Example::

            async with socketio.open(vu, "/socket.io/") as io:
                desk = await io.connect("/")
                await io.close()
        """
        await self.socket.close()


async def _finished(found: Awaitable[Any], done: Callable[[Any], None] | None) -> None:
    value = await found
    if done is not None:
        done(value)


async def attach(
    socket: Socket, take: Callable[[Message], bool], ended: Callable[[], None]
) -> None:
    """Have `take(message)` called with each message of a socket, `ended()` once when it ends.

    Where `take` returns False the message goes to who expects it.
    """
    raw = socket.raw
    if raw is None or raw.ended:
        ended()
        return
    told = raw.on_end

    def end(ending: Any) -> None:
        if told is not None:
            told(ending)
        ended()

    raw.hook, raw.on_end = take, end
    for _ in range(raw.received):  # came with the handshake, before anybody was there
        message = await socket.receive(0)
        if message is not None:
            take(message)


async def replied(
    socket: Socket,
    name: str,
    send: Callable[[], object],
    takes: Callable[[Message], object],
    refusal: Callable[[], str],
    timeout_s: float,
) -> bool:
    """Send, and await the message that `takes` takes; tell whether it came.

    `refusal()` says what is wrong with what came, or "".
    """
    with operation(name, "ws") as op:
        raw = socket.raw
        if raw is None or raw.ended:
            op.fail(socket.error or f"closed: {socket.close_code}")
            return False
        arrival = raw.expect(takes, timeout_s)
        send()
        came = await arrival is not None
        if not came:
            why = socket.error or f"closed: {socket.close_code}"
            op.fail("no reply in time" if socket.open else why)
            socket.cells["ws_msgs_lost"].add(1)
        elif why := refusal():
            op.fail(why)
    if came:
        socket.round_trip(op)
    return came
