"""k6's flags, variables and file of options, from the line to what a script's run does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from running import Run, fastbench

from fastbench.foundation.usage_error import UsageError
from fastbench.script.k6 import k6_settings
from fastbench.script.run_request import K6Words

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

SCRIPT = """
export const options = {
  scenarios: { own: { executor: 'shared-iterations', vus: 2, iterations: 3, exec: 'own' } },
};
export function setup() { console.log('setup'); }
export function own() { console.log('own'); }
export default function () { console.log('default', __ENV.HOME, __ENV.A); console.debug('no'); }
"""
OWN = {"scenarios": {"own": {"executor": "shared-iterations"}}}


def run(folder: Path, *words: str, script: str = SCRIPT) -> Run:
    path = folder / "script.js"
    path.write_text(script)
    return fastbench("run", str(path), "-t", "1", "-q", "--no-summary", *words)


@pytest.mark.parametrize(
    ("own", "said", "options", "told"),
    [
        (OWN, K6Words(), OWN, ""),
        (OWN, K6Words(flags={"vus": 3}), OWN, "vus 3 is not used"),
        (OWN, K6Words(flags={"iterations": 2}), {"iterations": 2}, "command line replaces"),
        (OWN, K6Words(environment={"duration": "1s"}), {"duration": "1s"}, "environment replaces"),
        (OWN, K6Words(file={"duration": "1s", "batch": 2}), {**OWN, "batch": 2}, ""),
        (
            {"vus": 3, "iterations": 5},
            K6Words(flags={"duration": "1s"}),
            {"vus": 3, "duration": "1s"},
            "",
        ),
        (
            {"iterations": 5},
            K6Words(environment={"iterations": 2, "rps": 1}, flags={"iterations": 1}),
            {"iterations": 1, "rps": 1},
            "",
        ),
        ({"vus": 3}, K6Words(), {}, "vus 3 is not used, as in k6, without"),
        ({}, K6Words(file=OWN, flags={"stages": [1]}), {"stages": [1]}, "command line replaces"),
    ],
)
def test_options_are_joined_as_k6_joins_them(
    own: dict[str, Any], said: K6Words, options: dict[str, Any], told: str
) -> None:
    found, sentences = k6_settings.joined(own, said)
    assert found == options
    assert told in " ".join(sentences) and len(sentences) == bool(told)


def test_limits_on_scenarios_that_the_line_replaces_are_left_out_and_told() -> None:
    kept = "checks{scenario:default}"
    limits: dict[str, list[str]] = {"http_reqs{ status:200, scenario:a }": [], kept: []}
    own = {"scenarios": {"a": {}, "default": {}}, "thresholds": {**limits, "http_reqs": []}}
    found, told = k6_settings.joined(own, K6Words(flags={"iterations": 1}))
    assert [*found["thresholds"]] == [kept, "http_reqs"]
    assert told[1:] == ("Thresholds of 1 metric are on scenarios that do not run; not evaluated.",)
    assert k6_settings.joined(own, K6Words(flags={"throw": True})) == ({**own, "throw": True}, ())


def test_thresholds_can_be_left_out_by_an_option() -> None:
    given = {"thresholds": {"http_reqs": ["count>1"]}}
    assert k6_settings.options_of(given).settings.thresholds
    assert not k6_settings.options_of({**given, "noThresholds": True}).settings.thresholds
    with pytest.raises(UsageError, match="batch"):
        k6_settings.options_of({"batch": "many"})


def test_iterations_of_the_line_replace_the_scenarios_by_one_of_default(tmp_path: Path) -> None:
    found = run(tmp_path, "-i", "2", "-u", "2", "-e", "A=b", "--include-system-env-vars=false")
    assert found.code == 0, found.err
    assert [(row["name"], row["iterations"]) for row in found.document["scenarios"]] == [
        ("default", 2)
    ]
    assert "The command line replaces the script's scenarios by one of `default`." in found.err
    assert found.err.count("default undefined b") == 2
    assert found.out == ""


def test_what_is_logged_goes_into_a_file_as_k6_writes_it(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"noSetup": True}))
    log = tmp_path / "console.log"
    script = SCRIPT.replace("console.log('own')", "console.warn('a \"b\"', 1); console.log('')")
    words = ("--console-output", str(log), "-c", str(config))
    found = run(tmp_path, *words, script=script)
    assert found.code == 0, found.err
    assert "own" not in found.err
    lines = [line.partition(" ")[2] for line in log.read_text().splitlines()]
    assert lines == ['level=warning msg="a \\"b\\" 1"', "level=info"] * 3


def test_a_console_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    found = run(tmp_path, "--console-output", str(tmp_path / "none" / "console.log"))
    assert found.code == 107
    assert "cannot be written: No such file or directory" in found.err


SUMMED = """
import { check, group } from 'k6';
import { Trend } from 'k6/metrics';
import { textSummary } from 'https://jslib.k6.io/k6-summary/0.1.0/index.js';
const size = new Trend('size');
export const options = {
  iterations: 4, summaryTrendStats: ['max', 'p(50)', 'count'], thresholds: { size: ['p(99) < 9'] },
};
export default function () {
  group('outer', () => check(null, { odd: () => __ITER % 2 === 1 }));
  check(null, { all: true });
  size.add(__ITER);
}
"""
HANDLED = """
export function handleSummary(data) {
  return { stdout: textSummary(data, { indent: '>', enableColors: false }) };
}
"""


def test_the_summary_of_k6_has_the_columns_of_the_script(tmp_path: Path) -> None:
    path, exported = tmp_path / "script.js", tmp_path / "summary.json"
    path.write_text(SUMMED)
    words = ("--format", "k6-text", "--summary-export", str(exported))
    found = fastbench("run", str(path), "-t", "1", "-q", *words)
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[2:6] == ["  █ THRESHOLDS ", "", "    size", "    ✓ 'p(99) < 9' p(99)=3"]
    assert "    ✗ odd" in lines and "      ↳  50% — ✓ 2 / ✗ 2" in lines
    assert lines.index("    ✗ odd") < lines.index("    ✓ all")
    assert any(line.endswith("max=3   p(50)=1   count=4") for line in lines) or any(
        line.split(": ")[-1].split() == ["max=3", "p(50)=1", "count=4"] for line in lines
    )
    metrics = json.loads(exported.read_text())["metrics"]
    assert metrics["size"] == {
        **{"max": 3, "p(50)": 1, "count": 4},
        "thresholds": {"p(99) < 9": False},
    }


def test_text_summary_of_jslib_is_the_summary_of_older_versions(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(SUMMED + HANDLED)
    found = fastbench("run", str(path), "-t", "1", "-q", "--format", "k6-text")
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[:2] == [">    ✓ all", ""] and ">    █ outer" in lines
    assert ">      ✗ odd" in lines and ">       ↳  50% — ✓ 2 / ✗ 2" in lines
    assert sum("size" in line for line in lines) == 1
    assert any(line.startswith(">  ✓ size.") for line in lines)
    assert "TOTAL RESULTS" not in found.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--summary-trend-stats", "avg,p(101)"), "summaryTrendStats has p(101)"),
        (("--summary-time-unit", "h"), "summaryTimeUnit is s, ms or us, not h"),
        (("--summary-mode", "full"), "metrics are not counted by group"),
    ],
)
def test_a_wrong_summary_is_refused(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    found = run(tmp_path, *words)
    assert found.code in (1, 104) and said in found.err
