"""dask_cluster.py with real clusters on this machine: what it opens, and what it leaves."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from real_servers import free_port
from running import until

from fastbench.cluster import dask_cluster
from fastbench.cluster.dask_cluster import open_cluster
from fastbench.foundation.platforms import install_command
from fastbench.foundation.usage_error import UsageError

OPENS = """
import asyncio, os, sys
from fastbench.cluster.dask_cluster import open_cluster
class Place:
    def __init__(self, number):
        self.number = number
    async def told(self):
        return f"{self.number} {os.getpid()}"
async def main():
    async with open_cluster(sys.argv[1]) as cluster:
        print([name for name, _ in cluster.workers], cluster.encrypted, flush=True)
        for number, (name, where) in enumerate(cluster.workers):
            actor = await cluster.place(Place, where, number)
            print(await actor.told(), where, flush=True)
        told = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, told.set)
        await told.wait()
asyncio.run(main())
"""


class Opened:
    """A process that has opened a cluster, and closes it when it is told."""

    def __init__(self, process: subprocess.Popen[str], workers: int) -> None:
        assert process.stdout is not None
        self.process = process
        self.said = process.stdout.readline()
        self.rows = [process.stdout.readline().split() for _ in range(workers)]
        self.below = psutil.Process(process.pid).children(recursive=True)

    def gone(self) -> bool:
        return not any(map(_alive, self.below))


@contextlib.contextmanager
def opened(address: str, workers: int) -> Iterator[Opened]:
    pipe = subprocess.PIPE
    words = [sys.executable, "-c", OPENS, address]
    process = subprocess.Popen(
        words,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # it may be ignored here
    )
    with process:
        try:
            yield Opened(process, workers)
        finally:
            process.kill()


def _alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


async def _open(address: str) -> None:
    async with open_cluster(address):
        raise AssertionError("it was opened")


def refusal(address: str) -> str:
    """Return the sentence that opening an address ends with."""
    with pytest.raises(UsageError) as raised:
        asyncio.run(_open(address))
    return str(raised.value)


@pytest.fixture(autouse=True)
def own_tmp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Have a folder for what is temporary: in that of all, other clusters come and go."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def scratch() -> set[str]:
    return {each for each in os.listdir(tempfile.gettempdir()) if "fastbench-dask" in each}


def test_a_cluster_on_this_machine_is_quiet_and_private_and_leaves_nothing() -> None:
    before = scratch()
    with opened("local:2", 2) as cluster:
        assert cluster.said == "['local-1', 'local-2'] True\n"
        pids = [int(row[1]) for row in cluster.rows]
        assert [row[0] for row in cluster.rows] == ["0", "1"] and len(set(pids)) == 2
        assert set(pids) <= {each.pid for each in cluster.below} and len(cluster.below) == 4
        listening = [
            found.laddr.ip
            for each in cluster.below
            for found in each.net_connections("tcp")
            if found.status == psutil.CONN_LISTEN
        ]
        assert set(listening) == {"127.0.0.1"} and len(listening) >= 3
        assert len(scratch() - before) == 1
        out, err = cluster.process.communicate("\n", timeout=20)
        assert cluster.process.returncode == 0 and (out, err) == ("", "")
        until(cluster.gone)
    assert scratch() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_cluster_on_this_machine_ends_with_who_opened_it(number: int) -> None:
    before = scratch()
    with opened("local:1", 1) as cluster:
        os.kill(cluster.process.pid, number)
        until(lambda: cluster.gone() and scratch() == before)


def test_a_cluster_ends_with_the_program_that_keeps_it() -> None:
    before = scratch()
    with opened("local:1", 1) as cluster:
        keeper = next(each for each in cluster.below if each.ppid() == cluster.process.pid)
        folder = (scratch() - before).pop()
        keeper.kill()
        until(cluster.gone)
        out, err = cluster.process.communicate("\n", timeout=20)
        assert (out, err) == ("", "")
    shutil.rmtree(Path(tempfile.gettempdir(), folder))  # nobody is left who could


def test_a_worker_that_is_killed_is_not_replaced() -> None:
    async def killed() -> list[int]:
        async with open_cluster("local:2") as cluster:
            (_, where), (_, other) = cluster.workers
            pid = await cluster.client.submit(os.getpid, workers=[where])
            os.kill(pid, signal.SIGKILL)
            counts: list[int] = []
            while not counts or counts[-1] != 1:
                found = await cluster.client.scheduler.identity(n_workers=-1)
                counts.append(len(found["workers"]))
            await cluster.client.submit(abs, -1, workers=[other])
            return counts

    counts = asyncio.run(asyncio.wait_for(killed(), 30))
    assert counts[-1] == 1 and sorted(counts, reverse=True) == counts


def test_without_dask_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    expected = f"--on needs the library distributed: {install_command('distributed')}"
    assert refusal("tcp://127.0.0.1:1") == expected


def test_a_cluster_that_searches_and_suites_keep_says_the_same_without_dask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    missing = "No module named 'distributed'"
    (tmp_path / "distributed.py").write_text(f'raise ModuleNotFoundError("{missing}")')
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    async def kept() -> None:
        async with dask_cluster.started("local:1"):
            pass

    with pytest.raises(UsageError) as raised:
        asyncio.run(kept())
    expected = f"--on needs the library distributed: {install_command('distributed')}"
    assert str(raised.value) == expected


def test_dask_is_imported_by_who_opens_a_cluster_alone() -> None:
    text = "import sys, fastbench.cluster.dask_cluster; print('distributed' in sys.modules)"
    words = [sys.executable, "-c", text]
    assert subprocess.run(words, capture_output=True, text=True).stdout == "False\n"


def test_nobody_there() -> None:
    found = refusal(f"127.0.0.1:{free_port()}")
    assert "nobody can be reached there (connection refused); `dask scheduler` starts" in found
    assert "(name or service not known)" in refusal("tcp://no-such-host.invalid:8786")


def test_who_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        expected = "what answers there is no Dask scheduler, or one that wants tls://127.0.0.1:"
        assert expected in refusal(place)


def test_another_server_is_no_scheduler() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            while True:
                peer, _ = other.accept()
                with peer:
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=_until_closed, args=(answer,), daemon=True).start()
        found = refusal(f"tcp://127.0.0.1:{other.getsockname()[1]}")
        assert "what answers there is no Dask scheduler, or one that wants tls://" in found
        other.shutdown(socket.SHUT_RDWR)


def _until_closed(answer: object) -> None:
    assert callable(answer)
    with contextlib.suppress(OSError):
        answer()


def test_versions_are_to_be_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = importlib.metadata.version("distributed")
    known = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "1.0" if name == "distributed" else known(name)
    )
    found = refusal("local:1")
    assert f"the scheduler has distributed {theirs}, and this machine 1.0; install" in found
    assert found.endswith(f"pip install distributed=={theirs}")


def test_what_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "missing"))
    (tmp_path / "distributed.py").write_text("raise OSError('the disk is full')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    expected = "--on local:1: Dask did not start on this machine: OSError: the disk is full"
    assert refusal("local:1") == expected
