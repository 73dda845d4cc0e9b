"""A server with known latencies: each answer waits, and the server logs how long it really waited.

The delays are drawn from a seeded mixture: 90 % 10 ms, 9.8 % 50 ms, 0.2 % 200 ms. (With 0.1 % the
99.9th percentile would stand on the edge between two groups and be the worst sample of one, or the
best of the other, 150 ms apart.) The first line
printed is the port; at SIGTERM every measured time is printed, a line each, in nanoseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import typing

import uvloop

DELAYS_S = (0.01, 0.05, 0.2)
WEIGHTS = (90.0, 9.8, 0.2)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Delayed(asyncio.Protocol):
    """One connection; requests come one at a time, each in one segment."""

    def __init__(self, drawn: random.Random, log_ns: list[int]) -> None:
        self.drawn = drawn
        self.log_ns = log_ns
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = typing.cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Answer after a drawn delay."""
        arrived_ns = time.monotonic_ns()
        delay_s = self.drawn.choices(DELAYS_S, WEIGHTS)[0]
        asyncio.get_running_loop().call_later(delay_s, self.answer, arrived_ns)

    def answer(self, arrived_ns: int) -> None:
        """Answer, and log how long the request was here; a client that left is not logged."""
        if not self.transport.is_closing():
            self.transport.write(ANSWER)
            self.log_ns.append(time.monotonic_ns() - arrived_ns)


async def serve() -> list[int]:
    """Serve until SIGTERM; return the log."""
    with contextlib.suppress(OSError):  # what it waits for a core, its own log would miss
        os.nice(-15)
    log_ns: list[int] = []
    drawn = random.Random(4)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Delayed(drawn, log_ns), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    server.close()
    return log_ns


if __name__ == "__main__":
    for each_ns in uvloop.run(serve()):
        sys.stdout.write(f"{each_ns}\n")
