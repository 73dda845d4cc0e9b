"""How a suite ends: in the middle, by a signal, on a terminal; what else may stand in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from case import answer
from commandline import Shown, begin, invoke
from embedded import serving
from example_runs import EXAMPLES
from fork_server import Forked
from running import until
from servers import OK, Peer, Server, answering
from suites import FORMS, TWO, Suite, written
from terminal import in_terminal


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def test_one_that_fails_may_stop_the_rest_and_is_told(server: Server, tmp_path: Path) -> None:
    told = []

    def hook(peer: Peer) -> None:
        while True:
            told.append(json.loads(peer.request().partition(b"\r\n\r\n")[2]))
            peer.send(answer("Content-Length: 0"))

    text = TWO.replace("[suite]", "[suite]\nstop_on_failure = true").replace(
        "{more}", 'thresholds = ["p99<1ns"]'
    )
    file = written(tmp_path, text, server)
    with Server(hook) as hooks:
        done = Suite(
            invoke("suite", str(file), "--webhook", hooks.url("/s3cr3t")),
            tmp_path / "gates-results",
        )
    assert done.shown.returncode == 99
    assert done.outcomes == {"one": ("thresholds failed", 99), "two": ("not run", None)}
    assert "stop_on_failure leaves out the rest" in done.summary["note"]
    (message,) = told
    assert message["exit_code"] == 99 and "one: thresholds failed" in message["text"]
    assert [run["outcome"] for run in message["runs"]] == ["thresholds failed", "not run"]
    assert "s3cr3t" not in done.shown.stderr + done.shown.stdout


LONG = """
[[run]]
name = "first"
url = "{here}"
duration = "60s"
connections = 1

[[run]]
name = "second"
url = "{here}"
requests = 1
"""


def run_until_loading(file: Path, server: Server) -> subprocess.Popen[str] | Forked:
    """Start a suite in a session of its own, and wait until its load runs."""
    before = server.seen.requests
    process = begin("suite", str(file), session=True)
    until(lambda: server.seen.requests > before + 10)
    return process


def test_ctrl_c_ends_the_run_in_order_and_leaves_out_the_rest(
    server: Server, tmp_path: Path
) -> None:
    file = written(tmp_path, LONG, server)
    process = run_until_loading(file, server)
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to its whole group
    out, err = process.communicate(timeout=30)
    found = Suite(Shown([], process.wait(), out, err), tmp_path / "gates-results")
    assert process.returncode == found.summary["exit_code"] == 105, err
    assert found.outcomes == {"first": ("interrupted", 105), "second": ("not run", None)}
    first = found.summary["runs"][0]
    assert set(first["files"]) == FORMS and first["requests"] > 10
    assert "a signal ended the suite" in out and "Traceback" not in err
    assert (found.out / "index.html").is_file() and len(family) >= 2
    assert not [each for each in family if each.is_running()]


HALF = """
[[run]]
name = "half"
url = ["{here}a", "{here}bad"]
requests = 40
connections = 2
"""


def test_a_run_that_went_wrong_does_not_pass_for_want_of_a_threshold(tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        while True:
            bad = b"bad" in peer.request()
            peer.send(OK.replace(b"200 OK", b"500 Oh") if bad else OK)

    with Server(script) as half:
        file = written(tmp_path, HALF.replace("{here}", "{here}/"), half)
        shown = invoke("suite", str(file))
    found = Suite(shown, tmp_path / "gates-results")
    assert found.outcomes == {"half": ("not valid", 95)} and shown.returncode == 95
    assert "50% of requests failed" in shown.stdout


STUBBORN = """
from fastbench import scenario, sleep, teardown


@scenario(executor="constant-vus", vus=1, duration="60s")
async def run_trial(vu):
    await vu.get("/")


@teardown
async def clean_up(vu):
    await vu.get("/cleaning-up")
    await sleep(60)
"""


def test_a_second_signal_ends_it_at_once_and_the_index_is_written(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    text = '[[run]]\nname = "first"\nscript = "stubborn.py"\nbase_url = "{here}"\n'
    process = run_until_loading(written(tmp_path, text, server), server)
    process.terminate()
    until(lambda: server.seen.lines[b"GET /cleaning-up HTTP/1.1"])
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)  # another SIGTERM so soon counts as the first one
    out, err = process.communicate(timeout=30)
    found = Suite(Shown([], process.wait(), out, err), tmp_path / "gates-results")
    assert process.returncode == found.summary["exit_code"] == 105, err
    assert found.outcomes == {"first": ("interrupted", 105)}
    assert "ended by SIGKILL" in found.summary["runs"][0]["reasons"][0]
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == [] and "Traceback" not in err


def test_who_kills_the_suite_kills_the_load(server: Server, tmp_path: Path) -> None:
    process = run_until_loading(written(tmp_path, LONG, server), server)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.communicate(timeout=30)
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []


def test_files_that_cannot_be_written_are_refused_before_the_load(
    server: Server, tmp_path: Path
) -> None:
    file = written(tmp_path, TWO.replace("{more}", ""), server)
    (tmp_path / "gates-results" / "one.txt").mkdir(parents=True)
    before = server.seen.requests
    done = Suite(invoke("suite", str(file)), tmp_path / "gates-results")
    assert done.shown.returncode == 1 and server.seen.requests == before
    assert "one.txt is a folder; name a file in it" in done.shown.stderr


def test_a_comparison_is_a_row_with_its_sentence(server: Server, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert invoke("-n50", "-c2", "--json", str(tmp_path / f"{name}.json"),
                      server.url()).returncode == 0  # fmt: skip
    file = tmp_path / "compare.toml"
    file.write_text('[[run]]\nname = "a or b"\ncompare = ["a.json", "b.json"]\n')
    done = Suite(invoke("suite", str(file)), tmp_path / "compare-results")
    assert done.shown.returncode == 0, done.shown.stderr
    (run,) = done.summary["runs"]
    assert run["outcome"] == "passed" and set(run["files"]) == {"text", "html", "json", "md"}
    assert run["reasons"] and run["reasons"][0] in " ".join(done.shown.stdout.split())


def test_the_example_suite_runs_scaled_down(tmp_path: Path) -> None:
    with serving("--port", "0", "--quiet") as (_, url):
        shown = invoke(
            *("suite", str(EXAMPLES / "suite.toml"), "--base-url", url, "--out", str(tmp_path)),
            *("--time-scale", "0.004", "--scale", "0.1", "-e", "THINK_S=0.02"),
        )
    found = Suite(shown, tmp_path)
    alone = ["smoke", "health, one URL", "health", "spike"]
    beside = ["smoke beside health", "health beside smoke", "both at once"]
    assert list(found.outcomes) == [*alone, *beside]
    for run in found.summary["runs"]:
        assert run["exit_code"] in (0, 99) and set(run["files"]) == FORMS, shown.stderr
        assert run["requests"] > 0 and run["not_ok"] == 0


def test_a_terminal_sees_each_run_live_and_keeps_the_table(server: Server, tmp_path: Path) -> None:
    file = written(tmp_path, LONG.replace("60s", "1s"), server)
    session = in_terminal("suite", str(file))
    assert session.code == 0
    assert "\u2501" in session.written and "\u2501" not in session.screen  # of the live view
    assert session.screen.count("first: passed after") == 1
    assert "PASSED  2 of 2 passed" in session.screen and "\u2713 second" in session.screen
    assert "Traceback" not in session.written
