"""Answers that are read while they arrive: one request each, whatever the server does with it."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import vus
from case import answer
from embedded import seen, serving
from servers import OK, Peer, Script, Server

from fastbench.engine.bridge._core import Block
from fastbench.foundation.usage_error import UsageError
from fastbench.script.http.event_stream import Event

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"


@pytest.fixture(scope="module")
def embedded() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, url):
        yield url


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def events(*data: str) -> bytes:
    return b"".join(chunk(f"data: {each}\n\n".encode()) for each in data)


def sending(*pieces: bytes, then: Callable[[Peer], None] = Peer.stall) -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
        then(peer)

    return script


def counted(block: Block) -> dict[str, int]:
    names = ("started", "ok", "failed", "timeouts", "in_flight", "cancelled")
    found = block.counters(0)
    return {name: found[name] for name in names if found[name]}


def named(run: vus.Run, name: str) -> dict[str, Any]:
    return {
        tags: value for kind in ("times", "counter") for tags, value in run.rows(kind, name).items()
    }


def test_events_come_one_by_one_and_are_one_request(embedded: str) -> None:
    block = Block(1)

    async def go(vu: vus.User) -> tuple[list[Event], Any]:
        async with vu.stream("GET", "/stream?events=20&gap=10ms", name="tick") as response:
            assert response.status == 200 and not response.ended
            assert response.headers["content-type"] == "text/event-stream"
            return [event async for event in response], response

    before = seen(embedded)
    (found, response), run = vus.run(go, base_url=embedded, block=block)
    assert [event.json()["number"] for event in found] == list(range(20))
    assert found[3] == Event("tick", '{"number": 3}', "3")
    assert response.ended and response.ok and response.error == "" and response.events == 20
    assert counted(block) == {"started": 1, "ok": 1}
    assert (seen(embedded) - before).requests == 1
    label = '{"method":"GET","name":"tick","scenario":"s"}'
    assert named(run, "http_stream_events") == {label: 20.0}
    assert run.rows("times", "http_stream_gap")[label].count == 19
    first = run.rows("times", "http_stream_first_event")[label]
    assert first.count == 1 and 0 < first.max_ns < response.timings.duration * 1e6
    assert run.rows("times", "http_stream_gap")[label].sum_ns > 100e6, "as the server paused"


def test_a_chat_is_read_token_by_token(embedded: str) -> None:
    async def go(vu: vus.User) -> str:
        body = {"messages": [], "stream": True, "max_tokens": 4}
        text = ""
        async with vu.stream("POST", "/v1/chat/completions", json=body) as response:
            async for event in response:
                if event.data == "[DONE]":
                    break
                text += event.json()["choices"][0]["delta"]["content"]
        return text

    assert vus.run(go, base_url=embedded)[0] == "A request is counted"


def test_bytes_arrive_in_chunks_and_lines_without_their_ends() -> None:
    gate = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(HEAD + chunk(b"one\r"))
        gate.wait(10)
        peer.send(chunk(b"\ntwo") + chunk(b"\nthree") + END)
        peer.request()
        peer.send(HEAD + chunk(b"a") + chunk(b"bc") + END)
        peer.stall()

    async def go(vu: vus.User) -> tuple[list[str], list[bytes]]:
        lines = []
        async with vu.stream("GET", "/") as response:
            async for line in response.lines():
                lines.append(line)
                gate.set()  # the first one is there although the rest has not been sent
        async with vu.stream("GET", "/") as response:
            return lines, [part async for part in response.chunks()]

    with Server(script) as server:
        (lines, chunks), _ = vus.run(go, base_url=server.url(""))
    assert lines == ["one", "two", "three"]
    assert chunks == [b"a", b"bc"]
    assert server.seen.connections == 1, "a stream that ended leaves its connection to the next"


def test_who_leaves_early_closes_the_connection_and_has_not_failed() -> None:
    block = Block(1)
    gone = threading.Event()

    def script(peer: Peer) -> None:
        try:
            sending(HEAD + events("a", "b"))(peer)
        finally:
            gone.set()

    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "/") as response:
            async for event in response:
                assert event.data == "a"
                break
        assert await asyncio.to_thread(gone.wait, 10), "the server sees it"
        return response

    with Server(script) as server:
        response, _ = vus.run(go, base_url=server.url(""), block=block)
    assert counted(block) == {"started": 1, "ok": 1}
    assert response.ok and response.ended and response.events == 1


@pytest.mark.parametrize(
    ("then", "kind"),
    [(Peer.finish, "truncated"), (Peer.reset, "reset")],
)
def test_a_stream_that_is_cut_off_has_an_error(then: Any, kind: str) -> None:
    block = Block(1)

    async def go(vu: vus.User) -> tuple[list[str], Any]:
        async with vu.stream("GET", "/") as response:
            return [event.data async for event in response], response

    with Server(sending(HEAD + events("a", "b"), then=then)) as server:
        (found, response), run = vus.run(go, base_url=server.url(""), block=block)
    assert response.status == 200 and not response.ok and response.error
    assert not response.expected
    assert [each["failed"] for each in run.rows("requests", "requests").values()] == [1]
    assert response.error_kind.startswith(kind), response.error_kind
    assert found == ["a", "b"] or then is Peer.reset, "a reset may overtake what was sent"
    assert counted(block) == {"started": 1, "failed": 1}


def test_a_refused_connection_is_a_value() -> None:
    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "http://127.0.0.1:1/") as response:
            return response, [event async for event in response]

    (response, found), _ = vus.run(go)
    assert found == [] and response.status == 0 and response.error_kind == "connect_refused"


def test_other_statuses_have_their_bodies() -> None:
    block = Block(1)

    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "/") as response:
            return response.status, await response.read(), response.expected

    with Server(sending(answer("Content-Length: 4", start="HTTP/1.1 503 No", body=b"busy"))) as s:
        found, _ = vus.run(go, base_url=s.url(""), block=block)
    assert found == (503, b"busy", False)
    assert counted(block) == {"started": 1, "failed": 1}


def test_redirects_lead_to_the_stream() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(
            answer("Location: /there", "Content-Length: 3", start="HTTP/1.1 302 F", body=b"mov")
        )
        assert peer.request().startswith(b"GET /there ")
        peer.send(HEAD + events("a") + END)
        peer.request()
        peer.send(answer("Location: /x", "Content-Length: 3", start="HTTP/1.1 302 F", body=b"mov"))
        peer.stall()

    block = Block(1)

    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "/") as response:
            found = [event.data async for event in response], response.url
        async with vu.stream("GET", "/", redirects=0) as response:
            return *found, response.status, await response.read()

    with Server(script) as server:
        found, _ = vus.run(go, base_url=server.url(""), block=block)
    assert found == (["a"], server.url("/there"), 302, b"mov")
    assert counted(block)["started"] == 3


def test_a_packed_stream_is_unpacked_as_it_comes() -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(b"data: a\n\n") + packer.flush(zlib.Z_SYNC_FLUSH)
    second = packer.compress(b"data: b\n\n") + packer.flush()
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    gate = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head + chunk(first))
        gate.wait(10)
        peer.send(chunk(second) + END)
        peer.request()
        peer.send(head + chunk(b"no gzip") + END)
        peer.request()
        peer.send(head + chunk(gzip.compress(b"\0" * (8 << 20))) + END)
        peer.stall()

    async def go(vu: vus.User) -> Any:
        found = []
        async with vu.stream("GET", "/") as response:
            async for event in response:
                found.append(event.data)
                gate.set()
        async with vu.stream("GET", "/") as broken:
            found += [event.data async for event in broken]
        async with vu.stream("GET", "/") as bomb:
            await bomb.read()
        return found, broken.error, bomb.error

    with Server(script) as server:
        (found, broken, bomb), _ = vus.run(go, base_url=server.url(""))
    assert found == ["a", "b"]
    assert broken == "no valid gzip" and "unpacks to more than" in bomb


def test_timeouts_are_of_the_head_and_of_each_silence() -> None:
    block = Block(1)

    def script(peer: Peer) -> None:
        peer.request()
        if peer.number == 1:
            peer.send(HEAD + chunk(b"data: a\n\n"))
        if peer.number == 2:
            for _ in range(4):
                peer.send(HEAD * (_ == 0) + chunk(b": still here\n"))
                peer.pause(0.1)
            peer.send(END)
        peer.stall()

    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "/", timeout=0.1) as late:
            pass
        async with vu.stream("GET", "/", timeout=5, gap_timeout="150ms") as silent:
            found = [event.data async for event in silent]
        async with vu.stream("GET", "/", timeout=0.3, gap_timeout=0.25) as slow:
            assert await slow.read()
        return late, silent, found, slow

    with Server(script) as server:
        (late, silent, found, slow), _ = vus.run(go, base_url=server.url(""), block=block)
    assert (late.status, late.error_kind) == (0, "timeout")
    assert (silent.status, silent.error_kind, found) == (200, "timeout", ["a"])
    assert slow.ok, "longer than its timeout, but never silent for longer than gap_timeout"
    assert counted(block) == {"started": 3, "ok": 1, "timeouts": 2}


def test_who_does_not_read_makes_the_server_wait() -> None:
    total = 64 << 20
    sent = 0

    def script(peer: Peer) -> None:
        nonlocal sent
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while sent < total:
            peer.send(b"x" * (1 << 16))
            sent += 1 << 16
        peer.stall()

    async def go(vu: vus.User) -> tuple[int, int]:
        async with vu.stream("GET", "/", gap_timeout=0.2) as response:
            before = -1
            while sent != before:  # the buffers of both ends fill, then nothing moves
                before = sent
                await asyncio.sleep(0.3)
            size = 0
            async for part in response.chunks():
                size += len(part)
            assert response.ok, "a pause of the script is no silence of the server"
            return before, size

    with Server(script) as server:
        (held, size), _ = vus.run(go, base_url=server.url(""))
    assert size == total
    assert held < total // 2, "else all of it is held in memory"


def test_a_stream_that_the_script_gives_up_before_its_head_was_cancelled() -> None:
    block = Block(1)

    async def go(vu: vus.User) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), vu.stream("GET", "/"):
                pytest.fail("there is no head")

    with Server(sending()) as server:
        vus.run(go, base_url=server.url(""), block=block)
    assert counted(block) == {"started": 1, "failed": 1, "cancelled": 1}


def test_events_go_on_over_a_new_request_where_that_is_wanted() -> None:
    asked = []

    def script(peer: Peer) -> None:
        for number in range(3):
            asked.append(peer.request())
            if number == 2:
                peer.send(answer(start="HTTP/1.1 204 No Content"))
                peer.stall()
            peer.send(HEAD + chunk(b"retry: 1\nid: %d\ndata: x\n\n" % (7 + number)) + END)

    block = Block(1)

    async def go(vu: vus.User) -> Any:
        async with vu.stream("GET", "/", headers={"X-Own": "1"}, reconnect=True) as response:
            return [event.id async for event in response], response

    with Server(script) as server:
        (ids, response), _ = vus.run(go, base_url=server.url(""), block=block)
    assert ids == ["7", "8"] and response.status == 204 and response.reconnects == 2
    assert [b"Last-Event-ID: 7" in each for each in asked] == [False, True, False]
    assert all(b"X-Own: 1" in each for each in asked)
    assert counted(block) == {"started": 3, "ok": 3}


def test_the_end_of_the_run_leaves_a_stream_in_flight() -> None:
    block = Block(1)

    async def go(vu: vus.User) -> None:
        async def listen() -> None:
            async with vu.stream("GET", "/") as response:
                async for _ in response:
                    begun.set_result(None)

        begun = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(listen())
        await begun
        vu.session.halted = True
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with Server(sending(HEAD + events("a"))) as server:
        vus.run(go, base_url=server.url(""), block=block)
    assert counted(block) == {"started": 1, "in_flight": 1}


def test_what_the_script_asks_wrongly_is_said_in_a_sentence() -> None:
    async def go(vu: vus.User) -> None:
        with pytest.raises(UsageError, match="async with"):
            await vu.stream("GET", "/")
        with pytest.raises(UsageError, match="gap_timeout= is in seconds, above 0"):
            vu.stream("GET", "/", gap_timeout=0)
        with pytest.raises(UsageError, match="A method is a text"):
            vu.stream(5, "/")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="in a block"):
            assert vu.stream("GET", "/").status
        async with vu.stream("GET", "/") as response:
            pass
        with pytest.raises(RuntimeError, match="streamed already"):
            async with response:
                pass

    with Server(sending(OK)) as server:
        vus.run(go, base_url=server.url(""))
