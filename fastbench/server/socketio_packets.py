"""Packets of Socket.IO's protocol 5, as the server reads and renders them.

A packet is `TYPE[ATTACHMENTS-][NAMESPACE,][ID][JSON]`; its attachments follow as binary messages.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from fastbench.server.live_sockets import WrongMessage, parsed, rendered

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
ATTACHMENTS_MAX = 10
_PACKET = re.compile(
    r"([0-6])(?:([0-9]{1,9})-)?(?:(/[^,]*)(?:,|$))?([0-9]{1,18})?(.*)", re.DOTALL | re.ASCII
)


class SocketPacket(NamedTuple):
    """One packet; `data` still has the placeholders of its attachments."""

    type: int
    namespace: str = "/"
    id: int | None = None
    data: Any = None
    attachments: tuple[bytes, ...] = ()

    def wire(self) -> list[str | bytes]:
        """Render it as messages of Engine.IO: the text, then each attachment."""
        kind = self.type
        if self.attachments:
            kind = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}[kind]
        text = f"4{kind}"
        if self.attachments:
            text += f"{len(self.attachments)}-"
        if self.namespace != "/":
            text += self.namespace + ","
        if self.id is not None:
            text += str(self.id)
        if self.data is not None:
            text += rendered(self.data)
        return [text, *self.attachments]


def packet_of(text: str) -> tuple[SocketPacket, int]:
    """Read a packet, and say how many attachments it waits for; a wrong one ends its socket."""
    found = _PACKET.fullmatch(text)
    if found is None:
        raise WrongMessage("the message is no packet of Socket.IO")
    kind, count, namespace, number, rest = found.groups()
    data = parsed(rest) if rest else None
    packet = SocketPacket(int(kind), (namespace or "/").partition("?")[0], None, data)
    if number is not None:
        packet = packet._replace(id=int(number))
    wanted = int(count or 0)
    binary = packet.type in (BINARY_EVENT, BINARY_ACK)
    if (wanted > 0) != binary or wanted > ATTACHMENTS_MAX:
        raise WrongMessage(f"a binary packet has 1 to {ATTACHMENTS_MAX} attachments, others none")
    if binary:
        packet = packet._replace(type=EVENT if packet.type == BINARY_EVENT else ACK)
    if not _fits(packet):
        raise WrongMessage("the payload does not fit the type of its packet")
    return packet, wanted


def _fits(packet: SocketPacket) -> bool:
    data = packet.data
    if packet.type == EVENT:
        return isinstance(data, list) and bool(data) and isinstance(data[0], str)
    if packet.type == ACK:
        return isinstance(data, list) and packet.id is not None
    if packet.type == CONNECT:
        return data is None or isinstance(data, dict)
    return packet.type == DISCONNECT and data is None
