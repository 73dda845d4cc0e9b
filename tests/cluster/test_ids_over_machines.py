"""What scripts see of themselves on several machines: users, iterations and rows, each once."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from commandline import invoke, table_at_once, valid
from request_log import logging_server

pytest.importorskip("distributed")

MACHINES = 2
QUICKJS = "fastbench.engine.javascript._quickjs"
# By scenario: its load, and how many users it has at most. They are numbered in this order.
SCENARIOS: dict[str, tuple[dict[str, Any], int]] = {
    "shared": ({"executor": "shared-iterations", "vus": 4, "iterations": 37}, 4),
    "each": ({"executor": "per-vu-iterations", "vus": 5, "iterations": 3}, 5),
    "constant": ({"executor": "constant-vus", "vus": 4, "duration": "600ms"}, 4),
    "ramping": (
        {"executor": "ramping-vus", "startVUs": 1, "stages": [["300ms", 7], ["300ms", 7]]},
        7,
    ),
    "rate": (
        {"executor": "constant-arrival-rate", "rate": 50, "duration": "600ms"}
        | {"preAllocatedVUs": 4, "maxVUs": 8},
        8,
    ),
    # What the others did before is known to all machines by then.
    "late": (
        {"executor": "per-vu-iterations", "vus": 2, "startTime": "2200ms"},
        2,
    ),
    "rising": (
        {"executor": "ramping-arrival-rate", "startRate": 20, "stages": [["600ms", 80]]}
        | {"preAllocatedVUs": 5, "maxVUs": 5},
        5,
    ),
}
SETUP_S = 0.4
RATED = {"rate": 30, "rising": 30}  # iterations, begun or dropped
ITERATE_S = 0.02
AT_ONCE = 4 + 5 + 4 + 1 + 4 + 5  # users that begin when the run does

PYTHON = """
import json, fastbench
from fastbench import Options, data

names = {{"startTime": "start_time", "startVUs": "start_vus", "startRate": "start_rate",
          "preAllocatedVUs": "pre_allocated_vus", "maxVUs": "max_vus"}}
loads = json.loads({loads!r})
loads = {{name: {{names.get(key, key): value for key, value in load.items()}} | {{"exec": "one"}}
          for name, load in loads.items()}}
options = Options(scenarios=loads, base_url={url!r})
in_turn = data([f"t{{i}}" for i in range(12)])
once = data([f"u{{i}}" for i in range(400)])
any_of = data(["a", "b", "c"])

async def one(vu):
    seen = {{"scenario": vu.scenario, "vu": vu.id, "own": vu.iteration,
             "turn": in_turn.sequential(), "once": once.unique(), "any": any_of.random()}}
    await vu.get("/", params=seen)
    await fastbench.sleep({pause_s})
"""

K6 = """
import exec from 'k6/execution';
import http from 'k6/http';
import {{ sleep }} from 'k6';
import {{ SharedArray }} from 'k6/data';

