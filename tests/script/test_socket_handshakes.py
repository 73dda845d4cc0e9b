"""Handshakes of scripts' WebSockets: what a server may answer, and what it is told as."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from servers import Peer, Server
from vus import User, run
from websocket_peers import (
    accepted,
    answering,
    connects,
    counted,
    echoing,
    everything,
    opened,
    played,
)

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api.handshakes import Opening
from fastbench.script.api.sockets import Socket

REFUSALS = {
    "401": (
        b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno",
        "the handshake was refused with status 401",
    ),
    "403": (
        b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
        "the handshake was refused with status 403",
    ),
    "429": (
        b"HTTP/1.1 429 No\r\nContent-Length: 2\r\n\r\nno",
        "the handshake was refused with status 429",
    ),
    "302": (
        b"HTTP/1.1 302 Go\r\nLocation: /x\r\nContent-Length: 2\r\n\r\nno",
        "the handshake was answered with status 302, a redirect",
    ),
    "200": (
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        "the handshake was answered with status 200: a page",
    ),
    "rubbish": (b"SSH-2.0-OpenSSH\r\n", "protocol"),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_refused_handshake_is_a_value(how: str) -> None:
    answer, error = REFUSALS[how]

    async def use(socket: Socket) -> tuple[Any, ...]:
        nothing = (await socket.receive(), await everything(socket), await socket.request("x"))
        assert nothing == (None, [], None) and not socket.open
        await socket.send("x")
        return socket.status, socket.response.text, socket.error, socket.close_code

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answer)
        peer.stall()

    (status, text, found, code), made = played(script, use)
    assert found.startswith(error) and code == 1006
    assert (status, text) == ((int(how), "no") if how.isdigit() else (0, ""))
    assert connects(made) == [(1, 1)]
    assert counted(made, "ws_sessions") == 0 and counted(made, "ws_errors") >= 1


@pytest.mark.parametrize(("answer", "failed"), [(429, 0), (101, 1)])
def test_a_refusal_that_is_expected_is_no_failure(answer: int, failed: int) -> None:
    async def use(socket: Socket) -> tuple[Any, ...]:
        return socket.status, socket.open, bool(socket.error)

    def refusing(peer: Peer) -> None:
        peer.request()
        peer.send(REFUSALS["429"][0])
        peer.stall()

    script = refusing if answer == 429 else opened(echoing)
    found, made = played(script, use, expected=429)
    assert found == (answer, answer == 101, answer == 429)
    assert connects(made) == [(1, failed)]
    assert counted(made, "ws_errors") == 0 and made.warnings == []


WRONG: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "another key": (lambda request: accepted(request, key=b"x"), "wrong accept key"),
    "no upgrade": (
        lambda request: accepted(request).replace(b"websocket", b"h2c"),
        "no Upgrade",
    ),
    "no connection": (
        lambda request: accepted(request).replace(b"Connection: Upgrade\r\n", b""),
        "no Connection",
    ),
    "a subprotocol": (
        lambda request: accepted(request, "Sec-WebSocket-Protocol: mqtt"),
        "other subprotocol",
    ),
    "an extension": (
        lambda request: accepted(request, "Sec-WebSocket-Extensions: permessage-deflate"),
        "extension",
    ),
}


@pytest.mark.parametrize("how", WRONG)
def test_an_answer_that_opens_no_websocket_fails(how: str) -> None:
    answer, error = WRONG[how]

    def script(peer: Peer) -> None:
        peer.send(answer(peer.request()))
        peer.stall()

    async def use(socket: Socket) -> tuple[str, bool]:
        return socket.error, socket.open

    (found, is_open), made = played(script, use)
    assert error in found and not is_open
    assert [told[0] for told in made.warnings] == ["websocket"]


@pytest.mark.parametrize(
    "given",
    [
        {"max_message_bytes": 0},
        {"ping_timeout": -1},
        {"ping_interval": "1s"},
        {"headers": {"Content-Length": "1"}},
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_a_sentence(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"\.$"):
        played(opened(echoing), everything, **given)


async def _open(user: User, url: str, **more: Any) -> tuple[int, str]:
    async with Opening(user, url, **more) as socket:
        return socket.status, socket.error


def test_a_server_that_does_not_answer_is_a_value_with_a_cure() -> None:
    def deaf(peer: Peer) -> None:
        peer.request()
        peer.stall()

    with Server(deaf) as server:
        url = server.url().replace("http", "ws")
        found, made = run(lambda user: _open(user, url, timeout=0.05))
    assert found == (0, "timeout")
    gone, made_of_gone = run(lambda user: _open(user, url))
    assert gone == (0, "connect refused: ECONNREFUSED")
    hints = [hint for each in (made, made_of_gone) for _, _, hint in each.warnings]
    assert ["timeout=" in hints[0], "start the server" in hints[1]] == [True, True]
    assert counted(made, "ws_errors") == counted(made_of_gone, "ws_errors") == 1


def test_a_handshake_that_the_script_gives_up_leaves_nothing_behind() -> None:
    answer = threading.Event()

    def slow(peer: Peer) -> None:
        request = peer.request()
        answer.wait(5)
        peer.send(accepted(request))
        peer.stall()  # until the client closes

    async def visit(user: User) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await _open(user, server.url().replace("http", "ws"))
        answer.set()

    with Server(slow) as server:
        _, made = run(visit)
    assert connects(made) == [(1, 1)]
    assert counted(made, "ws_errors") == counted(made, "ws_sessions") == 0


def test_a_handshake_takes_what_a_request_takes_and_keeps_cookies() -> None:
    heads: list[bytes] = []

    def script(peer: Peer) -> None:
        heads.append(peer.request())
        peer.send(accepted(heads[-1], "Set-Cookie: seen=1", "Sec-WebSocket-Protocol: v2"))
        answering(peer)

    async def visit(user: User) -> str | None:
        url = server.url("/chat").replace("http", "ws")
        asked: dict[str, Any] = {
            "params": {"room": "a b"},
            "bearer": "TOKEN",
            "cookies": {"a": "1"},
        }
        async with Opening(user, url, {"X-Own": "yes"}, ["v1", "v2"], **asked) as socket:
            found = socket.subprotocol
        async with Opening(user, url, subprotocols="v2"):
            return found

    with Server(script) as server:
        chosen, _ = run(visit)
    first, second = (head.decode().split("\r\n") for head in heads)
    assert chosen == "v2" and first[0] == "GET /chat?room=a%20b HTTP/1.1"
    wanted = {"X-Own: yes", "Authorization: Bearer TOKEN", "Cookie: a=1"}
    assert wanted <= set(first) and "Sec-WebSocket-Protocol: v1, v2" in first
    assert "Cookie: seen=1" in second, "those of a handshake go along with the next one"
    keys = {line for head in (first, second) for line in head if "-WebSocket-Key" in line}
    assert len(keys) == 2, "each handshake has a key of its own"
