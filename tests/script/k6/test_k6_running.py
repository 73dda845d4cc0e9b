"""What k6/execution tells a script of the run, the scenario and the user that asks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from beside_k6 import find_k6, of_k6
from embedded import serving
from running import SLOW, fastbench

pytest.importorskip("fastbench.engine.javascript._quickjs", reason="built without JavaScript")

from fastbench.script.k6 import k6_options
from fastbench.script.schedule import planned_vus
from fastbench.script.spec import Spec

HEAD = """
import exec from 'k6/execution';
import { sleep } from 'k6';
const tell = (what, value) => console.log(`TOLD ${JSON.stringify([what, value])}`);
const threw = (call) => { try { return call(); } catch (error) { return String(error); } };
"""
SCENARIO = """
let before = [() => exec.scenario, () => exec.vu.idInTest, () => exec.test.options].map(threw);
export const options = { scenarios: {
  first: { executor: 'per-vu-iterations', vus: 2 },
  second: {
    executor: 'per-vu-iterations', vus: 1, iterations: 2, startTime: '700ms', exec: 'second',
  },
} };
export function setup() {
  sleep(0.3);
  tell('setup', [threw(() => exec.scenario.name), exec.vu.idInTest, exec.vu.tags, exec.instance]);
}
export default function () { sleep(0.01); }
export function second() {
  const { scenario, instance } = exec;
  tell('second', {
    before, name: scenario.name, executor: scenario.executor, progress: scenario.progress,
    age: Date.now() - scenario.startTime, number: scenario.iterationInTest, instance,
    iterations: [exec.vu.iterationInInstance, exec.vu.iterationInScenario],
  });
  sleep(0.1);
}
export function teardown() {
  tell('teardown', [exec.vu.tags, threw(() => exec.instance.vusActive)]);
}
export function handleSummary() {
  tell('summary', [exec.vu.idInTest, threw(() => exec.scenario.name), exec.test.options.tags]);
  return {};
}
"""


def told(text: str) -> list[list[Any]]:
    """Return what a script told, in order."""
    lines = (line.partition("TOLD ")[2] for line in text.splitlines())
    return [json.loads(line) for line in lines if line]


def ran(folder: Path, text: str, *more: str, workers: int = 1) -> list[list[Any]]:
    path = folder / "script.js"
    path.write_text(HEAD + text)
    return told(fastbench("run", str(path), "-t", str(workers), "-q", *more).err)


def in_k6(folder: Path, text: str, *more: str) -> list[list[Any]]:
    """Run the same in k6, which escapes what a script says."""
    program = find_k6()
    if program is None:
        pytest.skip("k6 is not installed (PyPI has it)")
    path, said = folder / "script.js", folder / "said"
    path.write_text(HEAD + text)
    words = ("run", "-q", "--no-usage-report", "--log-format=json", f"--log-output=file={said}")
    environ = {"HOME": str(folder), "K6_NO_USAGE_REPORT": "true"}
    subprocess.run(
        [program, *words, *more, str(path)], env=environ, capture_output=True, timeout=60
    )
    lines = (json.loads(line)["msg"] for line in said.read_text().splitlines())
    return told("\n".join(lines))


def test_a_scenario_counts_from_its_own_start_and_an_instance_from_that_of_the_run(
    tmp_path: Path,
) -> None:
    found = ran(tmp_path, SCENARIO, "--tag", "t=u", workers=2)
    outside = "GoError: getting scenario information outside of the VU context is not supported"
    before_all = [
        outside,
        "GoError: getting VU information in the init context is not supported",
        "GoError: getting test options in the init context is not supported",
    ]
    kinds = [kind for kind, _ in found]
    assert kinds == ["setup", "second", "second", "teardown", "summary"]
    scenario, vu, tags, instance = found[0][1]
    assert (scenario, vu, tags) == (outside, 0, {"group": "::setup", "t": "u"})
    assert instance["vusActive"] == 0 and instance["vusInitialized"] == 3
    assert 300 <= instance["currentTestRunDuration"] < 600
    for at, (_, second) in enumerate(found[1:3]):
        assert second["before"] == before_all
        assert (second["name"], second["executor"]) == ("second", "per-vu-iterations")
        assert second["progress"] == at / 2 and second["number"] == at
        assert second["iterations"] == [at, at]
        assert at * 100 <= second["age"] < 690, "since its own start"
        assert second["instance"]["currentTestRunDuration"] >= 1000, "since that of the run"
        assert second["instance"]["iterationsCompleted"] == 2 + at, "of both workers"
        assert second["instance"]["vusActive"] == 1
    tags, instance = found[3][1]
    assert tags == {"group": "::teardown", "t": "u"} and instance.startswith("GoError")
    assert found[4][1] == [0, outside, {"t": "u"}]


def test_iterations_that_were_cut_off_are_told(tmp_path: Path) -> None:
    text = """
