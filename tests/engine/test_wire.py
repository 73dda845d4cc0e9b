"""The scenario client against scripted servers: every way an exchange can go, and its counts."""

from __future__ import annotations

import asyncio
import contextvars
from pathlib import Path

import pytest
from case import answer
from certificates import Authority
from scripts import EMPTY, replying
from servers import OK, OK_BODY, Peer, Server, answering
from wires import Wires, on_wires

from fastbench.engine.client import _client


def mute(peer: Peer) -> None:
    """Take a request and never answer it."""
    peer.request()
    peer.stall()


def test_an_answer_has_status_head_body_and_times() -> None:
    async def act(wires: Wires) -> None:
        response = await wires.get(wires.session(), server.port)
        assert (response.status, response.body, response.error) == (200, OK_BODY, "")
        assert response.raw_head == OK[: -len(OK_BODY)]
        assert response.headers == {"head": response.raw_head.decode()}
        times = response.timings
        assert 0 < times.waiting <= times.duration < 5000
        assert times.connecting > 0
        assert times.duration == pytest.approx(times.sending + times.waiting + times.receiving)

    with Server(answering()) as server:
        wires = on_wires(act)
    assert wires.counters()["ok"] == 1
    assert wires.requests()["http_req_duration"].count == 1
    assert server.seen.requests == 1


def test_one_connection_carries_all_requests_of_a_session() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        for _ in range(20):
            assert (await wires.get(session, server.port)).status == 200

    with Server(answering()) as server:
        wires = on_wires(act)
    assert wires.counters()["connects"] == 1
    assert (server.seen.requests, server.seen.connections) == (20, 1)
    assert wires.counters()["bytes_in"] == 20 * len(OK)


@pytest.mark.parametrize(
    ("message", "body"),
    [
        (
            answer("Transfer-Encoding: chunked") + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
            b"abcde",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, OK_BODY),
        (answer("Content-Length: 0"), b""),
        (answer("X: y") + b"until the end", b"until the end"),
    ],
    ids=["chunked", "interim", "empty", "to the end"],
)
def test_bodies_are_kept_however_they_arrive(message: bytes, body: bytes) -> None:
    async def act(wires: Wires) -> None:
        for _ in range(2):  # whole, and again as something seen before
            assert (await wires.get(wires.session(), whole.port)).body == body
            assert (await wires.get(wires.session(), dripping.port)).body == body

    pieces = [message[i : i + 1] for i in range(len(message))]
    with Server(replying(message)) as whole, Server(replying(*pieces)) as dripping:
        on_wires(act)


def test_a_large_body_in_many_reads_is_put_together_or_dropped() -> None:
    body = bytes(range(256)) * 8192

    async def act(wires: Wires) -> None:
        session = wires.session()
        assert (await wires.get(session, server.port)).body == body
        session.discard = True
        assert (await wires.get(session, server.port)).body == b""

    with Server(answering(answer(f"Content-Length: {len(body)}") + body)) as server:
        on_wires(act)


def test_head_has_no_body_and_204_neither() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        response = await wires.get(session, server.port, method="HEAD")
        assert (response.status, response.body) == (200, b"")

    with Server(answering(answer("Content-Length: 500"))) as server:
        on_wires(act)


def test_localhost_reaches_a_server_on_one_of_its_addresses() -> None:
    async def act(wires: Wires) -> None:
        assert (await wires.get(wires.session(), server.port, host="localhost")).status == 200

    with Server(answering()) as server:
        assert on_wires(act).errors() == []


def test_no_more_connections_than_allowed_and_the_rest_waits_its_turn() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session(limit_per_host=3)
        answers = await asyncio.gather(*[wires.get(session, server.port) for _ in range(20)])
        assert {each.status for each in answers} == {200}
        assert max(each.timings.blocked for each in answers) > 0

    with Server(answering()) as server:
        wires = on_wires(act)
    assert wires.counters()["connects"] == 3
    assert (server.seen.requests, server.seen.connections) == (20, 3)


def test_without_keepalive_each_request_connects() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        for _ in range(3):
            await wires.get(session, server.port)

    with Server(answering()) as server:
        assert on_wires(act, keepalive=False).counters()["connects"] == 3


