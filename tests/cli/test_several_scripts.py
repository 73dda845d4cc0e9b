"""Several scripts in one `fastbench run`: at the same time, own results, and a common one."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commandline import begin, invoke, valid
from running import LIMIT_S, until
from servers import Server, answering

SCRIPT = """
import asyncio
from fastbench import Options, env, scenario, setup

options = Options(thresholds={{"http_req_duration": ["{limit}"]}})

@setup
async def prepare(vu):
    await asyncio.sleep({setup_s})

@scenario(executor="constant-vus", vus=2, duration=env("LONG", "1s"))
async def default(vu):
    await vu.get("/{name}")
    await asyncio.sleep(0.02)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scripts")
    for name, limit, setup_s in (("a", "p(50)<60000", 0), ("b", "p(50)<0.000001", 0.5)):
        text = SCRIPT.format(name=name, limit=limit, setup_s=setup_s)
        (made / f"{name}.py").write_text(text)
    return made


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def document(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_scripts_run_at_the_same_time_and_each_has_its_own_result(
    folder: Path, server: Server
) -> None:
    before = server.seen.requests
    words = ("run", "a.py", "b.py", "--base-url", server.url(), "--json", "out.json")
    made = invoke(*words, "--md", "out.md", "--history", "runs.db", cwd=folder)
    seen = server.seen.requests - before
    whole = document(folder / "out.json")
    own = {name: valid((folder / f"out.{name}.json").read_text()) for name in "ab"}
    assert made.returncode == 99  # b's own threshold
    assert {name: each["thresholdsFailed"] for name, each in own.items()} == {"a": False, "b": True}
    assert whole["summary"]["started"] == seen
    assert seen == sum(each["summary"]["started"] for each in own.values())
    assert [row["name"] for row in whole["scenarios"]] == ["a: default", "b: default"]
    # What the other used is no other program's.
    assert all("beside_percent" in each["resources"]["host"] for each in own.values())
    # b's setup takes half a second longer: a waited for it.
    assert max(part["offset_s"] for part in whole["parts"]) < 0.1
    assert "the loads began" in made.stderr
    assert all(f"== {name} ==" in made.stdout for name in "ab")
    assert "RUNS" in made.stdout
    assert all((folder / f"out{name}.md").exists() for name in ("", ".a", ".b"))
    kept = json.loads(invoke("history", "runs.db", "--json", cwd=folder).stdout)
    assert {row["name"] for row in kept["runs"]} == {"a.py", "b.py", "a.py + b.py"}
    assert "History   a.py + b.py: the first" in made.stdout


def test_what_is_not_written_is_told_and_names_that_are_alike_have_files_of_their_own(
    folder: Path, server: Server
) -> None:
    (folder / "x").mkdir()
    for name, length in (("x/a", "0.6s"), ("x-a", "0.2s")):  # one ends before the other
        text = SCRIPT.format(name="n", limit="p(50)<60000", setup_s=0)
        text = text.replace('env("LONG", "1s")', f'"{length}"')
        (folder / f"{name}.py").write_text(text)
    words = ("run", "x/a.py", "x-a.py", "a.py", "-e", "LONG=0.3s", "--base-url", server.url())
    with open("/dev/full", "wb") as full:
        made = invoke(*words, "--json", "/dev/full", "--md", "n.md", cwd=folder, stdout=full)
    assert made.returncode == 121
    assert "stdout was not written: no space left on device." in made.stderr
    assert "/dev/full was not written: no space left on device." in made.stderr
    assert {each.name for each in folder.glob("n*.md")} == {
        *("n.md", "n.x-a (1).md", "n.x-a (2).md", "n.a.md")
    }
    assert "all under way for" in (folder / "n.md").read_text()


def test_a_signal_ends_all_and_each_reports(folder: Path, server: Server) -> None:
    before = server.seen.requests
    line = ("run", "-e", "LONG=60s", "a.py", "b.py", "--base-url", server.url())
    process = begin(*line, "--json", "cut.json", cwd=folder)
    try:
        until(lambda: server.seen.requests > before + 10, LIMIT_S)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    finally:
        process.kill()
    assert process.returncode == 105, err
    assert all(f"== {name} ==" in out for name in "ab")
    whole = document(folder / "cut.json")
    assert [part["ended"] for part in whole["parts"]] == ["interrupted"] * 2
    assert whole["summary"]["started"] == server.seen.requests - before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--baseline", "x.json"), "--baseline is not for several scripts"),
        (("--name", "x"), "--name is the run's name in --history"),
        (("none.py",), "none.py does not exist"),
        (("--format", "k6"), "--format k6 shows one script"),
        (("-u", "x"), "-u"),
    ],
)
def test_what_several_scripts_have_not_is_one_sentence(
    folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    made = invoke("run", "a.py", "b.py", *words, cwd=folder)
    assert (made.returncode, made.stdout) == (1, "")
    assert sentence in made.stderr
    assert made.stderr.count("\n") == 1


def test_a_script_that_does_not_load_leaves_the_others(folder: Path, server: Server) -> None:
    (folder / "bad.py").write_text("1 / 0\n")
    made = invoke("run", "a.py", "bad.py", "--base-url", server.url(), cwd=folder)
    assert made.returncode == 107
    assert "== a ==" in made.stdout
    assert "bad: " in made.stderr
    assert "no common report: fewer than two scripts left a result" in made.stderr
