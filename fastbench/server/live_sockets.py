"""What the embedded server's WebSockets share: opened, counted, closed in order (RFC 6455).

1. A request that asks for no WebSocket is answered with 426, one that asks wrongly with 400.
2. What is put into a socket leaves in order, by a task of its own: who does not read holds up
   nobody else. More than OUTBOX_BYTES_MAX unsent, and the socket is closed with 1013.
3. A message that breaks the rules of a route ends its socket: 1003 for the wrong kind, 1008 with a
   sentence for any other. When the server ends, each socket is closed with 1001.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from aiohttp import WebSocketError, WSCloseCode, WSMsgType, web

from fastbench.server.routes import Totals, refused

MESSAGE_BYTES_MAX = 1 << 20
OUTBOX_BYTES_MAX = 8 << 20
MESSAGE_COST_BYTES = 64  # of an unsent one beside its text
REASON_BYTES_MAX = 123  # of a close frame: RFC 6455 5.5.1
NO_CODE = 1005  # RFC 6455 7.1.5; aiohttp says 0
CLOSE_S = 2.0  # until a client has answered a close frame


class WrongMessage(Exception):
    """A message that ends its socket; `code` is the close code, the text its reason."""

    def __init__(self, why: str, code: int = WSCloseCode.POLICY_VIOLATION) -> None:
        super().__init__(why)
        self.code = code


class LiveSocket:
    """An open WebSocket of the server's; iterate over it for the messages that come."""

    def __init__(self, request: web.Request, response: web.WebSocketResponse, totals: Totals):
        self.response = response
        self._transport = request.transport
        self._totals = totals
        self._unsent: deque[str | bytes] = deque()
        self._unsent_bytes = 0
        self._more = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._drainer: asyncio.Task[None] | None = None
        self._closer: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False  # nothing more is put into it
        self._code: int | None = None  # what we closed it with

    @property
    def close_code(self) -> int | None:
        """The code of who closed it first; 1005 without one, 1006 where nobody did."""
        found = self.response.close_code
        return self._code or (NO_CODE if found == 0 else found)

    async def receive(self, timeout_s: float | None = None) -> str | bytes | None:
        """Give the next message, None once the socket ends; raises TimeoutError."""
        message = await self.response.receive(timeout_s)
        if message.type == WSMsgType.ERROR and isinstance(message.data, WebSocketError):
            self._code = message.data.code
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            return None  # closed by either side, or broken: aiohttp has answered it
        self._totals["ws_msgs_received"] += 1
        found: str | bytes = message.data
        return found

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while (message := await self.receive()) is not None:
            yield message

    async def send(self, message: str | bytes) -> None:
        """Send a message, and wait until there is room for more."""
        if isinstance(message, str):
            await self.response.send_str(message)
        else:
            await self.response.send_bytes(message)
        self._totals["ws_msgs_sent"] += 1

    def put(self, *messages: str | bytes) -> None:
        """Have messages sent, in order, and wait for nobody."""
        if self._stopped:
            return
        if self._drainer is None:
            self._drainer = self.start(self._drain)
        self._drained.clear()
        self._unsent.extend(messages)
        self._unsent_bytes += sum(len(each) + MESSAGE_COST_BYTES for each in messages)
        self._more.set()
        if self._unsent_bytes > OUTBOX_BYTES_MAX:
            self._stopped = True
            self._unsent.clear()
            why = "messages are not read fast enough"
            self._closer = self.start(self.close, WSCloseCode.TRY_AGAIN_LATER, why)

    def start(self, work: Callable[..., Awaitable[None]], *args: Any) -> asyncio.Task[None]:
        """Run a coroutine function beside the socket; it ends with the socket."""
        task = asyncio.create_task(_until_gone(work, *args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _drain(self) -> None:
        try:
            while True:
                while self._unsent:
                    message = self._unsent.popleft()
                    self._unsent_bytes -= len(message) + MESSAGE_COST_BYTES
                    await self.send(message)
                self._drained.set()
                self._more.clear()
                await self._more.wait()
        finally:
            self._stopped = True
            self._drained.set()

    async def close(self, code: int = WSCloseCode.OK, why: str = "") -> None:
        """Close in order; who does not answer in time is cut off."""
        if self.response.closed:
            return
        self._code = self._code or code
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_S):
                if not self._stopped:
                    await self._drained.wait()
                await self.response.close(code=code, message=why.encode()[:REASON_BYTES_MAX])
                return
        if self._transport is not None:
            self._transport.abort()

    async def end(self, code: int, why: str) -> None:
        """Close, and end what runs beside the socket."""
        await self.close(code, why)
        if self._closer is not None:
            await self._closer
        for task in list(self._tasks):
            task.cancel()


async def _until_gone(work: Callable[..., Awaitable[None]], *args: Any) -> None:
    with contextlib.suppress(ConnectionError):
        await work(*args)


class Sockets:
    """The open WebSockets of an application, and how they are opened and ended."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._open: set[LiveSocket] = set()

    @contextlib.asynccontextmanager
    async def accepted(self, request: web.Request) -> AsyncIterator[LiveSocket]:
        """Open the WebSocket that a request asks for, and close it when the block ends.

        A WrongMessage that the block raises closes it, too. Refuses the request before anything of
        the block runs; the block's handler returns the socket's `response`.
        """
        socket = await self._opened(request)
        code: int = WSCloseCode.OK
        why = ""
        try:
            yield socket
        except WrongMessage as wrong:
            code, why = wrong.code, str(wrong)
        except ConnectionError:
            pass  # the client is gone
        except asyncio.CancelledError:
            code, why = WSCloseCode.GOING_AWAY, "the server ends"
            raise
        finally:
            self._open.discard(socket)
            with contextlib.suppress(ConnectionError):
                await socket.end(code, why)
            self._totals[f"ws_closed_{socket.close_code}"] += 1

    async def _opened(self, request: web.Request) -> LiveSocket:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise refused(
                web.HTTPUpgradeRequired, "this route is a WebSocket", {"Upgrade": "websocket"}
            )
        response = web.WebSocketResponse(timeout=CLOSE_S, max_msg_size=MESSAGE_BYTES_MAX)
        try:
            await response.prepare(request)
        except web.HTTPBadRequest as wrong:
            raise refused(
                web.HTTPBadRequest, f"no handshake of a WebSocket: {wrong.text}"
            ) from None
        self._totals["ws_sessions"] += 1
        socket = LiveSocket(request, response, self._totals)
        self._open.add(socket)
        return socket

    async def close_all(self, app: web.Application) -> None:
        """Close every socket: the server ends."""
        going = (each.close(WSCloseCode.GOING_AWAY, "the server ends") for each in self._open)
        await asyncio.gather(*going, return_exceptions=True)


def text(message: str | bytes) -> str:
    """Give a message that has to be text; any other ends the socket with 1003."""
    if isinstance(message, bytes):
        raise WrongMessage("a text message is needed", WSCloseCode.UNSUPPORTED_DATA)
    return message


def parsed(message: str) -> Any:
    """Parse JSON; what is none ends the socket with 1008."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError):
        raise WrongMessage("the message must be JSON") from None


def rendered(found: object) -> str:
    """Render JSON, short."""
    return json.dumps(found, separators=(",", ":"))
