"""The worker's end of the control channel: JSON objects, one per line, each {kind: what}."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

from fastbench.run.child import Lines, encoded

Hear = Callable[[str, Any], None]  # the kind of a message, and what it says


class Channel(asyncio.Protocol):
    """Send and hear messages; before `open` messages are sent at once, and none is heard."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream = stream
        self._transport: asyncio.Transport | None = None
        self._lines = Lines()
        self._hear: Hear | None = None
        self._lost: Callable[[], None] | None = None

    async def open(self, hear: Hear, lost: Callable[[], None]) -> None:
        """Hear messages from now on, in the loop; `lost` is called when the parent is gone."""
        self._hear, self._lost = hear, lost
        self._stream.setblocking(False)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_unix_connection(lambda: self, sock=self._stream)

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; what the parent does not take at once is kept and sent later."""
        ((kind, body),) = message.items()
        line = encoded(kind, body)
        if self._transport is None:
            self._stream.sendall(line)
        else:
            self._transport.write(line)

    def data_received(self, data: bytes) -> None:
        """Take what came and hear the lines that are whole."""
        for kind, said in self._lines.feed(data):
            if self._hear is not None:
                self._hear(kind, said)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the parent is gone."""
        if self._lost is not None:
            self._lost()
