"""`fastbench suite` on machines: which run goes where, one cluster for all, and its end."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from commandline import Shown, begin, invoke
from running import until
from servers import Server, answering
from suites import Suite

RUN = '[[run]]\nname = "{name}"\nurl = "http://127.0.0.1:9/"\nrequests = 2\n'
COMPARED = '[[run]]\nname = "cmp"\ncompare = ["http://127.0.0.1:9/", "http://127.0.0.1:9/x"]\n'
TWO = "".join(RUN.format(name=name).replace("[[run", "[[together.run") for name in ("a", "b"))
TOGETHER = f'[[together]]\nname = "both"\n{TWO}'
SCRIPT = """
import asyncio
from fastbench import scenario


@scenario(executor="constant-vus", vus=2, duration="60s")
async def visit(vu):
    await vu.get("/script")
    await asyncio.sleep(0.02)
"""
MIXED = """
[suite]
base_url = "{here}"
on = "local:2"
args = ["-t", "1"]

[[run]]
name = "spread"
url = "/spread"
requests = 12
connections = 2

[[run]]
name = "here"
url = "/here"
requests = 3
connections = 1
on = ""

[[run]]
name = "script"
script = "visit.py"

[[run]]
name = "left out"
url = "/"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def told(folder: Path, text: str, *words: str) -> Shown:
    """Run a suite of this text; return what it told."""
    file = folder / "s.toml"
    file.write_text(text)
    return invoke("suite", *words, str(file), cwd=folder)


def test_one_cluster_carries_its_runs_and_ends_with_the_suite(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "visit.py").write_text(SCRIPT)
    file = tmp_path / "s.toml"
    file.write_text(MIXED.format(here=server.url().rstrip("/")))
    process = begin("suite", str(file), session=True)
    until(lambda: server.seen.lines[b"GET /script HTTP/1.1"] > 10, 60)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to its whole group
    out, err = process.communicate(timeout=30)
    found = Suite(Shown([], process.wait(), out, err), tmp_path / "s-results")
    assert found.outcomes == {
        "spread": ("passed", 0),
        "here": ("passed", 0),
        "script": ("interrupted", 105),
        "left out": ("not run", None),
    }, err
    assert server.seen.lines[b"GET /spread HTTP/1.1"] == 12
    rows = [(row["on"], row["machines"]) for row in found.summary["runs"]]
    assert rows == [("local:2", 2), (None, 0), ("local:2", 2), (None, 0)]
    of_first, of_script = (
        [(each["name"], each["address"]) for each in json.loads(path.read_text())["machines"]]
        for path in (found.out / "spread.json", found.out / "script.json")
    )
    assert of_first == of_script and len(of_first) == 2  # the same processes of Dask
    assert "2 runs on 2 machines of local:2" in out
    assert sum("agent_process" in each for each in map(_words, family)) == 0  # all have ended
    assert len(family) >= 6 and not [each for each in family if each.is_running()]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("text", "words", "sentence"),
    [
        (RUN + 'on = "local:x"', (), "[[run]] 1 `a`: --on local:x: local:3 is three workers"),
        (RUN + 'args = ["--on", "a"]', (), "[[run]] 1 `a`: --on a names no port: tcp://a:8786"),
        (RUN, ("--on", "ssh:none.txt"), "[[run]] 1 `a`: --on ssh:/"),
        (RUN + "on = 1", (), "[[run]] 1 `a`: on is a text; write it in quotes."),
        (COMPARED + 'on = "local:2"', (), "a run with a compare has no on; it has"),
        (COMPARED + 'args = ["--on", "local:2"]', (), "--on is not for comparisons, whose sides"),
        (TOGETHER, ("--on", "h:1"), "`a` and `b` run at the same time, and a machine carries one"),
        (TOGETHER + 'on = "tcp://h:1"', ("--on", "h:1"), "`a` and `b` run at the same time, and"),
        (RUN, ("--on", "127.0.0.1:1"), ""),
    ],
)
def test_what_cannot_be_on_machines_is_told_before_anything_runs(
    tmp_path: Path, text: str, words: tuple[str, ...], sentence: str
) -> None:
    shown = told(tmp_path, text.replace("{name}", "a"), *words, "--list")
    assert shown.returncode == int(bool(sentence)) and sentence in shown.stderr


def test_one_of_a_group_may_be_on_machines(tmp_path: Path) -> None:
    shown = told(tmp_path, TOGETHER + 'on = ""', "--on", "local:2", "--list")
    assert shown.stdout.splitlines() == [
        "a: fastbench -n 2 --on local:2 http://127.0.0.1:9/",
        "b: fastbench -n 2 http://127.0.0.1:9/",
    ]


def test_hosts_of_the_command_line_are_those_of_the_folder_where_it_is_typed(
    tmp_path: Path,
) -> None:
    (tmp_path / "hosts.txt").write_text("h\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "s.toml").write_text(RUN.format(name="a"))
    words = ("--on", "ssh:hosts.txt", "--list", "below/s.toml")
    shown = invoke("suite", *words, cwd=tmp_path)
    assert shown.stdout == f"a: fastbench -n 2 --on ssh:{tmp_path}/hosts.txt http://127.0.0.1:9/\n"


def test_without_its_cluster_a_suite_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text('raise OSError("the disk is full")')
    (tmp_path / "s.toml").write_text(RUN.format(name="a") + COMPARED)
    words = ("suite", "--on", "local:1", "s.toml")
    shown = invoke(*words, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.splitlines() == [
        "fastbench: --on is not for comparisons; on this machine alone: cmp.",
        "fastbench: --on local:1: Dask did not start on this machine: OSError: the disk is full",
    ]
