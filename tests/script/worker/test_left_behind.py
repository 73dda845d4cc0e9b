"""What iterations leave behind at the end of the load: tasks, their exceptions, their requests."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

import pytest
from running import Run, fastbench
from servers import OK, Peer, Server, answering
from vus import User, run

from fastbench.engine.bridge._core import Block
from fastbench.engine.client import _client

SCRIPT = """
import asyncio
from fastbench import Options, env, scenario
options = Options(base_url=env("URL"), thresholds={{"http_req_failed": ["rate<0.01"]}})
kept = []

async def late():
    await asyncio.sleep(0.01)
    raise ValueError("too late")

async def again(vu):
    while True:
        await vu.get("/fine")

async def ask(vu):
    return (await vu.get("/stall")).status

@scenario(executor="constant-vus", vus=2, duration="{length}", graceful_stop="0s")
async def iterate(vu):
    {line}
    await vu.get("/fine")
    await asyncio.sleep(0.05)
"""


def ran(tmp_path: Path, line: str, length: str = "0.3s") -> Run:
    def script(peer: Peer) -> None:
        while b" /stall " not in peer.request():
            peer.send(OK)
        peer.stall()

    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(line=line, length=length))
    with Server(script) as server:
        found = fastbench("run", "-e", f"URL={server.url()}", str(path))
    s = found.summary
    assert s["started"] == s["requests"] + s["in_flight_at_end"], found.err
    assert "imbalance" not in {each["code"] for each in found.document["warnings"]}
    return found


MADE = "asyncio.create_task(late())"


@pytest.mark.parametrize("line", [MADE, f"kept.append({MADE})"])
def test_an_exception_that_nobody_asked_for_counts_though_its_task_is_kept(
    line: str, tmp_path: Path
) -> None:
    found = ran(tmp_path, line)
    (row,) = found.document["exceptions"]
    assert row["type"] == "ValueError" and row["count"] >= 2
    assert found.document["outcome"]["level"] == "failed"


def test_an_exception_that_the_script_asked_for_is_its_own(tmp_path: Path) -> None:
    line = "await asyncio.wait([task := asyncio.create_task(late())]); task.exception()"
    assert ran(tmp_path, line).document["exceptions"] == []


def test_a_task_that_goes_on_ends_with_the_load(tmp_path: Path) -> None:
    ran(tmp_path, "kept.append(asyncio.create_task(again(vu))) if not vu.iteration else None")


def test_a_request_can_be_made_a_task(tmp_path: Path) -> None:
    found = ran(tmp_path, 'assert (await asyncio.create_task(vu.get("/task"))).ok')
    assert found.document["exceptions"] == [] and found.summary["failed"] == 0


@pytest.mark.parametrize("line", ['vu.get("/stall")', "kept.append(asyncio.create_task(ask(vu)))"])
def test_requests_that_nobody_waits_for_are_in_flight_at_the_end(line: str, tmp_path: Path) -> None:
    found = ran(tmp_path, line)
    assert found.summary["in_flight_at_end"] > 1 and found.summary["cancelled"] == 0


def test_a_limit_on_failures_is_not_kept_by_requests_without_an_answer(tmp_path: Path) -> None:
    found = ran(tmp_path, 'vu.get("/stall") if vu.iteration in (1, 2) else None', "1.6s")
    s = found.summary
    assert 1 < s["overdue_at_end"] <= s["in_flight_at_end"]
    (held,) = found.document["thresholds"].values()
    worst = s["overdue_at_end"] / (s["overdue_at_end"] + s["requests"])
    assert held["observed"] == pytest.approx(worst) and not held["ok"]
    assert "had no response at the end" in held["text"]
    assert found.code == 99


def test_ten_thousand_requests_in_a_queue_are_left_at_once() -> None:
    async def many(vu: User) -> None:
        kept.extend(vu.get(server.url()) for _ in range(10_000))
        await asyncio.sleep(0)

    async def halted(vu: User) -> None:
        await many(vu)
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        vu.maker.pool.halt()
        assert loop.time() - begun_s < 1.0
        await asyncio.sleep(0)
        assert all(each.cancelled() for each in kept)

    kept: list[_client.Exchange] = []
    block = Block(1)
    with Server(Peer.stall) as server:
        run(halted, block=block)
    assert block.counters(0)["in_flight"] == block.counters(0)["started"] == 10_000


def test_timeouts_that_differ_each_time_are_forgotten_when_they_are_over() -> None:
    def lists() -> int:
        return sum(type(each) is _client.Deadlines for each in gc.get_objects())

    async def ask(vu: User) -> int:
        before = lists()  # of other tests
        for at in range(200):
            assert (await vu.get(server.url("/"), timeout=0.5 + at / 1_000)).status == 200
        most = lists() - before
        end_s = time.monotonic() + 5
        while lists() > before and time.monotonic() < end_s:
            await asyncio.sleep(0.01)
        assert lists() <= before
        return most

    with Server(answering()) as server:
        most, _ = run(ask)
    assert most > 1
