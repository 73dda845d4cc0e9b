"""What handleSummary() gets, key by key beside k6, and the text and file of the same data."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from beside_k6 import find_k6
from running import fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
import { check, group, sleep } from 'k6';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';
const used = new Counter('used'), gauge = new Gauge('gauge'), rate = new Rate('rate');
const trend = new Trend('trend', true);
new Counter('no_count'); new Gauge('no_gauge'); new Rate('no_rate'); new Trend('no_trend');
export const options = {
  scenarios: { s: {
    executor: 'ramping-vus', startVUs: 3, gracefulRampDown: '0s',
    stages: [
      { duration: '1500ms', target: 3 }, { duration: '0s', target: 1 },
      { duration: '1s', target: 1 },
    ],
  } },
  thresholds: {
    no_rate: ['rate<=1'], 'checks{group:::setup}': ['rate==1'], used: ['count>=0', 'count<1'],
  },
};
export function setup() {
  check(1, { before: true });
  return { list: [1, { deep: null }], text: 'a' };
}
export default function () {
  group('empty', () => {});
  group('outer', () => {
    group('inner', () => check(1, { inner: true }));
    group('hollow', () => group('core', () => {}));
  });
  check(1, { top: true });
  used.add(2); gauge.add(7); rate.add(true); trend.add(3);
  sleep(0.2);
}
export function teardown() { check(1, { after: true }); }
export function handleSummary(data) { return { [__ENV.OUT]: JSON.stringify(data) }; }
"""
WITHOUT = SCRIPT.partition("export function handleSummary")[0]


def in_k6(folder: Path, *words: str) -> str:
    program = find_k6()
    if program is None:
        pytest.skip("k6 is not installed (PyPI has it)")
    environ = {"HOME": str(folder), "PATH": os.environ["PATH"], "K6_NO_USAGE_REPORT": "true"}
    command = [program, "run", "-q", *words, "script.js"]
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    return done.stdout


def shape(value: Any, name: str = "") -> Any:
    """Return the same with the times and rates left out, and groups by their names."""
    if isinstance(value, dict):
        if value.get("type") in ("counter", "trend"):
            return {**value, "values": sorted(value["values"])}
        return {key: shape(each, key) for key, each in sorted(value.items())}
    if isinstance(value, list) and name in ("groups", "checks"):
        return sorted((shape(each) for each in value), key=lambda each: str(each["name"]))
    if isinstance(value, list):
        return [shape(each) for each in value]
    depends = ("testRunDurationMs", "passes")  # on how many iterations there were
    return type(value).__name__ if name in depends else value


def test_the_data_of_handle_summary_is_that_of_k6_key_by_key(tmp_path: Path) -> None:
    path, found = tmp_path / "script.js", []
    path.write_text(SCRIPT)
    for name in ("k6", "ours"):
        words = ("-e", f"OUT={tmp_path / name}", "--no-color")
        if name == "k6":
            in_k6(tmp_path, *words)
        else:
            fastbench("run", str(path), "-t", "2", "-q", "--no-summary", *words)
        found.append(json.loads((tmp_path / name).read_text()))
    theirs, ours = found
    groups = {each["name"]: each for each in ours["root_group"]["groups"]}
    assert [*groups][:2] == ["setup", "empty"] and groups["empty"]["checks"] == []
    assert [each["name"] for each in groups["outer"]["groups"]] == ["inner", "hollow"]
    assert ours["setup_data"] == {"list": [1, {"deep": None}], "text": "a"}
    assert ours["metrics"]["vus"]["values"] == {"value": 1, "min": 1, "max": 3}
    assert "no_count" not in ours["metrics"] and "no_rate" in ours["metrics"]
    for each in (theirs, ours):  # what had no samples fails here
        del each["metrics"]["no_rate"]["thresholds"]
    assert shape(ours) == shape(theirs)


def test_the_text_and_the_file_have_the_groups_without_checks(tmp_path: Path) -> None:
    path, out = tmp_path / "script.js", tmp_path / "out.json"
    path.write_text(WITHOUT.replace("1500ms", "100ms").replace("'1s'", "'100ms'"))
    words = ("-q", "--format", "k6-text", "--summary-mode", "legacy", "--summary-export", str(out))
    found = fastbench("run", str(path), "-t", "1", *words)
    titles = [line.strip() for line in found.out.splitlines() if "█" in line]
    expected = ["setup", "empty", "outer", "inner", "hollow", "core", "teardown"]
    assert titles == [f"█ {name}" for name in expected]
    exported = json.loads(out.read_text())
    assert exported["setup_data"]["text"] == "a" and "empty" in exported["root_group"]["groups"]
