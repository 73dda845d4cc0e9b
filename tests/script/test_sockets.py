"""WebSockets of scripts, against scripted servers: what each side sees, and what is counted."""

from __future__ import annotations

import asyncio
import math
import struct
from typing import Any

import pytest
from servers import Peer, Server
from vus import User, run
from websocket_peers import (
    BINARY,
    CLOSE,
    TEXT,
    connects,
    counted,
    echoing,
    everything,
    framed,
    opened,
    played,
    received,
)

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import sockets
from fastbench.script.api.handshakes import Opening
from fastbench.script.api.sockets import Socket


def test_messages_go_both_ways_and_all_is_counted() -> None:
    async def use(socket: Socket) -> list[Any]:
        await socket.send("hällo")
        socket.send(b"\0" * 70_000)
        socket.send({"a": [1]})
        found = [await socket.receive(5) for _ in range(3)]
        assert (socket.status, socket.open, socket.close_code) == (101, True, None)
        return found

    found, made = played(opened(echoing), use)
    assert found == ["hällo", b"\0" * 70_000, '{"a":[1]}']
    names = ("ws_sessions", "ws_msgs_sent", "ws_msgs_received", "ws_session_duration")
    assert [counted(made, name) for name in (*names, "ws_errors")] == [1, 3, 3, 1, 0]
    assert connects(made) == [(1, 0)]
    (row,) = (value for tags, value in made.rows("named", "named").items() if "connect" in tags)
    assert row["bytes_in"] == 70_010 + 8 + 11 + 4, "data and heads, the close frame"
    assert row["bytes_out"] == row["bytes_in"] + 4 * 4, "and four masks"
    assert not made.rows("requests", "requests"), "a handshake is no request"


def test_we_close_in_order_and_wait_no_longer_than_a_limit(monkeypatch: Any) -> None:
    seen: list[tuple[int, bytes]] = []

    def deaf(peer: Peer) -> None:
        seen.append(received(peer))
        peer.stall()

    async def use(socket: Socket) -> Socket:
        await socket.close(4000, "done")
        return socket

    async def late(socket: Socket) -> Socket:
        socket.after(0.001, socket.close)
        assert await everything(socket) == []
        await socket.send("nobody gets it")
        return socket

    socket, made = played(opened(echoing), late)
    assert (socket.close_code, socket.sent, counted(made, "ws_errors")) == (1000, 0, 0)
    socket, _ = played(opened(echoing), use)
    assert (socket.close_code, socket.error) == (4000, "")
    monkeypatch.setattr(sockets, "CLOSE_TIMEOUT_S", 0.05)
    socket, made = played(opened(deaf), use)
    assert seen == [(CLOSE, struct.pack(">H", 4000) + b"done")]
    assert (socket.close_code, counted(made, "ws_errors")) == (1006, 1)


def test_a_round_trip_is_an_operation_and_a_reply_is_told_by_what_it_says() -> None:
    def script(peer: Peer) -> None:
        _, first = received(peer)
        peer.send(framed(TEXT, b"noise") + framed(TEXT, b'{"ref": 7, "ok": true}'))
        _, second = received(peer)
        peer.send(framed(TEXT, second + first))

    async def use(socket: Socket) -> list[Any]:
        found = [await socket.request("a", {"ref": 7}, name="join"), await socket.receive()]
        found.append(await socket.request("b", lambda message: message == "ba"))
        found.append(await socket.request("c", timeout=0.01))
        return found

    found, made = played(opened(script), use)
    assert found == ['{"ref": 7, "ok": true}', "noise", "ba", None]
    assert [counted(made, name) for name in ("ws_msg_rtt", "ws_msgs_lost")] == [2, 1]
    rows = {tags: value for tags, value in made.rows("named", "named").items()}
    assert sum(value["failed"] for value in rows.values()) == 1
    assert any('"name":"join"' in tags and '"kind":"ws"' in tags for tags in rows)


def test_a_peer_that_is_gone_is_found_by_pings() -> None:
    async def use(socket: Socket) -> tuple[Any, ...]:
        assert await everything(socket) == []
        return socket.close_code, socket.error

    found, made = played(opened(Peer.stall), use, ping_interval=0.02, ping_timeout=0.05)
    assert found == (1006, "no pong within 0.05 s")
    assert counted(made, "ws_errors") == 1


