"""Lines of docs/reference/criteria.md on real runs: they hold where the server does well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from commandline import table_at_once
from embedded import serving
from running import Run, fastbench

CRITERIA = Path(__file__).parents[2] / "docs" / "reference" / "criteria.md"
LINES = (
    "http_req_duration{name:messages}: p(95)<1000",
    "http_req_failed: rate<0.01",
    "errors <0.1% target, <1% critical",
    "checks>99%",
    "delivered: rate>0.95",
    "uptime>99.9%",
    "dropped_iterations: count==0",
    "ws_msgs_lost: count==0",
    "ws_msgs_sent - ws_msgs_received == 0",
    "rps>=50",
)
LEVELS = "p95 <500 good, <1000 plan, else act"
SCRIPT = """
from fastbench import Rate, check, env, scenario

delivered = Rate("delivered")
well = env("MODE") == "well"
rate, vus = (100, 20) if well else (20, 3)

@scenario(executor="constant-arrival-rate", rate=rate, duration="1500ms",
          pre_allocated_vus=vus, max_vus=vus)
async def messages(vu):
    read = await vu.get("/api/health" if well else "/delay/1100", name="messages")
    sent = await vu.post("/status/201" if well else "/status/503", name="send")
    check(sent, {"created": lambda r: r.status == 201})
    delivered.add(sent.status == 201)

@scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def realtime(vu):
    async with vu.ws("/ws/echo" if well else "/ws/push?rate=1", name="realtime") as socket:
        for _ in range(3):
            await socket.request("hello", timeout=1 if well else 0.1)
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Run]]:
    script = tmp_path_factory.mktemp("criteria") / "plan.py"
    script.write_text(SCRIPT)
    held = [f"--threshold={line}" for line in (*LINES, LEVELS)]
    with serving("--port", "0") as (_, url):
        common = ("run", *held, "-t1", "--base-url", url, str(script))
        yield table_at_once(
            {mode: partial(fastbench, *common, f"-eMODE={mode}") for mode in ("well", "badly")}
        )


def judged(run: Run) -> dict[str, bool]:
    return {name: each["ok"] for name, each in run.document["thresholds"].items()}


def test_each_line_stands_in_the_table() -> None:
    table = CRITERIA.read_text()
    assert [line for line in (*LINES, LEVELS) if f"`{line}`" not in table] == []


def test_they_hold_where_the_server_does_well(runs: dict[str, Run]) -> None:
    assert judged(runs["well"]) == dict.fromkeys((*LINES, LEVELS), True), runs["well"].out
    assert runs["well"].code == 0
    assert runs["well"].document["thresholds"][LEVELS]["grade"] == "good"


def test_each_is_broken_where_it_does_not(runs: dict[str, Run]) -> None:
    assert judged(runs["badly"]) == dict.fromkeys((*LINES, LEVELS), False), runs["badly"].out
    assert runs["badly"].code == 99
    assert runs["badly"].document["thresholds"][LEVELS]["grade"] == "act"
