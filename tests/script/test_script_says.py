"""What a script's run says of itself: whom it loads, how many users, what came to nothing."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from commandline import valid
from running import Run, fastbench, start, until
from servers import OK, Server, answering, refusing

from fastbench.machine.processes import Found
from fastbench.report.load_heading import of_config
from fastbench.run import supervisor
from fastbench.script import parent
from fastbench.script.parent import target_discovery
from fastbench.script.run_request import RunRequest
from fastbench.script.worker import script_output

HEAD = """
import os, time
from fastbench import *
URL = env("URL")
"""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(answering()) as running:
        yield running


def script(folder: Path, text: str) -> str:
    path = folder / "script.py"
    path.write_text(HEAD + text)
    return str(path)


def run(folder: Path, text: str, url: str, *more: str) -> Run:
    """Run a script of this text with two workers."""
    found = fastbench("run", script(folder, text), "-e", f"URL={url}", "-t", "2", "-q", *more)
    if found.document:
        valid(found.document)
    return found


# Whom it loads.

ABSOLUTE = """
@scenario(executor="constant-vus", vus=2, duration="400ms")
async def load(vu):
    await vu.get(URL + "/x")
    await sleep(0.005)
"""


def test_without_a_base_url_the_servers_are_learned(tmp_path: Path, server: Server) -> None:
    found = run(tmp_path, ABSOLUTE, server.url(""))
    assert found.document["config"]["servers"] == [server.url("")]
    (target,) = [row for row in found.document["resources"]["targets"] if row["role"] == "target"]
    assert target["pid"] == os.getpid() and target["cpu_us_per_request"] is not None
    assert of_config(found.document["config"]).url == server.url("")


def test_a_server_beside_the_base_url_is_learned_too(tmp_path: Path, server: Server) -> None:
    text = f"options = Options(base_url='http://127.0.0.1:9')\n{ABSOLUTE}"
    text += "\n@setup\nasync def begin(vu):\n    await vu.get(URL)\n"  # before anybody measures
    found = run(tmp_path, text, server.url(""))
    assert found.document["config"]["servers"] == ["http://127.0.0.1:9", server.url("")]
    assert of_config(found.document["config"]).url == "http://127.0.0.1:9"
    assert [row["pid"] for row in found.document["resources"]["targets"]] == [os.getpid()]


def met(sought: target_discovery.Sought, authority: str, **more: object) -> target_discovery.Sought:
    said = {"scheme": "https", "authority": authority, "port": 443, "addresses": [], **more}
    return target_discovery.met(sought, said, True, RunRequest("script.py"))


def test_tls_and_public_addresses_are_known_from_the_first_request_on() -> None:
    nobody = target_discovery.Sought(Found(local=False))
    one = met(nobody, "a.example", addresses=["10.255.255.1", "8.8.8.8"])
    assert one == target_discovery.Sought(
        Found(local=False), True, "8.8.8.8", ("https://a.example",)
    )
    assert met(one, "a.example", addresses=["8.8.4.4"]) is one
    plain = met(nobody, "b.example", scheme="http")
    assert (plain.verified, plain.public, plain.servers) == (None, "", ("http://b.example",))
    for number in range(2 * target_discovery.MAX_SERVERS):
        one = met(one, f"{number}.example")
    assert len(one.servers) == target_discovery.MAX_SERVERS


# How many users.


def most_vus(found: Run) -> float:
    most: float = found.document["metrics"]["vus"]["values"]["max"]
    return most


def test_how_many_users_there_were_does_not_depend_on_when_one_looks(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    together = f"""
@scenario(executor="per-vu-iterations", vus=7)
async def one(vu):
    open(f"{there}/{{vu.id}}", "w").close()
    while len(os.listdir("{there}")) < 7:
        await sleep(0.01)
"""
    assert most_vus(run(tmp_path, together, "")) == 7
    one_by_one = """
@scenario(executor="per-vu-iterations")
async def one(vu):
    await sleep(0.05)
@scenario(executor="per-vu-iterations", start_time="800ms")
async def two(vu):
    await sleep(0.05)
"""
    assert most_vus(run(tmp_path, one_by_one, "")) == 1
    peak = """
@scenario(executor="ramping-vus", start_vus=2, stages=[("10ms", 9), ("20ms", 9), ("10ms", 0)],
          graceful_ramp_down="10s")
async def spike(vu):
    await sleep(0.1)
"""
    assert most_vus(run(tmp_path, peak, "", "-t", "1")) == 9


def test_what_is_left_of_very_many_iterations_is_dropped_at_once(tmp_path: Path) -> None:
    text = """
