"""dry_run.py and source.py: what --dry-run finds, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import fastbench
from fastbench.results.metric_values import BUILT_IN, Kind
from fastbench.results.thresholds import grammar
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load import dry_run, source
from fastbench.script.load.cli_overrides import applied
from fastbench.script.load.source import Source
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import read

HEAD = "from fastbench import check, group, scenario, sleep, think, Trend\n"
BODY = """
async def f(vu):
    response = await vu.get("/items")
    check(response, {"ok": lambda r: r.status == 200})
    await sleep(1)
"""
ITERATIONS: dict[str, Any] = {"executor": "per-vu-iterations", "vus": 2, "iterations": 10}


def reading(tmp_path: Path, text: str, **siblings: str) -> Source:
    for name, each in siblings.items():
        (tmp_path / f"{name}.py").write_text(each)
    path = tmp_path / "script.py"
    path.write_text(HEAD + text)
    return source.read(str(path), fastbench.__all__)


def found_in(
    tmp_path: Path, limit: str = "", text: str = BODY, **given: Any
) -> list[tuple[str, str]]:
    """Lint a script with one scenario `f` and one threshold; give level and text."""
    spec = read("f", "f", given or ITERATIONS)
    metrics = {"size": Kind("trend")}
    declared = Declared(Settings(), (spec,), metrics=metrics)
    plan = applied(declared, RunRequest("script.py"))
    short = (limit,) if limit else ()
    limits = grammar.read({}, short, {**BUILT_IN, **metrics})
    found = dry_run.findings(plan, limits, reading(tmp_path, text))
    return [(each.level, each.text) for each in found]


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ("    await sleep(1.5)", 1.5),
        ('    await sleep("2m")', 120.0),
        ("    await think(2, 5)", 2.0),
        ("    await sleep(PAUSE)\n    await sleep(vu.id)", 3.0),
        ("    for _ in range(4):\n        await sleep(2)", 8.0),
        ("    for name in NAMES:\n        await sleep(180)", 540.0),
        ("    for i in range(1, 4):\n        for x in (1, 2):\n            await sleep(1)", 6.0),
        ("    for row in vu.state['rows']:\n        await sleep(9)", 0.0),
        (
            "    for name in NAMES:\n        if name:\n            break\n        await sleep(9)",
            0.0,
        ),
        ("    while True:\n        await sleep(9)", 0.0),
        ("    if vu.id:\n        await sleep(2)\n    else:\n        await sleep(5)", 2.0),
        ("    if vu.id:\n        await sleep(2)", 0.0),
        ("    async with group('a'):\n        await sleep(2)", 2.0),
        ("    try:\n        await sleep(2)\n    finally:\n        await sleep(1)", 3.0),
        ("    await helper(vu)\n    await sleep(1)", 5.0),
        ("    await endless(vu)", 0.0),
    ],
)
def test_sleep_is_counted_from_below(tmp_path: Path, body: str, seconds: float) -> None:
    text = (
        f"PAUSE = 3\nNAMES = ['a', 'b', 'c']\nasync def f(vu):\n{body}\n"
        "async def helper(vu):\n    await sleep(4)\n"
        "async def endless(vu):\n    await endless(vu)\n"
    )
    assert reading(tmp_path, text).sleeps_s("f") == seconds


@pytest.mark.parametrize(
    ("body", "requests"),
    [
        ("    await vu.get('/')\n    await vu.post('/')", 2),
        ("    for _ in range(4):\n        await vu.get('/')", 4),
        ("    if vu.id:\n        await vu.get('/')\n        await vu.get('/')", 2),
        ("    for row in vu.state['rows']:\n        await vu.get('/')", float("inf")),
        ("    await vu.batch(['/'])", float("inf")),
        ("    await elsewhere(vu)", float("inf")),
        ("    await helper(vu)", 1),
        ("    vu.state['a'] = 1", 0),
    ],
)
def test_requests_are_counted_from_above(tmp_path: Path, body: str, requests: float) -> None:
    text = f"async def f(vu):\n{body}\nasync def helper(v):\n    await v.get('/')\n"
    assert reading(tmp_path, text).requests("f") == requests


def test_siblings_are_read_too(tmp_path: Path) -> None:
    lib = "from fastbench import sleep\nasync def pause(vu):\n    await sleep(7)\n    wait(1)\n"
    found = reading(
        tmp_path, "from lib import pause\nasync def f(vu):\n    await pause(vu)\n", lib=lib
    )
    assert found.sleeps_s("f") == 7.0
    assert [(each.file, each.line) for each in found.problems] == [("lib.py", 4)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("async def f(vu):\n    await uuid()\n", 3, "add `from fastbench import uuid`"),
        ("async def f(vu):\n    nonsense()\n", 3, "import it"),
        ("async def f(vu):\n    sleep(1)\n", 3, "sleep() is not awaited"),
        ("async def f(vu):\n    vu.get('/')\n", 3, "write `await vu.get(…)`"),
    ],
)
def test_a_line_that_cannot_work_is_named(tmp_path: Path, text: str, line: int, says: str) -> None:
    (problem,) = reading(tmp_path, text).problems
    assert (problem.file, problem.line) == ("script.py", line) and says in problem.text


@pytest.mark.parametrize(
    "text",
    [
        "import os.path as p, json\nasync def f(vu):\n    p.join(json.dumps(__file__), str(vu))\n",
        "from os.path import *\nasync def f(vu):\n    join('a')\n",
        "async def f(vu):\n    global late\n    late = 1\nasync def g(vu):\n    late\n",
        "async def f(vu):\n    return [x for x in range(3)], (y := 1), y\n",
        "class A:\n    def b(self):\n        return A\n",
        "async def f(vu):\n    try:\n        pass\n    except OSError as e:\n        e.errno\n",
        "async def f(vu):\n    one = vu.get('/')\n    await one\n",
        "async def f(vu):\n    {}.get('a')\n    vu.state.get('a')\n",
    ],
)
def test_a_line_that_works_is_left_alone(tmp_path: Path, text: str) -> None:
    assert reading(tmp_path, text).problems == []


def test_iterations_that_do_not_fit_are_found(tmp_path: Path) -> None:
    text = "async def f(vu):\n    for _ in range(5):\n        await sleep(180)\n"
    ((level, says),) = found_in(tmp_path, text=text, **ITERATIONS, max_duration="5m")
    assert level == "error" and "sleep 2h30m at least, but max_duration is 5m" in says
    shared: dict[str, Any] = {
        "executor": "shared-iterations",
        "vus": 10,
        "iterations": 20,
        "max_duration": "31m",
    }
    assert found_in(tmp_path, text=text, **shared) == []


def test_a_rate_per_hour_for_a_minute_is_told(tmp_path: Path) -> None:
    rate: dict[str, Any] = {
        "rate": 2000,
        "time_unit": "1h",
        "duration": "1m",
        "pre_allocated_vus": 10,
    }
    ((level, says),) = found_in(tmp_path, executor="constant-arrival-rate", **rate)
    assert (
        level == "warning"
        and "starts only 34 iterations: its rate is per 1h, and that is 33.3 in 1m" in says
    )


def test_too_few_vus_for_a_rate_are_found(tmp_path: Path) -> None:
    rate: dict[str, Any] = {"rate": 100, "duration": "1m", "pre_allocated_vus": 10}
    ((level, says),) = found_in(tmp_path, executor="constant-arrival-rate", **rate)
    assert level == "error" and "needs 100 VUs at least" in says
    enough: dict[str, Any] = {**rate, "max_vus": 100}
    assert found_in(tmp_path, executor="constant-arrival-rate", **enough) == []


def test_who_opens_a_database_has_operations(tmp_path: Path) -> None:
    text = "db = sql.open('sqlite:///a.db')\nasync def f(vu):\n    await db.query('SELECT 1')\n"
    for limit in ("operation_failed{kind:sql}: rate<0.01", "db_queries: count>1"):
        assert found_in(tmp_path, limit, text) == []


def test_an_iteration_longer_than_the_scenario_is_found(tmp_path: Path) -> None:
    text = "async def f(vu):\n    await vu.get('/')\n    await sleep('2m')\n"
    ((level, says),) = found_in(tmp_path, text=text, executor="constant-vus", duration="1m")
    assert level == "error" and "none ends within 1m" in says


@pytest.mark.parametrize(
    ("limit", "level", "says"),
    [
        ("http_req_duration{scenario:x}: p(95)<200", "error", "no scenario x runs, only f"),
        ("group_duration: p(95)<200", "error", "never calls group()"),
        ("operation_failed{kind:sql}: rate<0.01", "error", "never calls operation()"),
        ("db_query_duration{query:a}: p(95)<100", "error", "never calls open()"),
        ("jobs_finished: count>1", "error", "never calls queue()"),
        ("size: avg<5", "error", "never calls its add()"),
        ("http_req_response: avg<5", "error", "arrival-rate"),
        ("checks>100%", "error", "never pass"),
        ("http_req_failed: rate<=1", "warning", "never fail, every value passes"),
        ("http_req_duration: max<61s", "warning", "past the timeout"),
        ("http_reqs: count>=21", "error", "at most 20, never that"),
        ("iterations: count>20", "error", "at most 20, never that"),
        ("rps>=100", "error", "at most 2/s"),
        ("http_req_duration: p(99)<500", "warning", "of at most 20 samples p(99)"),
        ("errors<1%", "warning", "of at most 20 requests one that fails"),
        ("http_req_duration{name:nowhere}: max<5", "warning", "never uses `nowhere`"),
        ("checks{check:other}>99%", "warning", "never uses `other`"),
        ("http_req_duration{group:::login}: max<5", "warning", "no group `login`"),
        ("checks>99% [abort] [delay=20m]", "warning", "it aborts nothing"),
    ],
)
def test_a_limit_that_says_nothing_is_found(
    tmp_path: Path, limit: str, level: str, says: str
) -> None:
    found = found_in(tmp_path, limit)
    assert [each for each in found if each[0] == level and says in each[1]], found


@pytest.mark.parametrize(
    "limit",
    [
        "http_req_duration: p(90)<200",
        "http_req_duration{scenario:f}: max<200",
        "http_req_duration{name:/items}: max<200",
        "checks>99%",
        "checks{check:ok}>99%",
        "http_reqs: count>=20",
        "rps>=2",
        "errors<=5%",
        "iterations: count==20",
        "dropped_iterations: count==0",
        "errors==0",
        "http_req_failed: count<5",
        "checks: count>5",
    ],
)
def test_a_limit_that_can_pass_and_fail_is_left_alone(tmp_path: Path, limit: str) -> None:
    assert found_in(tmp_path, limit) == []


def test_what_is_not_known_is_not_claimed(tmp_path: Path) -> None:
    text = "import other\nasync def f(vu):\n    await other.visit(vu)\n"
    for limit in ("http_reqs: count>1000", "rps>1000", "http_req_duration: p(99)<500"):
        assert found_in(tmp_path, limit, text) == []


def test_what_is_odd_in_a_data_file_is_told(tmp_path: Path) -> None:
    declared = Declared(Settings(), (read("f", "f", ITERATIONS),), warnings=("u.csv, line 1: x",))
    plan = applied(declared, RunRequest("script.py"))
    found = dry_run.findings(plan, (), reading(tmp_path, BODY))
    assert dry_run.Finding("warning", "u.csv, line 1: x.") in found


def test_the_plan_is_told_in_words() -> None:
    each: list[dict[str, Any]] = [
        {"executor": "shared-iterations", "vus": 2, "iterations": 10},
        {"executor": "constant-vus", "duration": "1m", "start_time": "10s"},
        {"executor": "ramping-vus", "start_vus": 0, "stages": [("1m", 50), ("30s", 0)]},
        {"executor": "constant-arrival-rate", "rate": 600, "duration": "5m"}
        | {"pre_allocated_vus": 50},
        {"executor": "per-vu-iterations"},
    ]
    specs = tuple(read(f"s{at}", "f", given) for at, given in enumerate(each))
    plan = applied(Declared(Settings(), specs), RunRequest("script.py"))
    assert dry_run.described(plan) == [
        "s0: shared-iterations, 10 iterations among 2 VUs, at most 10m",
        "s1: constant-vus, 1 VU for 1m, from 10s on",
        "s2: ramping-vus, 0 → 50 in 1m → 0 in 30s: up to 50 VUs for 1m30s",
        "s3: constant-arrival-rate, up to 600/s for 5m: 180,000 iterations, at most 50 VUs",
        "s4: per-vu-iterations, 1 iteration of 1 VU, at most 10m",
        "total: 5m, at most 104 VUs, ends after at most 10m30s",
    ]