const loads = JSON.parse({loads!r});
for (const load of Object.values(loads)) {{
  load.stages = load.stages?.map(([duration, target]) => ({{ duration, target }}));
}}
export const options = {{ scenarios: loads }};
export function setup() {{ sleep({setup_s}); }}
const rows = new SharedArray('rows', () => Array.from({{ length: 400 }}, (_, at) => `u${{at}}`));
export default function () {{
  const {{ instance, scenario, vu }} = exec;
  const seen = {{
    scenario: scenario.name, vu: vu.idInTest, here: vu.idInInstance,
    iteration: scenario.iterationInTest, own: vu.iterationInScenario,
    js: __VU, once: rows[scenario.iterationInTest],
    age: instance.currentTestRunDuration, done: instance.iterationsCompleted,
  }};
  const query = Object.entries(seen).map(([name, value]) => `${{name}}=${{value}}`);
  http.get(`{url}/?${{query.join('&')}}`);
  sleep({pause_s});
}}
"""


Rows = list[dict[str, str]]  # what each iteration said of itself


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """Run both scripts; by the ending of their names what their iterations said."""
    texts = {"py": PYTHON} | ({"js": K6} if find_spec(QUICKJS) else {})
    folder = tmp_path_factory.mktemp("scripts")
    return table_at_once({kind: partial(_ran, folder, kind, texts[kind]) for kind in texts})


def _ran(folder: Path, kind: str, text: str) -> Rows:
    """Run a script on the machines."""
    loads = json.dumps({name: load for name, (load, _) in SCENARIOS.items()})
    script, out = folder / f"script.{kind}", folder / f"{kind}.json"
    with logging_server() as log:
        more = {"loads": loads, "url": log.url, "pause_s": ITERATE_S, "setup_s": SETUP_S}
        script.write_text(text.format(**more))
        done = invoke(
            *("run", "--on", f"local:{MACHINES}", "-t1", "-q", "--json", str(out), str(script)),
            env={"XDG_CACHE_HOME": str(folder / "cache")},
        )
    assert done.returncode == 0, done.stderr
    found = [dict(parse_qsl(urlsplit(path).query)) for _, path, _ in log.came]
    document = valid(out.read_text())
    told = {row["name"]: row for row in document["scenarios"]}
    if kind == "py":  # as k6 has it, it is looked at once a second
        assert document["metrics"]["vus"]["values"]["max"] >= AT_ONCE, "of all machines together"
    counts = Counter(row["scenario"] for row in found)
    assert {name: row["iterations"] for name, row in told.items()} == counts
    for name, count in RATED.items():
        assert counts[name] + told[name]["dropped_iterations"] == count
    return found


@pytest.fixture(scope="module")
def k6(seen: dict[str, Rows]) -> Rows:
    if "js" not in seen:
        pytest.skip("built without JavaScript")
    return seen["js"]


@pytest.mark.parametrize("kind", ["py", "js"])
def test_every_user_has_a_number_and_counts_from_0_on(seen: dict[str, Rows], kind: str) -> None:
    first, found = 1, seen.get(kind) or pytest.skip("built without JavaScript")
    for name, (load, most) in SCENARIOS.items():
        rows = [row for row in found if row["scenario"] == name]
        ids, expected = {int(row["vu"]) for row in rows}, set(range(first, first + most))
        assert ids <= expected, name
        if "arrival" not in load["executor"]:
            assert ids == expected, f"{name}: all of them came"
        for vu in ids:
            own = [int(row["own"]) for row in rows if row["vu"] == str(vu)]
            assert sorted(own) == list(range(len(own))), f"{name}: iterations of user {vu}"
            assert name != "each" or len(own) == 3
        first += most
    counts = Counter(row["scenario"] for row in found)
    assert counts["shared"] == 37 and counts["each"] == 15


def test_rows_are_given_out_over_all_machines(seen: dict[str, Rows]) -> None:
    once = [row["once"] for row in seen["py"]]
    assert len(set(once)) == len(once), "no row of unique() is given out twice"
    assert {row["turn"] for row in seen["py"]} == {f"t{at}" for at in range(12)}
    assert {row["any"] for row in seen["py"]} == {"a", "b", "c"}


def test_iterations_of_k6_have_numbers_over_all_machines(k6: Rows) -> None:
    assert all(row["vu"] == row["here"] == row["js"] for row in k6)
    for name, (load, _) in SCENARIOS.items():
        numbers = [int(row["iteration"]) for row in k6 if row["scenario"] == name]
        assert len(set(numbers)) == len(numbers), f"{name}: each is of one iteration"
        if "iterations" in load["executor"]:
            assert sorted(numbers) == list(range(len(numbers))), f"{name}: and none is left out"
    assert all(row["once"] == f"u{row['iteration']}" for row in k6)


def test_the_run_as_k6_sees_it_is_that_of_all_machines(k6: Rows) -> None:
    assert all(float(row["age"]) >= 1e3 * SETUP_S for row in k6), "since setup, on each machine"
    late = [row for row in k6 if row["scenario"] == "late"]
    assert [int(row["done"]) for row in late] == [len(k6) - len(late)] * 2
