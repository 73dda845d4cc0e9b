"""WebSockets as k6/websockets has them: many at once, whose events come through the user's loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastbench.script.k6.k6_calls import K6Error, in_iteration, owner
from fastbench.script.k6.modules.k6_sockets import (
    K6Opening,
    heard_pings,
    listen,
    opening_of,
    refused_too,
)

if TYPE_CHECKING:
    from fastbench.script.api.socket_replies import Message
    from fastbench.script.api.sockets import Socket
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_PARAMS = frozenset(("headers", "tags", "jar", "compression"))
_IN_ORDER = (1000, 1001)  # any other code of the server is an error in k6, an echoed one too


class K6WebSocket:
    """One socket; what happens on it goes to the script by its number.

    The user waits for it (`pending`) until it is closed, and for each event besides.
    """

    def __init__(self, user: K6User, number: int, opening: K6Opening) -> None:
        self.user = user
        self.number = number
        self.socket: Socket | None = None
        self._pings = False
        self._closing: tuple[int, str] | None = None  # asked for before it was open
        self._ended = False
        self._unwritten: deque[tuple[int, int]] = deque()  # where a message ends, its bytes
        self._unwritten_bytes = 0
        self._this_turn = False  # messages were sent since the loop last ran
        self._tasks: set[asyncio.Task[None]] = set()
        user.js.pending += 1
        self._start(self._open(opening))

    async def _open(self, opening: K6Opening) -> None:
        begun_ns = time.monotonic_ns()
        self.socket = socket = await opening.__aenter__()
        raw = socket.raw
        if raw is None:
            refused_too(socket, begun_ns)
            said = f"bad handshake: {socket.status}" if socket.status else socket.error
            self._over(0, "", said or "the socket did not open")
            return
        listen(raw, self._message, self._gone)
        extensions = socket.response.headers.get("Sec-Websocket-Extensions")
        self._tell("open", socket.subprotocol or "", [extensions] if extensions else [])
        if self._pings:
            self.hear_pings()
            for _ in range(opening.early_pings):
                self._tell("ping")
        while (early := raw.receive()).done():  # type: ignore[attr-defined]
            message = early.result()  # type: ignore[attr-defined]
            if message is None:
                break
            self._message(message)
        early.cancel()  # type: ignore[attr-defined]
        if raw.ended:
            self._gone()
        elif self._closing is not None:
            await socket.close(*self._closing)

    def hear_pings(self) -> None:
        """Tell of the server's pings from here on."""
        self._pings = True
        if self.socket is not None and self.socket.raw is not None:
            heard_pings(self.socket.raw, lambda: self._tell("ping"))

    def send(self, message: Message) -> None:
        """Send a message."""
        assert self.socket is not None
        self.socket.send(message)
        if (raw := self.socket.raw) is not None:
            size = len(message)
            if isinstance(message, str) and not message.isascii():
                size = len(message.encode())
            self._unwritten.append((raw.bytes_sent, size))
            self._unwritten_bytes += size
            if not self._this_turn:
                self._this_turn = True
                asyncio.get_running_loop().call_soon(self._next_turn)

    def unwritten_bytes(self) -> int:
        """Return how much of its messages the connection has not taken, as of this turn's start.

        What one turn of the script sends counts to the end of the turn, as in a browser.
        """
        raw = self.socket.raw if self.socket is not None else None
        if raw is not None and not self._this_turn:
            taken = raw.bytes_sent - raw.unsent
            while self._unwritten and self._unwritten[0][0] <= taken:
                self._unwritten_bytes -= self._unwritten.popleft()[1]
        return self._unwritten_bytes

    def _next_turn(self) -> None:
        self._this_turn = False
        self.unwritten_bytes()  # what was written is forgotten

    def ping(self) -> None:
        """Send a ping, and tell of its pong."""

        self._count_sent()

        async def run() -> None:
            assert self.socket is not None
            if await self.socket.ping() is not None:
                self._tell("pong")

        self._start(run())

    def close(self, code: int, reason: str) -> None:
        """Close in order, now or once it is open."""
        self._closing = code, reason
        if self.socket is not None:
            if (raw := self.socket.raw) is not None and not raw.ended:
                self._count_sent()
            self._start(self.socket.close(code, reason))

    def _count_sent(self) -> None:
        """Count a ping or a close frame among the messages that were sent, as k6 does."""
        assert self.socket is not None
        self.socket.cells["ws_msgs_sent"].add(1)

    def drop(self) -> None:
        """Leave without waiting: the iteration was cut short, or the script failed."""
        self._ended = True
        for task in self._tasks:
            task.cancel()
        if self.socket is not None:
            self.socket.leave()

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _message(self, message: Message) -> bool:
        self._tell("message", message)
        return True

    def _gone(self) -> None:
        assert self.socket is not None and self.socket.raw is not None
        code, problem = self.socket.close_code or 0, self.socket.error
        reason = self.socket.raw.close_reason
        if not problem and code not in _IN_ORDER:
            problem = f"websocket: close {code}" + (f" {reason}" if reason else "")
        self._over(code, reason, problem)

    def _over(self, code: int, reason: str, problem: str) -> None:
        if not self._ended:
            self._ended = True
            self.user.sockets.pop(self.number, None)
            self.user.happened(self.number, True, ["closed", code, reason, problem])

    def _tell(self, *event: Any) -> None:
        if not self._ended:
            self.user.js.pending += 1
            self.user.happened(self.number, True, list(event))


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("socketOpen", _open)
    realm.define("socketSend", lambda number, message: _of(number).send(message))
    realm.define("socketPing", lambda number: _of(number).ping())
    realm.define("socketPings", lambda number: _of(number).hear_pings())
    realm.define("socketClose", lambda number, code, reason: _of(number).close(code, reason))
    realm.define("socketDrop", _drop)
    realm.define("socketUnsent", _unsent)
    realm.define("utf8", lambda text: text.encode("utf-8", "replace"))
    realm.define("utf8Text", lambda raw: raw.decode("utf-8", "replace"))


def _of(number: int) -> K6WebSocket:
    found = owner().sockets.get(number)
    if found is None:
        raise K6Error("InvalidStateError")
    assert isinstance(found, K6WebSocket)
    return found


def _unsent(number: int) -> int:
    found = owner().sockets.get(number)
    return found.unwritten_bytes() if isinstance(found, K6WebSocket) else 0


def _drop(number: int) -> None:
    user = owner()
    if (found := user.sockets.pop(number, None)) is not None:
        found.drop()
        user.js.pending -= 1


def _open(number: int, url: str, protocols: Sequence[str], params: Any) -> None:
    user = in_iteration("new WebSocket()")
    given = params or {}
    if isinstance(given, Mapping) and (unknown := given.keys() - _PARAMS):
        raise K6Error(f"unknown WebSocket's option {unknown.pop()}")
    opening = opening_of(user, url, given, protocols)
    user.sockets[number] = K6WebSocket(user, number, opening)
