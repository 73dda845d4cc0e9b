"""`fastbench find --on`: one cluster for all runs of a search, and what is left of it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from commandline import begin, invoke
from embedded import DEADLINE_S, serving
from running import until

SCHEMA = Path(__file__).parents[2] / "fastbench/experiments/find/find.schema.json"
QUICK = ("--slo", "p50<1s", "-t1", "-c4", "-d0.2s", "-W0")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving("--port", "0", "--quiet") as (_, address):
        yield f"{address}/health"


def valid(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    jsonschema.validate(document, json.loads(SCHEMA.read_bytes()), jsonschema.Draft202012Validator)
    return document


def test_machines_carry_every_run_of_a_search(url: str) -> None:
    done = invoke("find", *QUICK, "--json", "--from", "40", "--to", "40", "--on", "local:2", url)
    document = valid(done.stdout)
    assert (done.returncode, document["ended"], document["rate"]) == (0, "most", 40), done.stderr
    assert all(step["samples"] == 8 for step in document["steps"])  # 40 a second, of both
    assert document["config"]["on"] == "local:2"
    assert document["machines"] == ["local-1", "local-2"]
    assert "4 connections, 2 machines of local:2, 200ms at each rate" in done.stderr


def test_one_cluster_is_there_for_all_runs_and_ends_with_the_search(url: str) -> None:
    with begin("find", *QUICK, "--json", "--from", "10", "--on", "local:1", url) as process:
        assert process.stderr is not None and process.stdout is not None
        clusters = []
        for _ in range(2):
            assert "passed" in process.stderr.readline()
            below = psutil.Process(process.pid).children(recursive=True)
            clusters.append([each for each in below if _is_scheduler(each)])
        assert clusters[0] == clusters[1] and len(clusters[0]) == 1
        until(lambda: _agents(process.pid))  # it is in the midst of a run
        process.send_signal(signal.SIGINT)
        document = valid(process.stdout.read())
        assert process.wait(DEADLINE_S) == 105
    assert document["ended"] == "interrupted" and len(document["steps"]) >= 2
    assert not any(each.is_running() for each in below)


def _is_scheduler(process: psutil.Process) -> bool:
    """Tell whether a process is the one that starts scheduler and workers."""
    words = process.cmdline()
    parent = process.parent()
    forked = parent is not None and parent.cmdline() == words
    return "fastbench.cluster.local_cluster" in words and not forked


def _agents(pid: int) -> bool:
    found = psutil.Process(pid).children(recursive=True)
    return any("agent_process" in word for each in found for word in each.cmdline())


@pytest.mark.parametrize(
    ("on", "sentence"),
    [
        ("local:x", "--on local:x: local:3 is three workers; 1 to 64 are possible."),
        ("ssh:nowhere.txt", "--on ssh:nowhere.txt: the file nowhere.txt cannot be read"),
        ("tcp://127.0.0.1:1", "nobody can be reached there (connection refused)"),
    ],
)
def test_where_no_cluster_is_there_is_a_sentence(on: str, sentence: str) -> None:
    done = invoke("find", *QUICK, "--on", on, "http://127.0.0.1:9/")
    assert done.returncode == 1 and sentence in done.stderr


def test_a_cluster_that_cannot_be_started_says_why(tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text('raise OSError("the disk is full")')
    words = (*QUICK, "--on", "local:1", "http://127.0.0.1:9/")
    done = invoke("find", *words, env={"PYTHONPATH": str(tmp_path)})
    sentence = "--on local:1: Dask did not start on this machine: OSError: the disk is full"
    assert (done.returncode, done.stderr) == (1, f"fastbench: {sentence}\n")
