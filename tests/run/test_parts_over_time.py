"""Whole runs: what is told of URLs, names and scenarios over time adds up to their rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import measured
from running import ONE
from servers import Server, answering

SCRIPT = """
import asyncio
from fastbench import scenario

@scenario(executor="constant-vus", vus=2, duration="2.3s")
async def browse(vu):
    await vu.get("/a")
    async with vu.operation("sign", kind="job"):
        await asyncio.sleep(0.002)

@scenario(executor="constant-vus", vus=1, duration="2.3s")
async def buy(vu):
    await vu.get("/b")
    await asyncio.sleep(0.002)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def sums(document: dict[str, Any], column: str) -> dict[tuple[str, str], int]:
    parts = document["part_series"]["parts"]
    return {(each["kind"], each["name"]): sum(each[column]) for each in parts}


def reaches_to_the_end(document: dict[str, Any]) -> None:
    over_time, row = document["part_series"], document["series"][-1]
    end_s = over_time["t_s"][-1] + over_time["span_s"][-1]
    assert over_time["t_s"][0] == 0
    assert end_s == pytest.approx(row["t_s"] + row["span_s"], abs=0.01)
    assert sum(over_time["span_s"]) == pytest.approx(end_s, abs=0.01)


def test_urls_add_up_to_their_rows(server: Server) -> None:
    document = measured("-d", "2.3s", *ONE, server.url("/a"), server.url("/b")).document
    rows = {("http", each["name"]): each for each in document["requests"]}
    assert len(rows) == 2
    assert sums(document, "ended") == {key: each["requests"] for key, each in rows.items()}
    assert sums(document, "failed") == {key: each["failed"] for key, each in rows.items()}
    reaches_to_the_end(document)
    assert all(part["latency"] == "service" for part in document["part_series"]["parts"])


def test_under_a_plan_the_parts_have_response_times(server: Server) -> None:
    words = ("-R", "200", "-d", "1.4s", *ONE, server.url("/a"), server.url("/b"))
    parts = measured(*words).document["part_series"]["parts"]
    assert [part["latency"] for part in parts] == ["response", "response"]


def test_names_and_scenarios_of_a_script_add_up_to_their_rows(
    server: Server, tmp_path: Path
) -> None:
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT)
    document = measured("run", "--base-url", server.url(), str(script)).document
    named = {(each["kind"], each["name"]): each["requests"] for each in document["requests"]}
    scenarios = {("scenario", each["name"]): each["requests"] for each in document["scenarios"]}
    assert sums(document, "ended") == named | scenarios
    assert len(named) == 3 and len(scenarios) == 2
    reaches_to_the_end(document)
    rows = document["series"]
    assert [row["vus"] for row in rows] == [3] * len(rows)
    done = sum(each["iterations"] for each in document["scenarios"])
    assert sum(row["iterations"] for row in rows) == done


def test_the_last_row_does_not_show_the_end_as_a_drop(server: Server, tmp_path: Path) -> None:
    script = tmp_path / "shop.py"
    script.write_text(SCRIPT)
    for words in (
        ("-c", "4", "-d", "2.4s", server.url("/")),
        ("run", "--base-url", server.url(), str(script)),
    ):
        rows = measured(*words).document["series"]
        memory = [row["use"]["client_rss_bytes"] for row in rows]
        assert memory[-1] >= 0.9 * memory[0], words
        assert rows[-1]["connections"] == rows[0]["connections"] > 0, words


def test_a_run_of_one_url_keeps_no_parts_and_has_its_statuses(server: Server) -> None:
    document = measured("-d", "1.2s", *ONE, server.url("/")).document
    assert "part_series" not in document
    told = sum(row["statuses"].get("200", 0) for row in document["series"])
    assert told == document["status_codes"]["200"]
    assert all(row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"] for row in document["series"])
