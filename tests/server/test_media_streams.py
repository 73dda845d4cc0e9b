"""media_streams.py: a call from start to stop, the limit of lines, what ends a call."""

from __future__ import annotations

import base64
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType
from made_up_server import Client, Clock, using

from fastbench.server.media_streams import CALLS_MAX, TURN_FRAMES_MAX

WAIT_S = 10.0
PATH = "/ws/twilio-media"
START = {"event": "start", "streamSid": "MZ1", "start": {"streamSid": "MZ1", "callSid": "CA1"}}
VOICE, SILENCE = (base64.b64encode(each * 160).decode() for each in (b"\x10", b"\xff"))


def media(payload: str) -> str:
    return json.dumps({"event": "media", "streamSid": "MZ1", "media": {"payload": payload}})


async def call(client: Client) -> Any:
    ws = await client.ws_connect(PATH)
    await ws.send_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
    await ws.send_json(START)
    return ws


def test_the_agent_answers_a_pause_with_what_it_heard_and_a_mark() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await call(client)
        await ws.send_str(media(SILENCE))
        for _ in range(3):
            await ws.send_str(media(VOICE))
        await ws.send_str(media(SILENCE))
        found = [await ws.receive_json(timeout=WAIT_S) for _ in range(4)]
        assert [each["event"] for each in found] == ["media"] * 3 + ["mark"]
        assert {each["streamSid"] for each in found} == {"MZ1"}
        assert len(base64.b64decode(found[0]["media"]["payload"])) == 160
        assert found[3]["mark"] == {"name": "turn-1"}
        await ws.send_json(found[3])
        await ws.send_json({"event": "dtmf", "streamSid": "MZ1", "dtmf": {"digit": "1"}})
        await ws.send_json({"event": "stop", "streamSid": "MZ1", "stop": {"callSid": "CA1"}})
        assert (await ws.receive(WAIT_S)).data == 1000
        async with client.get("/count") as response:
            totals = (await response.json())["totals"]
        assert {name: totals[name] for name in ("calls", "media_frames")} == {
            "calls": 1,
            "media_frames": 5,
        }
        assert totals["marks_sent"] == totals["marks_played"] == totals["calls_at_once"] == 1

    using(story)


def test_the_agent_answers_also_who_never_pauses() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await call(client)
        for _ in range(TURN_FRAMES_MAX):
            await ws.send_str(media(VOICE))
        found = [await ws.receive_json(timeout=WAIT_S) for _ in range(TURN_FRAMES_MAX + 1)]
        assert found[-1]["event"] == "mark"
        await ws.close()

    using(story)


def test_one_call_too_many_is_refused_until_another_ends() -> None:
    async def story(client: Client, clock: Clock) -> None:
        calls = [await call(client) for _ in range(CALLS_MAX)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(PATH)
        assert refused.value.status == 429
        assert refused.value.headers is not None and refused.value.headers["Retry-After"] == "1"
        last = calls.pop()
        await last.send_json({"event": "stop", "streamSid": "MZ1"})
        assert (await last.receive(WAIT_S)).data == 1000
        async with client.get("/count") as response:
            totals = (await response.json())["totals"]
        assert (totals["calls_refused"], totals["calls_at_once"]) == (1, CALLS_MAX)
        calls.append(await call(client))
        for each in calls:
            await each.close()

    using(story)


@pytest.mark.parametrize(
    "message",
    [
        *("{", "[]", "{}", '{"event": 1}', '{"event": "start"}', json.dumps(START)),
        *(media("not base64!"), media(""), media(VOICE).replace("MZ1", "MZ2")),
        '{"event": "media", "streamSid": "MZ1", "media": 5}',
    ],
)
def test_what_is_out_of_order_or_wrong_ends_the_call(message: str) -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await call(client)
        await ws.send_str(message)
        found = await ws.receive(WAIT_S)
        assert (found.type, found.data) == (WSMsgType.CLOSE, 1008)
        assert found.extra

    using(story)


def test_media_before_its_start_and_odd_marks() -> None:
    async def story(client: Client, clock: Clock) -> None:
        ws = await client.ws_connect(PATH)
        await ws.send_str(media(VOICE))
        assert (await ws.receive(WAIT_S)).data == 1008
        ws = await call(client)
        odd: tuple[Any, ...] = (None, {}, {"name": []}, {"name": "turn-9"})
        for mark in odd:
            await ws.send_json({"event": "mark", "streamSid": "MZ1", "mark": mark})
        await ws.send_json({"event": "stop"})
        assert (await ws.receive(WAIT_S)).data == 1000

    using(story)