def test_pings_are_timed_and_answered() -> None:
    async def use(socket: Socket) -> float | None:
        return await socket.ping()

    took_ms, made = played(opened(echoing), use)
    assert took_ms is not None and 0 < took_ms < 5000
    assert counted(made, "ws_ping") == 1


@pytest.mark.parametrize("timeout", [math.nan, "1s", True])
def test_a_timeout_that_is_no_number_is_refused_and_never_awaited(timeout: Any) -> None:
    async def use(socket: Socket) -> str:
        with pytest.raises(UsageError, match="timeout is a number of seconds, not "):
            await socket.receive(timeout)
        await socket.send("x")
        return str(await socket.receive(math.inf))

    assert played(opened(echoing), use)[0] == "x"


def test_timers_call_until_the_socket_ends() -> None:
    async def use(socket: Socket) -> list[Any]:
        async def tick() -> None:
            await socket.send("tick")

        socket.every(0.005, tick)
        socket.after(0.001, lambda: socket.send("first"))
        stopped = socket.after(0.002, lambda: socket.send("never"))
        stopped.cancel()
        return [await socket.receive() for _ in range(4)]

    assert played(opened(echoing), use)[0] == ["first", "tick", "tick", "tick"]


def test_a_call_that_takes_long_never_overlaps_with_itself() -> None:
    running = most = 0

    async def use(socket: Socket) -> None:
        async def slow() -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await socket.request("x")
            running -= 1

        socket.every(0.001, slow)
        await socket.receive(0.05)

    def script(peer: Peer) -> None:
        received(peer)
        peer.pause(0.02)
        peer.send(framed(TEXT, b"y"))

    played(opened(script), use)
    assert most == 1


@pytest.mark.parametrize("where", ["match", "every", "task"])
def test_an_exception_of_the_script_ends_its_iteration(where: str) -> None:
    async def wrong() -> None:
        raise LookupError("mine")

    def raising(*given: Any) -> Any:
        if where == "task":
            return wrong()
        raise LookupError("mine")

    async def use(socket: Socket) -> None:
        if where == "match":
            await socket.request("x", raising)
        socket.every(0.001, raising)
        await everything(socket)

    with pytest.raises(LookupError, match="mine"):
        played(opened(echoing), use)


def test_a_wait_that_is_given_up_takes_no_message() -> None:
    async def use(socket: Socket) -> list[Any]:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(socket.receive(), 0.01)
        late = asyncio.ensure_future(socket.receive())
        await asyncio.sleep(0)
        late.cancel()
        assert await socket.receive(0.01) is None
        return [await socket.request("x"), await socket.receive(0.01)]

    assert played(opened(echoing), use)[0] == ["x", None]


def test_a_socket_that_is_not_read_makes_the_server_wait() -> None:
    sent = 40_000

    def script(peer: Peer) -> None:
        peer.send(framed(TEXT, b"x" * 100) * sent)

    async def use(socket: Socket) -> int:
        await asyncio.sleep(0.2)
        raw = socket.raw
        assert raw is not None and raw.received < sent, "it is not read without end"
        for _ in range(sent):
            assert await socket.receive(5) is not None
        return raw.received

    assert played(opened(script), use)[0] == sent


def test_more_than_the_network_takes_is_sent_as_it_drains() -> None:
    total = 3_000

    def script(peer: Peer) -> None:
        peer.pause(0.1)
        for _ in range(total):
            assert received(peer) == (BINARY, b"y" * 4096)
        peer.send(framed(TEXT, b"all"))

    async def use(socket: Socket) -> Any:
        for _ in range(total):
            await socket.send(b"y" * 4096)
        return await socket.receive(20)

    assert played(opened(script), use)[0] == "all"


def test_a_halted_iteration_waits_for_nobody() -> None:
    async def visit(user: User) -> float:
        async def use() -> None:
            async with Opening(user, server.url().replace("http", "ws")) as socket:
                await everything(socket)

        task = asyncio.create_task(use())
        while server.seen.requests == 0:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        begun = asyncio.get_running_loop().time()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        return asyncio.get_running_loop().time() - begun

    with Server(opened(Peer.stall)) as server:
        took_s, made = run(visit)
    assert took_s < 1 and counted(made, "ws_errors") == 0
    assert counted(made, "ws_session_duration") == 1
