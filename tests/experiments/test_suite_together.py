"""[[together]] of a suite: runs at the same time, a row for each and for all as one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import invoke
from servers import Server, answering
from suites import Suite

SCRIPT = """
import asyncio
from fastbench import scenario

@scenario(executor="constant-vus", vus=2, duration="2s")
async def default(vu):
    await vu.get("/script")
    await asyncio.sleep(0.02)
"""
FILE = """
[suite]
base_url = "{here}"

[[run]]
name = "first"
url = "/first"
requests = 2
connections = 1

[[together]]
name = "all at once"

[[together.run]]
name = "web"
url = "/web"
rate = 50
connections = 2
duration = "2s"
thresholds = ["p50<1ns"]

[[together.run]]
name = "api"
script = "api.py"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_each_run_and_the_whole_have_a_row_and_files(server: Server, tmp_path: Path) -> None:
    (tmp_path / "api.py").write_text(SCRIPT)
    file = tmp_path / "s.toml"
    file.write_text(FILE.format(here=server.url()))
    before = server.seen.requests
    made = Suite(invoke("suite", str(file), cwd=tmp_path), tmp_path / "s-results")
    assert made.shown.returncode == 99, made.shown.stderr
    assert made.outcomes == {
        "first": ("passed", 0),
        "web": ("thresholds failed", 99),
        "api": ("passed", 0),
        "all at once": ("thresholds failed", 99),
    }
    whole = json.loads((made.out / "all-at-once.json").read_text())
    assert whole["summary"]["started"] + 2 == server.seen.requests - before
    assert [part["name"] for part in whole["parts"]] == ["web", "api"]
    row = made.summary["runs"][-1]
    assert row["requests"] == whole["summary"]["requests"]
    assert set(row["files"]) == {"html", "json", "md", "junit", "text"}
    assert all((made.out / name).exists() for name in row["files"].values())
    assert "all at once" in (made.out / "index.html").read_text()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[together]]\nname = "t"', "[[together]] 1 `t` has no run; write [[together.run]]"),
        (
            '[[together]]\nname = "t"\n[[together.run]]\nname = "a"\nurl = "http://h/"',
            "`t` has one run; write [[together.run]] for two at least",
        ),
        (
            '[[together]]\nname = "t"\n[[together.run]]\nname = "t"\nurl = "http://h/"',
            "there is a run of the name `t` already",
        ),
        ('[[together]]\nnme = "t"', "nme"),
        ('[together]\nname = "t"', "write [[together]], a name"),
    ],
)
def test_a_slip_is_one_sentence_with_its_place(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "s.toml").write_text(text)
    made = invoke("suite", str(tmp_path / "s.toml"), "--list")
    assert (made.returncode, made.stdout) == (1, "")
    assert sentence in made.stderr
    assert made.stderr.count("\n") == 1
