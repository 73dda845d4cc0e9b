"""A cluster that outlives one run: started once for a search or a suite, and used by all its runs.

    python -m fastbench.cluster.links.kept_cluster local:2

1. The program starts what `--on local:2` or `--on ssh:hosts.txt` asks for, says the address of the
   scheduler, and ends with its standard input, however the parent ended. Why it could not is the
   last line of its standard error.
2. Runs are processes of their own, forked or executed. They find it in the environment: VARIABLE
   holds the scheduler's address by what `--on` says.
3. A session of its own: Ctrl-C in the terminal is the parent's to handle.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from fastbench.cluster import cluster_address, dask_cluster
from fastbench.cluster.cluster_address import Scheduler
from fastbench.foundation import signals
from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError

VARIABLE = "FASTBENCH_CLUSTERS"
START_S = 10.0  # for the program, beside what the cluster may take
END_S = 8.0


@contextmanager
def kept(addresses: Iterable[str]) -> Iterator[None]:
    """Start the clusters that have to be; runs that begin within the context use them.

    Raises UsageError for what is no address and where a cluster cannot be started, and
    KeyboardInterrupt when a signal comes meanwhile.
    """
    found = {each: cluster_address.read(each) for each in addresses}
    wanted = [each for each, target in found.items() if not isinstance(target, Scheduler)]
    before = os.environ.get(VARIABLE)
    with ExitStack() as stack:
        with signals.heard(signals.leave_cleanly):
            programs = {each: stack.enter_context(_program(each)) for each in wanted}
            there = {each: _said(each, *program) for each, program in programs.items()}
        if there:
            os.environ[VARIABLE] = json.dumps(there)
            stack.callback(_restore, before)
        yield


def scheduler_of(address: str) -> str | None:
    """Return where the scheduler of a cluster is that is kept for us; None if there is none."""
    there: dict[str, str] = json.loads(os.environ.get(VARIABLE, "{}"))
    return there.get(address)


def _restore(before: str | None) -> None:
    if before is None:
        del os.environ[VARIABLE]
    else:
        os.environ[VARIABLE] = before


@contextmanager
def _program(address: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run the program; it has ended with the context, and the cluster with it."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            (sys.executable, "-P", "-m", "fastbench.cluster.links.kept_cluster", address),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process, errors
        finally:
            process.stdin.close()
            try:
                process.wait(END_S)
            except BaseException as error:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                if not isinstance(error, subprocess.TimeoutExpired):
                    raise
            process.stdout.close()


def _said(address: str, process: subprocess.Popen[bytes], errors: IO[bytes]) -> str:
    """Wait for the scheduler's address. Raises UsageError if it does not come."""
    assert process.stdout is not None
    longest_s = START_S + max(dask_cluster.START_LOCAL_S, dask_cluster.START_SSH_S)
    if select.select([process.stdout], [], [], longest_s)[0]:
        if line := process.stdout.readline():
            return line.decode().strip()
        errors.seek(0)
        lines = errors.read().decode(errors="replace").split("\n")
        if why := next((each for each in reversed(lines) if each), ""):
            raise UsageError(printable(why))
    raise UsageError(f"--on {printable(address)}: no cluster could be started.")


async def _keep(address: str) -> None:
    """Have the cluster until standard input ends. Raises UsageError where there cannot be one."""
    left = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, left.set)
    leaving = asyncio.create_task(left.wait())
    serving = asyncio.create_task(_serve(address))
    await asyncio.wait((leaving, serving), return_when=asyncio.FIRST_COMPLETED)
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


async def _serve(address: str) -> None:
    async with dask_cluster.started(address) as scheduler:
        os.write(1, f"{scheduler}\n".encode())
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(_keep(sys.argv[1]))
    except UsageError as sentence:
        os.write(2, f"{sentence}\n".encode())
