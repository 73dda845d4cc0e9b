"""A script's run as a whole: what it gives back, in which order, and with which exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Run, fastbench
from servers import OK, Server, answering, refusing

from fastbench.run.child import Lines
from fastbench.script import parent
from fastbench.script.api.options import Declared, Settings
from fastbench.script.load.cli_overrides import Applied, applied
from fastbench.script.load.stage_spans import spans
from fastbench.script.parent import run_state
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import Spec, read

HEAD = """
import os, sys, time
from fastbench import *
URL = env("URL")
options = Options(base_url=URL)
"""
LOOP = """
@scenario(executor="constant-vus", vus=4, duration="20s")
async def loop(vu):
    await vu.get("/")
    await sleep(0.01)
"""
TORN = """
@teardown
async def clean(vu, data):
    await vu.get("/torn", name="torn")
"""
BROKEN = answering(OK.replace(b"200 OK", b"500 Oh"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def run(folder: Path, text: str, url: str, *more: str) -> Run:
    """Run a script of this text with two workers."""
    path = folder / "script.py"
    path.write_text(HEAD + text)
    return fastbench("run", str(path), "-e", f"URL={url}", "-t", "2", "-q", *more)


def names(run: Run) -> dict[str, int]:
    return {row["name"]: row["requests"] for row in run.document["requests"]}


def test_setup_load_and_teardown_in_this_order_and_every_iteration_once(
    tmp_path: Path, server: Server
) -> None:
    text = """
@setup
async def begin(vu):
    await vu.get("/setup", name="setup")
    return {"token": "t0"}

@scenario(executor="shared-iterations", vus=4, iterations=21)
async def load(vu, data):
    response = await vu.get("/load", name="load")
    check(response, {"status is 200": lambda r: r.status == 200, "data": data["token"] == "t0"})

@teardown
async def end(vu, data):
    await vu.get(f"/torn/{data['token']}", name="torn")
"""
    found = run(tmp_path, text, server.url(""))
    assert (found.code, found.err) == (0, "")
    assert names(found) == {"setup": 1, "load": 21, "torn": 1}
    lines = list(server.seen.lines.elements())
    assert (lines[0], lines[-1]) == (b"GET /setup HTTP/1.1", b"GET /torn/t0 HTTP/1.1")
    assert server.seen.requests == 23
    (row,) = found.document["scenarios"]
    assert (row["iterations"], row["dropped_iterations"], row["vus_max"]) == (21, 0, 4)
    checks = {each["name"]: (each["passes"], each["fails"]) for each in found.document["checks"]}
    assert checks == {"status is 200": (21, 0), "data": (21, 0)}
    assert found.document["metrics"]["iterations"]["values"]["count"] == 21
    assert len(found.document["workers"]) == 2
    assert found.document["config"]["iterations"] == 21


def test_no_more_workers_than_users(tmp_path: Path, server: Server) -> None:
    text = "@scenario\nasync def one(vu):\n    await vu.get('/')\n"
    found = run(tmp_path, text, server.url(""))
    assert (len(found.document["workers"]), found.code) == (1, 0)


def test_broken_thresholds_end_with_99_and_are_told(tmp_path: Path, server: Server) -> None:
    text = """
options = Options(base_url=URL, thresholds={
    "http_req_duration": ["p(95)<0.0001"], "http_req_failed": ["rate<0.5"],
})
@scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def load(vu):
    await vu.get("/")
