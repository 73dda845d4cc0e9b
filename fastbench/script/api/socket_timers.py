"""What a script does with a WebSocket from time to time: `socket.every(25, f)`, `after(5, f)`."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, Self

from fastbench.foundation.usage_error import UsageError


class Fails(Protocol):
    """What ends with an exception of the script's."""

    def fail(self, error: BaseException, /) -> None:
        """End with this exception."""


class Timer:
    """What `every` and `after` of a socket return.

    Example::

        async with vu.ws("/ws/echo") as socket:
            timer = socket.every(0.05, lambda: socket.send("still here"))
            await socket.receive(5)
            timer.cancel()
    """

    __slots__ = ("_all", "_call", "_due", "_handle", "_repeats", "_seconds", "_socket", "_task")

    def __init__(
        self,
        socket: Fails,
        seconds: float,
        call: Callable[[], Any],
        repeats: bool,
        all_timers: set[Timer],
    ) -> None:
        self._socket, self._seconds, self._call = socket, seconds, call
        self._repeats, self._all = repeats, all_timers
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None

    def start(self) -> Self:
        """Count from now.

        :meta private:
        """
        loop = asyncio.get_running_loop()
        self._due = loop.time() + self._seconds
        self._handle = loop.call_at(self._due, self._fire)
        self._all.add(self)
        return self

    def cancel(self) -> None:
        """Call no more, and give up a call that is still awaited.

        Example::

            async with vu.ws("/ws/echo") as socket:
                timer = socket.after(60, socket.close)
                timer.cancel()
        """
        self._all.discard(self)
        if self._handle is not None:
            self._handle.cancel()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    def _fire(self) -> None:
        loop = asyncio.get_running_loop()
        if self._repeats:  # a call that was held up is not made twice
            missed = max(0, int((loop.time() - self._due) / self._seconds))
            self._due += self._seconds * (missed + 1)
            self._handle = loop.call_at(self._due, self._fire)
        else:
            self._all.discard(self)
        if self._task is not None:  # it never overlaps with itself
            return
        try:
            found = self._call()
        except BaseException as error:
            self._socket.fail(error)
            return
        if inspect.isawaitable(found):
            self._task = asyncio.ensure_future(
                found if inspect.iscoroutine(found) else _awaited(found)
            )
            self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._task = None
        if not task.cancelled() and (error := task.exception()) is not None:
            self._socket.fail(error)


async def _awaited(found: Awaitable[Any]) -> None:
    await found


def positive(name: str, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e12:
        raise UsageError(f"{name} is a number above 0, not {value!r}.")
    return value
