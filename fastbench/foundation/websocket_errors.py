"""How WebSockets fail: refused handshakes, broken frames, close codes (RFC 6455)."""

from __future__ import annotations

from fastbench.foundation.error_table import catalogue

_FRAMES_HINT = "the server, or a proxy before it, breaks RFC 6455; see its log"

FRAMES = catalogue("""
reserved bit: a frame has a reserved bit set that no extension was agreed on for
unknown opcode: a frame has an opcode that is not defined
masked frame: a frame of the server is masked, as only those of a client are
long control frame: a control frame is longer than 125 bytes
fragmented control frame: a control frame is fragmented
stray continuation: a continuation frame belongs to no message
message within a message: a new message began before the fragmented one had ended
length not in its shortest form: the length of a frame is not in its shortest form
top bit of the length: the length of a frame has its top bit set
close payload: a close frame has a payload of one byte
close code: a close frame has a code that may not be sent
close reason: the reason of a close frame is not UTF-8
text not UTF-8: a text message is not UTF-8
  > let the server send it as a binary message
compressed data: a compressed message cannot be unpacked
frame size: a frame is larger than fastbench accepts
  > limit: 1 GiB; let the server send smaller frames
message size: a message is larger than fastbench accepts
  > limit: 1 GiB; let the server send smaller messages
""")

_UPGRADES = catalogue("""
not HTTP/1.1: the answer to the handshake is not HTTP/1.1
  > is this a WebSocket port? A TLS port needs wss://
no Upgrade: the 101 has no `Upgrade: websocket`
  > let proxies pass Upgrade and Connection on
no Connection: the 101 has no `Connection: Upgrade`
  > let proxies pass Upgrade and Connection on
wrong accept key: the 101 has not the Sec-WebSocket-Accept that belongs to the key
  > the server is no WebSocket server, or something answers in its place
other subprotocol: the server chose a subprotocol that was not offered
  > offer the one it wants with --ws-subprotocol
extension: the server uses an extension that was not offered
  > let the server use only what the client offers
head size: the answer to the handshake is larger than 64 KiB
  > let the server send a smaller head
200: the handshake was answered with status 200: a page, no WebSocket
  > check the path of the URL
400: the handshake was refused with status 400
  > check path and headers; a server may want --ws-subprotocol or an Origin (-H)
401: the handshake was refused with status 401: not authenticated
  > give credentials with -a, --bearer or -H
403: the handshake was refused with status 403: forbidden
  > give credentials, or the Origin that the server allows: -H 'Origin: https://…'
404: the handshake was refused with status 404: no such path
  > check the path of the URL
426: the handshake was refused with status 426: the server wants another version
  > the server does not speak version 13 (RFC 6455)
429: the handshake was refused with status 429: too many
  > open fewer connections (-c), more slowly (--ramp), or raise the server's limit
503: the handshake was refused with status 503: the server is overloaded
  > open fewer connections (-c), or raise the server's limit
""")

_CLOSES = catalogue("""
1000: the server closed the WebSocket in order
  > find out why it ends conversations; with --ws-mode hold or push it may want a message (-b)
1001: the server went away
  > it was stopped or restarted; see its log
1002: the server says that the client broke a rule
  > see the server's log, and tell us what it says
1003: the server does not take this kind of data
  > send text, or binary with --binary
1005: the server closed without a code
  > see the server's log
1006: the server ended the connection without a close frame
  > check the server's log for a crash, a restart or a limit; a proxy may have a timeout
1007: the server could not read the message
  > check -b; binary data needs --binary
1008: the server refused the message by its policy
  > check credentials, Origin and the message (-b)
1009: the message is too large for the server
  > send a smaller message (-b), or raise the server's limit
1011: the server failed while it handled the message
  > see the server's log for an exception
1012: the server restarts
  > see the server's log
1013: the server is overloaded
  > use fewer connections (-c), or a lower rate (-R)
""")


def frame(code: str) -> tuple[str, str]:
    """Return cause and remedy of a broken rule of frames."""
    cause, hint = FRAMES[code]
    return f"{cause} ({code})", hint or _FRAMES_HINT


def upgrade(phase: str, code: str) -> tuple[str, str]:
    """Return cause and remedy of a handshake that failed; `code` is a status, or a rule."""
    if code in _UPGRADES:
        cause, hint = _UPGRADES[code]
        return (cause if code in cause else f"{cause} ({code})"), hint
    if code.isdecimal() and code.startswith("3"):
        return (
            f"the handshake was answered with status {code}, a redirect",
            "give the URL that it leads to: see `curl -i` of the http:// URL",
        )
    return f"the handshake was refused with status {code or '?'}", "see the server's log"


def closed(phase: str, code: str) -> tuple[str, str]:
    """Return cause and remedy of a close code."""
    if code not in _CLOSES:
        return f"the server closed the WebSocket with a code of its own ({code or '?'})", (
            "see what the server's documentation says of that code"
        )
    cause, hint = _CLOSES[code]
    return f"{cause} ({code})", hint
