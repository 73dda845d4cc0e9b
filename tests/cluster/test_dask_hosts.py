"""dask_cluster.py with clusters on hosts of namespaces: TLS, SSH, machines that are not well."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_hosts import DaskHosts, certificates
from hosts import Hosts
from running import until

# Says what the cluster is; a sentence of ours is one line.
SAYS = """
import asyncio, os, socket, sys
from fastbench.cluster import dask_cluster
from fastbench.plan.plan import UsageError
dask_cluster.CONNECT_S = float(sys.argv[2])
class Place:
    async def name(self):
        return socket.gethostname()
async def main():
    async with dask_cluster.open_cluster(sys.argv[1]) as cluster:
        where = [address for _, address in cluster.workers]
        actors = [await cluster.place(Place, each) for each in where]
        found = [await each.name() for each in actors]
        print([name for name, _ in cluster.workers], found, cluster.encrypted,
              cluster.client.direct_to_workers)
try:
    asyncio.run(main())
except UsageError as error:
    print(error)
"""
THREE = "['host-0', 'host-1', 'host-2']"


def says(hosts: Hosts, address: str, *, wait_s: float = 5, **options: Any) -> str:
    return hosts.parent.run(sys.executable, "-c", SAYS, address, str(wait_s), **options)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    with Hosts(3) as found:
        yield found


def test_a_cluster_of_hosts(hosts: Hosts, tmp_path: Path) -> None:
    with DaskHosts(hosts, tmp_path) as cluster:
        assert says(hosts, cluster.address) == f"{THREE} {THREE} False True\n"

        # Workers that only the scheduler reaches are reached through it.
        hosts.parent.run("ip", "route", "add", "blackhole", hosts[1].address)
        assert says(hosts, cluster.address) == f"{THREE} {THREE} False False\n"
        hosts.parent.run("ip", "route", "del", "blackhole", hosts[1].address)

        cluster.workers["host-1"].send_signal(signal.SIGSTOP)
        found = says(hosts, cluster.address, wait_s=1)
        assert found.endswith(
            "worker host-1 does not answer; end it, or wait until the scheduler has given it up.\n"
        )
        for worker in cluster.workers.values():
            worker.kill()
        until(lambda: cluster.log("scheduler").count("Remove worker") == 3)
        found = says(hosts, cluster.address)
        start = f"dask worker {cluster.address} --nthreads 1"
        assert found.endswith(f"no workers; start one on each machine: {start}\n")
        cluster.scheduler.kill()
        cluster.scheduler.wait()
        assert "nobody can be reached there (connection refused)" in says(hosts, cluster.address)
        hosts[0].link(up=False)
        assert "nobody answered within 1s" in says(hosts, cluster.address, wait_s=1)
        hosts[0].link(up=True)
    assert [host.processes() for host in hosts] == [{}, {}, {}]


def test_a_cluster_with_certificates(hosts: Hosts, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with DaskHosts(hosts, tmp_path, tls=True) as cluster:
        address = cluster.address
        assert address.startswith("tls://")
        assert says(hosts, address, env=cluster.environ) == f"{THREE} {THREE} True True\n"
        assert "needs certificates: name them by DASK_DISTRIBUTED__" in says(hosts, address)
        plain = "tcp" + address[3:]
        assert f"or one that wants {address}." in says(hosts, plain, wait_s=1)
        other = cluster.environ | certificates(tmp_path / "other")
        assert "certificate verify failed" in says(hosts, address, env=other, wait_s=1)
        missing = cluster.environ | {"DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT": "/missing"}
        assert "the certificates cannot be read" in says(hosts, address, env=missing)


def test_a_cluster_over_ssh(hosts: Hosts, tmp_path: Path) -> None:
    pytest.importorskip("asyncssh", reason="asyncssh is not installed: make test-deps")
    import ssh_host

    addresses = [host.address for host in hosts]
    places, environ = [], {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    folder = ssh_host.keys(tmp_path)
    for host in list(hosts)[:2]:
        words = (sys.executable, ssh_host.__file__, folder)
        server = host.popen(*words, stdout=subprocess.PIPE, env=environ)
        assert server.stdout is not None
        places.append((host.address, server.stdout.readline().strip()))
    file = tmp_path / "hosts.txt"
    lines = [f"root@{host}:{port}\n" for host, port in places]
    file.write_text("".join(lines) + "# that is all\n")
    assert ": its key is not known here; connect once by hand: `ssh -p " in says(
        hosts, f"ssh:{file}", env=environ
    )

    ssh_host.trust(folder, places)
    before = [set(host.processes()) for host in hosts]
    expected = f"{addresses[:2]} ['host-0', 'host-1'] False True\n"
    assert says(hosts, f"ssh:{file}", env=environ) == expected
    until(lambda: [set(host.processes()) for host in hosts] == before)
