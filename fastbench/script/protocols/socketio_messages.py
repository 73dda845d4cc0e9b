"""Packets of Socket.IO (protocol 5, as v3 and v4 speak it) as they are sent over Engine.IO 4.

A packet is `TYPE[ATTACHMENTS-][NAMESPACE,][ID][JSON]` in a message of Engine.IO ("4" before it);
bytes within its data are placeholders there, and follow as binary messages.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from fastbench.foundation.usage_error import UsageError

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
_PACKET = re.compile(
    r"([0-6])(?:([0-9]{1,6})-)?(?:(/[^,]*)(?:,|$))?([0-9]{1,18})?(.*)", re.DOTALL | re.ASCII
)
_BINARY = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}
_PLAIN = {BINARY_EVENT: EVENT, BINARY_ACK: ACK}


class Packet(NamedTuple):
    """One packet: its type (0 CONNECT, 1 DISCONNECT, 2 EVENT, 3 ACK, 4 CONNECT_ERROR), its data."""

    type: int
    namespace: str = "/"
    data: Any = None
    id: int | None = None


def encode(packet: Packet) -> list[str | bytes]:
    """Return the messages that a packet is: a text, then its attachments.

        encode(Packet(EVENT, "/", ["typing", {"ticket": 7}]))  # ['42["typing",{"ticket":7}]']

    Raises UsageError for data that cannot be JSON.
    """
    attachments: list[bytes] = []
    kind, text = packet.type, ""
    if packet.data is not None:
        try:
            text = orjson.dumps(_without_bytes(packet.data, attachments)).decode()
        except (TypeError, RecursionError) as error:
            raise UsageError(f"What is emitted cannot be JSON: {error}.") from None
    if attachments:
        kind = _BINARY[kind]
    head = f"4{kind}"
    if attachments:
        head += f"{len(attachments)}-"
    if packet.namespace != "/":
        head += packet.namespace + ","
    if packet.id is not None:
        head += str(packet.id)
    return [head + text, *attachments]


def decode(text: str) -> tuple[Packet, int] | None:
    """Return the packet in a message ("4…"), and how many attachments it waits for.

    None for what is no packet. `with_attachments` puts the attachments where they belong.

        decode('42["typing",{"ticket":7}]')  # (Packet(EVENT, "/", ["typing", {"ticket": 7}]), 0)
    """
    found = _PACKET.fullmatch(text, 1) if text[:1] == "4" else None
    if found is None:
        return None
    kind, count, namespace, number, rest = found.groups()
    try:
        data = orjson.loads(rest) if rest else None
    except ValueError:
        return None
    type_ = int(kind)
    wanted = int(count or 0)
    if (type_ in _PLAIN) != (count is not None):
        return None
    packet = Packet(
        _PLAIN.get(type_, type_),
        (namespace or "/").partition("?")[0],
        data,
        None if number is None else int(number),
    )
    return (packet, wanted) if _fits(packet) else None


def with_attachments(packet: Packet, attachments: Sequence[bytes]) -> Packet | None:
    """Return the packet with its placeholders replaced; None where they do not fit."""
    try:
        return packet._replace(data=_with_bytes(packet.data, attachments))
    except (IndexError, TypeError, RecursionError):
        return None


def _fits(packet: Packet) -> bool:
    data = packet.data
    if packet.type == EVENT:
        return isinstance(data, list) and bool(data) and isinstance(data[0], str | int)
    if packet.type == ACK:
        return isinstance(data, list) and packet.id is not None
    return True


def _without_bytes(found: Any, attachments: list[bytes]) -> Any:
    if isinstance(found, bytes | bytearray | memoryview):
        attachments.append(bytes(found))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(found, list | tuple):
        return [_without_bytes(each, attachments) for each in found]
    if isinstance(found, Mapping):
        return {name: _without_bytes(each, attachments) for name, each in found.items()}
    return found


def _with_bytes(found: Any, attachments: Sequence[bytes]) -> Any:
    if isinstance(found, list):
        return [_with_bytes(each, attachments) for each in found]
    if isinstance(found, dict):
        if found.get("_placeholder") is True:
            number = found.get("num")
            if not isinstance(number, int) or number < 0:
                raise IndexError(number)
            return attachments[number]
        return {name: _with_bytes(each, attachments) for name, each in found.items()}
    return found
