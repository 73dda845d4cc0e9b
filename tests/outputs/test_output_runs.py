"""Outputs of whole runs: what they were told adds up to the document, and the run is not theirs."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import invoke
from running import ONE, Run, fastbench, kinds
from servers import OK, Peer, Server, answering

SCRIPT = """
from fastbench import *
options = Options(base_url=env("URL"), thresholds={"checks": ["rate>=0.99"]})
sold = Counter("sold")
size = Trend("size")

@setup
async def first(vu):
    await vu.get("/setup")

@scenario(executor="constant-vus", vus=2, duration="1.3s")
async def shop(vu):
    answer = await vu.get("/", name="front")
    check(answer, {"fine": lambda r: r.status == 200})
    await vu.post("/", json={}, name="basket")
    sold.add(2)
    size.add(7)
    await sleep(0.01)

@teardown
async def last(vu, data):
    await vu.get("/teardown")
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def lines(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    text = gzip.decompress(data) if path.suffix == ".gz" else data
    return [json.loads(line) for line in text.splitlines()]


def added(rows: list[dict[str, Any]], key: str = "value") -> Counter[str]:
    """Add the points of each metric up; of a rate or a trend, `count` says of how many samples."""
    found: Counter[str] = Counter()
    for row in rows:
        if row["type"] == "Point":
            found[row["metric"]] += row["data"].get(key, 0)
    return found


def warned(run: Run) -> list[str]:
    return [row["text"] for row in run.document["warnings"] if row["code"] == "output_lost"]


def test_seconds_of_a_script_add_up_to_its_metrics(tmp_path: Path, server: Server) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out, table = tmp_path / "made" / "points.json.gz", tmp_path / "points.csv"
    words = ("-e", f"URL={server.url('')}", "-t", "2", "--tag", "build=7")
    run = fastbench("run", str(script), *words, "-o", f"json={out}", "-o", f"csv={table}")
    assert run.code == 0 and warned(run) == []
    rows = lines(out)
    values, counts = added(rows), added(rows, "count")
    metrics = run.document["metrics"]
    for name in ("http_reqs", "iterations", "sold", "data_sent", "data_received"):
        assert values[name] == metrics[name]["values"]["count"], name
    for name in ("http_req_duration", "http_req_waiting", "iteration_duration", "size"):
        assert counts[name] == metrics[name]["values"]["count"], name
    checks = metrics["checks"]["values"]
    assert counts["checks"] == checks["passes"] + checks["fails"]
    points = [row["data"] for row in rows if row["type"] == "Point"]
    assert all(point["tags"]["build"] == "7" for point in points)
    fronts = [p["value"] for p in points if p["tags"].get("name") == "front" and "med" not in p]
    front = next(row for row in run.document["requests"] if row["name"] == "front")
    assert sum(fronts) == front["requests"]
    assert rows[-1]["type"] == "End" and rows[-1]["thresholdsFailed"] is False
    with open(table, newline="") as file:
        seen = list(csv.DictReader(file))
    reqs = sum(float(row["metric_value"]) for row in seen if row["metric_name"] == "http_reqs")
    assert reqs == metrics["http_reqs"]["values"]["count"]


def test_seconds_of_a_plain_run_add_up_and_a_broken_threshold_is_told(
    tmp_path: Path, server: Server
) -> None:
    out = tmp_path / "points.json"
    run = fastbench(
        *("-o", f"json={out}", "-d", "1.2s", "--threshold", "p99<1ns"), *ONE, server.url("/")
    )
    assert run.code == 99
    rows = lines(out)
    assert added(rows)["http_reqs"] == run.summary["requests"]
    timed = run.document["latency_ms"]["service"]["count"]
    assert added(rows, "count")["http_req_duration"] == timed
    assert '"thresholdsFailed":true' in out.read_text().splitlines()[-1]


def test_errors_are_told_by_kind(tmp_path: Path) -> None:
    def every_second(peer: Peer) -> None:
        peer.request()
        if peer.number % 2:
            peer.reset()
        peer.send(OK)

    out = tmp_path / "points.json"
    words = ("-o", f"json={out}", "-d", "1.2s", "--no-keepalive", *ONE)
    with Server(every_second) as server:
        run = fastbench(*words, server.url("/"))
    told: Counter[str] = Counter()
    for row in lines(out):
        if row["type"] == "Point" and row["metric"] == "http_req_errors":
            told[row["data"]["tags"]["kind"]] += row["data"]["value"]
    assert told == kinds(run) and told["reset"] > 0


def test_a_full_disk_costs_the_exit_code_and_not_the_report(server: Server) -> None:
    run = fastbench("-o", "json=/dev/full", "-n", "5", *ONE, server.url("/"))
    assert run.code == 121
    assert "5 requests in" in run.out
    assert "-o json=/dev/full was not written: no space left on device." in run.err
    assert run.summary["requests"] == 5 and len(warned(run)) == 1


def test_a_server_that_is_not_there_is_a_warning(server: Server) -> None:
    run = fastbench(
        *("-o", "influxdb=http://me:hidden@127.0.0.1:1/k6", "-d", "1.2s"), *ONE, server.url("/")
    )
    assert run.code == 0
    assert run.elapsed_s < 1.2 + 6
    (text,) = warned(run)
    assert "connection refused" in text and "http://***@127.0.0.1:1/k6" in text
    assert "hidden" not in run.out + run.err + json.dumps(run.document)


def test_an_output_that_cannot_be_is_refused_before_the_load(server: Server) -> None:
    run = fastbench("-o", "csv=/dev/null/x.csv", *ONE, server.url("/"))
    assert run.code == 1 and "cannot be written: not a directory" in run.err
    assert server.seen.requests == 0


@pytest.mark.parametrize("command", ["compare", "find"])
def test_who_makes_many_runs_has_no_output(command: str) -> None:
    urls = ["http://127.0.0.1:1/"] * (2 if command == "compare" else 1)
    done = invoke(command, "-o", "json=x", *urls)
    assert done.returncode == 1 and "-o" in done.stderr
