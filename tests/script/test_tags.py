"""Tags of the run, of scenarios and of single samples, in what outputs tell."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from running import fastbench
from servers import Server, answering

from fastbench.engine.bridge._core import Block
from fastbench.engine.client._client import Arena
from fastbench.outputs.point import Point
from fastbench.outputs.points import PointReader
from fastbench.results.metric_values import Kind
from fastbench.script.api import metrics
from fastbench.script.api.metrics import Counter
from fastbench.script.api.recorder import MAX_SETS, OTHER, Recorder
from fastbench.script.expected import DEFAULT
from fastbench.script.parent import metric_snapshot
from fastbench.script.recording_context import PLACE, root

SCRIPT = """
from fastbench import Options, Trend, check, env, scenario

everything = dict.fromkeys(("team", "run", "build"), "options")
options = Options(base_url=env("URL"), tags=everything)
size = Trend("size")

@scenario(executor="per-vu-iterations", iterations=3, tags={"team": "scenario", "run": "scenario"})
async def shop(vu):
    own = {"team": "request", "name": "mine", "scenario": "x"}
    answer = await vu.get("/", name="front", tags=own)
    check(answer, {"fine": True}, tags={"team": "check"})
    size.add(7, tags={"team": "sample"})
    await vu.get("/", name="front")
"""


def tags_of(points: list[dict[str, Any]], metric: str) -> list[dict[str, str]]:
    return [
        row["data"]["tags"]
        for row in points
        if row.get("metric") == metric and row["type"] == "Point"
    ]


def test_the_nearest_tag_reaches_every_point(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(SCRIPT)
    files = ["-o", f"json={tmp_path}/p.json", "-o", f"csv={tmp_path}/p.csv"]
    words = ["--tag", "build=typed", "--tag", "run=typed", *files, f"{tmp_path}/s.py"]
    with Server(answering()) as server:
        run = fastbench("run", "-t1", "-e", f"URL={server.url('')}", *words)
    assert run.code == 0
    points = [json.loads(line) for line in (tmp_path / "p.json").read_text().splitlines()]
    everywhere = {"build": "typed", "run": "scenario", "scenario": "shop"}
    of_requests = tags_of(points, "http_reqs")
    assert [tags["team"] for tags in of_requests] == ["request", "scenario"]
    for tags in of_requests:
        assert tags == {**everywhere, "team": tags["team"], "name": "front", "method": "GET"}
    assert tags_of(points, "size") == [{**everywhere, "team": "sample"}]
    assert tags_of(points, "checks")[0]["team"] == "check"
    assert tags_of(points, "http_req_waiting") == [{**everywhere, "team": "scenario"}]
    assert tags_of(points, "vus")[0] == {"build": "typed", "run": "typed", "team": "options"}
    with open(tmp_path / "p.csv", newline="") as file:
        rows = [row["extra_tags"] for row in csv.DictReader(file) if row["metric_name"] == "size"]
    assert rows == ["build=typed&run=scenario&team=sample"]
    (front,) = run.document["requests"]
    assert (front["name"], front["requests"]) == ("front", 6), "tags cut a row of the report"
    assert [check["passes"] for check in run.document["checks"]] == [3]


@pytest.fixture(autouse=True)
def _script() -> Any:
    metrics.begin()
    yield
    metrics.begin()


FRONT = {"method": "GET", "name": "front", "scenario": "s"}


def recorder_of(arena: Arena, told: list[str], *, apart: bool) -> Recorder:
    """Return a recorder with an outputs' eye, or without, that notes its warnings."""
    slot = (Block(1), 0)
    return Recorder(
        arena.writer(0), [], lambda code, text, hint: told.append(text), slot=slot, apart=apart
    )


def points_of(
    act: Callable[[Recorder], None], *, apart: bool = True
) -> tuple[list[Point], list[str]]:
    """Return what outputs are told of what is recorded, and the warnings."""
    told: list[str] = []
    arena = Arena(1)
    act(recorder_of(arena, told, apart=apart))
    snapshot = metric_snapshot.Reader(arena, Block(1), {"hits": Kind("counter")}).read(1.0)
    return list(PointReader(with_buckets=False).points(snapshot)), told


def count(recorder: Recorder, sets: int) -> None:
    token = PLACE.set(root(recorder, "s", {"static": "x"}))
    hits = Counter("hits")
    for _ in range(2):
        for number in range(sets):
            hits.add(1, tags={"id": number})
    PLACE.reset(token)


def test_sets_of_tags_are_bounded_and_that_is_said_once() -> None:
    points, told = points_of(lambda recorder: count(recorder, MAX_SETS + 50))
    hits = {
        dict(point.tags)["id"]: point.total["count"] for point in points if point.name == "hits"
    }
    assert len(hits) == MAX_SETS + 1 and hits["0"] == 2 and hits[OTHER] == 100
    assert sum(hits.values()) == 2 * (MAX_SETS + 50)
    assert told == [f"hits: more than {MAX_SETS:,} sets of tags; further ones are `{OTHER}`"]


def test_without_outputs_nobody_pays_for_sets() -> None:
    points, _ = points_of(lambda recorder: count(recorder, 20), apart=False)
    assert [point.tags for point in points if point.name == "hits"] == [(("scenario", "s"),)]


def test_requests_are_bounded_too_and_keep_their_names() -> None:
    told: list[str] = []
    arena = Arena(1)
    recorder = recorder_of(arena, told, apart=True)
    for number in range(MAX_SETS + 3):
        own = (("id", str(number)), ("scenario", "mine"))
        recorder.route("s", "front", "GET", "", "", own, DEFAULT, own)
    rows = [json.loads(tags) for kind, _, tags, _ in arena.read(0) if kind == "named"]
    assert len(rows) == MAX_SETS + 1 and {"id": OTHER, **FRONT} in rows
    assert all(row == {"id": row["id"], **FRONT} for row in rows)
    what = "tags of requests: more than 1,000 sets of tags; further ones are `other`"
    assert told == [what]
