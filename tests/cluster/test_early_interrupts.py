"""Ctrl-C before a run on several machines has begun: nobody waits for what is not there yet."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from running import until

from fastbench.cluster import dask_cluster
from fastbench.cluster.dask_cluster import Cluster
from fastbench.cluster.links import cluster_thread
from fastbench.cluster.links.cluster_thread import ClusterThread
from fastbench.foundation import signals
from fastbench.foundation.usage_error import UsageError

pytest.importorskip("distributed", reason="distributed is not installed: make test-deps")

SPARSE_BYTES = 400 << 20
SCRIPT = """
import pathlib
here = pathlib.Path("big")

async def default(vu):
    pass
"""


def test_a_signal_ends_the_wait_for_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def opened(address: str, running: object) -> AsyncIterator[Cluster]:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(20)
        raise UsageError("it was waited for")
        yield

    monkeypatch.setattr(dask_cluster, "open_cluster", opened)
    monkeypatch.setattr(cluster_thread, "END_S", 0.1)
    with signals.held(), pytest.raises(KeyboardInterrupt), ClusterThread("tcp://127.0.0.1:1"):
        pass


def test_a_signal_ends_a_run_whose_files_are_on_their_way(tmp_path: Path) -> None:
    folder, cache = tmp_path / "load", tmp_path / "cache"
    folder.mkdir()
    (folder / "script.py").write_text(SCRIPT)
    with open(folder / "big", "wb") as big:
        big.truncate(SPARSE_BYTES)
    store = cache / "fastbench" / "files"
    words = ("run", "--on", "local:1", "-t", "1", "-d", "60s", str(folder / "script.py"))
    with subprocess.Popen(
        [sys.executable, "-m", "fastbench", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    ) as process:
        until(lambda: any(store.glob("*.part")), limit_s=30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (105, "", "")
    assert not any(each.stat().st_size == SPARSE_BYTES for each in store.iterdir()), "all was sent"
