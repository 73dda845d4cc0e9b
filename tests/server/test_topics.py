"""topics.py: Phoenix's channels in both versions of their messages, and Supabase's way to them."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from made_up_server import Client, Clock, using

from fastbench.server import topics
from fastbench.server.topics import TOPICS_MAX

WAIT_S = 10.0
V2 = "/socket/websocket?vsn=2.0.0"
REALTIME = "/realtime/v1/websocket?apikey=ANON&vsn=1.0.0"
OK = {"status": "ok", "response": {}}


async def say(ws: Any, message: object) -> Any:
    """Send a message and give the next that comes."""
    await ws.send_str(json.dumps(message))
    return await told(ws)


async def told(ws: Any) -> Any:
    return json.loads(await ws.receive_str(timeout=WAIT_S))


def test_join_push_leave_and_heartbeat_by_lists() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.ws_connect(V2) as ws:
            reply = await say(ws, ["1", "1", "room:a", "phx_join", {}])
            assert reply == ["1", "1", "room:a", "phx_reply", OK]
            beat = await say(ws, [None, "2", "phoenix", "heartbeat", {}])
            assert beat == [None, "2", "phoenix", "phx_reply", OK]
            reply = await say(ws, ["1", "3", "room:a", "new_msg", {"body": "hi"}])
            assert reply == ["1", "3", "room:a", "phx_reply", OK]
            assert await told(ws) == [None, None, "room:a", "new_msg", {"body": "hi"}]
            reply = await say(ws, ["1", "4", "room:a", "phx_leave", {}])
            assert reply == ["1", "4", "room:a", "phx_reply", OK]
            assert await told(ws) == ["1", "1", "room:a", "phx_close", {}]
            gone = await say(ws, ["1", "5", "room:a", "new_msg", {}])
            assert gone[4] == {"status": "error", "response": {"reason": "unmatched topic"}}

    using(story)


def test_members_of_both_versions_share_a_topic() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.ws_connect(V2) as a, client.ws_connect("/socket/websocket") as b:
            await say(a, ["1", "1", "t", "phx_join", {}])
            join = {"topic": "t", "event": "phx_join", "payload": {}, "ref": 7}
            assert await say(b, join) == {
                "join_ref": None,
                "ref": 7,
                "topic": "t",
                "event": "phx_reply",
                "payload": OK,
            }
            assert (await say(a, ["1", "2", "t", "e", {"x": 1}]))[3] == "phx_reply"
            assert (await told(a))[3:] == ["e", {"x": 1}]
            shared = await told(b)
            assert (shared["event"], shared["payload"], shared["ref"]) == ("e", {"x": 1}, None)

    using(story)


def test_a_join_can_be_refused_and_a_second_one_replaces_the_first() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.ws_connect(V2) as ws:
            refused = await say(ws, ["1", "1", "private:x", "phx_join", {}])
            assert refused[4] == {"status": "error", "response": {"reason": "unauthorized"}}
            joined = await say(ws, ["2", "2", "private:x", "phx_join", {"token": "t"}])
            assert joined[4] == OK
            assert await say(ws, ["3", "3", "private:x", "phx_join", {"token": "t"}]) == [
                *("2", "2", "private:x", "phx_close", {})
            ]
            assert (await told(ws))[:2] == ["3", "3"]
            for i in range(1, TOPICS_MAX):
                assert (await say(ws, [None, "9", f"t{i}", "phx_join", {}]))[4] == OK
            assert (await say(ws, [None, "9", "one more", "phx_join", {}]))[4]["status"] == "error"

    using(story)


@pytest.mark.parametrize(
    "message",
    [
        *("{", "[]", "7", '["1","1","t","phx_join"]', '{"topic":"t"}', '["1",[],"t","e",{}]'),
        *('["1","1","","e",{}]', '["1","1","t",5,{}]', '["1","1","t","phx_join",[]]', "[" * 9000),
    ],
)
def test_a_message_that_is_none_closes_with_1008_and_a_sentence(message: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await client.ws_connect(V2)
        await ws.send_str(message)
        found = await ws.receive(WAIT_S)
        assert (found.type, found.data) == (WSMsgType.CLOSE, 1008)
        assert "must be" in (found.extra or "")

    using(story)


def test_a_payload_may_be_bytes_for_those_who_can_have_them() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.ws_connect(V2) as a, client.ws_connect("/socket/websocket") as b:
            await say(a, ["1", "1", "t", "phx_join", {}])
            await say(b, {"topic": "t", "event": "phx_join", "payload": {}, "ref": "1"})
            await a.send_bytes(b"\0\1\1\1\3" + b"12tevt" + b"\xff\0")
            assert await told(a) == ["1", "2", "t", "phx_reply", OK]
            assert await a.receive_bytes(timeout=WAIT_S) == b"\2\1\3tevt\xff\0"
            await a.send_str(json.dumps(["1", "3", "t", "text", {}]))
            assert (await told(b))["event"] == "text", "bytes are left out in version 1.0.0"

    using(story)


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"\1\0\0\1\1te", b"\0\0\0\1\2te", b"\0\0\0\1\1\xffe", b"\0\0\0\0\0"]
)
def test_bytes_that_are_no_push_close_with_1008(data: bytes) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await client.ws_connect(V2)
        await ws.send_bytes(data)
        assert (await ws.receive(WAIT_S)).data == 1008

    using(story)


def test_bytes_close_with_1003_and_silence_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await client.ws_connect("/socket/websocket")
        await ws.send_bytes(b"[]")
        assert (await ws.receive(WAIT_S)).data == 1003
        monkeypatch.setattr(topics, "TIMEOUT_S", 0.02)
        ws = await client.ws_connect(V2)
        assert (await ws.receive(WAIT_S)).data == 1000

    using(story)


@pytest.mark.parametrize(
    ("path", "status"), [("/socket/websocket?vsn=3", 400), ("/realtime/v1/websocket", 401)]
)
def test_a_handshake_that_makes_no_sense_is_refused(path: str, status: int) -> None:
    async def story(client: Client, clock: Clock) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(path)
        assert refused.value.status == status

    using(story)


def test_a_broadcast_of_supabase_goes_to_others_unless_it_asks_for_more() -> None:
    async def story(client: Client, clock: Clock) -> None:
        def join(**wanted: bool) -> dict[str, Any]:
            payload = {"config": {"broadcast": wanted}}
            return {"topic": "realtime:room", "event": "phx_join", "payload": payload, "ref": "1"}

        def broadcast(ref: str) -> dict[str, Any]:
            payload = {"from": ref}
            return {"topic": "realtime:room", "event": "broadcast", "payload": payload, "ref": ref}

        async with client.ws_connect(REALTIME) as a, client.ws_connect(REALTIME) as b:
            await say(a, join())
            await say(b, join(ack=True, self=True))
            await a.send_str(json.dumps(broadcast("2")))
            assert (await told(b))["payload"] == {"from": "2"}
            assert (await say(b, broadcast("3")))["ref"] == "3"
            assert (await told(b))["payload"] == (await told(a))["payload"] == {"from": "3"}

    using(story)


def test_a_message_that_is_sent_by_http_is_told_to_its_table_s_topic() -> None:
    async def story(client: Client, clock: Clock) -> None:
        async with client.post("/auth/login", json={"email": "a", "password": "p"}) as response:
            token = (await response.json())["accessToken"]
        async with client.ws_connect(REALTIME) as ws:
            for table in ("messages", "conversations"):
                topic = f"realtime:public:{table}"
                join = {"topic": topic, "event": "phx_join", "payload": {}, "ref": table}
                assert (await say(ws, join))["payload"] == OK
            headers = {"Authorization": f"Bearer {token}"}
            sent = await client.post("/messages/send", json={"content": "hi"}, headers=headers)
            assert sent.status == 200
            first, second = await told(ws), await told(ws)
        assert (first["topic"], first["event"]) == ("realtime:public:messages", "INSERT")
        assert first["payload"]["record"]["content"] == "hi"
        assert (second["event"], second["payload"]["record"]["last_message"]) == ("UPDATE", "hi")

    using(story)
