"""The handshake of a WebSocket: `async with vu.ws(url) as socket:` (RFC 6455 section 4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fastbench.engine.client import _client
from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import socket_errors
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation, route_of
from fastbench.script.api.socket_timers import positive
from fastbench.script.api.sockets import Socket
from fastbench.script.http.headers import Headers
from fastbench.script.http.request_arguments import asked
from fastbench.script.recording_context import PLACE, RecordingContext, own_tags

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response, WebSocket
    from fastbench.script.http.client import Client

MAX_MESSAGE_BYTES = 16 << 20
_SCHEMES = {"ws": "http", "wss": "https"}
_DEFLATE = "permessage-deflate"
# What a server may say of it without having been asked (RFC 7692 section 7.1).
_AGREEABLE = {_DEFLATE, "server_no_context_takeover", "client_no_context_takeover"}
METRICS = (
    *("ws_connecting", "ws_errors", "ws_msg_rtt", "ws_msgs_lost", "ws_msgs_received"),
    *("ws_msgs_sent", "ws_ping", "ws_session_duration", "ws_sessions"),
)


class Opening:
    """A WebSocket to be opened, as `vu.ws(url)` returns it; `async with` gives its `Socket`.

    Example::

        async with vu.ws("/ws/echo") as socket:
            check(socket, {"open": lambda s: s.status == 101})
    """

    __slots__ = ("_name", "_options", "_pings", "_protocols", "_rules", "_socket", "_tags", "_vu")

    def __init__(
        self,
        vu: Client,
        url: str,
        headers: Any = None,
        subprotocols: Iterable[str] = (),
        name: str | None = None,
        *,
        compression: bool = False,
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        ping_interval: float | None = None,
        ping_timeout: float | None = None,
        tags: Mapping[str, object] | None = None,
        **more: Any,
    ) -> None:
        """See `Vu.ws`. Raises UsageError for what cannot be sent."""
        if isinstance(subprotocols, str):
            subprotocols = (subprotocols,)
        self._vu = vu
        self._protocols = tuple(subprotocols)
        self._rules = (compression, positive("max_message_bytes", max_message_bytes))
        self._pings = _pings(ping_interval, ping_timeout)
        self._tags = tags
        options = asked("GET", _http(url), headers, name, {"tags": tags, **more})
        fields = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
        fields.append(("Sec-WebSocket-Version", "13"))
        if self._protocols:
            fields.append(("Sec-WebSocket-Protocol", ", ".join(self._protocols)))
        if compression:
            fields.append(("Sec-WebSocket-Extensions", _DEFLATE))
        self._options = options._replace(headers=(*options.headers, *fields))
        self._name = name
        self._socket: Socket | None = None

    async def __aenter__(self) -> Socket:
        vu, place = self._vu, PLACE.get()
        key = _client.handshake_key()
        ready, name = vu.maker.upgrade(place, self._options)
        cells = _cells(place, name, self._tags)
        with operation(f"connect {name}", "ws", self._tags) as op:
            exchange = vu.session.upgrade(ready, key, vu.jar(ready))
            try:
                response = await exchange
            except BaseException:
                if exchange.socket is not None:
                    exchange.socket.abandon("")
                raise
            fields = Headers(response.raw_head)  # those of the response would be kept with it
            problem = self._problem(response, fields, key)
            wanted = self._options.expected
            covered = wanted is not None and wanted.covers(response.status)
            expected = covered and response.status not in (0, 101)
            if problem.cause and not expected:
                op.fail(problem.cause)
            elif wanted is not None and not covered:
                op.fail("the handshake was accepted")
        raw = exchange.socket
        if raw is not None and problem.cause:
            raw.abandon(problem.cause)
            raw = None
        protocol = fields.get("sec-websocket-protocol")
        self._socket = socket = Socket(name, response, raw, cells, protocol, vu.maker.warn_once)
        if raw is None:
            socket.broke(problem, expected)
        else:
            cells["ws_sessions"].add(1)
            cells["ws_connecting"].add(op.duration_ns)
            self._start(socket, raw, place, _parameters(fields))
        return socket

    def _start(
        self, socket: Socket, raw: WebSocket, place: RecordingContext, agreed: set[str]
    ) -> None:
        route = route_of(place, f"connect {socket.name}", "ws", self._tags)
        raw.record(socket.cells["ws_msgs_sent"], socket.cells["ws_msgs_received"], route.sinks)
        raw.start(
            self._rules[1],
            deflate=bool(agreed),
            inflate_anew="server_no_context_takeover" in agreed,
            deflate_anew="client_no_context_takeover" in agreed,
        )
        if self._pings is not None:
            interval_s, timeout_s = self._pings
            socket.every(interval_s, lambda: socket.keep_alive(timeout_s))

    def _problem(self, response: Response, fields: Headers, key: str) -> socket_errors.Problem:
        """Say why this is no WebSocket (RFC 6455 section 4.1)."""
        if response.error:
            return socket_errors.unanswered(
                response.error, response.error_kind, response.error_code
            )
        if response.status != 101:
            return socket_errors.handshake(str(response.status))
        protocol = fields.get("sec-websocket-protocol")
        agreed = _parameters(fields)
        wrong = ""
        if fields.get("upgrade", "").lower() != "websocket":
            wrong = "no Upgrade"
        elif "upgrade" not in _tokens(fields.get("connection", "")):
            wrong = "no Connection"
        elif fields.get("sec-websocket-accept", "").strip() != _client.accept_of(key):
            wrong = "wrong accept key"
        elif protocol is not None and protocol.strip() not in self._protocols:
            wrong = "other subprotocol"
        elif agreed and not (self._rules[0] and agreed <= _AGREEABLE):
            wrong = "extension"
        return socket_errors.handshake(wrong) if wrong else socket_errors.NONE

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        socket = self._socket
        assert socket is not None
        if isinstance(error, asyncio.CancelledError):
            socket.leave()
        else:
            await socket.close()
        if error is None and socket.failure is not None:
            raise socket.failure


def _cells(place: RecordingContext, name: str, tags: Mapping[str, object] | None) -> dict[Any, Any]:
    """Return where the WebSockets of one name are counted, and keep that with the place."""
    own = tuple(sorted({**dict(own_tags(tags) if tags else ()), "name": name}.items()))
    found: dict[Any, Any] | None = place.cells.get(("ws", own))
    if found is None:
        found = {each: measured(each, own, place) for each in METRICS}
        found["own"] = own
        place.cells["ws", own] = found
    return found


def _http(url: object) -> str:
    """Return the URL of the handshake: ws is HTTP, wss HTTPS (RFC 6455 section 3)."""
    if not isinstance(url, str):
        raise UsageError(f"A URL is a text such as ws://localhost/, not {type(url).__name__}.")
    scheme, mark, rest = url.partition("://")
    return f"{_SCHEMES.get(scheme.lower(), scheme)}{mark}{rest}"


def _pings(interval: float | None, timeout: float | None) -> tuple[float, float] | None:
    if interval is None and timeout is None:
        return None
    interval = positive("ping_interval", timeout if interval is None else interval)
    return interval, positive("ping_timeout", interval if timeout is None else timeout)


def _tokens(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",")}


def _parameters(fields: Headers) -> set[str]:
    """Return the names of extensions and parameters that the server has agreed on."""
    value = fields.get("sec-websocket-extensions", "")
    parts = (each.strip().lower() for each in value.replace(",", ";").split(";"))
    return {each for each in parts if each and not each.startswith("server_max_window_bits=")}
