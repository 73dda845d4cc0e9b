"""Why a host that SSH leads to cannot be a machine is said with its name and the cure."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="distributed is not installed: make test-deps")
pytest.importorskip("asyncssh", reason="asyncssh is not installed: make test-deps")
import ssh_host

from fastbench.cluster import ssh_hosts
from fastbench.cluster.cluster_address import SshHost

HOST = "127.0.0.1"


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server of SSH that lets in who has the keys of `tmp_path`, the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = ssh_host.keys(tmp_path)
    server = subprocess.Popen(
        [sys.executable, ssh_host.__file__, str(folder)], stdout=subprocess.PIPE, text=True
    )
    with server:
        assert server.stdout is not None
        found = int(server.stdout.readline())
        ssh_host.trust(folder, [(HOST, f"{found}")])
        yield found
        server.kill()


def fault(*hosts: SshHost) -> str:
    return asyncio.run(ssh_hosts.fault(hosts))


def test_a_host_that_has_all_has_no_fault(port: int) -> None:
    assert fault(SshHost(HOST, port=port)) == ""


def test_the_first_of_several_hosts_that_cannot_is_named(port: int) -> None:
    with socket.socket() as nobody:  # it has a port, and does not listen
        nobody.bind((HOST, 0))
        refused = nobody.getsockname()[1]
        hosts = (SshHost(HOST, port=port), SshHost(HOST, "ops", refused))
        assert fault(*hosts) == (
            f"{HOST}: it cannot be reached (connection refused); "
            f"try by hand: `ssh -p {refused} ops@{HOST}`"
        )


def test_a_python_that_is_not_there(port: int) -> None:
    said = fault(SshHost(HOST, port=port, python="/no/such/python"))
    assert said.startswith(f"{HOST}: /no/such/python there is no Python with fastbench and Dask (")
    assert said.endswith(
        "); install fastbench-http[distributed], or name the path of Python after the host"
    )


def test_a_python_that_lacks_dask_says_so(port: int, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S -P "$@"\n')
    bare.chmod(0o755)
    assert "(ModuleNotFoundError: No module named 'distributed')" in fault(
        SshHost(HOST, port=port, python=str(bare))
    )


def test_a_host_whose_key_is_not_known(port: int, tmp_path: Path) -> None:
    (tmp_path / ".ssh" / "known_hosts").write_text("")
    assert fault(SshHost(HOST, port=port)) == (
        f"{HOST}: its key is not known here; connect once by hand: `ssh -p {port} {HOST}`"
    )


def test_a_key_that_is_not_let_in(port: int, tmp_path: Path) -> None:
    (tmp_path / ".ssh" / "id_ed25519").unlink()
    assert fault(SshHost(HOST, port=port)) == (
        f"{HOST}: it lets nobody in with the keys of ~/.ssh; try by hand: `ssh -p {port} {HOST}`"
    )
