"""The flags of a run of WebSockets: what is sent over them, and which flags of HTTP say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import SimpleNamespace

from fastbench.cli.args import flag_values as values
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import opening, urls
from fastbench.plan.plan import Request, WebSocket
from fastbench.plan.request import Message
from fastbench.plan.workload import Load

MODES = ("echo", "push", "hold")
DEFAULT_MESSAGE = b"hello"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SCHEME = re.compile(r"wss?://", re.IGNORECASE)
_OWN = {"ws_mode": "--ws-mode", "subprotocols": "--ws-subprotocol", "binary": "--binary"}
_OF_HTTP = {  # what says nothing of a message
    "method": "-m",
    "accept": "-A",
    "by_value": "-T",
    "data": "--data",
    "forms": "-F",
    "script": "-s",
    "urls_from_file": "--urls-from-file",
    "expect_status": "--expect-status",
    "no_keepalive": "--no-keepalive",
    "no_retry": "--no-retry",
    "http2": "--http2",
    "streams": "-m",
    "feed": "--feed",
}


def given(addresses: Sequence[str]) -> bool:
    """Tell whether the run is one of WebSockets, as its URLs say; they are of one kind."""
    return any(_SCHEME.match(address) for address in addresses)


def refuse_own(flags: SimpleNamespace) -> None:
    """Refuse the flags of WebSockets in a run of HTTP."""
    for name, flag in _OWN.items():
        if getattr(flags, name):
            raise UsageError(f"{flag} is for WebSockets; give a URL such as ws://localhost:8080/.")


def read(
    flags: SimpleNamespace, addresses: Sequence[str], message: Message, load: Load
) -> tuple[WebSocket, Request, urls.Url]:
    """Read what the flags say of the WebSockets; the request is their handshake."""
    if len(addresses) != 1:
        raise UsageError("A run opens WebSockets of one URL; start one run for each.")
    for name, flag in _OF_HTTP.items():
        value = getattr(flags, name)
        # A bare time after -T is the timeout, as in wrk.
        if value and not (name == "by_value" and "/" not in value):
            raise UsageError(f"{flag} says nothing of a WebSocket; leave it out.")
    mode = values.choice("--ws-mode", flags.ws_mode, MODES) or "echo"
    _check_load(mode, flags, load)
    body = None if message.body is None else message.body.data
    sent = body if body is not None else DEFAULT_MESSAGE if mode == "echo" else b""
    if not flags.binary:
        try:
            sent.decode()
        except UnicodeDecodeError:
            raise UsageError("The message is not UTF-8, as text is; add --binary.") from None
    socket = WebSocket(
        mode="echo" if mode == "echo" else "push" if mode == "push" else "hold",
        message=sent,
        binary=flags.binary,
        subprotocols=_subprotocols(flags.subprotocols),
    )
    url = urls.parse(addresses[0], websocket=True)
    return socket, opening.render(url, message, socket), url


def _check_load(mode: str, flags: SimpleNamespace, load: Load) -> None:
    """Refuse what a mode that sends nothing by itself cannot do."""
    if mode == "echo":
        return
    if load.planned:
        raise UsageError(f"--ws-mode {mode} sends nothing at a rate; leave -R out.")
    if load.pipeline > 1:
        raise UsageError(f"--ws-mode {mode} has no messages in flight; leave -p out.")
    if mode == "hold" and load.requests is not None:
        raise UsageError("--ws-mode hold opens -c connections for -d; leave -n out.")
    if mode == "hold" and load.warmup_s:
        raise UsageError("--ws-mode hold counts connections from the first on; leave -W out.")
    if mode == "hold" and flags.expect_body:
        raise UsageError("--ws-mode hold looks at no message; leave --expect-body out.")


def _subprotocols(given: Sequence[str]) -> tuple[str, ...]:
    """Read names, several with commas between; each is a token, and there once (section 4.1)."""
    names = [name.strip() for text in given for name in text.split(",")]
    for name in names:
        if not _TOKEN.fullmatch(name) or names.count(name) > 1:
            raise UsageError(
                "--ws-subprotocol takes names without spaces, each once, such as graphql-ws."
            )
    return tuple(names)
