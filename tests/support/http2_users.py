"""A script's user over HTTP/2 without TLS, against a server that is scripted frame by frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vus
from servers import Peer, Script, Server
from stream_peer import Asked, Http2Peer

from fastbench.engine.bridge._core import Block

__all__ = ["CALM", "CLEAR", "INTERNAL", "begin", "counted", "echo", "serving"]

CLEAR: dict[str, Any] = {"protocols": "h2"}
INTERNAL, CALM = 2, 11


def serving(handle: Callable[[Http2Peer, Asked], None], **settings: int) -> Script:
    """Serve one request after the other."""

    def script(peer: Peer) -> None:
        here = Http2Peer(peer, **settings)
        while True:
            handle(here, here.request())

    return script


def echo(here: Http2Peer, asked: Asked) -> None:
    here.answer(asked.stream, f"{asked.fields[':method']} {asked.path} ".encode() + asked.body)


def counted(block: Block, *names: str) -> list[int]:
    found = block.counters(0)
    return [found[name] for name in names]


def begin(script: Script, function: Any, **how: Any) -> tuple[Any, Block, Server]:
    """Run it over HTTP/2 without TLS; return what it gave, what was counted, and the server."""
    block = Block(1)
    with Server(script) as server:
        url = server.url("")
        found, _ = vus.run(function, base_url=url, block=block, connecting=CLEAR, **how)
    return found, block, server
