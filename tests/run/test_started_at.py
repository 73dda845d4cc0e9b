"""A document says when its load began, not when the run was summed up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from running import fastbench
from servers import Server, answering

SCRIPT = """
from fastbench import scenario

@scenario(executor="constant-vus", vus=1, duration="1s")
async def one(vu):
    await vu.get("/")
"""


@pytest.mark.parametrize("kind", ["url", "script"])
def test_it_is_when_the_load_began(kind: str, tmp_path: Path) -> None:
    script = tmp_path / "one.py"
    script.write_text(SCRIPT)
    before = datetime.now(UTC)
    with Server(answering()) as server:
        words = ("-d1s", "-c1", "-t1", server.url("/"))
        scripted = ("run", "-t1", "--base-url", server.url("/"), str(script))
        run = fastbench(*(words if kind == "url" else scripted))
    after = datetime.now(UTC)
    began = datetime.fromisoformat(run.document["environment"]["started_at"])
    length = timedelta(seconds=run.summary["duration_s"])
    assert before - timedelta(milliseconds=1) <= began and began + length <= after
