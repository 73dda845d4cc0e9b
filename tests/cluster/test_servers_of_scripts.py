"""Whom a script loads is found by the machines, as it is on one machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from commandline import invoke, valid
from embedded import serving

pytest.importorskip("distributed", reason="distributed is not installed: make test-deps")

SCRIPT = """
import asyncio
from fastbench import Options

options = Options(base_url={base!r}, vus=2, duration="1500ms")

async def default(vu):
    await vu.get("/")
    await vu.get({other!r})
    await asyncio.sleep(0.01)
"""


def test_the_server_of_the_base_url_and_those_met_are_targets(tmp_path: Path) -> None:
    script, out = tmp_path / "script.py", tmp_path / "out.json"
    port = ("--port", "0", "--with-parent")
    with serving(*port) as (base, base_url), serving(*port) as (other, other_url):
        script.write_text(SCRIPT.format(base=base_url, other=other_url))
        done = invoke(
            *("run", "--on", "local:2", "-t1", "-q", "--json", str(out), str(script)),
            env={"XDG_CACHE_HOME": str(tmp_path / "cache")},
        )
        pids = {base.pid, other.pid}
    assert done.returncode == 0, done.stderr
    document = valid(out.read_text())
    found = {row["pid"]: row for row in document["resources"]["targets"]}
    assert set(found) == pids and {row["role"] for row in found.values()} == {"target"}
    assert document["config"]["servers"] == [base_url, other_url]