"""
    found = run(tmp_path, text, server.url(""), "--threshold", "checks>99%")
    assert found.code == 99
    held = {text: each["ok"] for text, each in found.document["thresholds"].items()}
    assert held.pop("checks>99%") is False, "no samples"
    assert held == {
        "http_req_duration: p(95)<0.0001": False,
        "http_req_failed: rate<0.5": True,
    }
    assert found.document["thresholdsFailed"] is True
    assert found.summary["ended"] == "complete"


def test_a_threshold_may_end_the_run(tmp_path: Path, server: Server) -> None:
    limit = "http_reqs: count<1 [abort]"
    found = run(tmp_path, LOOP + TORN, server.url(""), "--threshold", limit)
    assert (found.code, found.summary["ended"]) == (99, "threshold_aborted")
    assert found.summary["duration_s"] < 5
    assert "a threshold failed" in found.document["validity"]["reasons"][0]
    assert names(found)["torn"] == 1


def test_a_script_may_end_the_run(tmp_path: Path, server: Server) -> None:
    text = LOOP + "    if vu.iteration == 3:\n        abort('no more \\x1b[31mtickets')\n" + TORN
    found = run(tmp_path, text, server.url(""))
    assert (found.code, found.summary["ended"]) == (108, "aborted")
    assert "no more" in found.document["validity"]["reasons"][0]
    assert names(found)["torn"] == 1, "teardown runs after an abort, too"


def test_without_setup_there_is_no_load(tmp_path: Path, server: Server) -> None:
    text = "@setup\nasync def begin(vu):\n    raise ValueError('no token')\n" + LOOP + TORN
    found = run(tmp_path, text, server.url(""))
    assert (found.code, found.summary["ended"]) == (107, "script_failed")
    assert server.seen.requests == 0
    (thrown,) = found.document["exceptions"]
    assert (thrown["type"], thrown["text"], thrown["scenario"]) == (
        *("ValueError", "no token", "setup"),
    )
    assert thrown["place"] == "script.py:8"


def test_an_exception_ends_its_iteration_or_with_fail_fast_the_run(
    tmp_path: Path, server: Server
) -> None:
    text = """
@scenario(executor="per-vu-iterations", vus=2, iterations=5)
async def load(vu):
    await vu.get("/")
    if vu.iteration % 2:
        raise KeyError("id")
"""
    found = run(tmp_path, text, server.url(""))
    assert (found.code, server.seen.requests) == (0, 10)
    (thrown,) = found.document["exceptions"]
    assert (thrown["type"], thrown["place"]) == ("KeyError", "script.py:11")
    assert "raise KeyError" in thrown["traceback"]
    assert thrown["count"] == 4
    fast = run(tmp_path, text, server.url(""), "--fail-fast")
    assert (fast.code, fast.summary["ended"]) == (107, "script_failed")
    assert sum(row["iterations"] for row in fast.document["scenarios"]) < 10


@pytest.mark.parametrize(
    ("text", "code", "sentence"),
    [
        ("def broken(:\n", 107, "script.py, line 6: SyntaxError"),
        ("import no_such_thing\n", 107, "script.py, line 6: ModuleNotFoundError"),
        ("os._exit(4)\n", 107, "its process ended with status 4"),
        ("os.kill(os.getpid(), 9)\n", 107, "its process ended by SIGKILL"),
        ("x = 1\n", 104, "declares no scenario"),
        ("options = Options(vuss=1)\n" + LOOP, 104, "script.py, line 6: Options has no 'vuss'"),
        ("options = Options(thresholds={'nix': 'p(95)<1'})\n" + LOOP, 104, "no metric nix"),
        (
            "options = Options(thresholds={'http_reqs': 'count>1 [stage=spike]'})\n" + LOOP,
            104,
            "no stage spike",
        ),
    ],
)
def test_what_cannot_run_is_refused_in_one_sentence(
    tmp_path: Path, text: str, code: int, sentence: str
) -> None:
    found = run(tmp_path, text, "http://127.0.0.1:9")
    assert found.code == code
    assert sentence in found.err
    assert found.err.count("\n") == 1
    assert found.document == {}


def test_nothing_succeeded_unless_a_threshold_decides(tmp_path: Path) -> None:
    text = "@scenario(executor='per-vu-iterations', iterations=3)\nasync def one(vu):\n"
    text += "    await vu.get('/')\n"
    with refusing() as port:
        found = run(tmp_path, text, f"http://127.0.0.1:{port}")
        assert (found.code, found.summary["failed"]) == (122, 3)
        decided = run(tmp_path, text, f"http://127.0.0.1:{port}", "--threshold", "errors<1%")
    assert (decided.code, decided.summary["ended"]) == (99, "nothing_succeeded")


def test_a_script_without_requests_is_complete(tmp_path: Path) -> None:
    text = "@scenario(executor='per-vu-iterations', iterations=3)\nasync def one(vu):\n    pass\n"
    found = run(tmp_path, text, "http://127.0.0.1:9")
    assert (found.code, found.document["scenarios"][0]["iterations"]) == (0, 3)


def test_iterations_that_were_dropped_are_counted_and_told(tmp_path: Path, server: Server) -> None:
    text = """
