"""What scripted servers do: the scripts that several tests share."""

from __future__ import annotations

from collections.abc import Callable

from case import answer
from servers import Peer, Script, answering

__all__ = ["EMPTY", "first_connection", "forgetful", "replying"]

EMPTY = answer("Content-Length: 0")


def first_connection(first: Script, others: Script | None = None) -> Script:
    """Treat the first connection in its own way; the others are answered."""

    def script(peer: Peer) -> None:
        (first if peer.number == 0 else others or answering())(peer)

    return script


def replying(*pieces: bytes, then: Callable[[Peer], None] = Peer.finish) -> Script:
    """Read a request, send the pieces, and end the connection in one of the ways there are."""

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
        then(peer)

    return script


def forgetful(peer: Peer) -> None:
    """Answer once, take one more request, and close without a word."""
    peer.request()
    peer.send(EMPTY)
    peer.request()
    peer.pause(0.2)
