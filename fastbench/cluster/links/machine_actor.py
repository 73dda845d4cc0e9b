"""What Dask places on a machine: it starts our agent there, and hands bytes to it and from it.

1. An agent is a program of its own: nothing is forked within Dask's threads, and Dask's worker may
   be daemonic, which forbids children of `multiprocessing`.
2. A call that Dask makes twice (it repeats one whose connection broke) does its work once: what is
   pushed and pulled carries numbers.
3. When this process ends, the agent's standard input does, and the agent with it.
4. Who pulls is there: the agent is told, so that the parent need not say so beside.
"""

from __future__ import annotations

import asyncio
import os
import signal
import struct
import subprocess
import sys
import time
from contextlib import suppress

from fastbench.cluster.frames import Said

READ_BYTES = 1 << 20
LEAVE_S = 3.0  # for an agent to end once its standard input has
NUMBER = struct.Struct(">Q")
ENDED = b"E"
OPEN = b"O"
BEAT = Said("beat", {}).encoded()

_running: list[MachineActor] = []  # in this process: a machine carries one run at a time


class MachineActor:
    """One agent; made and called through Dask."""

    def __init__(self, run: str) -> None:
        """`run` says whose it is, for others who find the machine taken."""
        self.run = run
        self._process: asyncio.subprocess.Process | None = None
        self._pushed = 0
        self._pulled = 0
        self._kept = b""  # what was pulled last, until the parent has it

    async def start(self) -> str:
        """Start the agent; return who has the machine, "" if it is free."""
        for other in _running:
            if other is not self and other.alive:
                return other.run
        _running[:] = [self]
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "fastbench.cluster.agent.agent_process"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            limit=READ_BYTES,
        )
        return ""

    @property
    def alive(self) -> bool:
        """Whether its agent runs."""
        return self._process is not None and self._process.returncode is None

    async def now_ns(self) -> int:
        """Return CLOCK_MONOTONIC of this machine."""
        return time.monotonic_ns()

    async def push(self, number: int, data: bytes) -> None:
        """Give bytes to the agent; `number` counts the calls, from 1 on."""
        if number <= self._pushed or self._process is None or self._process.stdin is None:
            return
        self._pushed = number
        with suppress(ConnectionError):
            self._process.stdin.write(data)
            await self._process.stdin.drain()

    async def pull(self, number: int, wait_s: float) -> bytes:
        """Return what the agent said since the last call, waiting for some of it.

        The first byte is ENDED when nothing will come any more. The same `number` again gives the
        same again.
        """
        if number == self._pulled:
            return self._kept
        assert self._process is not None and self._process.stdout is not None
        if self._process.stdin is not None:
            self._process.stdin.write(BEAT)
        out, found = self._process.stdout, b""
        with suppress(TimeoutError):
            found = await asyncio.wait_for(out.read(READ_BYTES), wait_s)
        self._pulled = number
        self._kept = (ENDED if out.at_eof() and not found else OPEN) + found
        return self._kept

    async def close(self) -> None:
        """End the agent, in order if it still can."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), LEAVE_S)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
        if self in _running:
            _running.remove(self)
