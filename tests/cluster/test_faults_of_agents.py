"""What breaks on a machine is told with its name; a fault of ours, so that it can be read."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from commandline import invoke

from fastbench.cluster.frames import Reader, Said
from fastbench.cluster.links import agent_fault
from fastbench.cluster.links.machine_link import MachineLink

LIMIT_S = 60


@pytest.fixture
def broke() -> Said:
    """What a real agent says that is told of a start line without a load."""
    done = subprocess.run(
        [sys.executable, "-m", "fastbench.cluster.agent.agent_process"],
        input=Said("begin", {}).encoded(),
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 1
    (said,) = Reader().feed(done.stdout)
    assert isinstance(said, Said)
    return said


class Machine:
    """Dask's actor on a machine that says one thing."""

    def __init__(self, said: Said) -> None:
        self.said = said

    async def push(self, number: int, data: bytes) -> None: ...

    async def pull(self, number: int, wait_s: float) -> bytes:
        return b"O" + self.said.encoded()

    async def now_ns(self) -> int:
        return 0

    async def close(self) -> None: ...


def lost(said: Said) -> str:
    """Return why machines are lost that say something: all the same."""

    async def heard() -> str:
        found = set()
        for name in ("m1", "m2"):
            machine = MachineLink(name, "tcp://there:1", cast(Any, Machine(said)))
            machine.begin()
            async with asyncio.timeout(LIMIT_S):
                while not machine.lost:
                    await asyncio.sleep(0.001)
            found.add(machine.lost)
            await machine.end()
        (why,) = found
        return why

    return asyncio.run(heard())


def test_the_traceback_of_an_agent_that_broke_is_kept_once_and_the_sentence_says_where(
    broke: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    agent_fault._kept.cache_clear()
    why = lost(broke)
    (path,) = tmp_path.iterdir()
    start, _, end = why.partition(" (agent_process.py, line ")
    assert start == "its agent broke: AssertionError:"
    assert end.endswith(f"); please report it, with the traceback in {path}")
    text = path.read_text()
    assert "Traceback (most recent call last):" in text and ", in _begin\n" in text
    assert path.stat().st_mode & 0o077 == 0


def test_a_traceback_that_cannot_be_written_is_told(
    broke: Said, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    agent_fault._kept.cache_clear()
    assert lost(broke).endswith(
        "; its traceback could not be written here (No such file or directory)"
    )


def test_a_script_that_ends_its_process_on_a_machine_is_told_with_the_machine(
    tmp_path: Path,
) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed: make test-deps")
    script = tmp_path / "ends.py"
    script.write_text("import os\nos._exit(3)\n")
    run = invoke("run", "--on", "local:1", "-t", "1", script.name, cwd=tmp_path)
    assert run.returncode == 107
    assert run.stderr == (
        "fastbench: local-1: ends.py: its process ended with status 3 while the script was loaded; "
        "take what ends processes out of the top of the script.\n"
    )
