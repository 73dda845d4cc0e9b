"""Runs on three hosts of namespaces against a server on a fourth: what the server says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dask_hosts import DaskHosts
from host_runs import Run, Server, agents
from hosts import Hosts
from running import SLOW

pytest_plugins = ["three_hosts"]

URLS: tuple[tuple[str, ...], ...] = (
    ("-c", "6", "-R", "601", "-d", "1s"),
    ("-c", "6", "-R", "300", "-d", "1s", "--arrival", "poisson", "-W", "1s"),
    ("-c", "6", "-n", "1000"),
    ("-c", "6", "-d", "1s", "--drain"),
)
EXECUTORS: Mapping[str, Mapping[str, Any]] = {
    "shared": {"executor": "shared-iterations", "vus": 7, "iterations": 331},
    "each": {"executor": "per-vu-iterations", "vus": 5, "iterations": 9},
    "constant": {"executor": "constant-vus", "vus": 4, "duration": "1s"},
    "ramping": {"executor": "ramping-vus", "stages": [{"duration": "1s", "target": 5}]},
    "rate": {
        **{"executor": "constant-arrival-rate", "rate": 150, "duration": "1s"},
        "preAllocatedVUs": 9,
    },
    "growing": {
        **{"executor": "ramping-arrival-rate", "startRate": 50, "preAllocatedVUs": 9},
        "stages": [{"duration": "1s", "target": 151}],
    },
}
PLANNED = {"rate": 150, "growing": 101}  # of an area of 100.5: iterations 0 to 100
PYTHON = """
from fastbench import Options, setup, teardown

options = Options(scenarios={scenarios})

async def default(vu):
    await vu.get("/")

@setup
async def begin(vu):
    await vu.get("/")

@teardown
async def end(vu):
    await vu.get("/")
"""
K6 = """
import http from 'k6/http';

export const options = {{ scenarios: {scenarios} }};
export default function () {{ http.get(__ENV.URL); }}
export function setup() {{ http.get(__ENV.URL); }}
export function teardown() {{ http.get(__ENV.URL); }}
"""
OURS = {"preAllocatedVUs": "pre_allocated_vus", "startRate": "start_rate"}


def script(folder: Path, language: str, *names: str) -> Path:
    """Write a script whose scenarios are these executors."""
    chosen = {name: EXECUTORS[name] for name in names}
    if language == "js":
        text = K6.format(scenarios=json.dumps(chosen))
    else:
        ours = {
            name: {OURS.get(key, key): value for key, value in each.items()} | {"exec": "default"}
            for name, each in chosen.items()
        }
        text = PYTHON.format(scenarios=repr(ours))
    path = folder / f"script.{language}"
    path.write_text(text)
    return path


def counted(document: dict[str, Any]) -> int:
    """Count the requests that a document says were sent, those of the warm-up, too."""
    warmed: int = (document["warmup"] or {"requests": 0})["requests"]
    started: int = document["summary"]["started"]
    return started + warmed


def is_exact(document: dict[str, Any]) -> None:
    """What a scenario was asked for is what it did and dropped, to the unit."""
    rows = {row["name"]: row for row in document["scenarios"]}
    done = {name: row["iterations"] for name, row in rows.items()}
    dropped = {name: row["dropped_iterations"] for name, row in rows.items()}
    for name in rows:
        if name == "shared":
            assert done[name] == 331 and dropped[name] == 0
        elif name == "each":
            assert done[name] == 45
        elif name in PLANNED:
            assert done[name] + dropped[name] == PLANNED[name], name
        else:
            assert done[name] > 0
    # What setup and teardown asked for is counted, once.
    assert document["summary"]["started"] == 2 + sum(row["requests"] for row in rows.values())


@pytest.mark.slow
def test_counts_of_urls_are_the_servers_own(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    before = 0
    for words in URLS * 2 if SLOW else URLS[:2]:
        code, document = Run(hosts, cluster, tmp_path, *words, server.url).ended()
        told, summary = server.told(), document["summary"]
        assert code == 0 and summary["failed"] == 0
        assert told["requests"] - before == counted(document), words
        before = told["requests"]
        if "-R" in words and "poisson" not in words:
            unanswered = summary["queued_at_end"] + summary["in_flight_at_end"]
            assert summary["scheduled"] == 601
            assert summary["ok"] + summary["dropped"] + unanswered == 601
        if "-n" in words:
            assert summary["ok"] == 1000
    assert [each["lost"] for each in document["machines"]] == ["", "", ""]
    assert agents(hosts) == 0


@pytest.mark.slow
@pytest.mark.parametrize("language", ["py", "js"])
def test_counts_of_executors_are_the_servers_own(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path, language: str
) -> None:
    """All of them at once, and with all runs at full length each alone: 14 runs, 7 a language."""
    before: dict[str, int] = {}
    alone = [(name,) for name in EXECUTORS] if SLOW else []
    for names in (tuple(EXECUTORS), *alone):
        path = str(script(tmp_path, language, *names))
        words = ("run", "--base-url", server.url, f"-eURL={server.url}/", path)
        code, document = Run(hosts, cluster, tmp_path, *words).ended()
        by = server.told()["by"]
        assert code == 0, document["outcome"]
        is_exact(document)
        assert sum(by.values()) - sum(before.values()) == document["summary"]["started"], names
        # Of each machine, too; setup and teardown are requests of the first one.
        sent = [by[host.address] - before.get(host.address, 0) for host in hosts]
        assert sent == [row["requests"] for row in document["machines"]], names
        before = by
    assert agents(hosts) == 0
