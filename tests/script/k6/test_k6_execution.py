"""exec.* of scripts: what it tells, where it may be asked, and what may be changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from k6_peer import told_by_fastbench, told_by_k6

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

OPTIONS = """
import exec from 'k6/execution';
import http from 'k6/http';
export const options = JSON.parse(__ENV.OPTIONS);
export default function () {
  if (exec.scenario.iterationInTest > 0) return;
  http.post(`${__ENV.URL}/told`, JSON.stringify([exec.test.options, exec.scenario.executor]));
}
"""
ONE = {"vus": 1, "iterations": 1}
GIVEN: list[dict[str, Any]] = [
    {},
    {"vus": 2, "iterations": 3, "duration": "5s", "tags": {"a": "b"}},
    {"vus": 1, "duration": "1s", "rps": 100},
    {"stages": [{"duration": "200ms", "target": 1}, {"duration": "200ms", "target": 1}]},
    {
        "scenarios": {"a": {"executor": "per-vu-iterations", **ONE, "env": {"X": "y"}}},
        "thresholds": {
            "http_reqs": ["count>0"],
            "vus": [{"threshold": "value<5", "abortOnFail": True}],
        },
        "hosts": {"a.test": "127.0.0.1"},
        "noConnectionReuse": True,
        "setupTimeout": "5s",
        "summaryTrendStats": ["avg"],
    },
    {
        "scenarios": {
            "b": {
                "executor": "constant-arrival-rate",
                **{"rate": 20, "timeUnit": "1s", "duration": "1s", "preAllocatedVUs": 1},
            }
        }
    },
]


def shown(found: list[Any]) -> Any:
    """Forget what a host of ours and of k6 is written as: with port 0, or without."""
    options = found[0][0]
    options["hosts"] = options["hosts"] and list(options["hosts"])
    options.pop("insecureSkipTLSVerify")
    return found


@pytest.mark.parametrize("given", GIVEN, ids=[str(n) for n in range(len(GIVEN))])
def test_options_are_shown_in_full_as_in_k6(tmp_path: Path, given: dict[str, Any]) -> None:
    script = tmp_path / "script.js"
    script.write_text(OPTIONS)
    words = ("-e", f"OPTIONS={json.dumps(given)}")
    ours = told_by_fastbench(script, {}, *words)
    assert ours[0][0]["scenarios"] and None in ours[0][0].values()
    assert shown(told_by_k6(script, {}, *words)) == shown(ours)


PLACES = """
import exec from 'k6/execution';
import http from 'k6/http';
const told = [];
const caught = (call) => {
  try { return call(); } catch ({ name, message }) { return name === 'GoError' ? message : name; }
};
const asked = () => [
  () => exec.vu.idInTest, () => exec.scenario.name, () => exec.vu.iterationInScenario,
  () => exec.vu.iterationInInstance, () => ({ ...exec.vu.tags }),
  () => Object.keys(exec.test.options).length, () => typeof exec.instance.currentTestRunDuration,
].map(caught);
const initial = asked();
export const options = { vus: 1, iterations: 2, tags: { all: 'yes' } };
export function setup() { return asked(); }
export default function (data) {
  const all = [initial, data, asked()];
  all.push([
    () => { exec.test.options.vus = 5; }, () => { exec.test.options.scenarios.default.vus = 9; },
    () => { exec.vu.idInTest = 5; }, () => { exec.test.options = {}; },
    ...[{}, null, undefined, []].map((value) => () => { exec.vu.tags.o = value; }),
  ].map(caught));
  exec.vu.tags.text = 'a';
  exec.vu.tags.number = 1.5;
  exec.vu.tags.yes = true;
  exec.vu.metrics.tags.other = 'b';
  const names = Object.keys(exec.vu.tags).sort();
  all.push({ ...exec.vu.tags }, names, 'text' in exec.vu.tags, 'none' in exec.vu.tags);
  delete exec.vu.tags.number;
  all.push(exec.vu.tags.number === undefined, JSON.stringify(exec.vu.tags).includes('"text":"a"'));
  http.post(`${__ENV.URL}/told`, JSON.stringify(all));
}
export function teardown() { http.post(`${__ENV.URL}/told`, JSON.stringify(asked())); }
"""


def test_what_can_be_asked_where_and_what_cannot_be_changed(tmp_path: Path) -> None:
    script = tmp_path / "script.js"
    script.write_text(PLACES)
    first, second, last = told_by_fastbench(script, {})
    initial, setup, iteration, refused, tags, *_ = first
    assert initial[0] == "getting VU information in the init context is not supported"
    assert setup[1].startswith("getting scenario information outside")
    assert (setup[0], iteration[0], iteration[1]) == (0, 1, "default")
    assert setup[4] == {"group": "::setup", "all": "yes"}
    assert refused == ["TypeError"] * 8
    assert tags["number"] == "1.5" and tags["other"] == "b" and tags["scenario"] == "default"
    assert second[2][2] == 1 and last[0] == 0
    assert told_by_k6(script, {}) == [first, second, last]
