"""Both clients, that of a run of URLs and that of scripts, say the same of the same server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from case import answer, hello
from running import ONE, fastbench
from scripts import first_connection, forgetful, replying
from servers import OK, Peer, Script, Server
from wires import Wires, on_wires

LARGE = b"x" * (16 << 20)  # more than the buffers of both sides hold
Row = tuple[str, str, str, int]  # of errors: kind, phase, code, count


def early(then: str) -> Script:
    """Answer before the body of the request was read, then end the connection."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(answer("Connection: close", "Content-Length: 0", start="HTTP/1.1 413 Too Large"))
        getattr(peer, then)()

    return script


def deaf(peer: Peer) -> None:
    """Read the head of a request and break the connection off while its body is on the way."""
    peer.head()
    peer.reset()


def noisy(peer: Peer) -> None:
    """Answer, and say more than was asked for."""
    peer.request()
    peer.send(OK + OK)
    peer.stall()


SERVERS: dict[str, tuple[Script, bytes | None]] = {
    "closes before an answer": (replying(), None),
    "breaks off before an answer": (replying(then=Peer.cut), None),
    "closes in a head": (replying(b"HTTP/1.1 200 OK\r\nContent-Le"), None),
    "closes in a body": (replying(answer("Content-Length: 9") + b"abc"), None),
    "resets in a body": (replying(answer("Content-Length: 9") + b"abc", then=Peer.reset), None),
    "ends a body by closing": (replying(answer() + b"abc"), None),
    "breaks a body without length off": (replying(answer() + b"abc", then=Peer.reset), None),
    "closes after an interim answer": (replying(b"HTTP/1.1 103 Early Hints\r\n\r\n"), None),
    "speaks another protocol": (replying(b"SSH-2.0-x\r\n", then=Peer.stall), None),
    "breaks a chunk": (replying(answer("Transfer-Encoding: chunked") + b"zz\r\n"), None),
    "sends a head too large": (replying(hello(b"X: " + b"y" * 70_000)), None),
    "says more than was asked": (noisy, None),
    "forgets a second request": (forgetful, None),
    "forgets a second request that may not be repeated": (forgetful, b"once"),
    "answers early and closes": (early("finish"), LARGE),
    "answers early and resets": (early("reset"), LARGE),
    "resets while the body is sent": (deaf, LARGE),
}


def of_urls(script: Script, body: bytes | None, folder: Path) -> tuple[dict[str, int], list[Row]]:
    """Send three requests from one connection of the engine."""
    flags: list[str] = []
    if body is not None:
        (folder / "body").write_bytes(body)
        flags = ["-D", str(folder / "body")]
    with Server(first_connection(script)) as server:
        run = fastbench("-n", "3", *ONE, *flags, server.url())
    rows = [(r["kind"], r["phase"], r["code"], r["count"]) for r in run.errors]
    return {name: run.summary[name] for name in ("ok", "failed", "retried")}, rows


def of_scripts(script: Script, body: bytes | None) -> tuple[dict[str, int], list[Row]]:
    """Send three requests, one after the other, as a script does."""

    async def act(wires: Wires) -> None:
        session = wires.session()
        method = "GET" if body is None else "POST"
        for _ in range(3):
            await wires.get(session, server.port, method=method, body=body)

    with Server(first_connection(script)) as server:
        wires = on_wires(act)
    counts: dict[str, Any] = wires.counters()
    return {name: counts.get(name, 0) for name in ("ok", "failed", "retried")}, wires.errors()


@pytest.mark.parametrize(("script", "body"), SERVERS.values(), ids=SERVERS.keys())
def test_both_clients_count_the_same(script: Script, body: bytes | None, tmp_path: Path) -> None:
    assert of_scripts(script, body) == of_urls(script, body, tmp_path)
