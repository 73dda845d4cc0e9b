"""Scripts that look on while they load: what a monitor does is counted nowhere, but its gauges."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commandline import invoke, valid
from running import Run, fastbench
from servers import Server, answering

from fastbench.results.metric_values import Kind
from fastbench.run.kept_series import MAX_POINTS, GaugeSeries
from fastbench.run.metric_sums import GaugeValue
from fastbench.run.snapshot import Snapshot

SCRIPT = """
import asyncio
from fastbench import *
options = Options(base_url="{url}", vus=3, duration="1.3s", thresholds={{
    "depth": ["max<1000"], "depth{{queue:low}}": ["value<1000"], "http_reqs": ["count>=1"],
}})
depth, seen, spent = Gauge("depth"), Counter("seen"), Trend("spent", is_time=True)

@setup
async def prepare(vu):
    return {{"first": 7}}

@monitor(every="100ms")
async def queues(vu, data):
    async with vu.operation("ask", kind="redis"):
        response = await vu.get("/depth", name="of the monitor")
    seen.add(1)
    spent.add(response.timings.duration)
    vu.state["calls"] = vu.state.get("calls", 0) + 1
    depth.add(data["first"] + vu.state["calls"], {{"queue": "high"}})
    depth.add(vu.state["calls"], {{"queue": "low"}})
    check(response, {{"monitored": lambda r: r.status == 200}})

@monitor(every=0.2, name="broken")
async def other(vu):
    raise ValueError("no such table")

@scenario
async def main(vu):
    await vu.get("/load")
    await sleep(0.02)
"""


def run(folder: Path, text: str, *more: str) -> Run:
    path = folder / "script.py"
    path.write_text(text)
    return fastbench("run", str(path), "-t", "2", "-q", *more)


@dataclass(frozen=True)
class Monitored:
    """A run of the script: what was written, and what its server was asked for."""

    run: Run
    points: list[dict[str, Any]]
    page: str
    loads: int
    asked: int


@pytest.fixture(scope="module")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Monitored:
    folder = tmp_path_factory.mktemp("monitored")
    lines, page = folder / "points.json", folder / "page.html"
    with Server(answering()) as server:
        text = SCRIPT.format(url=server.url(""))
        found = run(folder, text, "-o", f"json={lines}", "--html", str(page))
    points = [json.loads(line) for line in lines.read_text().splitlines()]
    counts = (server.seen.lines[f"GET {path} HTTP/1.1".encode()] for path in ("/load", "/depth"))
    return Monitored(found, points, page.read_text(), *counts)


def test_a_monitor_loads_nothing_and_its_gauges_stand_over_time(monitored: Monitored) -> None:
    found, loads, asked = monitored.run, monitored.loads, monitored.asked
    assert found.code == 0, found.err
    document = valid(found.document)
    assert document["summary"]["requests"] == document["summary"]["started"] == loads
    assert document["operations"] is None, "what a monitor times is none of the run's"
    assert {row["name"] for row in document["requests"]} == {"/load"}
    assert document["status_codes"] == {"200": loads}
    metrics = document["metrics"]
    assert metrics["http_reqs"]["values"]["count"] == loads
    assert 8 <= asked <= 14, "once each 100 ms, in one worker"
    assert metrics["seen"]["values"]["count"] == metrics["spent"]["values"]["count"] == asked
    assert [row["passes"] for row in document["checks"]] == [asked]
    series = {row["tags"]["queue"]: row for row in document["gauges"]}
    assert series.keys() == {"high", "low"}
    assert series["high"]["values"][-1] == 7 + asked and series["low"]["values"][-1] == asked
    assert series["low"]["t_s"] == sorted(series["low"]["t_s"])
    assert 0.9 < series["low"]["t_s"][-1] < 1.7
    assert document["thresholds"]["depth{queue:low}: value<1000"]["observed"] == asked
    told = {
        p["data"]["tags"].get("queue")
        for p in monitored.points
        if p.get("metric") == "depth" and p["type"] == "Point"
    }
    assert told == {"high", "low"}
    assert "gauge of the script" in monitored.page


def test_a_monitor_that_fails_is_told_once_and_ends_nothing(monitored: Monitored) -> None:
    found = monitored.run
    assert found.code == 0
    warnings = [row for row in found.document["warnings"] if row["code"] == "monitor_failed"]
    assert len(warnings) == 1
    words = warnings[0]["text"].split()
    assert warnings[0]["text"].startswith("the monitor broken failed in ")
    assert words[5] == words[8] and 4 <= int(words[5]) <= 7, warnings
    assert warnings[0]["text"].endswith("ValueError: no such table (script.py:26)"), warnings
    assert found.document["exceptions"] == []


SLOW = """
import asyncio
from fastbench import *
options = Options(vus=1, duration="0.7s")
at_once, most, calls = 0, Gauge("most"), Counter("calls")

