"""A Socket.IO server (protocol 5, over Engine.IO 4 by WebSocket): namespaces, events, acks.

1. Namespaces are `/`, `/tickets` and `/agents`; the last one needs an access token, in the `auth`
   of its CONNECT or as `?token=` of the URL. A token that is given is looked at.
2. `subscribe {channel}` and `unsubscribe {channel}` join and leave a channel, `echo` comes back
   (in its ack, if it asks for one). Any other event goes to all others who share a channel with its
   sender; its ack says how many those are. Tickets that change are events of channels `tickets:…`.
3. The server pings (Engine.IO 4), and closes who does not answer, or connects to no namespace.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import web

from fastbench.server.live_sockets import LiveSocket, Sockets, WrongMessage, rendered
from fastbench.server.routes import Route, Totals
from fastbench.server.socketio_packets import (
    ACK,
    CONNECT,
    CONNECT_ERROR,
    DISCONNECT,
    EVENT,
    SocketPacket,
    packet_of,
)

PING_INTERVAL_S = 25.0
PING_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 45.0
MAX_PAYLOAD_BYTES = 1_000_000
CHANNELS_MAX = 100  # of one client in one namespace
CHANNEL_CHARACTERS_MAX = 200
NAMESPACES = ("/", "/tickets", "/agents")
_REFUSED = ("Transport unknown", "Session ID unknown", "", "", "", "Unsupported protocol version")


class _Client:
    """One connection: the sockets it has in namespaces, with the channels of each."""

    def __init__(self, socket: LiveSocket, holder: str | None) -> None:
        self.socket = socket
        self.holder = holder
        self.namespaces: dict[str, set[str]] = {}
        self.connected = asyncio.Event()
        self.pong = asyncio.Event()
        self._waiting: tuple[SocketPacket, int] | None = None

    def put(self, *packet: Any) -> None:
        self.socket.put(*SocketPacket(*packet).wire())

    def packet(self, message: str | bytes) -> SocketPacket | None:
        """Take a message; give the packet that it is, or that it completes."""
        if self._waiting is None:
            if isinstance(message, bytes):
                raise WrongMessage("a binary message that no packet announced")
            self._waiting = packet_of(message)
        elif isinstance(message, str):
            raise WrongMessage("an attachment is missing")
        else:
            packet, wanted = self._waiting
            self._waiting = packet._replace(attachments=(*packet.attachments, message)), wanted
        packet, wanted = self._waiting
        if len(packet.attachments) < wanted:
            return None
        self._waiting = None
        return packet


class SocketIo:
    """Who is connected; `holder` gives the name behind a token or refuses the request."""

    def __init__(self, sockets: Sockets, holder: Callable[[str], str], totals: Totals) -> None:
        self._sockets = sockets
        self._holder = holder
        self._totals = totals
        self._clients: set[_Client] = set()

    def routes(self) -> tuple[Route, ...]:
        """Give the routes of this part."""
        what = f"Socket.IO, ?EIO=4&transport=websocket: {', '.join(NAMESPACES)}"
        return (Route("GET", "/socket.io/", self._serve, what),)

    def publish(self, channels: str, event: str, found: object) -> None:
        """Emit an event to all who are in a channel whose name begins so, as the server's own."""
        for client in self._clients:
            for namespace, joined in client.namespaces.items():
                if any(each.startswith(channels) for each in joined):
                    client.put(EVENT, namespace, None, [event, found])

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        for code, wrong in (
            (5, request.query.get("EIO") != "4"),
            (0, request.query.get("transport") != "websocket"),
            (1, "sid" in request.query),
        ):
            if wrong:
                why = json.dumps({"code": code, "message": _REFUSED[code]})
                raise web.HTTPBadRequest(text=why, content_type="application/json")
        token = request.query.get("token")
        holder = self._holder(token) if token else None
        async with self._sockets.accepted(request) as socket:
            client = _Client(socket, holder)
            self._clients.add(client)
            socket.put("0" + rendered(_opening()))
            socket.start(_pinging, client)
            socket.start(_connecting, client)
            try:
                async for message in socket:
                    if not self._take(client, message):
                        break
            finally:
                self._clients.discard(client)
        return socket.response

    def _take(self, client: _Client, message: str | bytes) -> bool:
        """Take a message of Engine.IO; False where it closes the connection."""
        if isinstance(message, str):
            kind, message = message[:1], message[1:]
            if kind == "3":
                client.pong.set()
            elif kind == "2":
                client.socket.put("3" + message)
            elif kind not in ("1", "4", "6"):
                raise WrongMessage("the message is no packet of Engine.IO")
            if kind != "4":
                return kind != "1"
        packet = client.packet(message)
        if packet is not None:
            self._packet(client, packet)
        return True

    def _packet(self, client: _Client, packet: SocketPacket) -> None:
        namespace = packet.namespace
        if packet.type == CONNECT:
            self._connect(client, packet)
        elif namespace not in client.namespaces:
            raise WrongMessage("there was no CONNECT to this namespace")
        elif packet.type == DISCONNECT:
            del client.namespaces[namespace]
        elif packet.type == EVENT:
            self._totals["socketio_events"] += 1
            answer = self._event(client, packet)
            if packet.id is not None:
                files = packet.attachments if packet.data[0] == "echo" else ()
                client.put(ACK, namespace, packet.id, answer, files)

    def _connect(self, client: _Client, packet: SocketPacket) -> None:
        namespace, why = packet.namespace, ""
        if namespace not in NAMESPACES:
            why = "Invalid namespace"
        elif namespace == "/agents" and client.holder is None:
            try:
                client.holder = self._holder(str((packet.data or {}).get("token", "")))
            except web.HTTPUnauthorized as refusal:
                why = json.loads(refusal.text or "{}").get("error", "unauthorized")
        if why:
            client.put(CONNECT_ERROR, namespace, None, {"message": why})
            return
        client.connected.set()
        client.namespaces.setdefault(namespace, set())
        self._totals["socketio_connects"] += 1
        client.put(CONNECT, namespace, None, {"sid": uuid.uuid4().hex[:20]})

    def _event(self, client: _Client, packet: SocketPacket) -> list[Any]:
        """Do what an event asks for; give the arguments of its ack."""
        joined = client.namespaces[packet.namespace]
        event: str = packet.data[0]
        given: list[Any] = packet.data[1:]
        if event in ("subscribe", "unsubscribe"):
            channel = given[0].get("channel") if given and isinstance(given[0], dict) else None
            if not (isinstance(channel, str) and 0 < len(channel) <= CHANNEL_CHARACTERS_MAX):
                return [{"error": f"{event} needs a channel"}]
            if event == "unsubscribe":
                joined.discard(channel)
            elif len(joined) < CHANNELS_MAX:
                joined.add(channel)
            else:
                return [{"error": f"more than {CHANNELS_MAX} channels"}]
            return [{"channel": channel}]
        if event == "echo":
            if packet.id is None:
                client.socket.put(*packet.wire())
            return given
        message = packet._replace(id=None).wire()
        others = [
            each
            for each in self._clients
            if each is not client and joined & each.namespaces.get(packet.namespace, set())
        ]
        for each in others:
            each.socket.put(*message)
        return [{"delivered": len(others)}]


def _opening() -> dict[str, Any]:
    return {
        "sid": uuid.uuid4().hex[:20],
        "upgrades": [],
        "pingInterval": round(PING_INTERVAL_S * 1e3),
        "pingTimeout": round(PING_TIMEOUT_S * 1e3),
        "maxPayload": MAX_PAYLOAD_BYTES,
    }


async def _pinging(client: _Client) -> None:
    while True:
        await asyncio.sleep(PING_INTERVAL_S)
        client.pong.clear()
        client.socket.put("2")
        try:
            async with asyncio.timeout(PING_TIMEOUT_S):
                await client.pong.wait()
        except TimeoutError:
            await client.socket.close(why="ping timeout")


async def _connecting(client: _Client) -> None:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connected.wait()
    except TimeoutError:
        await client.socket.close(why="no CONNECT")
