"""WebSockets and Socket.IO of scripts against npm's `ws` and `socket.io`, and through nginx."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import invoke
from live_servers import counted, operations, reasons, using
from npm_servers import TOKEN, NpmServer, nginx_before, npm_server

from fastbench import socketio

SCRIPT = """
from fastbench import check, env, scenario, socketio

@scenario
async def agent(vu):
    async with socketio.open(vu, env("URL") + "/socket.io/", name="live") as io:
        desk = await io.connect("/", auth={"who": vu.id})
        check(desk, {"connected": lambda d: d.connected})
        for at in range(5):
            ack = await desk.call("echo", at, {"deep": [b"x" * at]})
            check(ack, {"right": lambda a: a.args == (at, {"deep": [b"x" * at]})})
            desk.emit("echo", at)
            event = await desk.receive(10)
            check(event, {"comes back": lambda e: e is not None and e.args == [at]})
    async with vu.ws(env("URL") + "/ws", name="plain", compression=vu.id % 2 == 0) as socket:
        for at in range(10):
            text = "é" * at * 1000
            check(await socket.request(text), {"the same": lambda reply: reply == text})
        check(socket, {"closed in order": lambda s: s.open})
"""
AGENTS, ROUNDS = 6, 24


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NpmServer]:
    with npm_server(tmp_path_factory.mktemp("npm")) as found:
        yield found


@pytest.mark.parametrize("proxied", [False, True], ids=["at once", "through nginx"])
def test_a_run_counts_what_the_server_counts(tmp_path: Path, proxied: bool) -> None:
    script = tmp_path / "agents.py"
    script.write_text(SCRIPT)
    flags = ("--json", "-", f"-u{AGENTS}", f"-i{ROUNDS}")
    with npm_server(tmp_path) as server:
        if proxied:
            with nginx_before(tmp_path, server.url) as url:
                shown = invoke("run", str(script), *flags, "-e", f"URL={url}")
        else:
            shown = invoke("run", str(script), *flags, "-e", f"URL={server.url}")
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    metrics = document["metrics"]
    sent, received = (metrics[f"ws_msgs_{way}"]["values"]["count"] for way in ("sent", "received"))
    assert [row for row in document["checks"] if row["fails"]] == document["exceptions"] == []
    assert {row["name"]: (row["requests"], row["failed"]) for row in document["requests"]} == {
        "connect plain": (ROUNDS, 0),
        "connect live": (ROUNDS, 0),
        "connect /": (ROUNDS, 0),
        "echo": (ROUNDS * 5, 0),
        "plain": (ROUNDS * 10, 0),
    }
    assert "ws_errors" not in metrics and "ws_msgs_lost" not in metrics
    seen = server.seen
    assert (seen["sessions"], seen["closed"]) == (ROUNDS, {"1000": ROUNDS})
    assert seen["received"] == seen["sent"] == ROUNDS * 10
    assert (seen["connects"], seen["events"]) == (ROUNDS, ROUNDS * 10)
    assert seen["left"] == {"client namespace disconnect": ROUNDS}
    assert seen["errors"] == seen["refused"] == 0
    # Of Socket.IO: open, CONNECT, acks and events with attachments came; pings may have, and one
    # that comes while a socket is closed is not answered.
    pongs = sent - ROUNDS * (10 + 1 + 5 * (2 + 1) + 1)
    assert 0 <= pongs <= received - ROUNDS * (10 + 2 + 5 * (2 + 1))


def test_a_run_without_a_script_counts_the_same_through_nginx(tmp_path: Path) -> None:
    with npm_server(tmp_path) as server, nginx_before(tmp_path, server.url) as url:
        target = url.replace("http", "ws") + "/ws"
        shown = invoke("-c8", "-n2000", "-b", "grüß", "--json", "-", target)
    assert shown.returncode == 0, shown.stderr
    document = json.loads(shown.stdout)
    summary = document["summary"]
    assert (summary["started"], summary["ok"], document["errors"]) == (2000, 2000, [])
    seen = server.seen
    assert (seen["sessions"], seen["closed"]) == (8, {"1000": 8})
    assert seen["received"] == seen["sent"] == 2000 and seen["errors"] == 0


def test_acks_go_both_ways_and_rooms_are_shared(server: NpmServer) -> None:
    async def story(user: Any) -> None:
        async with socketio.open(user) as a, socketio.open(user) as b:
            one, two = await a.connect(), await b.connect()
            for each in (one, two):
                assert (await each.call("subscribe", {"channel": "c"})).data == {"channel": "c"}
            one.on("question", lambda given: (given * 2, b"\0"))
            assert (await one.call("ask", 21)).ok
            one.emit("typing", {"who": "one"}, b"\xff")
            event = await two.receive(10)
            assert event is not None and event.args == [{"who": "one"}, b"\xff"]
            two.emit("leave")
            assert [each async for each in two] == [] and not two.connected and b.open
            again = await b.connect()
            assert again.connected
            await one.receive(0.35)  # some pings later
            assert a.open and (await again.call("echo", 1)).args == (1,)

    _, made = using(server.url, story)
    assert counted(made, "ws_errors") == 0 and not any(bad for _, bad in operations(made))


def test_what_it_refuses_is_a_value(server: NpmServer) -> None:
    async def story(user: Any) -> None:
        async with socketio.open(user) as io:
            assert (await io.connect("/agents", {"token": TOKEN})).connected
        async with socketio.open(user) as io:
            refused = await io.connect("/agents", {"token": "x"}, name="wrong")
            assert (refused.connected, refused.error) == (False, "wrong token")
            assert (await io.connect("/none")).error == "Invalid namespace"
        async with socketio.open(user, params={"transport": "x"}) as io:
            assert (io.status, io.open) == (400, False)

    _, made = using(server.url, story)
    assert reasons(made)["wrong"] == "wrong token"


def test_messages_of_any_size_and_pings(server: NpmServer) -> None:
    async def story(user: Any) -> None:
        for compression in (False, True):
            async with user.ws("/ws", compression=compression) as socket:
                for message in ("", "é" * 70_000, b"", b"\0\xff" * 200_000):
                    assert await socket.request(message) == message
                assert await socket.ping() is not None
                await socket.close(4001, "done")
            assert (socket.close_code, socket.error) == (4001, "")

    _, made = using(server.url, story)
    assert counted(made, "ws_errors") == 0
