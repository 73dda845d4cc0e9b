"""A server that counts requests and notes when the first of each client came; a program.

    python arrivals.py PORT

It answers every request line that ends a head, and on /told says what it counted as JSON, without
counting that: {"requests": …, "by": {address: requests}, "first_ns": {address: CLOCK_MONOTONIC}}.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter

END = b"\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Counts:
    """What all connections counted together."""

    def __init__(self) -> None:
        self.requests = 0
        self.by: Counter[str] = Counter()
        self.first_ns: dict[str, int] = {}


class Connection(asyncio.Protocol):
    """One connection; pipelined requests are counted one by one."""

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        self.head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.peer: str = transport.get_extra_info("peername")[0]

    def data_received(self, data: bytes) -> None:
        *heads, self.head = (self.head + data).split(END)
        for head in heads:
            if head.startswith(b"GET /told "):
                self._tell()
                continue
            self.counts.first_ns.setdefault(self.peer, time.monotonic_ns())
            self.counts.requests += 1
            self.counts.by[self.peer] += 1
            self.transport.write(ANSWER)

    def _tell(self) -> None:
        body = json.dumps(vars(self.counts)).encode()
        head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


async def main() -> None:
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts), "0.0.0.0", int(sys.argv[1]))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
