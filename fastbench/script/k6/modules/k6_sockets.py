"""WebSockets as k6/ws has them, over those of all scripts: one that waits for its events."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fastbench.script.api.handshakes import Opening
from fastbench.script.api.sockets import CLOSE_TIMEOUT_S
from fastbench.script.k6.http import k6_urls
from fastbench.script.k6.http.k6_params import texts_in
from fastbench.script.k6.http.k6_requests import K6Response, unsent
from fastbench.script.k6.k6_calls import K6Error, in_iteration, owner

if TYPE_CHECKING:
    from fastbench.engine.client._client import Ready, WebSocket
    from fastbench.script.api.socket_replies import Message
    from fastbench.script.api.sockets import Socket
    from fastbench.script.http.cookies import Cookies
    from fastbench.script.k6.k6_realm import K6Realm
    from fastbench.script.k6.k6_user import K6User

_SCHEMES = ("ws", "wss")
_NO_HOST = "lookup: no such host"
_PING = 9  # RFC 6455 section 5.2


class K6Socket:
    """One socket, and what happened on it that the script has not yet heard of."""

    def __init__(self, socket: Socket, opening: K6Opening) -> None:
        self.socket = socket
        self._opening = opening
        self.events: deque[list[Any]] = deque()
        self.ended = not socket.open
        self._waiter: asyncio.Future[None] | None = None
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        raw = socket.raw
        if raw is not None:
            self._take_early(raw)
            listen(raw, self._message, self._gone)

    def tell(self, *event: Any) -> None:
        """Add an event: its name and values."""
        self.events.append(list(event))
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def next(self) -> list[Any] | None:
        """Wait for the next event; None when there will be no more."""
        while not self.events:
            if self.ended:
                return None
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
            self._waiter = None
        return self.events.popleft()

    def timer(self, ms: float, repeats: bool) -> int:
        """Tell of a time that is over, once or again and again."""
        loop, number = asyncio.get_running_loop(), len(self._timers)

        def over() -> None:
            if not self.ended:
                self.tell("timer", number)
                if repeats:
                    self._timers[number] = loop.call_later(ms / 1e3, over)

        self._timers[number] = loop.call_later(ms / 1e3, over)
        return number

    def hear_pings(self) -> None:
        """Tell of the server's pings from here on."""
        if self.socket.raw is not None:
            heard_pings(self.socket.raw, lambda: self.tell("ping"))
            for _ in range(self._opening.early_pings):
                self.tell("ping")

    def ping(self) -> None:
        """Send a ping, and tell of its pong."""

        async def run() -> None:
            if await self.socket.ping() is not None:
                self.tell("pong")

        self._start(run())

    def close(self, code: int) -> None:
        """Close in order; the script hears of it at once, as in k6."""
        if self.ended:
            return
        self.tell("close", code)
        self.end()
        self._start(self._close(code & 0xFFFF))

    async def _close(self, code: int) -> None:
        """Send any code, as k6 does; 1005 and 1006 never stand in a frame (RFC 6455 7.4.1)."""
        raw = self.socket.raw
        if raw is None or code in (1000, 1005, 1006) or 3000 <= code <= 4999:
            await self.socket.close(1000 if code in (1005, 1006) else code)
        elif not raw.ended:
            await raw.close(code, b"", CLOSE_TIMEOUT_S)
            if not raw.ended:
                raw.abandon("the server did not answer the close frame")

    def end(self) -> None:
        """Let nothing more happen."""
        self.ended = True
        for timer in self._timers.values():
            timer.cancel()
        self.tell_waiter()

    def tell_waiter(self) -> None:
        """Let who waits look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def leave(self) -> None:
        """Wait for what was begun, and leave the socket."""
        self.end()
        for task in list(self._tasks):
            await task
        self.socket.leave()

    def drop(self) -> None:
        """Leave without waiting: the iteration was cut short."""
        self.end()
        for task in self._tasks:
            task.cancel()
        self.socket.leave()

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take_early(self, raw: WebSocket) -> None:
        """Take what came together with the handshake."""
        while (early := raw.receive()).done():  # type: ignore[attr-defined]
            self._message(early.result())  # type: ignore[attr-defined]
        early.cancel()  # type: ignore[attr-defined]

    def _message(self, message: Message) -> bool:
        if not self.ended:
            self.tell("message" if isinstance(message, str) else "binaryMessage", message)
        return True

    def _gone(self) -> None:
        if self.ended:
            return
        if self.socket.error:
            self.tell("error", self.socket.error)
        self.tell("close", self.socket.close_code or 1006)
        self.end()


def install(realm: K6Realm) -> None:
    """Add the operations."""
    realm.define("throws", lambda: realm.throws)
    realm.define("wsOpen", _open)
    realm.define("wsNext", lambda number: _socket(number).next())
    realm.define("wsSend", _send)
    realm.define("wsHearPings", lambda number: _socket(number).hear_pings())
    realm.define("wsPing", lambda number: _socket(number).ping())
    realm.define("wsTimer", lambda number, ms, repeats: _socket(number).timer(ms, repeats))
    realm.define("wsClose", lambda number, code: _socket(number).close(int(code)))
    realm.define("wsLeave", _leave)


def _socket(number: int) -> K6Socket:
    found: K6Socket = owner().sockets[number]
    return found


class K6Opening(Opening):
    """A socket to be opened that counts the pings that come together with the handshake."""

    __slots__ = ("early_pings",)

    early_pings: int

    def _start(self, socket: Socket, raw: WebSocket, *more: Any) -> None:
        self.early_pings, before = 0, raw.watch

        def one() -> None:
            self.early_pings += 1

        heard_pings(raw, one)
        super()._start(socket, raw, *more)
        raw.watch = before


def opening_of(user: K6User, url: str, given: Any, protocols: Sequence[str] = ()) -> K6Opening:
    """Return a socket to be opened with the parameters of a script; raises K6Error, UsageError."""
    assert user.vu is not None
    if not isinstance(given, Mapping):
        raise K6Error(f"the parameters of a WebSocket are an object, not {given!r}")
    compression = str(given.get("compression") or "").strip()
    if compression not in ("", "deflate"):
        raise K6Error(
            f"unsupported compression algorithm '{compression}', supported algorithm is 'deflate'"
        )
    tags = texts_in(given, "tags")
    headers = texts_in(given, "headers")
    jar = given.get("jar")
    client: Any = user.vu
    if isinstance(jar, Mapping) and jar.get("number"):
        client = _OtherJar(user.vu, user.realm.jars.of(user, int(jar["number"])))
    return K6Opening(
        client,
        url,
        headers,
        protocols,
        tags.get("name", url),
        tags=tags or None,
        compression=bool(compression),
    )


class _OtherJar:
    """A user whose handshake takes its cookies from another jar."""

    def __init__(self, vu: Any, jar: Cookies) -> None:
        self.maker, self.session, self._jar = vu.maker, vu.session, jar

    def jar(self, found: Ready) -> str:
        """Return the cookies that go along."""
        source = found.keep
        if not self._jar.stored:
            return ""
        return self._jar.header(source.site.url.cookie_host, source.path, source.site.secure)


def heard_pings(raw: WebSocket, tell: Callable[[], None]) -> None:
    """Call `tell` for each ping of the server; it was answered, as in k6."""
    before = raw.watch

    def watch(way: str, opcode: int, payload: Any) -> None:
        if before is not None:
            before(way, opcode, payload)
        if opcode == _PING and way == "<":
            tell()

    raw.watch = watch


def listen(raw: Any, message: Callable[[Any], object], gone: Callable[[], object]) -> None:
    """Let `message` take what a connection receives, and `gone` hear of its end, after others."""
    ended, raw.hook = raw.on_end, message

    def end(of: Any) -> None:
        if ended is not None:
            ended(of)
        gone()

    raw.on_end = end


def refused_too(socket: Socket, begun_ns: int) -> None:
    """Count a handshake that was refused: k6 counts every one as a session."""
    socket.cells["ws_sessions"].add(1)
    socket.cells["ws_connecting"].add(time.monotonic_ns() - begun_ns)


def _unusable(url: str) -> str:
    """Say why k6 cannot connect to this URL; "" if it can."""
    if found := k6_urls.unread(url):
        return found.text.removeprefix("invalid URL: ")
    scheme, colon, rest = url.partition(":")
    if not colon or scheme.lower() not in _SCHEMES:
        return "malformed ws or wss URL"
    found = k6_urls.fault(f"http:{rest}")
    if found is None:
        return ""
    return _NO_HOST if "no Host" in found.text else found.text


async def _open(url: str, params: Any) -> list[Any]:
    """Open a socket; return its number, why it did not open, and the response."""
    user = in_iteration("ws.connect()")
    if why := _unusable(url):  # no exception, but for options.throw, as in k6
        return [0, "", unsent(user, k6_urls.Fault(0, why), why), False]
    opening, begun_ns = opening_of(user, url, params or {}), time.monotonic_ns()
    socket = await opening.__aenter__()
    if socket.raw is None:
        refused_too(socket, begun_ns)
    number = min((0, *user.sockets)) - 1  # those of k6/websockets are above 0
    user.sockets[number] = K6Socket(socket, opening)
    shown = K6Response(socket.response, "text")
    error = "" if socket.open or socket.status else socket.error or "the socket did not open"
    return [number, error, shown, socket.open]


def _send(number: int, message: Message) -> Any:
    return _socket(number).socket.send(message)


async def _leave(number: int) -> None:
    found = owner().sockets.pop(number, None)
    if found is not None:
        await found.leave()
