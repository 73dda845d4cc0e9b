"""TLS before a server that has none: what comes over it goes on as it is, both ways."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from certificates import Authority

__all__ = ["tls_relay"]

READY_S = 10.0


@contextlib.contextmanager
def tls_relay(port: int) -> Iterator[int]:
    """Give a port of this machine that has TLS and leads to `port`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        with tempfile.TemporaryDirectory() as name:
            begun = asyncio.run_coroutine_threadsafe(_begin(port, Path(name)), loop)
            server = begun.result(READY_S)
        address: tuple[str, int] = server.sockets[0].getsockname()
        yield address[1]
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(READY_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(READY_S)
        loop.close()


async def _begin(port: int, folder: Path) -> asyncio.Server:
    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))

    context = Authority(folder).good("localhost")
    return await asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