@scenario(executor="constant-arrival-rate", rate=50, duration="1s", pre_allocated_vus=1)
async def slow(vu):
    await sleep(0.5)
"""
    found = run(tmp_path, text, server.url(""))
    (row,) = found.document["scenarios"]
    assert row["iterations"] + row["dropped_iterations"] == 50
    assert row["dropped_iterations"] >= 40
    codes = [warning["code"] for warning in found.document["warnings"]]
    assert "dropped_iterations" in codes


def test_document_alone_on_stdout_and_what_a_script_prints_on_stderr(
    tmp_path: Path, server: Server
) -> None:
    text = "@scenario\nasync def one(vu):\n    print('from the script')\n    await vu.get('/')\n"
    found = run(tmp_path, text, server.url(""), "--format", "json")
    assert found.out.startswith("{")
    assert "from the script" in found.err


# Parts.


def made(*specs: Spec) -> Applied:
    return applied(Declared(Settings(), specs), RunRequest("x.py"))


def test_stages_and_scenarios_have_their_time() -> None:
    stages = ((10.0, 5), (20.0, 50), (5.0, 0))
    ramp = Spec("ramp", "ramp", "ramping-vus", stages=stages, start_time_s=3.0, start_vus=1)
    found = spans(made(ramp))
    assert found == {
        "ramp": (3.0, 38.0),
        **{"ramp.1": (3.0, 13.0), "ramp.2": (13.0, 33.0), "ramp.3": (33.0, 38.0)},
        **{"1": (3.0, 13.0), "2": (13.0, 33.0), "3": (33.0, 38.0)},
    }
    flat = Spec("flat", "flat", "constant-vus", vus=1, duration_s=4.0)
    assert "1" not in spans(made(ramp, flat)), "whose?"
    assert spans(made(ramp, flat))["flat"] == (0.0, 4.0)


def test_a_stage_has_the_name_that_the_script_gives_it() -> None:
    stages = [("10s", 5, "calm"), ("20s", 50, "spike"), {"duration": "5s", "target": 5}]
    given = {"executor": "ramping-vus", "start_vus": 5, "stages": [*stages, ("9s", 5, "calm")]}
    found = spans(made(read("ramp", "ramp", given)))
    assert (found["spike"], found["ramp.spike"]) == ((10.0, 30.0), (10.0, 30.0))
    assert found["calm"] == (0.0, 44.0), "from the first of a name to its last"
    assert found["3"] == (30.0, 35.0)


def test_limits_of_the_script_are_left_out_but_not_those_that_are_typed() -> None:
    spec = Spec("flat", "flat", "constant-vus", vus=1, duration_s=4.0)
    declared = Declared(Settings(thresholds={"http_req_failed": ("rate<0.1",)}), (spec,))
    for no_thresholds, expected in (
        (False, ["http_req_failed: rate<0.1", "p99<1s"]),
        (True, ["p99<1s"]),
    ):
        asked = RunRequest("x.py", thresholds=("p99<1s",), no_thresholds=no_thresholds)
        found = run_state.limits_of(applied(declared, asked), asked).found
        assert [each.text for each in found] == expected


@pytest.mark.parametrize(
    ("load", "told"),
    [
        (
            'executor="constant-arrival-rate", rate=50, duration="200ms", pre_allocated_vus=5',
            "response time",
        ),
        ('executor="per-vu-iterations", vus=1, iterations=3', "http_req_duration"),
    ],
)
def test_a_short_form_of_one_name_is_the_time_that_is_planned(
    load: str, told: str, tmp_path: Path, server: Server
) -> None:
    text = f"@scenario({load})\nasync def one(vu):\n    await vu.get('/a')\n"
    limits = [f"p99{{name:/a}}<{limit}" for limit in ("9s", "1ns", "9s [last=1s]")]
    limits = [*limits, "p99{name:/b}<9s"]
    words = [word for limit in limits for word in ("--threshold", limit)]
    found = run(tmp_path, text, server.url(""), *words).document["thresholds"]
    assert [found[limit]["ok"] for limit in limits] == [True, False, True, False]
    assert all(f"({told}" in found[limit]["text"] for limit in limits[:3]), found


def test_a_scenario_of_a_given_length_lasts_as_long(tmp_path: Path, server: Server) -> None:
    text = """
