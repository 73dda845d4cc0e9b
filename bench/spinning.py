"""A server of one core whose answers cost a known time: a busy-wait for each request.

With --tail-ms every twentieth response, drawn at random, comes that much later at least, and twice
that much at most: a tail that costs no processor time.

With --hog every second start, counted in FILE, has a neighbour on its core that works 1 ms in 10:
a disturbance that hits every second visit, whichever side that is.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import time
import typing
from pathlib import Path

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TAIL_SHARE = 0.05
HOG_BUSY_S = 0.001
HOG_EVERY_S = 0.010


class Spinning(asyncio.Protocol):
    """One connection; requests come one at a time, each in one segment."""

    def __init__(self, spin_ns: int, tail_ms: float) -> None:
        self.spin_ns = spin_ns
        self.tail_ms = tail_ms
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = typing.cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Work, then answer."""
        until_ns = time.monotonic_ns() + self.spin_ns
        while time.monotonic_ns() < until_ns:
            pass
        if self.tail_ms and random.random() < TAIL_SHARE:
            delay_s = random.uniform(self.tail_ms, 2 * self.tail_ms) / 1e3
            asyncio.get_running_loop().call_later(delay_s, self.transport.write, ANSWER)
        else:
            self.transport.write(ANSWER)


async def serve(port: int, spin_ns: int, tail_ms: float) -> None:
    """Serve until SIGTERM; print the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Spinning(spin_ns, tail_ms), "127.0.0.1", port, backlog=1024
    )
    print(server.sockets[0].getsockname()[1], flush=True)
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
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--spin-us", type=float, required=True, help="busy-wait of each request")
    parser.add_argument("--tail-ms", type=float, default=0.0, help="least delay of the tail")
    parser.add_argument("--hog", type=Path, metavar="FILE", help="where starts are counted")
    asked = parser.parse_args()
    server = os.getpid()
    if asked.hog is not None and starts_so_far(asked.hog) % 2 and os.fork() == 0:
        hog(server)
        os._exit(0)
    uvloop.run(serve(asked.port, round(asked.spin_us * 1000), asked.tail_ms))


if __name__ == "__main__":
    main()
