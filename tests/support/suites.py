"""Suites to run: their files, and what a suite left when it was run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from commandline import Shown
from servers import Server

__all__ = ["FORMS", "TWO", "Suite", "written"]

FORMS = {"html", "json", "md", "junit", "text"}
SCRIPT = """
import os, signal
from fastbench import env, scenario


@scenario(executor="shared-iterations", vus=1, iterations=1)
async def visit(vu):
    await vu.get(env("WHERE", "/"))
    if env("KILL", ""):
        os.kill(os.getppid(), signal.SIGKILL)
"""
TWO = """
[suite]
base_url = "{here}"

[[run]]
name = "one"
url = "/"
requests = 2
connections = 1
{more}
[[run]]
name = "two"
script = "visit.py"
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite that was run: how it ended, and where its files are."""

    shown: Shown
    out: Path

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.out / "summary.json").read_bytes()))

    @property
    def outcomes(self) -> dict[str, tuple[str, int | None]]:
        return {run["name"]: (run["outcome"], run["exit_code"]) for run in self.summary["runs"]}


def written(folder: Path, text: str, server: Server, gone: int = 1) -> Path:
    """Write a suite and what it names into a folder."""
    (folder / "visit.py").write_text(SCRIPT)
    (folder / "broken.py").write_text("import nowhere_at_all\n")
    file = folder / "gates.toml"
    file.write_text(text.format(here=server.url().rstrip("/"), gone=f"http://127.0.0.1:{gone}/"))
    return file
