"""Artillery itself beside us: one file, one server, the counters of both reports.

It is taken from the search path, or from build/artillery:
npm install --prefix build/artillery --ignore-scripts artillery@2.0.21
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from own_sources import ROOT
from running import SLOW, fastbench

__all__ = ["both", "counters", "needs_artillery", "run_artillery"]

_OWN = ROOT / "build" / "artillery" / "node_modules" / ".bin" / "artillery"
PROGRAM = shutil.which("artillery") or (str(_OWN) if _OWN.exists() else None)
_LIMIT_S = 120
# What is counted otherwise: bytes of heads, messages that nobody awaits, statuses by endpoint.
_OTHERWISE = ("http.downloaded_bytes", "websocket.messages_received", "plugins.metrics-by-endpoint")
_SENDS_NOTHING_AWAY = """
const Module = require("module"), load = Module._load;
Module._load = function (name, ...rest) {
  if (name === "posthog-node") throw new Error("nothing is sent away");
  return load.call(this, name, ...rest);
};
"""

needs_artillery = pytest.mark.skipif(
    not (PROGRAM and SLOW), reason="artillery is not installed, or not make slow"
)


def counters(report: Path) -> dict[str, int]:
    """Return the counters of a report that must be the same."""
    found: dict[str, Any] = json.loads(report.read_text())["aggregate"]["counters"]
    return {name: n for name, n in found.items() if not name.startswith(_OTHERWISE)}


def run_artillery(folder: Path, env: Mapping[str, str], words: Sequence[str] = ()) -> Path:
    """Run `test.yml` of a folder; return its report. Its telemetry is off: only it is slow."""
    assert PROGRAM is not None
    quiet, report = folder / "quiet.js", folder / "theirs.json"
    quiet.write_text(_SENDS_NOTHING_AWAY)
    off = {"ARTILLERY_DISABLE_TELEMETRY": "true", "NODE_OPTIONS": f"--require {quiet}"}
    done = subprocess.run(
        [PROGRAM, "run", "-q", *words, "-o", str(report), str(folder / "test.yml")],
        env={**os.environ, **off, **env},
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,  # it fails where an expectation does
    )
    assert report.exists(), done.stdout + done.stderr
    return report


def both(
    folder: Path, env: Mapping[str, str], words: Sequence[str] = ()
) -> tuple[dict[str, int], dict[str, int]]:
    """Run `test.yml` of a folder by both; return our counters and theirs."""
    theirs, ours = run_artillery(folder, env, words), folder / "ours.json"
    pairs = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
    fastbench("run", *pairs, *words, "-o", str(ours), "-q", str(folder / "test.yml"))
    return counters(ours), counters(theirs)