@scenario(executor="shared-iterations", vus=4, iterations=10**12, max_duration="300ms")
async def one(vu):
    pass
"""
    found = run(tmp_path, text, "")
    (row,) = found.document["scenarios"]
    assert (found.code, row["iterations"] + row["dropped_iterations"]) == (0, 10**12)
    assert not any(worker["lost"] for worker in found.document["workers"])


# What a script prints.


def test_prints_beyond_a_bound_are_counted_and_the_run_goes_on(tmp_path: Path) -> None:
    text = """
@scenario(executor="per-vu-iterations")
async def chatty(vu):
    for number in range(100_000):
        print("line", number)
"""
    found = run(tmp_path, text, "")
    assert found.code == 0
    lines = found.err.splitlines()
    shown = [line for line in lines if line.startswith("line ")]
    told = [line for line in lines if line.endswith("more not shown: it printed too much at once)")]
    hidden = sum(int(line[1:].partition(" ")[0].replace(",", "")) for line in told)
    assert len(shown) >= script_output.LINES and len(shown) + hidden == 100_000
    assert len(shown) + len(told) == len(lines)


def test_a_terminal_that_is_stopped_is_no_pause_of_the_run(tmp_path: Path) -> None:
    text = """
@scenario(executor="constant-vus", vus=1, duration="300ms")
async def one(vu):
    if not vu.iteration:
        print("first")
    await sleep(0.01)
"""
    shown: list[str] = []

    def slow(lines: str) -> None:
        shown.append(lines)
        time.sleep(supervisor.TICK_S + supervisor.PAUSE_S + 0.2)

    asked = RunRequest(script(tmp_path, text), workers=1)
    found = parent.run(asked, lambda progress: None, echo=slow)
    assert shown == ["first\n"]
    assert "paused" not in [row.code for row in found.warnings]
    assert (found.summary.ended, found.scenarios[0].duration_s < 1) == ("complete", True)


# Iterations that come to nothing.


def test_a_run_whose_iterations_all_threw_is_a_failure(tmp_path: Path, server: Server) -> None:
    text = """
@scenario(executor="per-vu-iterations", vus=2, iterations=3)
async def broken(vu):
    await vu.get(URL)
    raise ValueError("oh")
"""
    found = run(tmp_path, text, server.url(""))
    assert (found.code, found.summary["ended"], found.summary["ok"]) == (107, "script_failed", 6)
    reason = (
        "all 6 iterations ended by an exception (nothing was measured; with --max-exceptions 100% "
    )
    reason += "such a run exits with 0, as in k6)"
    assert found.document["validity"]["verdict"] == "incomplete"
    assert found.document["validity"]["reasons"] == [reason]


def test_some_exceptions_are_no_failure_but_a_scenario_of_nothing_else_is_told(
    tmp_path: Path, server: Server
) -> None:
    text = """
@scenario(executor="per-vu-iterations", iterations=3)
async def broken(vu):
    raise ValueError("oh")
@scenario(executor="per-vu-iterations", iterations=3)
async def mixed(vu):
    await vu.get(URL)
    if vu.iteration:
        raise ValueError("oh")
"""
    found = run(tmp_path, text, server.url(""))
    assert (found.code, found.summary["ended"]) == (0, "complete")
    (warning,) = [row for row in found.document["warnings"] if row["code"] == "only_exceptions"]
    assert warning["text"] == "scenario broken: all 3 iterations ended by an exception"


def test_nothing_succeeded_comes_before_what_follows_from_it(tmp_path: Path) -> None:
    text = """
@scenario(executor="per-vu-iterations", iterations=3)
async def broken(vu):
    (await vu.get(URL)).json("token")
    raise ValueError("no token")
"""
    with refusing() as port:
        found = run(tmp_path, text, f"http://127.0.0.1:{port}")
    assert (found.code, found.summary["ended"]) == (122, "nothing_succeeded")


def test_a_server_that_goes_is_said_loudly(tmp_path: Path) -> None:
    text = ABSOLUTE.replace("400ms", "2500ms")
    with ExitStack() as stack:
        server = stack.enter_context(Server(answering(OK)))
        words = ("run", script(tmp_path, text), "-e", f"URL={server.url('')}", "-t", "2", "-q")
        with start(*words) as process:
            until(lambda: server.seen.requests >= 20)
            stack.close()
            found = process.finish()
    assert found.code == 0, "as k6 has it; --strict decides otherwise"
    assert found.document["validity"]["verdict"] == "incomplete"
    (said,) = [row["text"] for row in found.document["warnings"] if row["code"] == "server_gone"]
    assert re.match(r"from [12](\.\d+)?s on no request succeeded: \d", said)
    assert found.document["validity"]["reasons"][0] == said
