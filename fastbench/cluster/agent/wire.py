"""The agent's side of the line to the parent: frames on a pipe, which must never hold it up."""

from __future__ import annotations

import contextlib
import fcntl
import os

from fastbench.cluster.frames import Frame

PIPE_BYTES = 1 << 20  # asked for; the kernel may give less, pipe(7)
MAX_BACKLOG_BYTES = 1 << 28


class Wire:
    """Frames to a pipe, when they are flushed. What it does not take at once is kept for then.

    `broken` once nobody reads any more, or reads too slowly to ever catch up.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._left = bytearray()
        self.broken = False
        os.set_blocking(fd, False)
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def send(self, frame: Frame) -> None:
        """Take a frame; it is sent with others, by `flush`."""
        self._left += frame.encoded()

    def flush(self) -> None:
        """Write what the pipe takes."""
        try:
            while self._left and not self.broken:
                del self._left[: os.write(self._fd, self._left[:PIPE_BYTES])]
        except BlockingIOError:
            self.broken = len(self._left) > MAX_BACKLOG_BYTES
        except OSError:
            self.broken = True

    @property
    def waits(self) -> bool:
        """Whether something is left to write."""
        return bool(self._left)
