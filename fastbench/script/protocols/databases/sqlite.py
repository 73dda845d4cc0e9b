"""SQLite: the standard library's driver, each call in a thread, so that the loop goes on.

1. Connections are of one thread at a time: a lock stands around each call, and what is given up is
   interrupted, so that the next one gets its turn.
2. Statements commit at once unless a transaction was begun (BEGIN IMMEDIATE: it waits for a writer
   where it begins, and not in the middle). The mode of the journal is left as it is.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter_ns
from typing import Any, TypeVar

from fastbench.foundation.redact import printable
from fastbench.script.protocols.databases import explanation, placeholders
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect
from fastbench.script.protocols.databases.query_error import UNKNOWN, QueryError

MEMORY = ":memory:"
BUSY_MS = 5000
_STATES = {  # result codes of SQLite, as SQLSTATE says the same
    "SQLITE_CONSTRAINT_UNIQUE": "23505",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "23505",
    "SQLITE_CONSTRAINT_ROWID": "23505",
    "SQLITE_CONSTRAINT_NOTNULL": "23502",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "23503",
    "SQLITE_CONSTRAINT_CHECK": "23514",
    "SQLITE_CANTOPEN": "08001",
    "SQLITE_NOTADB": "08001",
    "SQLITE_INTERRUPT": "57014",
}
_BY_FAMILY = {"CONSTRAINT": "23000", "BUSY": "55P03", "LOCKED": "55P03", "READONLY": "25006"}
_BY_TEXT = {  # SQLITE_ERROR is all of these
    "no such table": "42P01",
    "no such column": "42703",
    "syntax error": "42601",
    "incomplete input": "42601",
    "already exists": "42P07",
}

Result = TypeVar("Result")


class SqliteDriver:
    """A file, or a database in memory, which is its connection's own."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: str, timeout_s: float, pool: int) -> None:
        self.path = path
        self.shown = f"sqlite:///{printable(path)}"
        self.most = 1 if path == MEMORY else 1 << 20
        self._timeout_s = timeout_s
        self._threads = ThreadPoolExecutor(pool, "sqlite")  # threads begin when needed

    def check(self) -> None:
        """It comes with Python."""

    async def connect(self) -> SqliteConnection:
        """Open the file; raises QueryError."""
        loop = asyncio.get_running_loop()
        try:
            opened = await loop.run_in_executor(self._threads, self._open)
        except sqlite3.Error as error:
            raise self.error(error) from None
        return SqliteConnection(self, opened, self._threads, self._timeout_s)

    def error(self, error: sqlite3.Error, *, timed_out: bool = False) -> QueryError:
        """Return what an exception of the driver says."""
        name = getattr(error, "sqlite_errorname", "")
        text = printable(str(error))
        if timed_out:
            return QueryError("57014", f"it took longer than {self._timeout_s:g}s")
        state = _STATES.get(name) or _BY_FAMILY.get(name.partition("_")[2].partition("_")[0])
        if state is None:
            state = next((each for part, each in _BY_TEXT.items() if part in text), UNKNOWN)
        if state == "08001":
            text = f"{self.shown}: {text}; check the path of the file"
        if state == "42P01" and self.path == MEMORY:
            text += "; a database in memory is one process's own: use a file, or one worker (-t 1)"
        about = text.partition("constraint failed: ")[2] if state.startswith("23") else ""
        return QueryError(state, text, about or None)

    def _open(self) -> sqlite3.Connection:
        busy_ms = min(BUSY_MS, round((self._timeout_s or BUSY_MS) * 1000))
        opened = sqlite3.connect(
            self.path,
            timeout=busy_ms / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            opened.execute("PRAGMA foreign_keys = ON")  # reads the file: it may be no database
            opened.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error:
            opened.close()
            raise
        return opened


class SqliteConnection:
    """One connection; see `pool.Connection`."""

    def __init__(
        self,
        driver: SqliteDriver,
        opened: sqlite3.Connection,
        threads: ThreadPoolExecutor,
        timeout_s: float,
    ) -> None:
        self._driver = driver
        self._opened = opened
        self._threads = threads
        self._timeout_s = timeout_s
        self._turn = threading.Lock()
        self._last_id = 0

    def usable(self) -> bool:
        """Tell whether the server has not hung up: a file does not."""
        return True

    async def query(self, text: str, args: Sequence[object]) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return await self._call(lambda: self._fetch(text, args)[0])

    async def execute(self, text: str, args: Sequence[object]) -> int:
        """Return how many rows a statement changed; without arguments there may be several."""
        return await self._call(lambda: self._change(text, args))

    async def change(self, text: str, args: Sequence[object]) -> tuple[int, int | None]:
        """Do the same; return also the id of the last row that this connection inserted."""
        return await self._call(lambda: (self._change(text, args), self._last_id))

    async def begin(self) -> None:
        """Begin a transaction, which may write."""
        await self._call(lambda: self._opened.execute("BEGIN IMMEDIATE"))

    async def commit(self) -> None:
        """End it, and keep what it did."""
        await self._call(lambda: self._opened.execute("COMMIT"))

    async def rollback(self) -> None:
        """End it, and undo what it did, unless SQLite has done so itself."""
        await self._call(lambda: self._opened.in_transaction and self._opened.execute("ROLLBACK"))

    async def explain(self, text: str, args: Sequence[object]) -> Explanation:
        """Run a query, undo what it did, and return its plan."""
        return await self._call(lambda: self._plan(text, args))

    async def close(self) -> None:
        """Interrupt what still runs, and close the file."""
        if (
            self._turn.locked()
        ):  # else it would interrupt what closing does: the log is written back
            self._opened.interrupt()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._locked, self._opened.close)

    def _fetch(self, text: str, args: Sequence[object]) -> tuple[list[dict[str, Any]], int]:
        cursor = self._opened.execute(text, args)
        self._last_id = cursor.lastrowid or self._last_id
        names = [each[0] for each in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        return rows, cursor.rowcount

    def _change(self, text: str, args: Sequence[object]) -> int:
        try:
            return max(0, self._fetch(text, args)[1])
        except (sqlite3.ProgrammingError, sqlite3.Warning) as error:
            if args or "one statement at a time" not in str(error):
                raise
        changed, part = 0, ""
        for piece in placeholders.statements(text):
            part += piece  # a trigger has semicolons inside
            if sqlite3.complete_statement(part):
                changed += max(0, self._fetch(part, ())[1])
                part = ""
        return changed + (max(0, self._fetch(part, ())[1]) if part.strip() else 0)

    def _plan(self, text: str, args: Sequence[object]) -> Explanation:
        inside = self._opened.in_transaction
        steps, _ = self._fetch(f"EXPLAIN QUERY PLAN {text}", args)
        self._opened.execute("SAVEPOINT explained" if inside else "BEGIN")
        try:
            begun_ns = perf_counter_ns()
            rows, changed = self._fetch(text, args)
            took_ms = (perf_counter_ns() - begun_ns) / 1e6
        finally:
            if self._opened.in_transaction:
                self._opened.execute("ROLLBACK TO explained" if inside else "ROLLBACK")
        found = len(rows) or max(0, changed)
        return explanation.of_sqlite([step["detail"] for step in steps], found, took_ms)

    async def _call(self, what: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        late = False

        def give_up() -> None:
            nonlocal late
            late = True
            self._opened.interrupt()

        timer = loop.call_later(self._timeout_s, give_up) if self._timeout_s else None
        try:
            return await loop.run_in_executor(self._threads, self._locked, what)
        except sqlite3.Error as error:
            raise self._driver.error(error, timed_out=late) from None
        except asyncio.CancelledError:
            self._opened.interrupt()
            raise
        except OverflowError as error:
            raise QueryError("22000", str(error)) from None
        finally:
            if timer is not None:
                timer.cancel()

    def _locked(self, what: Callable[[], Result]) -> Result:
        with self._turn:
            return what()
