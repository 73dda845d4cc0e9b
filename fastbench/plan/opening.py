"""The opening handshake of a WebSocket: a GET that asks for the upgrade (RFC 6455 section 4.1).

The bytes hold a key of zeros: each connection writes its own there.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

from fastbench.foundation.usage_error import UsageError
from fastbench.plan.body import encoded
from fastbench.plan.plan import Request, WebSocket
from fastbench.plan.request import Message, default_fields
from fastbench.plan.urls import Url

KEY_FIELD = "Sec-WebSocket-Key"
NO_KEY = "A" * 22 + "=="
_OWN = {"upgrade", "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"}
_REFUSED = {"connection", "content-length", "transfer-encoding"}


def with_key(request: Request, nonce: bytes) -> Request:
    """Return the handshake with a key of its own, made of 16 random bytes."""
    name, key = KEY_FIELD.encode(), b64encode(nonce)
    fields = tuple((n, key if n == name else value) for n, value in request.fields)
    return replace(request, fields=fields)


def key_of(request: Request) -> bytes:
    """Return the key of a handshake."""
    return dict(request.fields)[KEY_FIELD.encode()]


def render(url: Url, message: Message, socket: WebSocket) -> Request:
    """Render the handshake for a URL; refuse headers that are the handshake's own."""
    for name, _ in message.headers:
        if name.lower() in _OWN | _REFUSED:
            raise UsageError(f"The handshake of a WebSocket writes {name} itself; leave it out.")
        if name.lower() == "sec-websocket-protocol":
            raise UsageError("Name subprotocols with --ws-subprotocol, not as a header.")
    fields = [pair for pair in default_fields(url, message) if pair[0] != "Accept"]
    own = {name.lower() for name, _ in message.headers}
    fields = [pair for pair in fields if pair[0].lower() not in own]
    fields += [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        (KEY_FIELD, NO_KEY),
        ("Sec-WebSocket-Version", "13"),
    ]
    if socket.subprotocols:
        fields.append(("Sec-WebSocket-Protocol", ", ".join(socket.subprotocols)))
    return Request(
        method="GET",
        target=url.path,
        fields=tuple((encoded(n), encoded(v)) for n, v in (*fields, *message.headers)),
        body=None,
        url=url.shown,
        weight=1,
    )