export const options = { scenarios: {
  cut: { executor: 'constant-vus', vus: 1, duration: '300ms', gracefulStop: '0s' },
  after: { executor: 'shared-iterations', startTime: '500ms', exec: 'after' },
} };
export default function () { sleep(60); }
export function after() { tell('after', exec.instance); }
"""
    ((_, found),) = ran(tmp_path, text)
    assert (found["iterationsCompleted"], found["iterationsInterrupted"]) == (0, 1)
    assert (found["vusActive"], found["vusInitialized"]) == (1, 1)


def test_iterations_are_numbered_as_they_begin_whoever_asks(tmp_path: Path) -> None:
    text = """
export const options = { iterations: 7 };
export default function () { if (__ITER > 4) tell('number', exec.scenario.iterationInTest); }
"""
    assert [number for _, number in ran(tmp_path, text)] == [5, 6]


OF_A_USER = """
export const options = {
  scenarios: { s: { executor: 'per-vu-iterations', vus: 2, iterations: 2, tags: { own: 'x' } } },
};
export default function () {
  const { metadata, tags } = exec.vu.metrics;
  if (__VU === 1 && __ITER === 0) {
    metadata.trace = 'a';
    metadata.number = 3;
    tags.number = 1.5;
    delete tags.own;
    tell('refused', [
      threw(() => { metadata.list = [1]; }), threw(() => { metadata.none = null; }),
      threw(() => { tags.none = undefined; }),
      threw(() => { exec.vu.metrics.metadata = {}; }).split(':')[0],
      threw(() => { exec.vu.idInTest = 7; }).split(':')[0],
    ]);
    exec.vu.tags = { other: 'object' };
  }
  const names = Object.keys(metadata).sort();
  tell(`${__VU} ${__ITER}`, [metadata, exec.vu.tags, "trace" in metadata, names]);
  if (__ITER === 0) delete metadata.trace;
}
"""


def _by_name(found: list[list[Any]]) -> dict[str, Any]:
    return dict(sorted(found, key=lambda row: row[0]))


def test_tags_and_metadata_belong_to_one_user(tmp_path: Path) -> None:
    found = _by_name(ran(tmp_path, OF_A_USER))
    plain = {"group": "", "scenario": "s", "own": "x"}
    mine = {"group": "", "scenario": "s", "number": "1.5"}
    assert found["1 0"] == [{"trace": "a", "number": "3"}, mine, True, ["number", "trace"]]
    assert found["1 1"] == [{"number": "3"}, mine, False, ["number"]]
    assert found["2 0"] == found["2 1"] == [{}, plain, False, []]
    assert found["refused"][0].startswith("TypeError: invalid value for metric metadata 'list'")
    assert found["refused"][3:] == ["TypeError", "TypeError"]


def test_a_user_is_told_the_same_as_in_k6(tmp_path: Path) -> None:
    assert _by_name(ran(tmp_path, OF_A_USER)) == _by_name(in_k6(tmp_path, OF_A_USER))


GIVEN = """
export const options = {
  %s
  setupTimeout: '90s', teardownTimeout: 5000, noCookiesReset: true, ext: { a: { b: 1 } },
  thresholds: { iterations: ['count>=0'], checks: [
    'rate>=0', { threshold: 'rate > -1' },
    { threshold: 'rate>-2', abortOnFail: true, delayAbortEval: '90s' },
  ] },
  systemTags: ['url', 'group'], dns: { ttl: '1m' }, hosts: { 'x.test': '127.0.0.1' },
  blacklistIPs: ['10.1.2.3/8'], blockHostnames: ['*.x.com'], tlsVersion: 'tls1.2',
  minIterationDuration: '1ms',
};
export const g = () => {
  if (exec.scenario.iterationInTest) return;
  const { options } = exec.test, { isFrozen, keys } = Object;
  tell('options', options);
  tell('frozen', [isFrozen(options), isFrozen(options.scenarios), keys(options)]);
};
export default g;
"""
DAILY = ("iterations", "scenarios")
UNLESS_SLOW = pytest.mark.skipif(not SLOW, reason="as the others; FASTBENCH_SLOW=1 has all")
LOADS = {
    "none": "",
    "iterations": "vus: 2, iterations: 4,",
    "duration": "vus: 1, duration: 1500,",
    "stages": "stages: [{ duration: 0, target: 1 }, { duration: '1s', target: 2 }],",
    "scenarios": """scenarios: {
      b: {
        executor: 'shared-iterations', startTime: '0s', gracefulStop: '1m30s', maxDuration: 9e4,
      },
      a: {
        executor: 'ramping-arrival-rate', stages: [{ duration: '1s', target: 5 }], startRate: 9,
        preAllocatedVUs: 2, maxVUs: 3, exec: 'g', tags: { a: 'b' }, env: { C: 'D' },
      },
    },""",
}


@pytest.mark.parametrize(
    "load",
    [
        name if name in DAILY else pytest.param(name, marks=(pytest.mark.slow, UNLESS_SLOW))
        for name in LOADS
    ],
)
def test_options_are_those_of_k6_to_the_letter(tmp_path: Path, load: str) -> None:
    text = GIVEN % LOADS[load]
    more = ("--tag", "e=f", "--batch", "5", "--user-agent", "me", "--summary-time-unit", "ms")
    ours, theirs = ran(tmp_path, text, *more), in_k6(tmp_path, text, *more)
    assert ours[0][1] == theirs[0][1]
    assert ours[1] == theirs[1], "all names, in one order"


@pytest.mark.parametrize(
    ("given", "text"),
    {
        "90s": "1m30s", "1h": "1h0m0s", 1500: "1.5s", 0: "0s", "20ms": "20ms", 0.25: "250µs",
        "1500": "1.5s", "25h1m1.5s": "25h1m1.5s", "no length": "no length", None: None,
    }.items(),
)  # fmt: skip
def test_a_length_of_time_is_written_as_in_k6(given: Any, text: str) -> None:
    assert k6_options.go_duration(given) == text


def test_vus_of_scenarios_that_never_meet_are_the_same_ones() -> None:
    def lasting(start_s: float, vus: int, length_s: float = 1.0) -> Spec:
        times = {"start_time_s": start_s, "graceful_stop_s": 1.0, "duration_s": length_s}
        return Spec(f"at {start_s}", "f", "constant-vus", vus=vus, **times)  # type: ignore[arg-type]

    assert planned_vus([lasting(0, 5), lasting(2, 7)]) == 7
    assert planned_vus([lasting(0, 5), lasting(1.5, 7)]) == 12
    rate = {"rate": 9.0, "time_unit_s": 1.0, "duration_s": 1.0}
    arrival = Spec("r", "f", "constant-arrival-rate", pre_allocated_vus=2, max_vus=9, **rate)  # type: ignore[arg-type]
    assert planned_vus([arrival]) == 2


AROUND = """
import http from 'k6/http';
import { check, group } from 'k6';
export const options = { thresholds: {
  'http_reqs{group:::setup}': ['count==1'],
  'checks{group:::setup}': ['rate==1'],
  'checks{group:::setup::inner}': ['rate==1'],
  'checks{group:::teardown}': ['rate==0'],
} };
export function setup() {
  check(http.get(__ENV.URL), { fine: (r) => r.status === 200 });
  group('inner', () => check(1, { inner: true }));
}
export default function () { check(1, { own: true }); }
export function teardown() { check(1, { after: false }); }
"""


def _tags_of_checks(points: Path) -> dict[str, dict[str, str]]:
    rows = [json.loads(line) for line in points.read_text().splitlines()]
    found = [
        row["data"]["tags"]
        for row in rows
        if (row["type"], row.get("metric")) == ("Point", "checks")
    ]
    return {tags.pop("check"): tags for tags in found}


def test_setup_and_teardown_are_groups_and_no_scenarios_as_in_k6(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(AROUND)
    with serving() as (_, url):
        words = ("-e", f"URL={url}")
        ours = fastbench("run", str(path), *words, "-q", "-o", f"json={tmp_path / 'ours'}")
        theirs = of_k6(path, *words, "--out", f"json={tmp_path / 'theirs'}")
    assert ours.code == theirs.code == 0, ours.err + theirs.said
    tags = _tags_of_checks(tmp_path / "ours")
    assert tags["fine"] == {"group": "::setup"} and tags["after"] == {"group": "::teardown"}
    assert tags["own"]["scenario"] == "default"
    assert {name: {**each, "group": each.get("group", "")} for name, each in tags.items()} == (
        _tags_of_checks(tmp_path / "theirs")
    )


def test_a_threshold_on_setup_as_a_scenario_is_refused_with_the_group(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    path.write_text(AROUND.replace("checks{group:::setup}", "checks{scenario:setup}"))
    found = fastbench("run", str(path), "-e", "URL=http://127.0.0.1:1")
    assert found.code == 104
    assert "scenario setup does not run" in found.err and "group:::setup" in found.err


def test_a_run_that_ends_in_setup_leaves_a_whole_file_of_points(tmp_path: Path) -> None:
    path, points = tmp_path / "script.js", tmp_path / "points"
    path.write_text(HEAD + "export const setup = () => null.oops; export default () => {};")
    found = fastbench("run", str(path), "-t", "1", "-q", "-o", f"json={points}")
    assert found.code == 107 and "was not written" not in found.err, found.err
    assert json.loads(points.read_text().splitlines()[-1])["type"] == "End"


def test_one_iteration_to_look_at_has_a_run_that_began_just_now(tmp_path: Path) -> None:
    path = tmp_path / "script.js"
    text = (
        "export default () => tell('age', [Date.now() - exec.scenario.startTime, exec.instance]);"
    )
    path.write_text(HEAD + text)
    ((_, (age_ms, instance)),) = told(
        (found := fastbench("run", str(path), "--debug")).err + found.out
    )
    assert 0 <= age_ms < 5000 and 0 <= instance["currentTestRunDuration"] < 5000
