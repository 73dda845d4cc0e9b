"""live_sockets.py and message_sockets.py: opened, counted, closed; echo, push, broadcast."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import socket
import time
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from embedded import DEADLINE_S, serving
from made_up_server import Client, Clock, using

from fastbench.server import live_sockets

WAIT_S = 10.0


async def totals(client: Client) -> dict[str, int]:
    async with client.get("/count") as response:
        return dict((await response.json())["totals"])


async def closed(ws: Any) -> tuple[int | None, str]:
    """Give the close code and reason of a socket, after what still came before."""
    while True:
        message = await ws.receive(WAIT_S)
        if message.type == WSMsgType.CLOSE:
            return message.data, message.extra or ""
        if message.type in (WSMsgType.CLOSED, WSMsgType.CLOSING, WSMsgType.ERROR):
            return ws.close_code, ""


def test_an_echo_gives_text_and_bytes_back_and_both_sides_count_the_same() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.ws_connect("/ws/echo") as ws:
            await ws.send_str("grüß")
            await ws.send_bytes(b"\0\xff" * 40_000)
            assert await ws.receive_str(timeout=WAIT_S) == "grüß"
            assert await ws.receive_bytes(timeout=WAIT_S) == b"\0\xff" * 40_000
        assert ws.close_code == 1000
        found = await totals(client)
        assert found == {
            "ws_sessions": 1,
            "ws_msgs_received": 2,
            "ws_msgs_sent": 2,
            "ws_closed_1000": 1,
        }
        async with client.get("/count") as response:
            routes = (await response.json())["routes"]
        assert routes["GET /ws/echo"] == {"101": 1}

    using(story)


@pytest.mark.parametrize(
    "path", ["/ws/echo", "/ws/push", "/ws/broadcast", "/socket/websocket", "/ws/twilio-media"]
)
def test_a_request_that_is_no_handshake_is_told_so(path: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.get(path) as response:
            assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
            assert await response.json() == {"error": "this route is a WebSocket"}
        wrong = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "8"}
        async with client.get(path, headers=wrong) as response:
            assert response.status == 400
            assert "no handshake of a WebSocket" in (await response.json())["error"]

    using(story)


def test_a_push_keeps_its_rate_its_size_and_its_count() -> None:
    async def story(client: Client, clock: Clock) -> None:
        begun_ns = time.monotonic_ns()
        async with client.ws_connect("/ws/push?rate=200&size=300&count=20") as ws:
            texts = await everything(ws)
        found = [json.loads(each) for each in texts]
        assert {len(text) for text in texts} == {300}
        assert [each["number"] for each in found] == list(range(20))
        stamps = [each["sent_ns"] for each in found]
        assert stamps == sorted(stamps) and begun_ns < stamps[0]
        assert (stamps[-1] - stamps[0]) / 1e9 >= 19 / 200 - 0.002
        assert ws.close_code == 1000

    using(story)


async def everything(ws: Any) -> list[str]:
    return [message.data async for message in ws]


@pytest.mark.parametrize("query", ["rate=0", "rate=x", "size=0", "count=-1", "rate=100001"])
def test_a_push_that_makes_no_sense_is_refused(query: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"/ws/push?{query}")
        assert refused.value.status == 400

    using(story)


def test_what_one_sends_all_of_the_room_get() -> None:
    async def story(client: Client, clock: Clock) -> None:
        a, b = [await client.ws_connect("/ws/broadcast?room=x") for _ in range(2)]
        other = await client.ws_connect("/ws/broadcast")
        await a.send_str("one")
        await b.send_bytes(b"two")
        await other.send_str("mine")
        for each in (a, b):
            found = [await each.receive(WAIT_S) for _ in range(2)]
            assert {message.data for message in found} == {"one", b"two"}
        assert await other.receive_str(timeout=WAIT_S) == "mine"
        await a.close()
        await b.send_str("left")
        assert await b.receive_str(timeout=WAIT_S) == "left"
        await b.close()
        await other.close()
        found_totals = await totals(client)
        assert (found_totals["ws_msgs_received"], found_totals["ws_msgs_sent"]) == (4, 6)

    using(story)


def test_who_does_not_read_is_closed_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sockets, "OUTBOX_BYTES_MAX", 1 << 20)
    monkeypatch.setattr(live_sockets, "CLOSE_S", 0.1)

    async def story(client: Client, clock: Clock) -> None:
        speaker = await client.ws_connect("/ws/broadcast", max_msg_size=0)
        raw = socket.create_connection((client.server.host, client.server.port))
        raw.sendall(
            b"GET /ws/broadcast HTTP/1.1\r\nHost: x\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await until(client, "ws_sessions", 2)
        block = b"x" * (512 << 10)
        for _ in range(40):  # more than the kernel holds of one who never reads
            await speaker.send_bytes(block)
            assert await speaker.receive_bytes(timeout=WAIT_S) == block
        await until(client, "ws_closed_1013", 1)
        raw.close()
        await speaker.close()

    using(story)


async def until(client: Client, name: str, count: int) -> None:
    async with asyncio.timeout(WAIT_S):
        while (await totals(client)).get(name, 0) < count:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x81\0\0\0\0\xff", 1007),  # no UTF-8
        (b"\x83\x80\0\0\0\0", 1002),  # a reserved opcode
        (b"\x82\xff" + (2 << 20).to_bytes(8, "big") + b"\0\0\0\0", 1009),  # too large
    ],
)
def test_a_frame_that_breaks_the_rules_is_told_by_its_code(frame: bytes, code: int) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws: Any = await client.ws_connect("/ws/echo")
        ws._response.connection.transport.write(frame)
        assert (await closed(ws))[0] == code
        await until(client, f"ws_closed_{code}", 1)

    using(story)


def test_a_close_frame_without_a_code_is_1005() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws: Any = await client.ws_connect("/ws/echo")
        ws._response.connection.transport.write(b"\x88\x80\0\0\0\0")
        await until(client, "ws_closed_1005", 1)
        await ws.close()

    using(story)


def odd(chance: random.Random, depth: int = 0) -> Any:
    """Make a JSON value of what the routes look for, in no order."""
    words = ("phx_join", "heartbeat", "phoenix", "start", "media", "mark", "stop", "echo", "config")
    kind = chance.randrange(3) if depth < 4 else 0
    if kind == 1:
        return [odd(chance, depth + 1) for _ in range(chance.randrange(6))]
    if kind == 2:
        names = (*words, "event", "streamSid", "payload", "topic", "ref", "broadcast", "channel")
        return {chance.choice(names): odd(chance, depth + 1) for _ in range(chance.randrange(5))}
    return chance.choice([None, True, 1, -1.5, "", "1", 10**30, *words])


def test_whatever_comes_the_server_says_no_word_and_closes_by_a_rule() -> None:
    chance = random.Random(7)
    heads = ("", "40", "41", "42", "42/tickets,", "43", "40/agents,", '420["subscribe",')
    paths = (
        *(
            "/socket.io/?EIO=4&transport=websocket",
            "/socket/websocket",
            "/socket/websocket?vsn=2.0.0",
        ),
        *("/realtime/v1/websocket?apikey=x", "/ws/twilio-media"),
    )

    async def one(session: aiohttp.ClientSession, address: str) -> None:
        async with session.ws_connect(address) as ws:
            with contextlib.suppress(ConnectionError):  # it has closed in the meantime
                for _ in range(6):
                    await ws.send_str(chance.choice(heads) + json.dumps(odd(chance)))
                await ws.send_bytes(b"\xff")  # none of them takes that
            assert (await closed(ws))[0] in (1000, 1003, 1008)

    async def story(url: str) -> None:
        async with aiohttp.ClientSession() as session:
            for _ in range(40):
                await asyncio.gather(*(one(session, url + path) for path in paths))

    with serving("--port", "0", "--quiet") as (process, url):
        asyncio.run(story(url))
        process.terminate()
        assert process.stderr is not None and process.stderr.read() == ""


def test_when_the_server_ends_each_socket_is_closed_with_1001() -> None:
    async def story(url: str, end: Any) -> None:
        async with aiohttp.ClientSession() as session:
            sockets = [await session.ws_connect(url + path) for path in ("/ws/echo", "/ws/push")]
            end()
            for each in sockets:
                assert await closed(each) == (1001, "the server ends")

    with serving("--port", "0", "--quiet") as (process, url):
        asyncio.run(story(url, lambda: process.send_signal(signal.SIGTERM)))
        assert process.wait(DEADLINE_S) == 0
        assert process.stderr is not None and process.stderr.read() == ""
