"""Messages of Phoenix channels as they are sent: version 1.0.0 and 2.0.0 of the serializer.

Version 1.0.0 is a JSON object, 2.0.0 a JSON list; a payload of bytes is a binary message in 2.0.0,
whose first byte is what it is: 0 a push, 1 a reply, 2 a broadcast.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from fastbench.foundation.usage_error import UsageError

VERSIONS = ("1.0.0", "2.0.0")
REPLY = "phx_reply"
_NAMES = ("join_ref", "ref", "topic", "event", "payload")
_FIELDS = {
    0: ("join_ref", "topic", "event"),
    1: ("join_ref", "ref", "topic", "event"),
    2: ("topic", "event"),
}
MAX_FIELD_BYTES = 255


class PhoenixMessage(NamedTuple):
    """One message of Phoenix.

    Attributes:
        join_ref: The reference of the join that it belongs to, or None.
        ref: Its own reference, or None.
        topic: The topic.
        event: Name of the event.
        payload: Its value: of JSON, or bytes.

    Example::

        async with phoenix.open(vu, "/socket/websocket") as socket:
            room = await socket.join("room:lobby")
            await room.push("new_msg", {"body": "hello"})
            message = await room.receive(timeout=5)
            check(message, {"of the topic": lambda m: m is not None and m.topic == "room:lobby"})
    """

    join_ref: str | None
    ref: str | None
    topic: str
    event: str
    payload: Any


def encode(message: PhoenixMessage, vsn: str = "2.0.0") -> str | bytes:
    """Return a message as it is sent. Raises UsageError for a payload that cannot be.

    encode(PhoenixMessage("1", "2", "room:a", "new_msg", {"body": "hi"}))
    """
    payload = message.payload
    if isinstance(payload, bytes | bytearray | memoryview):
        if vsn == VERSIONS[0]:
            raise UsageError("A payload of bytes needs vsn=2.0.0; give a dict with vsn=1.0.0.")
        return _binary(message)
    try:
        found = orjson.dumps(list(message) if vsn != VERSIONS[0] else message._asdict())
    except TypeError as error:
        raise UsageError(f"The payload of {message.event} cannot be JSON: {error}.") from None
    return found.decode()


def decode(data: str | bytes, vsn: str = "2.0.0") -> PhoenixMessage | None:
    """Return the message that came; None for what is none.

    decode('["1","2","room:a","phx_reply",{"status":"ok","response":{}}]').payload
    """
    if isinstance(data, bytes):
        return None if vsn == VERSIONS[0] else _of_binary(data)
    try:
        found = orjson.loads(data)
    except ValueError:
        return None
    if isinstance(found, dict) and vsn == VERSIONS[0]:
        found = [found.get(name) for name in _NAMES]
    elif not isinstance(found, list) or len(found) != len(_NAMES) or vsn == VERSIONS[0]:
        return None
    join_ref, ref, topic, event, payload = found
    if not (isinstance(topic, str) and isinstance(event, str)):
        return None
    return PhoenixMessage(_text(join_ref), _text(ref), topic, event, payload)


def _text(ref: Any) -> str | None:
    return ref if ref is None or isinstance(ref, str) else str(ref)


def _binary(message: PhoenixMessage) -> bytes:
    fields = [(getattr(message, name) or "").encode() for name in _FIELDS[1]]
    if max(map(len, fields)) > MAX_FIELD_BYTES:
        raise UsageError(f"Topic and event have {MAX_FIELD_BYTES} bytes at most.")
    return b"".join([bytes([0, *map(len, fields)]), *fields, message.payload])


def _of_binary(data: bytes) -> PhoenixMessage | None:
    names = _FIELDS.get(data[0]) if data else None
    if names is None or len(data) < 1 + len(names):
        return None
    at, found = 1 + len(names), {}
    for name, length in zip(names, data[1:at], strict=True):
        try:
            text = data[at : at + length].decode()
        except UnicodeDecodeError:
            return None
        if len(data) < (at := at + length):
            return None
        found[name] = text
    payload: Any = data[at:]
    join_ref, ref = (found.get(name) or None for name in ("join_ref", "ref"))
    if data[0] == 1:  # a reply's event is its status
        payload = {"status": found["event"], "response": payload}
        found["event"] = REPLY
    return PhoenixMessage(join_ref, ref, found["topic"], found["event"], payload)