@scenario(executor="constant-arrival-rate", rate=1, time_unit="1m", duration="500ms",
          pre_allocated_vus=1)
async def rare(vu):
    pass
@scenario(executor="per-vu-iterations", vus=1, iterations=1)
async def once(vu):
    pass
"""
    found = run(tmp_path, text, server.url()).document
    rare, once = found["scenarios"]
    assert (rare["iterations"], once["iterations"]) == (1, 1)
    assert rare["duration_s"] >= 0.5 > once["duration_s"], "one iteration is no rate of its own"
    assert (found["config"]["duration_s"], found["config"]["iterations"]) == (0.5, 1)


def test_the_users_are_known_however_short_a_run_is(tmp_path: Path, server: Server) -> None:
    text = """
options = Options(thresholds={"vus_max": ["value==2"]})
@scenario(executor="per-vu-iterations", vus=2, iterations=1)
async def nothing(vu):
    pass
"""
    assert run(tmp_path, text, server.url()).code == 0


@pytest.mark.parametrize("line", [b"", b"no json", b"[1]", b"7", b'{"a": '])
def test_a_line_that_is_no_message_is_nobodys_end(line: bytes) -> None:
    assert list(Lines().feed(line + b"\n")) == []


def test_a_script_that_holds_much_begins_on_time(tmp_path: Path) -> None:
    path = tmp_path / "much.py"
    path.write_text(
        "from fastbench import scenario, sleep\n"
        "held = [{each: [each]} for each in range(500_000)]\n"
        "@scenario(executor='constant-vus', vus=1, duration='200ms')\n"
        "async def one(vu):\n"
        "    await sleep(0.01)\n"
    )
    found = parent.run(RunRequest(str(path), workers=1), lambda progress: None)
    assert found.scenarios[0].iterations >= 10
    assert found.scenarios[0].duration_s == pytest.approx(0.2, abs=0.1)


def test_the_last_second_shows_the_connections_that_the_load_had(
    tmp_path: Path, server: Server
) -> None:
    found = run(tmp_path, LOOP, server.url(), "-d", "1500ms")
    assert [row["connections"] for row in found.document["series"]] == [4, 4]


def test_cycles_that_iterations_leave_are_collected(tmp_path: Path, server: Server) -> None:
    text = """
import weakref
left = weakref.WeakSet()

class Ring:
    pass

@scenario(executor="shared-iterations", vus=1, iterations=400)
async def make(vu):
    for _ in range(100):
        ring = Ring()
        ring.itself = ring
        left.add(ring)
    check(None, {"most are gone": lambda _: len(left) < 20_000})
"""
    done = run(tmp_path, text, server.url(""))
    assert done.code == 0
    assert [row["passes"] for row in done.document["checks"]] == [400]
