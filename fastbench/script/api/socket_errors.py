"""How WebSockets of scripts fail, in words: the cause, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

from fastbench.foundation import errors, websocket_errors

# Where the cure of a command line is another one in a script.
_REMEDIES = {
    "other subprotocol": "offer the one it wants: vu.ws(url, subprotocols=['…'])",
    "extension": "let the server use only what was offered; compression=True offers one",
    "frame size": "raise max_message_bytes= of vu.ws(), or let the server send smaller messages",
    "message size": "raise max_message_bytes= of vu.ws(), or let the server send smaller messages",
    "400": "check path, headers= and subprotocols=; a server may want an Origin",
    "401": "give bearer=, auth=, cookies= or headers= to vu.ws()",
    "403": "give credentials, or the Origin that the server allows, in headers=",
    "429": "open fewer sockets, more slowly, or raise the server's limit",
    "503": "open fewer sockets, or raise the server's limit",
}
_PHASES = {"dns": "resolve", "tls": "tls", "connect_timeout": "connect"}
_CAUSES = {
    "frame size": "a frame is larger than max_message_bytes (frame size)",
    "message size": "a message is larger than max_message_bytes (message size)",
}


class Problem(NamedTuple):
    """Why a socket did not open, or broke."""

    cause: str = ""
    remedy: str = ""


NONE = Problem()


def handshake(code: str) -> Problem:
    """Return the problem of a handshake; `code` is a status, or what its answer lacks."""
    cause, remedy = websocket_errors.upgrade("", code)
    return Problem(cause, _REMEDIES.get(code, remedy))


def unanswered(error: str, kind: str, code: str) -> Problem:
    """Return the problem of a handshake that got no answer; `kind` and `code` are a response's."""
    if kind == "timeout":
        return Problem(error, "the server is too slow, or knows no WebSocket there; see timeout=")
    return Problem(error, errors.describe(kind, _PHASES.get(kind, "head"), code)[1])


def broken(rule: str) -> Problem:
    """Return the problem of a frame; `rule` is one of FRAME_RULES."""
    cause, remedy = websocket_errors.frame(rule)
    return Problem(_CAUSES.get(rule, cause), _REMEDIES.get(rule, remedy))


def lost(error: str) -> Problem:
    """Return the problem of a connection that ended without a close frame."""
    return Problem(
        error,
        "check the server's log for a crash, a restart or a limit; a proxy may have a timeout",
    )
