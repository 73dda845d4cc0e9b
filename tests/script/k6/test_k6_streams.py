"""Streams and addresses of scripts: what the samples in k6_samples/told/ tell, line for line.

Readable streams are those of k6, which is asked too; writable ones, and addresses, are as the
standards of the WHATWG have them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from k6_peer import run_k6
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")
SAMPLES = Path(__file__).parents[1] / "k6_samples" / "told"


def told(text: str) -> list[Any]:
    lines = [line.partition("TOLD")[2] for line in text.splitlines() if "TOLD" in line]
    return [json.loads(line.strip()) for line in lines]


def wanted(name: str) -> list[Any]:
    return [json.loads(line) for line in (SAMPLES / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["readable_streams", "writable_streams", "addresses"])
def test_streams_and_addresses_do_what_k6_and_the_standards_say(name: str) -> None:
    if name == "addresses":
        pytest.importorskip("ada_url", reason="addresses need the extra url")
    found = fastbench("run", str(SAMPLES / f"{name}.js"))
    assert found.document["exceptions"] == [], found.document["exceptions"]
    assert told(found.err) == wanted(name)


def test_readable_streams_are_those_of_k6() -> None:
    assert told(run_k6(SAMPLES / "readable_streams.js", "")) == wanted("readable_streams")


WITHOUT_ADA = """
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "ada_url" else real(name, *more)
import runpy
sys.argv = ["fastbench", "run", "script.js", "-q"]
runpy.run_module("fastbench", run_name="__main__")
"""
USE = """
import { URL } from 'https://jslib.k6.io/url/1.0.0/index.js';
export default function () { console.log(`TOLD"${new URL('x').href}"`); }
"""


def test_without_its_package_the_module_url_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "script.js").write_text(USE)

    def run() -> tuple[int, str]:
        command = [sys.executable, "-c", WITHOUT_ADA]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr

    code, said = run()
    assert (code == 107 and "extra NAMES=url" in said) or "'fastbench-http[url]'" in said, said
    kept = tmp_path / "vendor" / "jslib.k6.io" / "url" / "1.0.0" / "index.js"
    kept.parent.mkdir(parents=True)
    kept.write_text("export class URL { constructor(text) { this.href = `own ${text}`; } }")
    code, said = run()
    assert code == 0 and told(said) == ["own x"], said
