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

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from fastbench.foundation import redact
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import socket_errors
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.api.socket_timers import Timer, positive
from fastbench.script.recording_context import MAX_INSIDE

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response, WebSocket

Message = str | bytes
Warn = Callable[[str, str, str, str], None]
Watch = Callable[[str, str, int, Message], None]
Match = Callable[[Message], object] | Mapping[str, object]

CLOSE_TIMEOUT_S = 5.0  # for the closing handshake
REQUEST_TIMEOUT_S = 10.0
MAX_CONTROL_BYTES = 125  # RFC 6455 section 5.5


class _Ready:
    """There is room to send: who awaits it need not wait."""

    def __await__(self) -> Any:
        return iter(())


_READY = _Ready()


class Socket:
    """An open WebSocket, or one that was refused. Times are in seconds.

    `status`: 101, or that of the refusal, 0 without a response; `response`: the answer to the
    handshake, with its body; `close_code`: the server's, 1005 if it gave none, 1006 without a close
    frame, None while the socket is open; `error`: why it did not open or broke, else "".
    """

    __slots__ = (
        *("_closed", "_pings", "_problem", "_raw", "_timers", "_warn", "cells", "failure", "name"),
        *("response", "subprotocol"),
    )

    watch: Watch | None = None  # called with name, "<" or ">", opcode and payload, for --debug

    def __init__(
        self,
        name: str,
        response: Response,
        raw: WebSocket | None,
        cells: dict[Any, Any],
        subprotocol: str | None,
        warn: Warn,
    ) -> None:
        """`warn(code, why, text, hint)` tells the user, once for each `why`."""
        self.name = name
        self.response = response
        self.subprotocol = subprotocol  # that the server chose
        self.cells = cells
        self.failure: BaseException | None = None
        self._raw = raw
        self._warn = warn
        self._problem = socket_errors.NONE
        self._timers: set[Timer] | None = None
        self._pings = 0
        self._closed = False  # by the script
        if raw is not None:
            raw.on_end = self._ended
            if Socket.watch is not None:
                raw.watch = partial(Socket.watch, name)

    @property
    def status(self) -> int:
        """The status of the handshake: 101, or that of the refusal; 0 without a response."""
        return self.response.status

    @property
    def open(self) -> bool:
        """Tell whether messages can be sent and received."""
        return self._raw is not None and not self._raw.ended

    @property
    def close_code(self) -> int | None:
        """The close code of RFC 6455 section 7.4, None while the socket is open."""
        return 1006 if self._raw is None else self._raw.close_code

    @property
    def close_reason(self) -> str:
        """The text of the server's close frame."""
        return "" if self._raw is None else printable(self._raw.close_reason)

    @property
    def error(self) -> str:
        """Why it did not open, or broke; "" if it is open or was closed in order."""
        return self._problem.cause

    @property
    def sent(self) -> int:
        """How many messages were sent."""
        return 0 if self._raw is None else self._raw.sent

    @property
    def received(self) -> int:
        """How many messages came, read or not yet read."""
        return 0 if self._raw is None else self._raw.received

    @property
    def raw(self) -> WebSocket | None:
        """The connection itself, for helpers of protocols; None without one."""
        return self._raw

    def send(self, message: Message | Mapping[str, Any] | list[Any]) -> Awaitable[None]:
        """Send a text (str), bytes, or a dict or list as JSON.

        It is sent at once; `await` it to wait while more than 1 MiB is unsent. On a socket that is
        not open it counts in ws_errors, unless the script itself has closed it.
        """
        if not isinstance(message, str | bytes):
            message = orjson.dumps(message).decode()
        sent = self._raw.send(message) if self._raw is not None else None
        if sent is None:
            if not self._closed:
                self.cells["ws_errors"].add(1)
            return _READY
        return sent

    def receive(self, timeout: float | None = None) -> Awaitable[Message | None]:
        """Await the next message, str or bytes; None if the socket ends or time runs out."""
        if self._raw is None:
            return _nothing()
        return self._raw.receive(_limit(timeout))

    def __aiter__(self) -> Any:
        return self._raw if self._raw is not None else _no_messages()

    async def request(
        self,
        message: Message | Mapping[str, Any] | list[Any],
        match: Match | None = None,
        *,
        name: str | None = None,
        timeout: float | None = REQUEST_TIMEOUT_S,
    ) -> Message | None:
        """Send a message and return its reply: the round trip is an operation, and ws_msg_rtt.

        The reply is the next message, or the next that `match` takes: a function of the message, or
        a dict of what its JSON holds. Without a reply in time the operation fails, ws_msgs_lost
        counts it, and None is returned.
        """
        takes = _matching(match)
        with operation(name or self.name, "ws") as op:
            raw = self._raw
            if raw is None or raw.ended:
                op.fail(self._why())
                return None
            arrival = raw.expect(takes, _limit(timeout))
            self.send(message)
            reply = await arrival
            if reply is None:
                op.fail("no reply in time" if self.open else self._why())
                self.cells["ws_msgs_lost"].add(1)
        if reply is not None:
            self.round_trip(op)
        return reply

    def round_trip(self, op: operation) -> None:
        """Count an operation that has ended in ws_msg_rtt, by its name."""
        if op.duration_ns is None:
            return
        cell = self.cells.get(("ws_msg_rtt", op.name))
        if cell is None:
            own = {**dict(self.cells["own"]), "name": op.name}
            cell = measured("ws_msg_rtt", tuple(sorted(own.items())))
            if len(self.cells) < MAX_INSIDE:
                self.cells["ws_msg_rtt", op.name] = cell
        cell.add(op.duration_ns)

    async def ping(self, timeout: float | None = REQUEST_TIMEOUT_S) -> float | None:
        """Send a ping; return how long its pong took, in ms and ws_ping, or None without one."""
        if self._raw is None:
            return None
        self._pings += 1
        begun_ns = time.monotonic_ns()
        pong_ns = await self._raw.ping(str(self._pings).encode(), _limit(timeout))
        if pong_ns is None:
            return None
        self.cells["ws_ping"].add(pong_ns - begun_ns)
        return (pong_ns - begun_ns) / 1e6

    async def keep_alive(self, timeout: float) -> None:
        """Ping, and give the socket up if nothing at all comes within `timeout`."""
        begun_ns = time.monotonic_ns()
        raw = self._raw
        if await self.ping(timeout) is None and raw is not None and raw.heard_ns < begun_ns:
            raw.abandon(f"no pong within {timeout:g} s")

    def every(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call `call()` every so many seconds until the socket ends; a coroutine is awaited.

        A call that is due while the last one is still awaited is left out.
        """
        return self._timer(seconds, call, True)

    def after(self, seconds: float, call: Callable[[], Any]) -> Timer:
        """Call `call()` once, so many seconds from now, unless the socket has ended before."""
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
        """Close in order (RFC 6455 section 7.1.2); waits 5 s at most for the server's answer."""
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
        """End without waiting: the run halted the iteration, or the script gave it up."""
        self._stop()
        raw = self._raw
        if raw is not None and not raw.ended:
            raw.close(1000)
            raw.on_end = None
            self._record(raw)
            raw.abandon("")

    def fail(self, error: BaseException) -> None:
        """End with an exception of the script's, which ends its iteration."""
        if self.failure is None:
            self.failure = error
        if self._raw is not None:
            self._raw.abandon("the script failed")

    def _why(self) -> str:
        return self.error or f"closed: {self.close_code}"

    def _stop(self) -> None:
        for timer in list(self._timers or ()):
            timer.cancel()

    def _ended(self, raw: WebSocket) -> None:
        self._stop()
        if raw.failure is not None and self.failure is None:
            self.failure = raw.failure
        if raw.rule:
            self.broke(socket_errors.broken(raw.rule))
        elif raw.error and self.failure is None:
            self.broke(socket_errors.lost(raw.error))
        self._record(raw)

    def broke(self, problem: socket_errors.Problem, expected: bool = False) -> None:
        """Note and count why it did not open, or broke; what the script expected counts nowhere."""
        self._problem = problem
        if expected:
            return
        self.cells["ws_errors"].add(1)
        said = f"WebSocket {redact.url(self.name)}: {problem.cause}"
        self._warn("websocket", problem.cause, said, problem.remedy)

    def _record(self, raw: WebSocket) -> None:
        self.cells["ws_session_duration"].add(time.monotonic_ns() - raw.opened_ns)

    def __repr__(self) -> str:
        return f"<Socket {self.name}, {'open' if self.open else self._why()}>"


async def _nothing() -> None:
    return None


async def _no_messages() -> Any:
    return
    yield


def _limit(timeout: float | None) -> float:
    """Return a timeout as the connection takes it: 0 is none."""
    if timeout is None or timeout == math.inf:
        return 0.0
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or math.isnan(timeout):
        raise UsageError(f"timeout is a number of seconds, not {timeout!r}.")
    return max(float(timeout), 1e-6)


def _matching(match: Match | None) -> Callable[[Message], object] | None:
    if match is None or callable(match):
        return match
    if not isinstance(match, Mapping):
        raise UsageError(f"match= is a function or a dict, not {type(match).__name__}.")
    wanted = dict(match)

    def takes(message: Message) -> bool:
        try:
            found = orjson.loads(message)
        except ValueError:
            return False
        return isinstance(found, dict) and all(
            key in found and found[key] == value for key, value in wanted.items()
        )

    return takes