def test_the_waiter_runs_in_its_own_context_and_task() -> None:
    who = contextvars.ContextVar("who", default="nobody")

    async def act(wires: Wires) -> None:
        async def vu(name: str) -> None:
            who.set(name)
            session = wires.session()
            for _ in range(5):
                await wires.get(session, server.port)
                assert who.get() == name
                task = asyncio.current_task()
                assert task is not None
                assert task.get_name() == name

        names = [f"vu {i}" for i in range(8)]
        await asyncio.gather(*[asyncio.create_task(vu(name), name=name) for name in names])

    with Server(answering()) as server:
        on_wires(act)


def test_an_exchange_is_a_future_to_asyncio() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        async with asyncio.timeout(5):
            one = wires.get(session, server.port)
            done, pending = await asyncio.wait([one])  # type: ignore[type-var]
        assert (len(done), len(pending)) == (1, 0)
        assert one.result().status == (await one).status == 200
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wires.get(session, silent.port), 0.05)

    with (
        Server(answering()) as server,
        Server(mute) as silent,
    ):
        wires = on_wires(act)
    assert wires.counters()["cancelled"] == wires.counters()["failed"] == 1


def test_redirects_are_followed_by_the_hook_and_each_counts() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        target = wires.pool.origin("http", "127.0.0.1", server.port)
        after = wires.ready(target, "GET", "/b", keep="next")

        def follow(
            exchange: _client.Exchange, response: _client.Response
        ) -> tuple[_client.Ready, bytes | None, str]:
            asked.append((exchange.redirects, response.status, response.keep))
            return after, None, ""

        session.redirect = follow
        response = await wires.get(session, moved.port, redirects=2, keep="mine")
        assert (response.status, response.url, response.keep) == (200, after.url, "next")
        assert (await wires.get(session, moved.port)).status == 302  # none allowed

    asked: list[tuple[int, int, object]] = []
    away = b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"
    with Server(answering(away)) as moved, Server(answering()) as server:
        wires = on_wires(act)
    assert asked == [(2, 302, "mine")]
    assert wires.counters()["started"] == 3


def test_the_cookie_hook_hears_of_answers_that_set_some_and_no_others() -> None:
    async def act(wires: Wires) -> None:
        session = wires.session()
        session.cookies = lambda response: heard.append(response.status)
        for _ in range(3):
            await wires.get(session, plain.port)
            await wires.get(session, setting.port)

    heard: list[int] = []
    setting_one = answer("sEt-Cookie: a=b", "Content-Length: 0")
    with Server(answering(setting_one)) as setting, Server(answering(EMPTY)) as plain:
        on_wires(act)
    assert len(heard) == 3


def test_planned_instants_give_response_times() -> None:
    async def act(wires: Wires) -> None:
        import time

        session = wires.session()
        session.paced = True
        session.planned_ns = time.monotonic_ns() - 500_000_000
        for _ in range(2):
            await wires.get(session, server.port)

    with Server(answering()) as server:
        wires = on_wires(act)
    response = wires.block.histogram("response")
    assert (response.count, response.max_ns > 500_000_000) == (2, True)
    assert response.min_ns < 400_000_000
    assert wires.requests()["response"].count == 2


def test_tls_is_verified_and_resumed_like_in_a_plain_run(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def act(wires: Wires) -> None:
        session = wires.session()
        for _ in range(3):
            response = await wires.get(session, server.port, host="localhost", scheme="https")
            assert (response.status, response.body) == (200, OK_BODY)
            session.reset()
        times = response.timings
        assert times.tls_handshaking > 0
        wrong = await wires.get(session, other.port, host="localhost", scheme="https")
        assert (wrong.status, wrong.error_kind) == (0, "tls")
        assert "hostname mismatch" in wrong.error.lower()

    with (
        Server(answering(), host="localhost", tls=authority.good()) as server,
        Server(answering(), host="localhost", tls=authority.wrong_host()) as other,
    ):
        cafile = authority.cafile.encode()
        wires = on_wires(act, tls=(b"", True, cafile, b"", b""))
    counters = wires.counters()
    assert (counters["handshakes"], counters["ok"], counters["failed"]) == (3, 3, 1)
    assert wires.requests()["http_req_tls_handshaking"].count == 4


def test_a_tls_answer_in_many_records_is_read_to_its_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    body = bytes(range(256)) * 4096

    async def act(wires: Wires) -> None:
        session = wires.session()
        for _ in range(3):
            response = await wires.get(session, server.port, host="localhost", scheme="https")
            assert response.body == body

    message = answer(f"Content-Length: {len(body)}") + body
    with Server(answering(message), host="localhost", tls=authority.good()) as server:
        on_wires(act, tls=(b"", True, authority.cafile.encode(), b"", b""))
