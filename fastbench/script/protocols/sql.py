"""Databases: `db = sql.open(env("DATABASE_URL"))`, then `await db.query(…)` in any function.

1. A call is an operation of kind sql, named by `name=` or by what it says ("SELECT tickets"). Its
   time runs from the moment that it has a connection; what it waited for one is db_pool_wait.
2. There is a pool in each worker, whose connections are made when they are needed and closed when
   the worker ends, after an interrupt, too.
3. What a database refuses is a QueryError. The operation counts as failed, with its SQLSTATE.
"""

from __future__ import annotations

import asyncio
import re
from types import TracebackType
from typing import Any, Self

from fastbench.foundation.usage_error import UsageError
from fastbench.script import values
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.closing import PerLoop
from fastbench.script.protocols.databases import drivers, placeholders
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect, Statement
from fastbench.script.protocols.databases.pool import Connection, Pool, Row
from fastbench.script.protocols.databases.query_error import QueryError

__all__ = ["Database", "Explanation", "QueryError", "Transaction", "open"]

POOL = 10
TIMEOUT_S = 30.0
MAX_STATEMENTS = 1000  # that are kept as their database has them
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(
    r"\b(?:from|into|update|table|index|schema|view)\s+(?:only\s+)?(?:if\s+(?:not\s+)?exists\s+)?"
    r"([\w.\"`\[\]]+)",
    re.IGNORECASE,
)


def open(
    address: str | None, dsn: str | None = None, *, pool: int = POOL, timeout: Any = TIMEOUT_S
) -> Database:
    """Return a database by its address; no connection is made yet.

    `address` is `postgres://user:password@host/name`, `mysql://…` or `sqlite:///file.db` (four
    slashes: an absolute path); or the kind of database, with `dsn` as its driver has it. `pool` is
    how many connections each worker has at most, `timeout` what a query may take (seconds or a
    text such as "5s"; 0: any time).
    """
    limit_s = values.duration_s(timeout, "timeout of sql.open()")
    size = values.count(pool, "pool of sql.open()", most=10_000)
    return Database(address or "", dsn, size, limit_s)


class _Queries:
    """What a database and a transaction have in common."""

    _dialect: Dialect
    _texts: dict[str, tuple[Statement | None, str]]

    async def query(self, text: str, *args: object, name: str | None = None) -> list[Row]:
        """Return the rows of a query, each a dict by column.

        `$1` and `?` stand for the arguments; `name` is the operation's. Raises QueryError.
        """
        found: list[Row] = await self._timed("query", text, args, name)
        return found

    async def exec(self, text: str, *args: object, name: str | None = None) -> int:
        """Return how many rows a statement changed; 0 where it changes none. Raises QueryError.

        Without arguments the text may hold several statements.
        """
        found: int = await self._timed("execute", text, args, name)
        return found

    async def change(
        self, text: str, *args: object, name: str | None = None
    ) -> tuple[int, int | None]:
        """Do as `exec`, and return also the id of the last row that was inserted.

        None where the database does not tell. Raises QueryError.
        """
        found: tuple[int, int | None] = await self._timed("change", text, args, name)
        return found

    async def explain(self, text: str, *args: object, name: str = "explain") -> Explanation:
        """Run a query, undo what it did, and return how the database went about it.

        `check(plan, {"no sequential scan": lambda p: not p.sequential_scans})`. Raises QueryError.
        """
        found: Explanation = await self._timed("explain", text, args, name)
        return found

    async def _timed(self, call: str, text: str, args: tuple[object, ...], name: str | None) -> Any:
        statement, summary = self._texts.get(text) or self._read(text)
        if statement is not None and args:
            text, args = statement.text, statement.ordered(args)
        tags = (("query", name or summary),)
        op = operation(name or summary, "sql")
        try:
            with op:
                try:
                    connection = await self._acquire(op)
                    try:
                        found = await getattr(connection, call)(text, args)
                    except QueryError as error:
                        self._release(connection, lost=error.lost)
                        raise
                    except BaseException:
                        self._release(connection, lost=True)
                        raise
                    self._release(connection, lost=False)
                except QueryError as error:
                    op.fail(error.reason)
                    measured("db_errors", (*tags, ("sqlstate", error.sqlstate))).add(1)
                    raise
        finally:
            if op.ended:
                measured("db_query_duration", tags).add(op.duration_ns)
                measured("db_queries", tags).add(1)
        return found

    def _read(self, text: str) -> tuple[Statement | None, str]:
        if not isinstance(text, str) or not text.strip():
            raise UsageError('A query is a text, for example db.query("SELECT 1").')
        if len(self._texts) >= MAX_STATEMENTS:
            self._texts.clear()
        found = self._texts[text] = (placeholders.rewritten(text, self._dialect), summary(text))
        return found

    async def _acquire(self, op: operation) -> Connection:
        raise NotImplementedError

    def _release(self, connection: Connection, *, lost: bool) -> None:
        raise NotImplementedError


class Database(_Queries):
    """A database; see `open`."""

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
        operation of its own, from the time it has a connection to the answer of the commit.
        """
        return Transaction(self, name)

    async def close(self) -> None:
        """Close the connections of this worker; the next query makes new ones."""
        await self._pools.close()

    async def connection(self, op: operation) -> Connection:
        """Return a connection of the pool; `op` begins when there is one. Raises QueryError."""
        pool = self._pools.get()
        connection = pool.take() or await pool.wait()
        measured("db_pool_wait").add(op.restart())
        return connection

    def release(self, connection: Connection, *, lost: bool) -> None:
        """Give a connection back, or close it."""
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


class Transaction(_Queries):
    """Queries on one connection, kept together or undone together; see `Database.transaction`."""

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


def summary(text: str) -> str:
    """Name a query by its verb and its first table, so that its values are in no name."""
    plain = _COMMENTS.sub(" ", text)
    verb = re.search(r"[a-z]+", plain, re.IGNORECASE)
    table = _TABLE.search(plain)
    words = (verb and verb[0].upper(), table and re.sub(r"[\"`\[\]]", "", table[1]))
    return " ".join(filter(None, words)) or "query"
