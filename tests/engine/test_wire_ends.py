"""How requests of the scenario client end when they do not end well, and what is counted then."""

from __future__ import annotations

import asyncio

import pytest
from case import answer
from scripts import EMPTY, first_connection, forgetful, replying
from servers import Peer, Script, Server, answering, refusing
from wires import Wires, on_wires


def mute(peer: Peer) -> None:
    """Take a request and never answer it."""
    peer.request()
    peer.stall()


def test_a_request_that_a_closing_server_never_saw_is_sent_again_once() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        assert (await wires.get(session, server.port)).status == 200
        assert (await wires.get(session, server.port)).status == 200

    with Server(first_connection(forgetful)) as server:
        wires = on_wires(act)
    assert wires.counters()["retried"] == 1
    assert wires.errors() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_an_idempotent_method_is_sent_again(method: str) -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        await wires.get(session, server.port)
        assert (await wires.get(session, server.port, method=method)).status == 200

    with Server(first_connection(forgetful)) as server:
        wires = on_wires(act)
    assert wires.counters()["retried"] == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "BREW", "GETS", "get"])
def test_a_request_that_may_not_be_repeated_fails(method: str) -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        await wires.get(session, server.port)
        response = await wires.get(session, server.port, method=method)
        assert (response.status, response.error_kind) == (0, "truncated")

    with Server(first_connection(forgetful)) as server:
        wires = on_wires(act)
    assert wires.counters()["failed"] == 1
    assert wires.errors() == [("truncated", "head", "", 1)]


@pytest.mark.parametrize(
    ("script", "kind", "phase"),
    [
        (replying(b"HTTP/1.1 200 OK\r\nContent-Le", then=Peer.cut), "truncated", "head"),
        (replying(answer("Content-Length: 9") + b"abc", then=Peer.cut), "truncated", "body"),
        (replying(answer("Content-Length: 9") + b"abc", then=Peer.reset), "reset", "body"),
        (replying(b"SSH-2.0-x\r\n", then=Peer.stall), "protocol", "head"),
        (replying(answer("Content-Length: 3, 4") + b"abc", then=Peer.stall), "protocol", "head"),
    ],
    ids=["cut head", "cut body", "reset", "no HTTP", "two lengths"],
)
def test_broken_answers_have_status_0_and_a_name(script: Script, kind: str, phase: str) -> None:
    async def act(wires: Wires) -> None:
        response = await wires.get(wires.session(), server.port)
        assert (response.status, response.error_kind) == (0, kind)
        assert response.error.startswith(kind)

    with Server(script) as server:
        wires = on_wires(act)
    assert wires.errors()[0][:2] == (kind, phase)
    assert wires.counters()["failed"] == 1


def test_refused_and_unknown_names_are_told() -> None:
    async def act(wires: Wires) -> None:
        with refusing() as port:
            response = await wires.get(wires.session(), port)
        assert (response.error_kind, response.error_code) == ("connect_refused", "ECONNREFUSED")
        response = await wires.get(wires.session(), 80, host="nowhere.invalid")
        assert response.error_kind == "dns"

    wires = on_wires(act)
    assert wires.counters()["failed"] == 2
    assert [row[0] for row in wires.errors()] == ["connect_refused", "dns"]


def test_a_timeout_ends_the_request_and_its_connection() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        response = await wires.get(session, server.port, timeout_ns=50_000_000)
        assert (response.status, response.error_kind) == (0, "timeout")
        assert 45 < response.timings.duration < 2000

    with Server(mute) as server:
        wires = on_wires(act)
    assert wires.counters()["timeouts"] == 1
    assert wires.errors() == [("timeout", "head", "", 1)]
    assert "connected" not in wires.counters()


def test_each_timeout_has_its_own_order() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session(limit_per_host=20)
        slow = wires.get(session, silent.port, timeout_ns=300_000_000)
        quick = [wires.get(session, silent.port, timeout_ns=50_000_000) for _ in range(5)]
        assert {r.error_kind for r in await asyncio.gather(*quick)} == {"timeout"}
        assert not slow.done()
        assert (await wires.get(session, server.port, timeout_ns=50_000_000)).status == 200
        assert (await slow).error_kind == "timeout"

    with Server(mute) as silent, Server(answering()) as server:
        wires = on_wires(act)
    assert wires.counters()["timeouts"] == 6


def test_a_waiting_request_gets_the_place_of_one_that_failed() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session(limit_per_host=1)
        first, second = wires.get(session, server.port), wires.get(session, server.port)
        assert (await first).error_kind == "truncated"
        assert (await second).status == 200

    with Server(first_connection(replying(then=Peer.cut))) as server:
        on_wires(act)


def test_a_cancelled_request_failed_wherever_it_stood() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session(limit_per_host=1)

        async def iteration() -> None:
            await wires.get(session, server.port)

        tasks = [asyncio.create_task(iteration()) for _ in range(2)]
        while not server.seen.requests:
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError)
            for end in await asyncio.gather(*tasks, return_exceptions=True)
        )

    with Server(mute) as server:
        wires = on_wires(act)
    assert wires.counters()["cancelled"] == 2 and "in_flight" not in wires.counters()
    assert "connected" not in wires.counters()


def test_a_server_that_closes_an_idle_connection_is_no_error() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        await wires.get(session, server.port)
        while wires.block.counters(0)["connected"]:
            await asyncio.sleep(0.001)

    with Server(replying(EMPTY, then=Peer.finish)) as server:
        wires = on_wires(act)
    assert wires.counters()["closed_idle"] == 1
    assert wires.errors() == []
