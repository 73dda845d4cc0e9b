"""socketio.py: packets, namespaces, events, acks; against the embedded and a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from embedded import serving
from hypothesis import given
from hypothesis import strategies as st
from live_servers import counted, operations, reasons, using
from servers import Peer, Server
from websocket_peers import TEXT, framed, opened, received

from fastbench import socketio
from fastbench.foundation.usage_error import UsageError
from fastbench.script.api import sockets
from fastbench.script.protocols.socketio_messages import (
    ACK,
    CONNECT,
    EVENT,
    Packet,
    decode,
    encode,
    with_attachments,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield address


texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.binary(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(texts.filter(lambda key: key != "_placeholder"), inner)
    ),
    max_leaves=20,
)
names = st.just("/") | texts.filter(lambda text: not {",", "?"} & set(text)).map("/{}".format)
ids = st.integers(0, 10**17)
packets = (
    st.builds(
        Packet,
        st.just(CONNECT),
        names,
        st.none() | st.dictionaries(texts, st.integers(0, 9)),
        st.none(),
    )
    | st.builds(Packet, st.just(ACK), names, st.lists(values), ids)
    | st.builds(
        Packet, st.just(EVENT), names, st.lists(values).map(lambda v: ["e", *v]), st.none() | ids
    )
)


@given(packets)
def test_a_packet_comes_back_as_it_was(packet: Packet) -> None:
    text, *attachments = encode(packet)
    assert isinstance(text, str) and all(isinstance(each, bytes) for each in attachments)
    found = decode(text)
    assert found is not None and found[1] == len(attachments)
    assert with_attachments(found[0], attachments) == packet  # type: ignore[arg-type]


@given(st.text() | st.text('0123456-/,[]{}"').map("4".__add__))
def test_what_is_no_packet_is_none(text: str) -> None:
    found = decode(text)
    assert found is None or isinstance(found[0], Packet)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4",
        "47",
        "3",
        "42",
        "42{}",
        "42[]",
        "43[1]",
        "42[",
        '451["e"]',
        '421-["e"]',
        "42" + "[" * 5000,
    ],
)
def test_shapes_that_are_near_a_packet_are_none(text: str) -> None:
    assert decode(text) is None


@pytest.mark.parametrize("number", [1, -1, "0", None, True])
def test_an_attachment_that_is_not_there_makes_no_packet(number: Any) -> None:
    packet = Packet(EVENT, "/", ["e", {"_placeholder": True, "num": number}])
    found = with_attachments(packet, [b"x"])
    assert found is None or number is False


def test_packets_are_as_socket_io_has_them() -> None:
    assert encode(Packet(CONNECT)) == ["40"]
    assert encode(Packet(CONNECT, "/chat", {"token": "x"})) == ['40/chat,{"token":"x"}']
    assert encode(Packet(EVENT, "/", ["hi", "é"], 12)) == ['4212["hi","é"]']
    placeholder = '{"_placeholder":true,"num":0}'
    assert encode(Packet(EVENT, "/c", ["b", b"\0"])) == [f'451-/c,["b",{placeholder}]', b"\0"]
    assert encode(Packet(ACK, "/c", [b"\0"], 7)) == [f"461-/c,7[{placeholder}]", b"\0"]


@pytest.mark.parametrize("namespace", ["/", "/tickets"])
def test_connect_call_emit_and_read(url: str, namespace: str) -> None:
    async def story(user: Any) -> Any:
        async with socketio.open(user) as io:
            assert (io.status, io.open, len(io.sid)) == (101, True, 20)
            desk = await io.connect(namespace)
            assert desk.connected and desk.sid
            ack = await desk.call("subscribe", {"channel": "c"})
            assert (ack.ok, ack.data) == (True, {"channel": "c"})
            desk.emit("echo", 1, {"é": [None]}, b"\xff\0", name := "x")
            event = await desk.receive("5s")
            assert event is not None and event.args == [1, {"é": [None]}, b"\xff\0", name]
            assert event.data == 1 and event.name == "echo"
            files = await desk.call("echo", {"deep": [b"one"]}, b"two", name="files")
            assert files.args == ({"deep": [b"one"]}, b"two")
            nothing = await desk.call("echo", name="empty")
            assert (nothing.ok, nothing.data) == (True, None)
            desk.disconnect()
            assert not desk.connected and [each async for each in desk] == []
            again = await io.connect(namespace, name="again")
            io.after(0.01, io.close)
            assert [each async for each in again] == []
        assert (io.open, io.close_code, io.error) == (False, 1000, "")

    _, made = using(url, story)
    expected = (f"connect {namespace}", "subscribe", "files", "empty")
    assert all(operations(made)[name, False] == 1 for name in expected)
    assert not any(failed for _, failed in operations(made))
    assert counted(made, "ws_msg_rtt") == 5
    assert counted(made, "ws_errors") == counted(made, "ws_msgs_lost") == 0


def test_events_of_others_come_and_functions_take_them(url: str) -> None:
    async def story(user: Any) -> None:
        seen, done = [], asyncio.Event()

        async def typed(who: Any) -> None:
            await asyncio.sleep(0)
            seen.append(who)
            done.set()

        async with socketio.open(user) as a, socketio.open(user) as b:
            one, two = await a.connect(), await b.connect()
            for each in (one, two):
                await each.call("subscribe", {"channel": "c"})
            two.on("typing", typed)
            two.on("now", seen.append)
            assert (await one.call("now", "first")).data == {"delivered": 1}
            assert (await one.call("typing", "second")).data == {"delivered": 1}
            async with asyncio.timeout(5):
                await done.wait()
            assert seen == ["first", "second"]

    using(url, story)


def test_what_is_refused_is_a_value(url: str) -> None:
    async def story(user: Any) -> None:
        async with socketio.open(user) as io:
            agents = await io.connect("/agents", {"token": "x"})
            assert not agents.connected and "token" in agents.error
            nowhere = await io.connect("/nowhere", name="wrong")
            assert nowhere.error == "Invalid namespace" and await nowhere.receive() is None
        async with socketio.open(user, "/socket.io/?EIO=3&transport=websocket") as io:
            assert (io.status, io.open, io.sid) == (400, False, "")
            assert not (await io.connect()).connected

    _, made = using(url, story)
    assert operations(made)["wrong", True] == 1
    assert reasons(made)["wrong"] == "Invalid namespace"


def test_a_token_opens_a_namespace(url: str) -> None:
    async def story(user: Any) -> None:
        who = {"email": "agent@test.com", "password": "password"}
        token = (await user.post("/api/v1/auth/login", json=who)).json("accessToken")
        async with socketio.open(user, params={"token": token}) as io:
            assert (await io.connect("/agents")).connected
        async with socketio.open(user) as io:
            assert (await io.connect("/agents", auth={"token": token})).connected

    using(url, story)


OPEN = b'0{"sid":"s","upgrades":[],"pingInterval":%d,"pingTimeout":%d,"maxPayload":9}'


def test_pings_are_answered_and_without_any_the_socket_is_given_up() -> None:
    heard: list[str] = []

    def script(peer: Peer) -> None:
        peer.send(framed(TEXT, OPEN % (20, 30)))
        heard.append(received(peer)[1].decode())
        peer.send(framed(TEXT, b'40{"sid":"x"}') + framed(TEXT, b"2"))
        heard.append(received(peer)[1].decode())

    async def story(user: Any) -> str:
        async with socketio.open(user) as io:
            desk = await io.connect()
            assert [each async for each in desk] == []
            return io.error

    with Server(opened(script)) as server:
        error, made = using(server.url().rstrip("/"), story)
    assert heard == ["40", "3"]
    assert error == "the server sent no ping within 0.05 s" and counted(made, "ws_errors") == 1


def test_an_event_that_asks_for_an_ack_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSE_TIMEOUT_S", 0.05)  # the server does not answer
    asked = (b'427["add",1,2]', b'428["read"]', b'42/other,["nobody"]')
    heard: list[str] = []

    def script(peer: Peer) -> None:
        peer.send(framed(TEXT, OPEN % (9000, 9000)))
        heard.append(received(peer)[1].decode())
        peer.send(framed(TEXT, b'40{"sid":"x"}'))
        for each in (b"rubbish", b"6", b"43", *asked):
            peer.send(framed(TEXT, each))
        heard.extend(received(peer)[1].decode() for _ in range(2))
        peer.send(framed(TEXT, b"41"))

    async def story(user: Any) -> None:
        async with socketio.open(user) as io:
            desk = await io.connect()
            desk.on("add", lambda a, b: a + b)
            event = await desk.receive(5)
            if event is not None and event.name == "add":  # it came with the CONNECT
                event.ack(3)
                event = await desk.receive(5)
            assert event is not None and event.name == "read"
            event.ack("a", "b")
            event.ack("twice")
            assert [each async for each in desk] == [] and not desk.connected and io.open
            late = await desk.call("x", timeout=0.01)
            assert not late.ok

    with Server(opened(script)) as server:
        _, made = using(server.url().rstrip("/"), story)
    assert heard == ["40", "437[3]", '438["a","b"]']
    assert reasons(made) == {"x": "no reply in time"}
    assert counted(made, "ws_msgs_lost") == 1


def test_a_ping_that_comes_while_we_close_is_no_error() -> None:
    def script(peer: Peer) -> None:
        peer.send(framed(TEXT, OPEN % (9000, 9000)))
        opcode, data = received(peer)
        peer.send(framed(TEXT, b"2") + framed(opcode, data))
        peer.finish()

    async def story(user: Any) -> tuple[Any, ...]:
        async with socketio.open(user) as io:
            pass
        return io.socket.received, io.socket.sent, io.error

    with Server(opened(script)) as server:
        found, made = using(server.url().rstrip("/"), story)
    assert found == (2, 0, "")
    assert counted(made, "ws_errors") == 0


def test_a_server_that_opens_nothing_is_given_up() -> None:
    async def story(user: Any) -> str:
        async with socketio.open(user, timeout=0.05) as io:
            assert not io.open and not (await io.connect()).connected
            return io.error

    with Server(opened(lambda peer: None)) as server:
        error, _ = using(server.url().rstrip("/"), story)
    assert error == "no open packet of Engine.IO came"


def test_what_makes_no_sense_is_refused_in_a_sentence(url: str) -> None:
    async def story(user: Any) -> None:
        async with socketio.open(user) as io:
            with pytest.raises(UsageError, match="A namespace is a text"):
                await io.connect("chat")
            desk = await io.connect()
            with pytest.raises(UsageError, match="connected already"):
                await io.connect()
            with pytest.raises(UsageError, match="An event has a name"):
                desk.emit("")
            with pytest.raises(UsageError, match=r"cannot be JSON.*\.$"):
                await desk.call("x", object())

    using(url, story)
