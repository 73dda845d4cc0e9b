"""find and suite on hosts of namespaces: a machine lost in mid-search, TLS, a cluster over SSH."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import arrivals
import pytest
from dask_hosts import DaskHosts
from hosts import Host, Hosts
from running import until

SUITE = """
[suite]
on = "ssh:hosts.txt"
args = ["-t", "1"]
base_url = "{url}"

[[run]]
name = "one"
url = "/"
requests = 40
connections = 4

[[run]]
name = "two"
script = "visit.py"
"""
SCRIPT = """
from fastbench import scenario


@scenario(executor="shared-iterations", vus=4, iterations=21)
async def visit(vu):
    await vu.get("/")
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts(2) as found:
        yield found


@pytest.fixture(scope="module")
def url(hosts: Hosts) -> Iterator[str]:
    words = (sys.executable, arrivals.__file__, "0")
    process = hosts.server.popen(*words, stdout=subprocess.PIPE)
    assert process.stdout is not None
    yield f"http://{hosts.server.address}:{process.stdout.readline().strip()}"
    process.kill()
    process.wait()


def agents(host: Host) -> int:
    return sum("agent_process" in words for words in host.processes().values())


@pytest.mark.slow
def test_a_machine_lost_in_mid_search_is_told_and_its_run_does_not_count(
    hosts: Hosts, url: str, tmp_path: Path
) -> None:
    file = tmp_path / "found.json"
    words = ("--slo", "p50<1s", "--from", "60", "--to", "120", "-d2s", "-W0", "-c4", "-t1")
    with DaskHosts(hosts, tmp_path, tls=True) as cluster:
        process = hosts.parent.popen(
            *(sys.executable, "-m", "fastbench", "find", "--on", cluster.address, *words, url),
            *("--json", file),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=cluster.environ,
        )
        assert process.stderr is not None
        assert "60 req/s" in process.stderr.readline()
        until(lambda: agents(hosts[1]) == 2, 30)  # the agent, and the worker that it forked
        cluster.workers["host-1"].kill()
        out, err = process.communicate(timeout=120)
        document: dict[str, Any] = json.loads(file.read_text())
        assert (process.returncode, document["ended"], document["rate"]) == (0, "most", 120), err
        assert "host-1" in err and "this rate is measured again on host-0" in err
        (lost,) = [each for each in document["warnings"] if each["code"] == "machine_lost"]
        assert "host-1" in lost["text"] and lost["text"] in " ".join(out.split())
        assert all(step["held"] for step in document["steps"])
        assert document["machines"] == ["host-0", "host-1"]
        assert document["config"]["on"] == cluster.address
        counts = [round(step["rate"] * 2) - step["samples"] for step in document["steps"]]
        assert counts == [0] * len(counts)  # each of them was whole
        assert [agents(host) for host in hosts] == [0, 0]


@pytest.mark.slow
def test_a_suite_over_ssh_starts_its_cluster_once(hosts: Hosts, url: str, tmp_path: Path) -> None:
    pytest.importorskip("asyncssh", reason="asyncssh is not installed: make test-deps")
    import ssh_host

    places, environ = [], {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    folder = ssh_host.keys(tmp_path)
    for host in hosts:
        words = (sys.executable, ssh_host.__file__, folder)
        server = host.popen(*words, stdout=subprocess.PIPE, env=environ)
        assert server.stdout is not None
        places.append((host.address, server.stdout.readline().strip()))
    ssh_host.trust(folder, places)
    (tmp_path / "hosts.txt").write_text("".join(f"root@{at}:{port}\n" for at, port in places))
    (tmp_path / "visit.py").write_text(SCRIPT)
    (tmp_path / "s.toml").write_text(SUITE.format(url=url))
    before = [set(host.processes()) for host in hosts]
    program = (sys.executable, "-m", "fastbench", "suite", tmp_path / "s.toml")
    process = hosts.parent.popen(
        *program, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environ
    )
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, out
    assert "2 runs on 2 machines of ssh:hosts.txt" in out
    one, two = (
        json.loads((tmp_path / "s-results" / f"{name}.json").read_text()) for name in ("one", "two")
    )
    assert (one["summary"]["ok"], two["summary"]["ok"]) == (40, 21)
    where = [[each["address"] for each in document["machines"]] for document in (one, two)]
    assert where[0] == where[1] and len(where[0]) == 2  # the same processes of Dask
    until(lambda: [set(host.processes()) for host in hosts] == before)
