"""How a worker is born: a fork with its two pipes and its end of the control channel."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Sequence

from fastbench.foundation import signals
from fastbench.script.parent.worker_channel import Child
from fastbench.script.worker import worker_process
from fastbench.script.worker.worker_process import WorkerContext

__all__ = ["fork"]

EXIT_FAILED = 70  # sysexits.h, EX_SOFTWARE


def fork(
    index: int,
    seat: Callable[[socket.socket, int], WorkerContext],
    before: Sequence[Child],
    *,
    piped: bool,
) -> Child:
    """Fork a worker. `seat` makes what it gets of its channel and of the file for its stack.

    `before` are those that are there already. `piped`: what it prints comes through a pipe.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    read_fd, write_fd = os.pipe()
    out_fd, printed_fd = os.pipe() if piped else (-1, -1)
    pid = signals.fork()
    if pid == 0:
        try:
            sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__  # a live view has its own
            ours.close()
            os.close(read_fd)
            if piped:
                os.dup2(printed_fd, 2)
                os.set_blocking(2, False)  # what nobody reads is lost, and holds nobody up
                os.close(printed_fd)
                os.close(out_fd)
            for child in before:
                child.stream.close()
            worker_process.run(seat(theirs, write_fd))
        finally:  # nothing of the parent's goes on in here
            os._exit(EXIT_FAILED)
    theirs.close()
    os.close(write_fd)
    if piped:
        os.close(printed_fd)
    return Child(index, pid, ours, read_fd, out_fd)