@monitor(every="50ms")
async def slow(vu):
    global at_once
    at_once += 1
    most.add(at_once)
    calls.add(1)
    await asyncio.sleep(0.12)
    at_once -= 1

@monitor(every="1s")
async def hangs(vu):
    await asyncio.Event().wait()

@scenario
async def main(vu):
    await sleep(0.05)

@teardown
async def clean(vu):
    most.add(at_once)
"""


def test_a_slow_monitor_never_overlaps_with_itself_and_none_outlives_the_load(
    tmp_path: Path,
) -> None:
    found = run(tmp_path, SLOW)
    assert found.code == 0, found.err
    values = found.document["metrics"]
    assert values["most"]["values"]["max"] == 1
    assert 3 <= values["calls"]["values"]["count"] <= 8, "of 14 instants some are left out"
    assert found.document["summary"]["duration_s"] < 2


def refusal(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text("from fastbench import *\n" + text)
    done = invoke("run", str(path))
    assert done.returncode == 104, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "@monitor('5s')\nasync def m(vu): pass\n",
            'monitor() takes its interval by name: every="5s"',
        ),
        ("@monitor(every='often')\nasync def m(vu): pass\n", "every= is not a time"),
        ("@monitor(every=0)\nasync def m(vu): pass\n", "every= is from 10ms to an hour"),
        ("@monitor(every=1)\ndef m(vu): pass\n", "monitor m is not a coroutine"),
        (
            "@scenario\n@monitor(every=1)\nasync def m(vu): pass\n",
            "has a scenario and a monitor m",
        ),
        (
            "for _ in '12':\n    @monitor(every=1)\n    async def m(vu): pass\n",
            "has two monitors m",
        ),
    ],
)
def test_what_is_declared_wrongly_is_said_in_a_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    assert said in refusal(tmp_path, text)


def snapshot(at_ns: int, value: float, **tags: str) -> Snapshot:
    labels = tuple(sorted({"scenario": "s", **tags}.items()))
    gauge = GaugeValue(value, value, value, at_ns)
    return Snapshot(1, 1, {}, {"g": {labels: gauge}}, declared={"g": Kind("gauge")})


def test_points_stand_where_they_were_set_and_each_once() -> None:
    series = GaugeSeries(1_000_000_000)
    for at_ns, value in ((500_000_000, 1), (1_250_000_000, 5), (1_250_000_000, 5)):
        series.take(snapshot(at_ns, value, state="idle"))
    (row,) = series.rows()
    assert (row.tags, row.t_s, row.values) == ({"state": "idle"}, (0, 0.25), (1, 5))


def test_a_long_run_keeps_every_second_point() -> None:
    series = GaugeSeries(0)
    for second in range(1, 3 * MAX_POINTS):
        series.take(snapshot(second * 1_000_000_000, second))
    (row,) = series.rows()
    assert MAX_POINTS / 2 <= len(row.t_s) < MAX_POINTS
    steps = {later - sooner for sooner, later in zip(row.t_s, row.t_s[1:], strict=False)}
    assert len(steps) == 1, "evenly spaced"
