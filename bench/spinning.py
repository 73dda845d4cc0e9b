"""A server of one core whose answers cost a known time: a busy-wait for each request.

With --hog every second start, counted in FILE, has a neighbour on its core that works 1 ms in 10:
a disturbance that hits every second visit, whichever side that is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import time
import typing
from pathlib import Path

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOG_BUSY_S = 0.001
HOG_EVERY_S = 0.010


class Spinning(asyncio.Protocol):
    """One connection; requests come one at a time, each in one segment."""

    def __init__(self, spin_ns: int) -> None:
        self.spin_ns = spin_ns
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = typing.cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Work, then answer."""
        until_ns = time.monotonic_ns() + self.spin_ns
        while time.monotonic_ns() < until_ns:
            pass
        self.transport.write(ANSWER)


async def serve(port: int, spin_ns: int) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Spinning(spin_ns), "127.0.0.1", port, backlog=1024)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()


def starts_so_far(counted: Path) -> int:
    """Count this start; return how many there were before."""
    before = int(counted.read_text()) if counted.exists() else 0
    counted.write_text(str(before + 1))
    return before


def hog(server: int) -> None:
    """Work a little, rest, as long as the server is there."""
    while os.getppid() == server:
        until_s = time.monotonic() + HOG_BUSY_S
        while time.monotonic() < until_s:
            pass
        time.sleep(HOG_EVERY_S - HOG_BUSY_S)


def main() -> None:
    """Serve as asked."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--spin-us", type=float, required=True, help="busy-wait of each request")
    parser.add_argument("--hog", type=Path, metavar="FILE", help="where starts are counted")
    asked = parser.parse_args()
    server = os.getpid()
    if asked.hog is not None and starts_so_far(asked.hog) % 2 and os.fork() == 0:
        hog(server)
        os._exit(0)
    uvloop.run(serve(asked.port, round(asked.spin_us * 1000)))


if __name__ == "__main__":
    main()
