"""The workers of a script: processes that say what they find, and two pipes beside the channel.

1. One pipe takes the stack of a worker that does not answer: see watchdog.py.
2. On a terminal the workers' own output comes through the other, line by line: what they write
   themselves would tear the live view, and each other's lines.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import dataclass

from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor, Take
from fastbench.script.worker import worker_process
from fastbench.script.worker.worker_process import WorkerContext

MAX_DUMP_BYTES = 1 << 16

Echo = Callable[[str], None]  # takes whole lines of what workers print


@dataclass(slots=True, eq=False)
class ScriptWorker(Child):
    """One worker.

    `loaded`: the script is imported. `prepared`: its VUs are made. `ended`: its load is over.
    """

    stays: bool = True
    loaded: bool = False
    prepared: bool = False
    ended: bool = False
    dump: bytes = b""

    def take_dump(self, found: bytes) -> None:
        """Keep the end of what it writes of its stack."""
        self.dump = (self.dump + found)[-MAX_DUMP_BYTES:]


def start(
    workers: Supervisor[ScriptWorker],
    index: int,
    seat: Callable[..., WorkerContext],
    echo: Echo | None,
    dumped: Take | None = None,
) -> None:
    """Fork the worker of this index.

    `seat` has all that it gets but its `channel` and its pipe for stacks, `dump_fd`. `echo` takes
    what it prints; without it that goes to our stderr. `dumped` takes its stack in the worker's
    place.
    """
    worker = ScriptWorker(index)
    dump_fd, dumped_fd = os.pipe()
    pipes: dict[int, Take] = {dump_fd: dumped or worker.take_dump}
    its_fds, printed_fd = [dumped_fd], -1
    if echo is not None:
        out_fd, printed_fd = os.pipe()
        pipes[out_fd] = echoed(echo)
        its_fds.append(printed_fd)

    def be(channel: socket.socket) -> None:
        if printed_fd >= 0:
            os.dup2(printed_fd, 2)
            os.set_blocking(2, False)  # what nobody reads is lost, and holds nobody up
            os.close(printed_fd)
        worker_process.run(seat(channel=channel, dump_fd=dumped_fd))

    workers.start(worker, be, pipes)
    for fd in its_fds:
        os.close(fd)


def echoed(echo: Echo) -> Take:
    """Return what takes bytes and passes lines on as they become whole; b"" is the end."""
    rest = b""

    def take(found: bytes) -> None:
        nonlocal rest
        lines, end, rest = (rest + found).rpartition(b"\n")
        if not found:
            lines, rest = rest, b""
        if lines or end:
            echo(lines.decode("utf-8", "replace") + "\n")

    return take
