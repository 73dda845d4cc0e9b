"""What becomes of a run when a machine, a link, the scheduler or the user ends it.

The server counts by address: what a document says of a machine that was lost is compared with it.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from dask_hosts import DaskHosts
from host_runs import Run, Server, agents
from hosts import Hosts
from running import SLOW, until

pytest_plugins = ["three_hosts"]

RATE = 300
BEGIN_S = 60.0  # where much else runs, a run takes long to begin
SCRIPT = """
from fastbench import Options

options = Options(scenarios={"rate": {
    "executor": "constant-arrival-rate", "rate": 300, "duration": "8s", "pre_allocated_vus": 30,
    "exec": "rate",
}})

async def rate(vu):
    await vu.get("/")
"""
UNDER_WAY = 10  # a third of the users
CAUSES = ("worker", "agent", "power", "hang")
runs_long = pytest.mark.skipif(not SLOW, reason="runs long: make slow")


def words(kind: str, folder: Path, url: str) -> tuple[str, ...]:
    """Give the command line of a run of URLs or of a script: 300 requests a second for 8 s."""
    if kind == "urls":
        return ("-c", "6", "-R", str(RATE), "-d", "8s", url)
    path = folder / "script.py"
    path.write_text(SCRIPT)
    return ("run", "--base-url", url, str(path))


def begun(run: Run, server: Server, count: int) -> None:
    """Wait until the server has had more than so many requests."""
    until(lambda: run.process.poll() is not None or server.told()["requests"] > count, BEGIN_S)
    assert run.process.poll() is None, run.process.communicate()[0]


def test_ctrl_c_reaches_all_within_two_seconds(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    run = Run(hosts, cluster, tmp_path, "-c", "6", "-d", "60s", server.url)
    begun(run, server, 0)
    run.process.send_signal(signal.SIGINT)
    begun_s = time.monotonic()
    until(lambda: agents(hosts) == 0)
    assert time.monotonic() - begun_s < 2
    code, document = run.ended()
    assert code == 105 and document["summary"]["ended"] == "interrupted"


@pytest.mark.slow
@runs_long
@pytest.mark.parametrize("kind", ["urls", "script"])
def test_a_link_that_is_down_for_a_while_loses_nothing(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path, kind: str
) -> None:
    run = Run(hosts, cluster, tmp_path, *words(kind, tmp_path, server.url))
    begun(run, server, RATE)
    hosts[2].link(up=False)
    time.sleep(1.5)  # the length of what is tested
    hosts[2].link(up=True)
    code, document = run.ended()
    assert [each["lost"] for each in document["machines"]] == ["", "", ""]
    summary, by = document["summary"], server.told()["by"]
    assert code == 0 and summary["failed"] == 0
    assert [row["requests"] for row in document["machines"]] == [by[h.address] for h in hosts]
    if kind == "urls":
        assert summary["scheduled"] == 8 * RATE
        kept = summary["started"] + summary["dropped"] + summary["queued_at_end"]
        assert summary["scheduled"] == kept
    else:
        (row,) = document["scenarios"]
        assert row["iterations"] + row["dropped_iterations"] == 8 * RATE


@pytest.mark.slow
@runs_long
@pytest.mark.parametrize("kind", ["urls", "script"])
@pytest.mark.parametrize("cause", CAUSES)
def test_a_machine_that_dies_is_lost_and_the_run_goes_on(
    tmp_path: Path, kind: str, cause: str
) -> None:
    with Hosts(3) as hosts, DaskHosts(hosts, tmp_path) as cluster, Server(hosts.server) as server:
        run = Run(hosts, cluster, tmp_path, *words(kind, tmp_path, server.url))
        begun(run, server, 2 * RATE)
        _end(hosts, cluster, cause)
        code, document = run.ended()
        if cause == "hang":
            hosts[1].signal_all(signal.SIGCONT)
            until(lambda: agents(hosts) == 0)
        by, rows = server.told()["by"], document["machines"]
        assert agents(hosts) == 0
    assert code == 120 and document["validity"]["verdict"] == "incomplete"
    assert [row["name"] for row in rows if row["lost"]] == ["host-1"], rows
    assert document["summary"]["duration_s"] > 7.9
    first, dead, last = (row["requests"] for row in rows)
    assert (first, last) == (by[hosts[0].address], by[hosts[2].address])
    assert first + last == 2 * 8 * RATE // 3, "what the others were to send is whole"
    # Of the lost one stays what it had counted until its last second.
    sent = by[hosts[1].address]
    assert RATE / 3 < dead <= sent <= dead + 2.5 * RATE / 3
    # A machine's row has what ended; what it had begun may have been on its way.
    assert 0 <= document["summary"]["started"] - (first + dead + last) <= UNDER_WAY


def _end(hosts: Hosts, cluster: DaskHosts, cause: str) -> None:
    """Let the second machine be lost in one of several ways."""
    if cause == "worker":
        cluster.workers["host-1"].kill()
    elif cause == "agent":
        found = [pid for pid, name in hosts[1].processes().items() if "agent_process" in name]
        os.kill(min(found), signal.SIGKILL)
    elif cause == "power":
        hosts[1].power_off()
    else:
        hosts[1].signal_all(signal.SIGSTOP)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["urls", "script"] if SLOW else ["urls"])
def test_without_a_scheduler_the_load_ends(
    hosts: Hosts, tmp_path: Path, server: Server, kind: str
) -> None:
    with DaskHosts(hosts, tmp_path) as cluster:
        run = Run(hosts, cluster, tmp_path, *words(kind, tmp_path, server.url))
        begun(run, server, 0)
        cluster.scheduler.kill()
        begun_s = time.monotonic()
        until(lambda: agents(hosts) == 0)
        assert time.monotonic() - begun_s < 5
        code, document = run.ended()
    assert code == 120 and document["validity"]["verdict"] == "incomplete"
