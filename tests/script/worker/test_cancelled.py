"""Requests that a script gives up: each counts once, as failed, at its age."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from running import fastbench
from servers import OK, Peer, Server, answering, refusing
from vus import Run, User, run

from fastbench.engine.bridge._core import Block

GIVE_UP_S = 0.2
MS = 1_000_000


def counted(function: Callable[..., Awaitable[Any]], **settings: Any) -> tuple[Run, dict[str, int]]:
    """Run a function with one user; return what it recorded, and the counters of its slot."""
    block = Block(1)
    _, made = run(function, block=block, **settings)
    counters = block.counters(0)
    ended = counters["ok"] + counters["failed"] + counters["timeouts"]
    assert counters["started"] == ended + counters["in_flight"]
    assert block.histogram("service").count == counters["ok"] + counters["cancelled"]
    return made, counters


async def wait_for(vu: User, url: str) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(vu.get(url), GIVE_UP_S)


async def timeout(vu: User, url: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(GIVE_UP_S):
            await vu.get(url)


async def cancel(vu: User, url: str) -> None:
    task = asyncio.ensure_future(vu.get(url))
    await asyncio.sleep(GIVE_UP_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def of_a_task(vu: User, url: str) -> None:
    async def ask() -> None:
        await vu.get(url)

    task = asyncio.create_task(ask())
    await asyncio.sleep(GIVE_UP_S)
    task.cancel()
    await asyncio.wait([task])


async def of_a_group(vu: User, url: str) -> None:
    async def ask() -> None:
        await vu.get(url)

    async def break_off() -> None:
        await asyncio.sleep(GIVE_UP_S)
        raise ValueError

    with pytest.raises(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(ask())
            group.create_task(break_off())


async def gathered(vu: User, url: str) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.gather(vu.get(url), asyncio.sleep(9)), GIVE_UP_S)


@pytest.mark.parametrize("give_up", [wait_for, timeout, cancel, of_a_task, of_a_group, gathered])
def test_however_a_request_is_given_up_it_failed_at_its_age(
    give_up: Callable[[User, str], Awaitable[None]],
) -> None:
    with Server(Peer.stall) as server:
        made, counters = counted(lambda vu: give_up(vu, server.url("/")))
    assert (counters["failed"], counters["cancelled"], counters["ok"]) == (1, 1, 0)
    (row,) = made.rows("requests", "requests").values()
    assert (row["reqs"], row["failed"], row["answered"]) == (1, 1, 0)
    assert GIVE_UP_S * 0.25e9 < row["http_req_duration"].min_ns < 2e9
    (named,) = made.rows("named", "named").values()
    assert (named["reqs"], named["failed"], named["duration"].count) == (1, 1, 1)


@pytest.mark.parametrize("phase", ["connect", "head", "body"])
def test_the_error_says_where_the_request_stood(phase: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if phase == "body":
            peer.send(OK[:-3])
        peer.stall()

    block = Block(1)
    with Server(script) as server:
        url = server.url("/")

        async def two(vu: User) -> None:
            if phase == "connect":  # the only connection is taken: it waits for one
                vu.session.reset()
                first = asyncio.ensure_future(vu.get(url))
                await wait_for(vu, url)
                first.cancel()
            else:
                asked = asyncio.ensure_future(vu.get(url))
                while block.counters(0)["bytes_in"] < (phase == "body"):
                    await asyncio.sleep(0.001)
                await asyncio.sleep(GIVE_UP_S)
                asked.cancel()

        run(two, block=block, limit_per_host=1)
    assert {(kind, where) for kind, where, _, _, _ in block.errors(0)} == {
        ("cancelled", "head" if phase == "connect" else phase),
        ("cancelled", phase),
    }


def test_a_request_that_follows_a_redirect_is_its_own() -> None:
    def script(peer: Peer) -> None:
        while b" /first " in peer.request():
            peer.send(b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n")
        peer.stall()

    with Server(script) as server:
        made, counters = counted(lambda vu: wait_for(vu, server.url("/first")), max_redirects=5)
    assert (counters["started"], counters["ok"], counters["cancelled"]) == (2, 1, 1)
    (row,) = made.rows("requests", "requests").values()
    assert (row["reqs"], row["failed"], row["answered"]) == (2, 1, 1)


def test_a_request_that_was_sent_again_counts_once() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        if peer.number == 0:
            peer.send(OK)
            peer.request()
            return  # closed without an answer: it is sent again, on another connection
        peer.stall()

    async def twice(vu: User) -> None:
        await vu.get(server.url("/"))
        await wait_for(vu, server.url("/"))

    with Server(script) as server:
        _, counters = counted(twice)
    assert (counters["started"], counters["ok"], counters["cancelled"]) == (2, 1, 1)
    assert counters["retried"] == 1


def test_who_is_given_up_at_once_was_never_sent_and_counts_all_the_same() -> None:
    async def at_once(vu: User) -> None:
        vu.get(server.url("/")).cancel()
        await asyncio.sleep(0)

    with Server(Peer.stall) as server:
        _, counters = counted(at_once)
    assert (counters["started"], counters["cancelled"]) == (1, 1)


def test_what_is_halted_with_its_iteration_stays_in_flight() -> None:
    async def halted(vu: User) -> None:
        task = asyncio.ensure_future(vu.get(server.url("/")))
        await asyncio.sleep(0)
        vu.session.halted = True
        task.cancel()
        await asyncio.wait([task])

    with Server(Peer.stall) as server:
        _, counters = counted(halted)
    assert (counters["failed"], counters["cancelled"], counters["in_flight"]) == (0, 0, 1)


def test_a_server_that_is_not_there_has_no_latency() -> None:
    async def ask(vu: User) -> None:
        assert (await vu.get(f"http://127.0.0.1:{port}/")).error_code == "ECONNREFUSED"

    with refusing() as port:
        made, counters = run_refused(ask)
    (row,) = made.rows("requests", "requests").values()
    assert (row["reqs"], row["failed"], counters["failed"]) == (1, 1, 1)
    counts = {name: each.count for name, each in row.items() if name.startswith("http_req")}
    assert counts["http_req_duration"] == counts["http_req_waiting"] == 0
    assert counts["http_req_blocked"] == counts["http_req_connecting"] == 1


def run_refused(function: Callable[..., Awaitable[Any]]) -> tuple[Run, dict[str, int]]:
    block = Block(1)
    _, made = run(function, block=block)
    return made, block.counters(0)


SCRIPT = """
import asyncio
from fastbench import *
options = Options(base_url=env("URL"), thresholds={"http_req_duration": ["p(95)<5000"],
    "http_req_duration{name:/}": ["max<5000"], "http_req_waiting": ["max<5000"]})
@scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def go(vu):
    try:
        await asyncio.wait_for(vu.get("/"), 0.05)
    except asyncio.TimeoutError:
        pass
"""


def test_no_limit_of_latency_holds_where_nothing_answers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with Server(Peer.stall) as server:
        words = ("run", str(tmp_path / "script.py"), "-t1", "-e", f"URL={server.url('')}")
        found = fastbench(*words, "--threshold", "errors<1%")
    assert found.code == 99
    judged = {text: each["text"] for text, each in found.document["thresholds"].items()}
    assert [words for text, words in judged.items() if "http_req" in text] == ["no samples"] * 3
    summary = found.summary
    assert (summary["failed"], summary["cancelled"], summary["in_flight_at_end"]) == (6, 6, 0)
    (error,) = found.document["errors"]
    assert (error["kind"], error["count"]) == ("cancelled", 6) and "limit" in error["hint"]
    assert "the script cancelled the request" in found.out + found.err


def test_answers_beside_them_give_the_limit_something_to_judge(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with Server(answering()) as server:
        found = fastbench("run", str(tmp_path / "script.py"), "-e", f"URL={server.url('')}")
    assert found.code == 0 and found.summary["cancelled"] == 0
