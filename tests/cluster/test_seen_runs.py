"""What one sees of runs that lose a machine: while they go, and in their documents."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest
from commandline import at_once, valid
from running import until
from servers import Server, answering

pytest.importorskip("distributed", reason="distributed is not installed: make test-deps")
pytestmark = pytest.mark.slow

SCRIPT = """
import asyncio
from fastbench import Options, check

options = Options(vus=4, duration="4s")

async def default(vu):
    response = await vu.get("/")
    check(response, {"ok": lambda response: response.status == 200})
    await asyncio.sleep(0.01)
"""


class Seen(NamedTuple):
    """A run of which one of two machines was lost."""

    code: int
    shown: str
    told: str
    path: Path

    @property
    def document(self) -> dict[str, Any]:
        return valid(self.path.read_text())


def agents(run: int) -> list[psutil.Process]:
    """Give the agents below a run, without the workers that they forked."""
    below = psutil.Process(run).children(recursive=True)
    alike = {each.pid: each for each in below if "agent_process" in " ".join(each.cmdline())}
    return [each for each in alike.values() if each.ppid() not in alike]


def lost_in(folder: Path, kind: str) -> Seen:
    """Run on two machines until they have sent what they counted, and end the agent of one."""
    path, script = folder / f"{kind}.json", folder / "script.py"
    words = ["--on", "local:2", "-t", "1", "--json", str(path)]
    with Server(answering()) as server:
        if kind == "urls":
            words += ["-c", "4", "-R", "400", "-d", "4s", server.url()]
        else:
            words = ["run", *words, "--base-url", server.url(), str(script)]
        with subprocess.Popen(
            [sys.executable, "-m", "fastbench", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            enough = 600  # for a second and more
            until(lambda: server.seen.requests > enough, limit_s=40)
            last = max(agents(process.pid), key=lambda each: each.create_time())
            last.kill()
            shown, told = process.communicate(timeout=60)
    return Seen(process.returncode, shown, told, path)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Seen]]:
    folder = tmp_path_factory.mktemp("seen")
    (folder / "script.py").write_text(SCRIPT)
    kinds = ("urls", "script")
    found = at_once(partial(lost_in, folder, kind) for kind in kinds)
    yield dict(zip(kinds, found, strict=True))


@pytest.mark.parametrize("kind", ["urls", "script"])
def test_a_lost_machine_is_told_with_its_second(runs: dict[str, Seen], kind: str) -> None:
    run = runs[kind]
    assert run.code == 120, run.told
    (row,) = (row for row in run.document["machines"] if row["lost"])
    assert row["lost"] == "its agent ended" and 0.5 < row["lost_at_s"] < 4
    told = f"{row['name']} was lost at "
    (line,) = (line for line in run.told.splitlines() if "was lost" in line)
    assert line.startswith(f"fastbench: {told}")
    assert line.endswith(": its agent ended; its part of the load is missing.")
    assert told in run.document["validity"]["reasons"][0]
    assert "lost at " in run.shown


@pytest.mark.parametrize("kind", ["urls", "script"])
def test_what_a_lost_machine_had_open_is_not_counted_on(runs: dict[str, Seen], kind: str) -> None:
    document = runs[kind].document
    open_ = [row["connections"] for row in document["series"]]
    assert (max(open_), open_[-1]) == (4, 2)
    if kind == "script":
        vus = document["metrics"]["vus"]["values"]
        assert (vus["min"], vus["max"]) == (2, 4)
