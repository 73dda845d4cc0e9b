"""Tasks that iterations leave behind: they end with the load, and what they threw is asked for.

An exception is the task's until somebody asks: asyncio tells of it once the task is forgotten, and
never of one that the script keeps, as in a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

__all__ = ["Background"]

TURNS = 3  # of the loop, for a task to end that was cancelled; one that goes on is left alone


class Background:
    """Know the tasks that are made from here on; those made before the load are not ours to end."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: WeakSet[asyncio.Task[Any]] = WeakSet()

    def watch(self) -> None:
        """Take note of every task from now on."""

        def make(loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:
            task = asyncio.Task(coro, loop=loop, **more)
            self._tasks.add(task)
            return task

        self._loop.set_task_factory(make)

    async def end(self, threw: Callable[[BaseException], None]) -> None:
        """Cancel what still runs, and tell of every exception that nobody asked for."""
        self._loop.set_task_factory(None)
        tasks = set(self._tasks) - {asyncio.current_task()}
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
