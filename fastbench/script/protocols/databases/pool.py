"""Connections of one database in one process and event loop: made when needed, at most so many.

1. `take` gives one that is free at once; else `wait` makes one, or waits for its turn, first come
   first served. Whoever has one gives it back, or drops it where its state is not known.
2. A connection is one caller's at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect
from fastbench.script.protocols.databases.query_error import QueryError

CLOSE_S = 0.5  # for the goodbyes of a connection

Row = dict[str, Any]


class Connection(Protocol):
    """One connection, in the words of its driver; all raise QueryError and nothing else."""

    def usable(self) -> bool:
        """Tell whether the server has not hung up, as far as is known."""

    async def query(self, text: str, args: Sequence[object]) -> list[Row]:
        """Return the rows of a query."""

    async def execute(self, text: str, args: Sequence[object]) -> int:
        """Return how many rows a statement changed, 0 where that says nothing."""

    async def change(self, text: str, args: Sequence[object]) -> tuple[int, int | None]:
        """Do the same; return also the id of the last row that was inserted.

        None where the database does not tell.
        """

    async def begin(self) -> None:
        """Begin a transaction."""

    async def commit(self) -> None:
        """End it, and keep what it did."""

    async def rollback(self) -> None:
        """End it, and undo what it did."""

    async def explain(self, text: str, args: Sequence[object]) -> Explanation:
        """Run a query, undo what it did, and return its plan."""

    async def close(self) -> None:
        """Say goodbye; what still runs is given up."""


class Driver(Protocol):
    """How connections to one database are made."""

    dialect: Dialect
    shown: str  # where it is, without secrets
    most: int  # connections that make sense

    def check(self) -> None:
        """Import what it needs; raises UsageError where that is not installed."""

    async def connect(self) -> Connection:
        """Make a connection; raises QueryError."""


class Pool:
    """The connections of one process and loop."""

    def __init__(self, driver: Driver, size: int, wait_s: float) -> None:
        self.loop = asyncio.get_running_loop()
        self._driver = driver
        self._size = size
        self._wait_s = wait_s
        self._open: set[Connection] = set()
        self._opening = 0
        self._free: list[Connection] = []
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._closing: set[asyncio.Task[None]] = set()

    def take(self) -> Connection | None:
        """Return a connection that is free, None if there is none."""
        while self._free:
            connection = self._free.pop()
            if connection.usable():
                return connection
            self.drop(connection)
        return None

    async def wait(self) -> Connection:
        """Return a connection when there is one; raises QueryError."""
        if len(self._open) + self._opening < self._size:
            return await self._connect()
        turn: asyncio.Future[Connection | None] = self.loop.create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._wait_s or None):
                found = await turn
        except BaseException as error:
            self._forget(turn)
            if isinstance(error, TimeoutError):
                raise QueryError(
                    "53300",
                    f"none of the {self._size} connections was free within {self._wait_s:g}s; give "
                    f"sql.open() more (pool={2 * self._size}), and inside `async with "
                    "db.transaction() as tx` query by tx",
                ) from None
            raise
        return await self._connect() if found is None else found

    def give(self, connection: Connection) -> None:
        """Take a connection back."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return
        self._free.append(connection)

    def drop(self, connection: Connection) -> None:
        """Close a connection whose state is not known; whoever waits makes another."""
        self._open.discard(connection)
        self._later(connection.close())
        self._next()

    async def close(self) -> None:
        """Close all connections, also those in use."""
        for connection in list(self._open):
            self._later(connection.close())
        self._open.clear()
        self._free.clear()
        if self._closing:
            await asyncio.wait(self._closing, timeout=CLOSE_S)

    async def _connect(self) -> Connection:
        self._opening += 1
        try:
            connection = await self._driver.connect()
        except BaseException:
            self._next()
            raise
        finally:
            self._opening -= 1
        self._open.add(connection)
        return connection

    def _next(self) -> None:
        """Let the next who waits make a connection of its own."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _forget(self, turn: asyncio.Future[Connection | None]) -> None:
        """Let others have what came for somebody who left."""
        if turn.done() and not turn.cancelled():
            found = turn.result()
            if found is None:
                self._next()
            else:
                self.give(found)
        else:
            turn.cancel()

    def _later(self, closing: Coroutine[Any, Any, None]) -> None:
        # Not by the loop's factory: the end of the load cancels tasks of the script.
        task = asyncio.Task(closing, loop=self.loop)
        self._closing.add(task)
        task.add_done_callback(self._closed)

    def _closed(self, task: asyncio.Task[None]) -> None:
        self._closing.discard(task)
        if not task.cancelled():
            task.exception()  # a connection that is gone cannot say goodbye
