"""Connections that a script opened, beside those of requests: made in each worker, closed there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")

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


class PerLoop(Generic[T]):
    """Something with connections: made where it is needed first, anew in each process and loop.

    A script declares it while it loads, before the workers are forked. It is closed when the worker
    ends; what is needed after `close` is made again.
    """

    def __init__(self, make: Callable[[], T], close: Callable[[T], Awaitable[None]]) -> None:
        self._make = make
        self._close = close
        self._home: tuple[int, asyncio.AbstractEventLoop] | None = None
        self.held: T | None = None  # what was made last

    def get(self) -> T:
        """Return that of this process and loop."""
        here = os.getpid(), asyncio.get_running_loop()
        if self._home != here or self.held is None:
            self.held = self._make()
            self._home = here
            at_end(self.close)
        return self.held

    async def close(self) -> None:
        """Close it, where this process made it."""
        held, home = self.held, self._home
        self.held = self._home = None
        if held is not None and home is not None and home[0] == os.getpid():
            await self._close(held)
