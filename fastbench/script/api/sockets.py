"""WebSockets of scripts: `async with vu.ws("wss://host/chat") as socket:` (RFC 6455).

1. The handshake is an operation of kind ws, `connect NAME`; each `request` is one, `NAME`. Both are
   rows of the table of operations. Messages, sessions, pings and errors count in metrics of k6's
   names (ws_msgs_sent, ws_sessions, …) and ours (ws_msg_rtt, ws_msgs_lost, ws_errors).
2. What the network or the server does never raises: a handshake that was refused has a `status` and
   a `response`, a socket that has ended a `close_code` and an `error`, and nothing more comes. The
   first socket of each error is a warning of the run, with a remedy.
3. An exception in what the script gave (`match`, `every`, `after`) ends the iteration.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api.operations import operation
from fastbench.script.api.socket_replies import (
    READY,
    Match,
    Message,
    limit_s,
    matching,
    no_messages,
    nothing,
)
from fastbench.script.api.socket_state import SocketState
from fastbench.script.api.socket_timers import Timer, positive

if TYPE_CHECKING:
    pass


CLOSE_TIMEOUT_S = 5.0  # for the closing handshake
REQUEST_TIMEOUT_S = 10.0
MAX_CONTROL_BYTES = 125  # RFC 6455 section 5.5


class Socket(SocketState):
    """An open WebSocket, or one that was refused: what `async with vu.ws(url) as socket:` gives.

    What the network or the server does raises nothing: iteration ends, `receive` and `request`
    give None, and `error` and `close_code` say why. `async for message in socket:` gives each
    message that comes, str or bytes, until the socket ends.

    Attributes:
        name: Name of its rows in reports.
        response: The answer to the handshake, a `Response`; of a refusal with its body.
        subprotocol: The subprotocol that the server chose, or None.

    Example::

        async with vu.ws("/ws/echo") as socket:
            await socket.send({"type": "join", "room": "lobby"})
            async for message in socket:
                check(message, {"is text": lambda m: isinstance(m, str)})
                break
    """

    __slots__ = ()

    def send(self, message: Message | Mapping[str, Any] | list[Any]) -> Awaitable[None]:
        """Send a message at once. On a socket that is not open it counts in the metric ws_errors.

        Args:
            message: A text, bytes, or a dict or list, which goes as JSON.

        Returns:
            What may be awaited, which waits while more than 1 MiB is unsent.

        Example::

            async with vu.ws("/ws/echo") as socket:
                await socket.send({"type": "ping"})
        """
        if not isinstance(message, str | bytes):
            message = orjson.dumps(message).decode()
        sent = self._raw.send(message) if self._raw is not None else None
        if sent is None:
            if not self._closed:
                self.cells["ws_errors"].add(1)
            return READY
        return sent

    def receive(self, timeout: float | None = None) -> Awaitable[Message | None]:
        """Wait for the next message.

        Args:
            timeout: For how long, s; None waits until the socket ends.

        Returns:
            The message, str or bytes; None if the socket ends or time runs out.

        Raises:
            UsageError: The timeout is no number.

        Example::

            async with vu.ws("/ws/echo") as socket:
                await socket.send("hello")
                check(await socket.receive(5), {"came back": lambda m: m == "hello"})
        """
        if self._raw is None:
            return nothing()
        return self._raw.receive(limit_s(timeout))

    def __aiter__(self) -> AsyncIterator[Message]:
        return self._raw if self._raw is not None else no_messages()

    async def request(
        self,
        message: Message | Mapping[str, Any] | list[Any],
        match: Match | None = None,
        *,
        name: str | None = None,
        timeout: float | None = REQUEST_TIMEOUT_S,
    ) -> Message | None:
        """Send a message and wait for its reply: an operation of kind ws, a sample of ws_msg_rtt.

        Without a reply in time the operation fails, and the message counts in ws_msgs_lost.

        Args:
            message: A text, bytes, or a dict or list, which goes as JSON.
            match: Which message is the reply: a function of the message, or a dict of what its JSON
                holds; default: the next one that comes.
            name: Name of the operation; default: that of the socket.
            timeout: For how long to wait, s; None waits until the socket ends.

        Returns:
            The reply, str or bytes; None without one.

        Raises:
            UsageError: `match` is neither function nor dict, or the timeout no number.

        Example::

            async with vu.ws("/ws/echo") as socket:
                question = {"id": 7, "text": "hello"}
                reply = await socket.request(question, match={"id": 7}, timeout=5)
                check(reply, {"answered": reply is not None})
        """
        takes = matching(match)
        with operation(name or self.name, "ws") as op:
            raw = self._raw
            if raw is None or raw.ended:
                op.fail(self._why())
                return None
            arrival = raw.expect(takes, limit_s(timeout))
            self.send(message)
            reply = await arrival
            if reply is None:
                op.fail("no reply in time" if self.open else self._why())
                self.cells["ws_msgs_lost"].add(1)
        if reply is not None:
            self.round_trip(op)
        return reply

    async def ping(self, timeout: float | None = REQUEST_TIMEOUT_S) -> float | None:
        """Send a ping, and wait for its pong; the time also counts in the metric ws_ping.

        Args:
            timeout: For how long to wait, s; None waits until the socket ends.

        Returns:
            How long the pong took, ms; None without one.

        Example::

            async with vu.ws("/ws/echo") as socket:
                took_ms = await socket.ping(timeout=5)
                check(took_ms, {"pong": took_ms is not None})
        """
        if self._raw is None:
            return None
        self._pings += 1
        begun_ns = time.monotonic_ns()
        pong_ns = await self._raw.ping(str(self._pings).encode(), limit_s(timeout))
        if pong_ns is None:
            return None
        self.cells["ws_ping"].add(pong_ns - begun_ns)
        return (pong_ns - begun_ns) / 1e6

    async def keep_alive(self, timeout: float) -> None:
        """Ping, and give the socket up if nothing at all comes within `timeout` (s).

        :meta private:
        """
        begun_ns = time.monotonic_ns()
        raw = self._raw
        if await self.ping(timeout) is None and raw is not None and raw.heard_ns < begun_ns:
            raw.abandon(f"no pong within {timeout:g} s")

    def every(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call a function again and again until the socket ends.

        A call that is due while the last one is still awaited is left out.

        Args:
            seconds: Time between two calls, s.
            call: The function; what it returns is awaited if it is a coroutine. An exception in it
                ends the iteration.

        Returns:
            The `Timer`, whose `cancel()` ends it.

        Raises:
            UsageError: `seconds` is not above 0, or `call` no function.

        Example::

            async with vu.ws("/ws/echo") as socket:
                socket.every(0.05, lambda: socket.send("still here"))
                await socket.receive(5)
        """
        return self._timer(seconds, call, True)

    def after(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call a function once, unless the socket has ended before.

        Args:
            seconds: When, s from now.
            call: The function; what it returns is awaited if it is a coroutine. An exception in it
                ends the iteration.

        Returns:
            The `Timer`, whose `cancel()` ends it.

        Raises:
            UsageError: `seconds` is not above 0, or `call` no function.

        Example::

            async with vu.ws("/ws/echo") as socket:
                socket.after(0.1, socket.close)
                async for message in socket:
                    pass
        """
        return self._timer(seconds, call, False)

    def _timer(self, seconds: float, call: Callable[[], Any], repeats: bool) -> Timer:
        if not callable(call):
            raise UsageError(f"every() and after() call a function, not {type(call).__name__}.")
        if self._timers is None:
            self._timers = set()
        timer = Timer(self, positive("seconds", seconds), call, repeats, self._timers)
        if self.open:
            timer.start()
        return timer

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order (RFC 6455 section 7.1.2), and wait up to 5 s for the server's answer.

        Args:
            code: 1000, or one of 3000 to 4999.
            reason: A text for the server, of at most 123 bytes.

        Raises:
            UsageError: The code is none of these.

        Example::

            async with vu.ws("/ws/echo") as socket:
                await socket.close(4000, "enough")
                check(socket, {"closed": lambda s: not s.open})
        """
        text = reason.encode()[: MAX_CONTROL_BYTES - 2]
        if not (code == 1000 or 3000 <= code <= 4999):  # as browsers have it
            raise UsageError(f"The close code is 1000 or from 3000 to 4999, not {code}.")
        self._closed = True
        self._stop()
        raw = self._raw
        if raw is None or raw.ended:
            return
        await raw.close(code, text, CLOSE_TIMEOUT_S)
        if not raw.ended:
            raw.abandon("the server did not answer the close frame")

    def leave(self) -> None:
        """End without waiting: the run halted the iteration, or the script gave it up.

        :meta private:
        """
        self._stop()
        raw = self._raw
        if raw is not None and not raw.ended:
            raw.close(1000)
            raw.on_end = None
            self._record(raw)
            raw.abandon("")
