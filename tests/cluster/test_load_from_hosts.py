"""Runs on three hosts of namespaces against a server on a fourth: what the server says of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arrivals
import pytest
from dask_hosts import DaskHosts
from hosts import Host, Hosts
from running import SLOW, until

SCRIPT = """
from fastbench import Options, scenario, setup, teardown

options = Options(scenarios={
    "shared": {"executor": "shared-iterations", "vus": 7, "iterations": 331, "exec": "one"},
    "each": {"executor": "per-vu-iterations", "vus": 5, "iterations": 9, "exec": "one"},
    "constant": {"executor": "constant-vus", "vus": 4, "duration": "1s", "exec": "one"},
    "ramping": {"executor": "ramping-vus", "stages": [("1s", 5)], "exec": "one"},
    "rate": {"executor": "constant-arrival-rate", "rate": 150, "duration": "1s",
             "pre_allocated_vus": 9, "exec": "one"},
})

@setup
async def begin(vu):
    await vu.get("/")

async def one(vu):
    await vu.get("/")

@teardown
async def end(vu):
    await vu.get("/")
"""


class Server:
    """arrivals.py on a host."""

    def __init__(self, host: Host) -> None:
        words = (sys.executable, arrivals.__file__, "0")
        self.host = host
        self.process = host.popen(*words, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = f"http://{host.address}:{self.process.stdout.readline().strip()}"

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.host.python(
                "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())",
                f"{self.url}/told",
            )
        )
        return found

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *raised: object) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts(3, clock_ahead_s={1: 3600}) as found:
        yield found


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskHosts]:
    with DaskHosts(hosts, tmp_path_factory.mktemp("dask")) as found:
        yield found


@pytest.fixture
def server(hosts: Hosts) -> Iterator[Server]:
    with Server(hosts.server) as found:
        yield found


class Run:
    """A run from the parent's host."""

    def __init__(self, hosts: Hosts, cluster: DaskHosts, folder: Path, *words: str) -> None:
        self._document = folder / "run.json"
        command = (sys.executable, "-m", "fastbench", *words[:1])[: 4 if words[0] == "run" else 3]
        rest = words[1:] if words[0] == "run" else words
        flags = ("--on", cluster.address, "-t", "1", "--json", str(self._document))
        self.process = hosts.parent.popen(
            *command, *flags, *rest, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def ended(self) -> tuple[int, dict[str, Any]]:
        text, _ = self.process.communicate(timeout=60)
        assert self._document.exists(), text
        return self.process.returncode, json.loads(self._document.read_text())


def agents(hosts: Hosts) -> int:
    return sum("agent_process" in name for host in hosts for name in host.processes().values())


@pytest.mark.slow
def test_counts_are_the_servers_own(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    before = 0
    kinds = (
        ("-c", "6", "-R", "601", "-d", "1s", server.url),
        ("-c", "6", "-R", "300", "-d", "1s", "--arrival", "poisson", "-W", "1s", server.url),
        ("-c", "6", "-n", "1000", server.url),
        ("-c", "6", "-d", "1s", "--drain", server.url),
    )
    for words in kinds * 5 if SLOW else kinds[:2]:  # 20 runs
        code, document = Run(hosts, cluster, tmp_path, *words).ended()
        total, summary = server.told()["requests"], document["summary"]
        warmed = (document["warmup"] or {"requests": 0})["requests"]
        assert code == 0 and summary["failed"] == 0
        assert total - before == summary["started"] + warmed, words
        before = total
        if "-R" in words and "poisson" not in words:
            assert summary["scheduled"] == summary["ok"] == 601
    assert [each["lost"] for each in document["machines"]] == ["", "", ""]
    assert agents(hosts) == 0


def test_all_executors_of_a_script(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    code, document = Run(
        *(hosts, cluster, tmp_path, "run", "--base-url", server.url, str(script))
    ).ended()
    assert code == 0, document["outcome"]
    rows = {row["name"]: row for row in document["scenarios"]}
    assert rows["shared"]["iterations"] == 331 and rows["each"]["iterations"] == 45
    assert rows["rate"]["iterations"] + rows["rate"]["dropped_iterations"] == 150
    assert server.told()["requests"] == document["summary"]["started"]
    assert document["summary"]["started"] == 2 + sum(row["requests"] for row in rows.values())


@pytest.mark.slow
@pytest.mark.parametrize(("delay_ms", "most_ms"), [(0, 2), (20, 5)] if SLOW else [(20, 5)])
def test_all_begin_at_one_instant(
    hosts: Hosts, cluster: DaskHosts, tmp_path: Path, delay_ms: int, most_ms: int
) -> None:
    spreads = []
    try:
        for host in hosts:
            host.delay(delay_ms)
        for _ in range(5):  # on a machine that has other work a host may be held up
            with Server(hosts.server) as server:
                words = ("-c", "3", "-R", "3000", "-d", "1s", server.url)
                code, document = Run(hosts, cluster, tmp_path, *words).ended()
                firsts = server.told()["first_ns"]
            assert code == 0 and len(firsts) == 3
            assert document["summary"]["scheduled"] == 3000
            spreads.append((max(firsts.values()) - min(firsts.values())) / 1e6)
            if spreads[-1] <= most_ms:
                break
    finally:
        for host in hosts:
            host.delay(0)
    assert min(spreads) <= most_ms, spreads


def test_ctrl_c_reaches_all_within_two_seconds(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    run = Run(hosts, cluster, tmp_path, "-c", "6", "-d", "60s", server.url)
    until(lambda: server.told()["requests"] > 0)
    run.process.send_signal(signal.SIGINT)
    begun_s = time.monotonic()
    until(lambda: agents(hosts) == 0)
    assert time.monotonic() - begun_s < 2
    code, document = run.ended()
    assert code == 105 and document["summary"]["ended"] == "interrupted"


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="runs long: make slow")
def test_a_link_that_is_down_for_a_while_loses_nothing(
    hosts: Hosts, cluster: DaskHosts, server: Server, tmp_path: Path
) -> None:
    run = Run(hosts, cluster, tmp_path, "-c", "6", "-R", "300", "-d", "6s", server.url)
    until(lambda: server.told()["requests"] > 300)
    hosts[2].link(up=False)
    time.sleep(1.5)  # the length of what is tested
    hosts[2].link(up=True)
    code, document = run.ended()
    assert [each["lost"] for each in document["machines"]] == ["", "", ""]
    summary = document["summary"]
    assert code == 0 and summary["scheduled"] == 1800
    assert (
        summary["scheduled"] == summary["started"] + summary["dropped"] + (summary["queued_at_end"])
    )


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="runs long: make slow")
def test_a_machine_that_dies_is_lost_and_the_run_goes_on(
    hosts: Hosts, tmp_path: Path, server: Server
) -> None:
    with DaskHosts(hosts, tmp_path) as cluster:
        run = Run(hosts, cluster, tmp_path, "-c", "6", "-R", "300", "-d", "8s", server.url)
        until(lambda: server.told()["requests"] > 300)
        cluster.workers["host-1"].kill()
        code, document = run.ended()
    assert code == 120 and document["validity"]["verdict"] == "incomplete"
    lost = [each["name"] for each in document["machines"] if each["lost"]]
    assert lost == ["host-1"]
    assert document["summary"]["duration_s"] > 7.9
    assert 1600 <= document["summary"]["started"] < 2100  # a third is missing from then on
    assert agents(hosts) == 0


@pytest.mark.slow
def test_without_a_scheduler_the_load_ends(hosts: Hosts, tmp_path: Path, server: Server) -> None:
    with DaskHosts(hosts, tmp_path) as cluster:
        run = Run(hosts, cluster, tmp_path, "-c", "6", "-d", "30s", server.url)
        until(lambda: server.told()["requests"] > 0)
        cluster.scheduler.kill()
        begun_s = time.monotonic()
        until(lambda: agents(hosts) == 0)
        assert time.monotonic() - begun_s < 5
        code, document = run.ended()
    assert code == 120 and document["validity"]["verdict"] == "incomplete"
