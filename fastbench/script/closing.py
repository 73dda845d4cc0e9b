"""What a worker closes when it ends: connections that a script opened, beside those of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

LIMIT_S = 1.0  # the parent waits longer than that

_open: dict[Callable[[], Awaitable[None]], None] = {}


def at_end(close: Callable[[], Awaitable[None]]) -> None:
    """Call this when the worker ends; what is given twice is called once."""
    _open[close] = None


async def close_all() -> None:
    """Close everything, for at most LIMIT_S."""
    closes = list(_open)
    _open.clear()
    if not closes:
        return
    tasks = [asyncio.ensure_future(close()) for close in closes]
    done, late = await asyncio.wait(tasks, timeout=LIMIT_S)
    for task in late:
        task.cancel()
    for task in done:
        task.exception()  # who is gone cannot say goodbye
