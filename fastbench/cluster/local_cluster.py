"""A Dask cluster on this machine: the program that `--on local:3` starts.

    python -m fastbench.cluster.local_cluster 3

1. It imports Dask once and forks scheduler and workers, before there is a thread or a loop: three
   workers are there as soon as one would be.
2. It says the scheduler's address once all workers are known there. It ends with its standard
   input, however the parent ended, and all it forked ends with it, however that ended.
3. A session of its own: Ctrl-C in the terminal is the parent's to handle. Nothing is written to
   that terminal; what goes wrong is on standard error, which the parent keeps.
4. Dask runs what it is sent. Its ports are those of 127.0.0.1: who has an account on this machine
   can reach them while the run lasts, as with Dask's own LocalCluster.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import select
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from typing import Any

PR_SET_PDEATHSIG = 1  # prctl(2)
HOST = "127.0.0.1"
ANY_PORT = f"{HOST}:0"
# Whatever dies is not replaced, and nothing moves: agents are placed once, each on its own worker.
SETTINGS: dict[str, Any] = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.worker.profile.enabled": False,  # a look at every stack each 10 ms
    "distributed.admin.system-monitor.gil.enabled": False,
    # Looks at itself cost each process 1.5 % of a core, which the load shares with it.
    "distributed.admin.system-monitor.interval": "5s",
    "distributed.admin.tick.interval": "500ms",
}


def main(count: int) -> None:
    """Run the cluster until standard input ends."""
    import dask
    import distributed  # noqa: F401  # once, before the forks

    dask.config.set(SETTINGS)
    with tempfile.TemporaryDirectory(prefix="fastbench-dask-") as folder:
        children: list[int] = []
        try:
            told, tells = os.pipe()
            children.append(_forked(_scheduler, count, tells))
            os.close(tells)
            if address := _line(told):
                for number in range(1, count + 1):
                    children.append(_forked(_worker, address, f"local-{number}", folder))
                if _line(told):
                    os.write(1, f"{address}\n".encode())
                    _line(told)  # it ends with the scheduler
        finally:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
            for pid in children:
                os.waitpid(pid, 0)


def _line(told: int) -> str:
    """Return what the scheduler says next; "" once it or standard input has ended."""
    line = b""
    while not line.endswith(b"\n"):
        ready = select.select([0, told], [], [])[0]
        if 0 in ready or not (byte := os.read(told, 1)):
            return ""
        line += byte
    return line.decode().strip()


def _forked(serve: Callable[..., Coroutine[Any, Any, None]], *args: object) -> int:
    """Give the pid of a process that serves, and ends with this one."""
    parent = os.getpid()
    if pid := os.fork():
        return pid
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        if os.getppid() == parent:
            asyncio.run(serve(*args))
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode(errors="replace"))
    os._exit(1)


async def _scheduler(count: int, tells: int) -> None:
    from distributed import Scheduler

    async with Scheduler(host=HOST, dashboard=False, dashboard_address=ANY_PORT) as scheduler:
        os.write(tells, f"{scheduler.address}\n".encode())
        while len(scheduler.workers) < count:
            await asyncio.sleep(0.01)
        os.write(tells, b"ready\n")
        await scheduler.finished()


async def _worker(address: str, name: str, folder: str) -> None:
    from distributed import Worker

    from fastbench.machine import runs_beside

    # What the others of this cluster use is no other program's: see runs_beside.
    os.environ[runs_beside.VARIABLE] = str(os.getppid())
    async with Worker(
        address,
        name=name,
        host=HOST,
        nthreads=1,
        memory_limit=0,
        local_directory=folder,
        dashboard=False,
        dashboard_address=ANY_PORT,
    ) as worker:
        await worker.finished()


if __name__ == "__main__":
    main(int(sys.argv[1]))
