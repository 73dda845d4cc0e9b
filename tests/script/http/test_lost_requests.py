"""Requests whose connection is lost before they are written: the cause is told by name."""

from __future__ import annotations

import threading

from servers import OK, Peer, Server
from vus import User, run

from fastbench.engine.bridge._core import Block


def test_a_request_on_a_connection_that_was_reset_says_so_by_name() -> None:
    answered, gone = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        answered.wait(10)
        try:
            peer.reset()  # ends this script
        finally:
            gone.set()

    async def twice(vu: User) -> tuple[str | None, str | None]:
        first = await vu.get(server.url("/"))
        answered.set()
        gone.wait(10)  # the loop stands still: nobody has heard of the end yet
        return first.error, (await vu.post(server.url("/"), b"x")).error

    block = Block(1)
    with Server(script) as server:
        (first, second), _ = run(twice, block=block)
    assert not first and second
    ((kind, phase, code, count, _),) = block.errors(0)
    assert (kind, phase, count) == ("reset", "send", 1)
    assert code in ("ECONNRESET", "EPIPE")
