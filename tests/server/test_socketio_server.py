"""socketio_server.py, socketio_packets.py: Engine.IO 4 by WebSocket, namespaces, events, acks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import WSMsgType
from made_up_server import Client, Clock, using

from fastbench.server import socketio_server

WAIT_S = 10.0
PATH = "/socket.io/?EIO=4&transport=websocket"


async def opened(client: Client, namespace: str = "", more: str = "") -> Any:
    """Open a connection, and connect to a namespace."""
    ws = await client.ws_connect(PATH + more)
    opening = await told(ws)
    assert opening[0] == "0"
    assert set(json.loads(opening[1:])) == {
        *("sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload")
    }
    assert (await say(ws, f"40{namespace}")).startswith(f'40{namespace}{{"sid":"')
    return ws


async def say(ws: Any, message: str) -> str:
    await ws.send_str(message)
    return await told(ws)


async def told(ws: Any) -> str:
    return str(await ws.receive_str(timeout=WAIT_S))


async def token_of(client: Client) -> str:
    async with client.post("/login", json={"email": "a@b.c", "password": "p"}) as response:
        return str((await response.json())["accessToken"])


@pytest.mark.parametrize("namespace", ["", "/tickets,"])
def test_events_come_back_go_to_others_and_are_acked(namespace: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        a, b = await opened(client, namespace), await opened(client, namespace)
        echo = f'42{namespace}["echo",{{"é":1}}]'
        assert json.loads((await say(a, echo))[len(f"42{namespace}") :]) == ["echo", {"é": 1}]
        assert await say(a, f'42{namespace}7["echo",1,"x"]') == f'43{namespace}7[1,"x"]'
        for each in (a, b):
            asked = f'42{namespace}0["subscribe",{{"channel":"c"}}]'
            assert await say(each, asked) == f'43{namespace}0[{{"channel":"c"}}]'
        sent = f'42{namespace}12["typing",{{"t":1}}]'
        assert await say(a, sent) == f'43{namespace}12[{{"delivered":1}}]'
        assert await told(b) == f'42{namespace}["typing",{{"t":1}}]'
        left = await say(b, f'42{namespace}3["unsubscribe",{{"channel":"c"}}]')
        assert left == f'43{namespace}3[{{"channel":"c"}}]'
        assert await say(a, f'42{namespace}4["typing"]') == f'43{namespace}4[{{"delivered":0}}]'
        odd = await say(a, f'42{namespace}5["subscribe",7]')
        assert odd == f'43{namespace}5[{{"error":"subscribe needs a channel"}}]'
        for each in (a, b):
            await each.close()

    using(story)


def test_attachments_follow_their_event() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await opened(client)
        first = '{"_placeholder":true,"num":0}'
        await ws.send_str(f'452-["echo",{first},{first.replace("0", "1")}]')
        await ws.send_bytes(b"one")
        await ws.send_bytes(b"two")
        assert (await told(ws)).startswith('452-["echo",')
        assert [await ws.receive_bytes(timeout=WAIT_S) for _ in range(2)] == [b"one", b"two"]
        await ws.send_str('451-3["echo",{"_placeholder":true,"num":0}]')
        await ws.send_bytes(b"three")
        assert await told(ws) == '461-3[{"_placeholder":true,"num":0}]'
        assert await ws.receive_bytes(timeout=WAIT_S) == b"three"
        await ws.close()

    using(story)


def test_tokens_are_looked_at_and_open_a_namespace() -> None:
    async def story(client: Client, clock: Clock) -> None:
        token = await token_of(client)
        ws = await opened(client, "/agents,", f"&token={token}")
        await ws.close()
        ws = await opened(client)
        refused = await say(ws, '40/agents,{"token":"x"}')
        assert refused == """44/agents,{"message":"the token is not one of this server's"}"""
        assert (await say(ws, "40/agents,")).startswith("44/agents,")
        assert await say(ws, "40/nowhere") == '44/nowhere,{"message":"Invalid namespace"}'
        connect = await say(ws, f'40/agents,{{"token":"{token}"}}')
        assert connect.startswith('40/agents,{"sid":')
        await ws.close()
        async with client.get(PATH + "&token=x") as response:
            assert response.status == 401

    using(story)


def test_tickets_that_change_are_events() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await opened(client)
        await say(ws, '421["subscribe",{"channel":"tickets:org_123"}]')
        headers = {"Authorization": f"Bearer {await token_of(client)}"}
        async with client.post("/tickets", json={"title": "t"}, headers=headers) as response:
            ticket = await response.json()
        event, found = json.loads((await told(ws))[2:])
        assert (event, found["id"]) == ("ticket:created", ticket["id"])
        path = f"/tickets/{ticket['id']}"
        await client.patch(path, json={"status": "CLOSED"}, headers=headers)
        event, found = json.loads((await told(ws))[2:])
        assert (event, found["status"]) == ("ticket:changed", "CLOSED")
        await ws.close()

    using(story)


def test_the_server_pings_and_closes_who_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socketio_server, "PING_INTERVAL_S", 0.02)
    monkeypatch.setattr(socketio_server, "PING_TIMEOUT_S", 0.2)

    async def story(client: Client, clock: Clock) -> None:
        ws = await opened(client)
        for _ in range(3):
            assert await told(ws) == "2"
            await ws.send_str("3")
        assert await told(ws) == "2"
        found = await ws.receive(WAIT_S)
        assert (found.data, found.extra) == (1000, "ping timeout")
        monkeypatch.setattr(socketio_server, "CONNECT_TIMEOUT_S", 0.01)
        ws = await client.ws_connect(PATH)
        await told(ws)
        assert (await ws.receive(WAIT_S)).extra == "no CONNECT"

    using(story)


def test_a_client_pings_leaves_a_namespace_and_closes() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await opened(client)
        assert await say(ws, "2probe") == "3probe"
        await ws.send_str("6")
        await ws.send_str("41")
        assert (await say(ws, "40")).startswith("40{")
        await ws.send_str("1")
        assert (await ws.receive(WAIT_S)).data == 1000

    using(story)


@pytest.mark.parametrize(
    "message",
    [
        *('{"type":"subscribe"}', "5", "4", "49", "42", "42[]", "42[1]", "42{}", '42["e"', "43[]"),
        *('42/tickets,["e"]', "41[]", '451["e"]', '4511-["e"]', '421-["e"]', "40[]"),
        *(b"bytes", "4x", "44{}"),
    ],
)
def test_a_packet_that_is_none_closes_with_1008_and_a_sentence(message: str | bytes) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await opened(client)
        await (ws.send_bytes(message) if isinstance(message, bytes) else ws.send_str(message))
        found = await ws.receive(WAIT_S)
        assert (found.type, found.data) == (WSMsgType.CLOSE, 1008)
        assert found.extra

    using(story)


@pytest.mark.parametrize(
    ("query", "code"),
    [("EIO=3&transport=websocket", 5), ("EIO=4&transport=polling", 0), (PATH[12:] + "&sid=x", 1)],
)
def test_what_is_not_spoken_is_refused_as_by_socket_io(query: str, code: int) -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.get(f"/socket.io/?{query}") as response:
            assert (response.status, (await response.json())["code"]) == (400, code)

    using(story)
