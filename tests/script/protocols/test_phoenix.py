"""phoenix.py: joins, pushes, messages of topics; against the embedded and a scripted server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextvars import ContextVar, copy_context
from typing import Any

import pytest
from embedded import serving
from hypothesis import given
from hypothesis import strategies as st
from live_servers import counted, operations, reasons, using
from servers import Peer, Server
from websocket_peers import TEXT, framed, opened, received

from fastbench import phoenix
from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import sockets
from fastbench.script.protocols import live_messages
from fastbench.script.protocols.phoenix_messages import PhoenixMessage, decode, encode

PATH = "/socket/websocket"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


texts = st.text(st.characters(exclude_categories=["Cs"]))
payloads = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=20,
)


@given(
    st.none() | texts,
    st.none() | texts,
    texts,
    texts,
    payloads,
    st.sampled_from(["1.0.0", "2.0.0"]),
)
def test_a_message_comes_back_as_it_was(
    join_ref: str | None, ref: str | None, topic: str, event: str, payload: Any, vsn: str
) -> None:
    message = PhoenixMessage(join_ref, ref, topic, event, payload)
    assert decode(encode(message, vsn), vsn) == message


fields = texts.filter(lambda text: len(text.encode()) < 256)


@given(st.sampled_from([0, 1, 2]), fields, fields, fields, fields, st.binary())
def test_binary_messages_of_a_server_are_read(
    kind: int, join_ref: str, ref: str, topic: str, event: str, payload: bytes
) -> None:
    parts = {0: (join_ref, topic, event), 1: (join_ref, ref, topic, event), 2: (topic, event)}[kind]
    data = bytes([kind, *(len(each.encode()) for each in parts)])
    data += "".join(parts).encode() + payload
    found = decode(data)
    assert found is not None and found.topic == topic
    assert found.join_ref == ((join_ref or None) if kind < 2 else None)
    if kind == 1:
        assert (found.event, found.ref) == ("phx_reply", ref or None)
        assert found.payload == {"status": event, "response": payload}
    else:
        assert (found.event, found.ref, found.payload) == (event, None, payload)


@given(st.text() | st.binary(), st.sampled_from(["1.0.0", "2.0.0"]))
def test_what_is_no_message_is_none(data: str | bytes, vsn: str) -> None:
    found = decode(data, vsn)
    assert found is None or isinstance(found.topic, str)


@pytest.mark.parametrize(
    "data", ["7", "[]", "{}", '["1","2",3,"e",{}]', "[" * 5000, b"\0\1", b"\3"]
)
def test_shapes_that_are_near_a_message_are_none(data: str | bytes) -> None:
    assert decode(data) is None and decode(data, "1.0.0") is None


def test_a_binary_push_is_as_phoenix_has_it() -> None:
    message = PhoenixMessage("1", "22", "t", "evt", b"\xff\0")
    assert encode(message) == b"\0\1\2\1\3" + b"122tevt" + b"\xff\0"


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
def test_join_push_read_leave(url: str, vsn: str) -> None:
    async def story(user: Any) -> list[Any]:
        async with phoenix.open(user, PATH, vsn=vsn) as socket:
            room = await socket.join("room:a", {"user": 7})
            assert (socket.status, socket.open, room.joined, room.reply.ok) == (
                101,
                True,
                True,
                True,
            )
            reply = await room.push("new_msg", {"body": "hi"})
            room.send("typing")
            found = [await room.receive("5s"), await anext(aiter(room))]
            left = await room.leave()
            assert not room.joined and [each async for each in room] == []
            after = await room.push("new_msg", {}, name="too late")
            return [reply, left, after, *found]

    (reply, left, after, first, second), made = using(url, story)
    assert reply.ok and left.ok and reply.response == {} and reply.reason == ""
    assert (after.status, after.reason) == ("error", "error: unmatched topic")
    assert (first.event, first.payload, first.topic) == ("new_msg", {"body": "hi"}, "room:a")
    assert (second.event, second.payload) == ("typing", {})
    names = ("join room:a", "new_msg", "leave room:a")
    found = operations(made)
    assert all(found[name, False] == 1 for name in names) and found["too late", True] == 1
    assert reasons(made) == {"too late": "error: unmatched topic"}
    assert counted(made, "ws_msg_rtt") == 4
    assert counted(made, "ws_msgs_lost") == counted(made, "ws_errors") == 0


def test_a_payload_may_be_bytes(url: str) -> None:
    async def story(user: Any) -> None:
        async with phoenix.open(user, PATH) as socket:
            room = await socket.join("t")
            assert (await room.push("audio", b"\xff\0")).ok
            message = await room.receive(5)
            assert message is not None and (message.event, message.payload) == ("audio", b"\xff\0")

    using(url, story)


def test_two_topics_are_told_apart_and_functions_take_events(url: str) -> None:
    async def story(user: Any) -> None:
        seen, done = [], asyncio.Event()

        async def later(message: PhoenixMessage) -> None:
            await asyncio.sleep(0)
            seen.append(message.payload["n"])
            done.set()

        async with phoenix.open(user, PATH) as socket:
            a, b = await socket.join("a"), await socket.join("b")
            a.on("now", lambda message: seen.append(message.payload["n"]))
            a.on("later", later)
            for n, (channel, event) in enumerate([(a, "now"), (b, "now"), (a, "later"), (a, "e")]):
                assert (await channel.push(event, {"n": n})).ok
            first, second = await a.receive(5), await b.receive(5)
            assert first is not None and first.payload == {"n": 3}
            assert second is not None and second.payload == {"n": 1}
            async with asyncio.timeout(5):
                await done.wait()
            assert seen == [0, 2]

    using(url, story)


def test_a_function_runs_in_the_context_where_its_socket_was_opened() -> None:
    who: ContextVar[str] = ContextVar("who")
    socket: Any = None
    there = copy_context()
    there.run(who.set, "there")
    handlers = there.run(live_messages.Handlers, socket)
    seen: list[str] = []
    handlers.on("e", lambda: seen.append(who.get("nowhere")))
    assert handlers.take("e", None) and not handlers.take("other", None)
    assert seen == ["there"]


def test_supabase_s_url_says_its_version_itself(url: str) -> None:
    async def story(user: Any) -> None:
        path = "/realtime/v1/websocket?apikey=ANON_KEY&vsn=1.0.0"
        async with phoenix.open(user, path) as socket:
            room = await socket.join("realtime:public:messages")
            assert room.joined and room.reply.ok
            refused = await socket.join("private:x")
            assert not refused.joined and refused.reply.reason == "error: unauthorized"
            assert await refused.receive() is None

    _, made = using(url, story)
    assert operations(made)["join private:x", True] == 1


def test_what_is_done_from_time_to_time_ends_with_the_socket(url: str) -> None:
    async def story(user: Any) -> None:
        async with phoenix.open(user, PATH) as socket:
            room = await socket.join("t")
            socket.every(0.01, lambda: room.send("tick"))
            socket.after(0.1, socket.close)
            found = [message.event async for message in room]
            assert set(found) == {"tick"} and (socket.open, socket.close_code) == (False, 1000)

    _, made = using(url, story)
    assert counted(made, "ws_errors") == 0


def test_a_refused_handshake_is_a_value(url: str) -> None:
    async def story(user: Any) -> None:
        async with phoenix.open(user, "/realtime/v1/websocket") as socket:
            assert (socket.status, socket.open) == (401, False) and socket.error
            room = await socket.join("realtime:room")
            assert (room.joined, room.reply.status) == (False, "closed")
            assert [each async for each in room] == []

    _, made = using(url, story)
    assert operations(made)["join realtime:room", True] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda user: phoenix.open(user, PATH, vsn="3").__aenter__(),
        lambda user: phoenix.open(user, PATH, heartbeat="often").__aenter__(),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(url: str, wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"phoenix\.open\(\)"):
        using(url, wrong)


def test_payloads_that_cannot_be_sent_are_refused_in_a_sentence(url: str) -> None:
    async def story(user: Any) -> None:
        async with phoenix.open(user, PATH, vsn="1.0.0") as socket:
            room = await socket.join("a")
            with pytest.raises(UsageError, match=r"cannot be JSON.*\.$"):
                await room.push("e", {"x": object()})
            with pytest.raises(UsageError, match=r"needs vsn=2\.0\.0"):
                room.send("e", b"x")
            with pytest.raises(UsageError, match="A topic is a text"):
                await socket.join("")

    using(url, story)


def replying(peer: Peer, *payloads: Any) -> None:
    """Answer so many messages of version 2.0.0."""
    for payload in payloads:
        join_ref, ref, topic, *_ = json.loads(received(peer)[1])
        answer = json.dumps([join_ref, ref, topic, "phx_reply", payload])
        peer.send(framed(TEXT, answer.encode()))


OK = {"status": "ok", "response": {}}


def test_a_late_reply_a_crash_and_messages_that_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSE_TIMEOUT_S", 0.05)  # the server does not answer

    def script(peer: Peer) -> None:
        replying(peer, OK)
        late = json.loads(received(peer)[1])[1]
        received(peer)
        peer.send(framed(TEXT, b"rubbish"))
        peer.send(framed(TEXT, json.dumps(["1", late, "t", "phx_reply", OK]).encode()))
        peer.send(framed(TEXT, json.dumps(["1", "3", "t", "phx_reply", 5]).encode()))
        peer.send(framed(TEXT, json.dumps(["1", "1", "t", "phx_error", {}]).encode()))

    async def story(user: Any) -> None:
        async with phoenix.open(user, PATH) as socket:
            room = await socket.join("t")
            lost = await room.push("slow", timeout=0.01)
            assert (lost.status, lost.reason) == ("timeout", "timeout")
            assert (await room.push("odd")) == ("error", 5)
            assert [each async for each in room] == [] and not room.joined
            assert socket.open

    with Server(opened(script)) as server:
        _, made = using(server.url().rstrip("/"), story)
    assert reasons(made) == {"slow": "no reply in time", "odd": "error"}
    assert counted(made, "ws_msgs_lost") == 1


def test_a_heartbeat_that_is_not_answered_ends_the_socket() -> None:
    beats = []

    def script(peer: Peer) -> None:
        replying(peer, OK)
        beats.append(json.loads(received(peer)[1]))

    async def story(user: Any) -> str:
        async with phoenix.open(user, PATH, heartbeat=0.05) as socket:
            room = await socket.join("t")
            assert [each async for each in room] == []
            return socket.error

    with Server(opened(script)) as server:
        error, made = using(server.url().rstrip("/"), story)
    assert error == "no reply to the heartbeat within 0.05 s"
    assert [each[2:] for each in beats] == [["phoenix", "heartbeat", {}]]
    assert counted(made, "ws_errors") == 1


def test_messages_that_nobody_reads_do_not_pile_up(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_messages, "MAX_UNREAD", 5)

    async def story(user: Any) -> list[int]:
        async with phoenix.open(user, PATH) as socket:
            room = await socket.join("t")
            for n in range(8):
                await room.push("e", {"n": n})
            await room.push("last")
            return [(await room.receive(5)).payload["n"] for _ in range(4)]  # type: ignore[union-attr]

    found = using(url, story)[0]
    assert found[0] in (3, 4), "the last one may have come or not"
    assert found == list(range(found[0], found[0] + 4))


def test_an_exception_of_a_function_ends_the_iteration(url: str) -> None:
    def wrong(message: PhoenixMessage) -> None:
        raise LookupError("mine")

    async def story(user: Any) -> None:
        async with phoenix.open(user, PATH) as socket:
            room = await socket.join("t")
            room.on("e", wrong)
            await room.push("e")
            await room.receive(5)

    with pytest.raises(LookupError, match="mine"):
        using(url, story)
