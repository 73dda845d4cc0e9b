"""PostgreSQL by asyncpg: prepared statements that each connection keeps, results in binary."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from fastbench.foundation.redact import printable
from fastbench.script import extras
from fastbench.script.protocols.databases import explanation, loose_arguments
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect
from fastbench.script.protocols.databases.query_error import UNKNOWN, QueryError

CONNECT_S = 10.0
MAX_TYPES = 1000  # queries whose parameters are known
END_S = 0.4  # for the goodbye of a connection


def url_of_pairs(words: str) -> str:
    """Return the URL of `host=… user=… password=… dbname=…`, PostgreSQL's manual 34.1.1."""
    pairs = dict(pair.partition("=")[::2] for pair in words.split())
    found = {key: value.strip("'") for key, value in pairs.items()}
    user, host, port, name, password = (
        quote(found.pop(key, ""), safe="") for key in ("user", "host", "port", "dbname", "password")
    )
    about = f"{user}:{password}@" if password else f"{user}@" if user else ""
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in found.items())
    place = f"{host}:{port}" if port else host
    return f"postgresql://{about}{place}/{name}" + (f"?{query}" if query else "")


class PostgresDriver:
    """A server, by URL."""

    dialect: Dialect = "postgres"
    most = 1 << 20

    def __init__(self, url: str, timeout_s: float, *, loose: bool = False) -> None:
        """`loose` arguments are read as the query has them: 5 for a text, "5" for a number."""
        self.loose = loose
        self.types: dict[str, tuple[str, ...]] = {}
        self._url = url
        self._timeout_s = timeout_s
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2] or "localhost"
        self.shown = printable(f"postgresql://{place}{parts.path}")

    def check(self) -> None:
        """Import asyncpg; raises UsageError where it is not installed."""
        _driver()

    async def connect(self) -> PostgresConnection:
        """Make a connection; raises QueryError."""
        asyncpg = _driver()
        try:
            opened = await self.dial(CONNECT_S)
        except TimeoutError:
            text = f"{self.shown} did not answer within {CONNECT_S:g}s"
            raise QueryError("08001", text) from None
        except (OSError, ValueError, asyncpg.InterfaceError) as error:
            text = f"{self.shown}: {printable(str(error))}; is the server there?"
            raise QueryError("08001", text) from None
        except asyncpg.PostgresError as error:
            raise self.error(error) from None
        return PostgresConnection(self, opened)

    async def dial(self, limit_s: float) -> Any:
        """Return a connection of the driver; raises what that raises."""
        return await _driver().connect(
            self._url,
            timeout=limit_s,
            command_timeout=self._timeout_s or None,
            server_settings={"application_name": "fastbench"},
        )

    def error(self, error: Exception) -> QueryError:
        """Return what an exception of the driver says."""
        if isinstance(error, TimeoutError):
            return QueryError("57014", f"it took longer than {self._timeout_s:g}s")
        state = getattr(error, "sqlstate", None) or UNKNOWN
        broken = "connection is closed", "another operation"  # of a state left by a loss
        if isinstance(error, OSError) or any(words in str(error) for words in broken):
            state = "08006"
        text = printable(str(error) or type(error).__name__)
        if state == UNKNOWN and isinstance(error, ValueError | TypeError):
            state = "22000"  # an argument that the driver cannot send
        return QueryError(state, text, getattr(error, "constraint_name", None))


class PostgresConnection:
    """One connection; see `pool.Connection`."""

    def __init__(self, driver: PostgresDriver, opened: Any) -> None:
        self._driver = driver
        self._opened = opened
        self._errors = _errors()
        self._left = False  # its caller did not wait for the answer

    def usable(self) -> bool:
        """Tell whether the server has not hung up, as far as is known."""
        return not self._opened.is_closed()

    async def query(self, text: str, args: Sequence[object]) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        try:
            if args and self._driver.loose:
                args = await self._as_declared(text, args)
            found = await self._opened.fetch(text, *args)
        except self._errors as error:
            raise self._driver.error(error) from None
        except BaseException:
            self._left = True
            raise
        return [dict(row) for row in found]

    async def execute(self, text: str, args: Sequence[object]) -> int:
        """Return how many rows a statement changed; without arguments there may be several."""
        try:
            if args and self._driver.loose:
                args = await self._as_declared(text, args)
            status = await self._opened.execute(text, *args)
        except self._errors as error:
            raise self._driver.error(error) from None
        except BaseException:
            self._left = True
            raise
        count = str(status).rpartition(" ")[2]
        return int(count) if count.isdigit() else 0

    async def change(self, text: str, args: Sequence[object]) -> tuple[int, int | None]:
        """Do the same; PostgreSQL tells no ids."""
        return await self.execute(text, args), None

    async def _as_declared(self, text: str, args: Sequence[object]) -> tuple[object, ...]:
        """Return arguments as the types of the query's parameters have them."""
        types = self._driver.types.get(text)
        if types is None:
            prepared = await self._opened.prepare(text)
            types = tuple(each.name for each in prepared.get_parameters())
            if len(self._driver.types) >= MAX_TYPES:
                self._driver.types.clear()
            self._driver.types[text] = types
        return loose_arguments.converted(args, types)

    async def begin(self) -> None:
        """Begin a transaction."""
        await self.execute("BEGIN", ())

    async def commit(self) -> None:
        """End it, and keep what it did; one that failed is undone, and says so."""
        try:
            status = await self._opened.execute("COMMIT")
        except self._errors as error:
            raise self._driver.error(error) from None
        if status == "ROLLBACK":
            raise QueryError("25P02", "the transaction had failed before, and was undone")

    async def rollback(self) -> None:
        """End it, and undo what it did."""
        await self.execute("ROLLBACK", ())

    async def explain(self, text: str, args: Sequence[object]) -> Explanation:
        """Run a query, undo what it did, and return its plan."""
        inside = self._opened.is_in_transaction()
        await self.execute("SAVEPOINT explained" if inside else "BEGIN", ())
        try:
            rows = await self.query(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", args)
        finally:
            await self.execute("ROLLBACK TO explained" if inside else "ROLLBACK", ())
        plan = rows[0]["QUERY PLAN"]
        return explanation.of_postgres(json.loads(plan) if isinstance(plan, str) else plan)

    async def close(self) -> None:
        """Say goodbye; end what the server still does for somebody who has left."""
        pid = self._opened.get_server_pid()
        try:
            if not self._left:
                await self._opened.close(timeout=END_S)
                return
        except (Exception, asyncio.CancelledError):  # it is gone, or too slow
            pass
        self._opened.terminate()
        # The driver cancels by a task, which the end of the load may have cancelled itself.
        with contextlib.suppress(*self._errors):
            other = await self._driver.dial(END_S)
            await other.execute("SELECT pg_cancel_backend($1)", pid)
            await other.close(timeout=END_S)


def _driver() -> Any:
    return extras.load("asyncpg", extra="postgres", what="A database of PostgreSQL")


def _errors() -> tuple[type[Exception], ...]:
    asyncpg = _driver()
    return (
        *(asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError),
        *(OSError, TimeoutError, ValueError, TypeError),
    )
