"""Tasks of a script: what iterations leave behind ends with the load, and what it threw counts.

1. An exception is the task's until somebody asks: asyncio tells of it once the task is forgotten,
   and never of one that the script keeps, as in a list.
2. A request is a future, which asyncio.wait takes; asyncio.create_task takes it, too, here alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from fastbench.engine.client._client import Exchange, Response

TURNS = 3  # of the loop, for a task to end that was cancelled; one that goes on is left alone


async def _answer(request: Exchange) -> Response:
    return await request


class Background:
    """Make the tasks of a loop; those made between `begin` and `end` are of the load."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self._loading = False

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
            what = _answer(coro) if isinstance(coro, Exchange) else coro
            task = asyncio.Task(what, loop=loop, **more)
            if self._loading:
                self._tasks.add(task)
            return task

        loop.set_task_factory(make)

    def begin(self) -> None:
        """Take note of every task from now on."""
        self._loading = True

    async def end(self, threw: Callable[[BaseException], None]) -> None:
        """Cancel what still runs, and tell of every exception that nobody asked for."""
        self._loading = False
        tasks = set(self._tasks)
        for task in tasks:
            if not task.done():  # cancel would count as having asked
                task.cancel()
        for _ in range(TURNS):
            await asyncio.sleep(0)
        for task in tasks:
            unasked = getattr(task, "_log_traceback", False)  # cleared by whoever asks
            if task.done() and not task.cancelled() and unasked:
                error = task.exception()
                if error is not None:
                    threw(error)
