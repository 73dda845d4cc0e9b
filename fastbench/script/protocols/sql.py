"""Databases: `db = sql.open(env("DATABASE_URL"))`, then `await db.query(…)` in any function.

1. A call is an operation of kind sql, named by `name=` or by what it says ("SELECT tickets"). Its
   time runs from the moment that it has a connection; what it waited for one is db_pool_wait.
2. There is a pool in each worker, whose connections are made when they are needed and closed when
   the worker ends, after an interrupt, too.
3. What a database refuses is a QueryError. The operation counts as failed, with its SQLSTATE.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from fastbench.script import values
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.closing import PerLoop
from fastbench.script.protocols.databases import drivers
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.pool import Connection, Pool
from fastbench.script.protocols.databases.query_error import QueryError
from fastbench.script.protocols.queries import Queries

__all__ = ["Database", "Explanation", "QueryError", "Transaction", "open"]

POOL = 10
TIMEOUT_S = 30.0


def open(
    address: str | None, dsn: str | None = None, *, pool: int = POOL, timeout: Any = TIMEOUT_S
) -> Database:
    """Name a database; no connection is made yet. Call it at the top of a script.

    Each worker has a pool of connections, made when they are needed. Every call is an operation of
    kind sql; the time that it waits for a connection is the metric db_pool_wait.

    Args:
        address: `postgres://user:password@host/name`, `mysql://…` or `sqlite:///file.db` (four
            slashes: an absolute path); or the kind of database, where `dsn` has the rest.
        dsn: What the driver takes, instead of an address.
        pool: How many connections each worker has at most.
        timeout: Time limit of a query: seconds, or a text such as "5s"; 0: none; default 30 s.

    Returns:
        The database.

    Raises:
        UsageError: The address names no database, or its driver is not installed.

    Example::

        db = sql.open(env("DATABASE_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await db.query("SELECT id FROM tickets")
    """
    limit_s = values.duration_s(timeout, "timeout of sql.open()")
    size = values.count(pool, "pool of sql.open()", most=10_000)
    return Database(address or "", dsn, size, limit_s)


class Database(Queries):
    """A database, as `sql.open()` returns it.

    Attributes:
        dialect: How its placeholders are written.

    Example::

        db = sql.open(env("DATABASE_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            await db.exec("UPDATE tickets SET title = $1", "open")
            await db.query("SELECT title FROM tickets")
    """

    def __init__(
        self, address: str, dsn: str | None, size: int, timeout_s: float, *, loose: bool = False
    ) -> None:
        """`loose` arguments are read as the query has them: 5 for a text, "5" for a number."""
        self._loose = loose
        self._told = address, dsn, timeout_s, size
        driver = drivers.driver_of(*self._told)
        driver.check()
        self.dialect = driver.dialect
        self._dialect = driver.dialect
        self._shown = driver.shown
        self._size = min(size, driver.most)
        self._timeout_s = timeout_s
        self._texts = {}
        self._pools = PerLoop(self._make_pool, Pool.close)

    def transaction(self, name: str = "transaction") -> Transaction:
        """Begin a transaction: `async with db.transaction() as tx:`, then `tx.query`, `tx.exec`.

        It is committed at the end of the block, and undone by any exception. The whole is an
        operation of its own, from the time that it has a connection to the commit's answer.

        Args:
            name: Name of the operation.

        Returns:
            The `Transaction`, entered by `async with`.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                async with db.transaction("rename") as tx:
                    await tx.exec("UPDATE tickets SET title = $1 WHERE id = 1", "first")
                    await tx.exec("UPDATE tickets SET title = $1 WHERE id = 2", "second")
        """
        return Transaction(self, name)

    async def close(self) -> None:
        """Close the connections of this worker; the next query makes new ones.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                await db.query("SELECT 1")
                await db.close()
        """
        await self._pools.close()

    async def connection(self, op: operation) -> Connection:
        """Return a connection of the pool; `op` begins when there is one. Raises QueryError.

        :meta private:
        """
        pool = self._pools.get()
        connection = pool.take() or await pool.wait()
        measured("db_pool_wait").add(op.restart())
        return connection

    def release(self, connection: Connection, *, lost: bool) -> None:
        """Give a connection back, or close it.

        :meta private:
        """
        pool = self._pools.held
        if pool is not None:
            if lost:
                pool.drop(connection)
            else:
                pool.give(connection)

    _acquire = connection
    _release = release

    def _make_pool(self) -> Pool:
        return Pool(drivers.driver_of(*self._told, loose=self._loose), self._size, self._timeout_s)

    def __repr__(self) -> str:
        return f"<database {self._shown}>"


class Transaction(Queries):
    """Queries on one connection, kept together or undone together; see `Database.transaction`.

    Example::

        db = sql.open(env("DATABASE_URL"))

        @scenario
        async def main(vu: Vu) -> None:
            async with db.transaction() as tx:
                rows = await tx.query("SELECT title FROM tickets WHERE id = 1")
                await tx.exec("UPDATE tickets SET title = $1 WHERE id = 1", rows[0]["title"])
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._dialect = database._dialect
        self._texts = database._texts
        self._op = operation(name, "sql")
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()
        self._lost = False

    async def __aenter__(self) -> Self:
        self._op.__enter__()
        try:
            connection = await self._database.connection(self._op)
            try:
                await connection.begin()
            except BaseException:
                self._database.release(connection, lost=True)
                raise
        except BaseException as error:
            self._leave(error)
            raise
        self._connection = connection
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        assert connection is not None  # it has begun
        self._connection = None
        ended: BaseException | None = error
        try:
            if self._lost:
                pass
            elif error is None:
                await connection.commit()
            else:
                await connection.rollback()
        except BaseException as failed:
            self._lost = True
            ended = error or failed
            if error is None:
                raise
        finally:
            self._database.release(connection, lost=self._lost)
            self._leave(ended)

    def _leave(self, error: BaseException | None) -> None:
        if isinstance(error, QueryError):
            self._op.fail(error.reason)
        self._op.__exit__(None if error is None else type(error), error, None)

    async def _acquire(self, op: operation) -> Connection:
        if self._connection is None:
            raise QueryError("25P01", "the transaction has ended; query inside its `async with`")
        await self._turn.acquire()
        op.restart()
        return self._connection

    def _release(self, connection: Connection, *, lost: bool) -> None:
        self._turn.release()
        self._lost = self._lost or lost
