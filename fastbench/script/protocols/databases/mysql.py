"""MySQL and MariaDB by asyncmy, which writes arguments into the text before it sends it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Sequence
from time import perf_counter_ns
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fastbench.foundation.redact import printable
from fastbench.foundation.usage_error import UsageError
from fastbench.script import extras
from fastbench.script.protocols.databases import explanation
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect
from fastbench.script.protocols.databases.query_error import UNKNOWN, QueryError

CONNECT_S = 10.0
PORT = 3306
# Error numbers of the server and of its client library (MySQL's manual B.3), as SQLSTATE.
_STATES = {
    1040: "53300",
    1044: "42501",
    1045: "28P01",
    1048: "23502",
    1049: "3D000",
    1050: "42P07",
    1054: "42703",
    1062: "23505",
    1064: "42601",
    1146: "42P01",
    1205: "55P03",
    1213: "40P01",
    1216: "23503",
    1217: "23503",
    1406: "22001",
    1451: "23503",
    1452: "23503",
    2003: "08001",
    2005: "08001",
    2006: "08006",
    2013: "08006",
    3024: "57014",
    3819: "23514",
    4025: "23514",
}
_KEY = re.compile(r"for key '([^']+)'|CONSTRAINT [`']([^`']+)[`']|constraint '([^']+)'", re.I)
_GO = re.compile(r"(?:(?P<user>[^:@]*)(?::(?P<pw>.*))?@)?(?:tcp\((?P<place>[^)]*)\))?/(?P<rest>.*)")


def url_of_go(words: str) -> str:
    """Return the URL of `user:password@tcp(host:port)/name`, as k6's scripts have it."""
    from urllib.parse import quote

    match = _GO.fullmatch(words)
    if match is None:
        raise UsageError(
            "The address of a database of MySQL is mysql://user:password@host:3306/name."
        )
    user, password = (quote(match[part] or "", safe="") for part in ("user", "pw"))
    about = f"{user}:{password}@" if password else f"{user}@" if user else ""
    return f"mysql://{about}{match['place'] or 'localhost'}/{match['rest']}"


class MysqlDriver:
    """A server, by URL; `?unix_socket=PATH` names its socket."""

    dialect: Dialect = "mysql"
    most = 1 << 20

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._timeout_s = timeout_s
        self._where: dict[str, Any] = {
            "host": parts.hostname or "localhost",
            "port": parts.port or PORT,
            "user": unquote(parts.username or "") or "root",
            "password": unquote(parts.password or ""),
            "db": unquote(parts.path.strip("/")) or None,
        }
        if sockets := parse_qs(parts.query).get("unix_socket"):
            self._where["unix_socket"] = sockets[0]
        self.shown = printable(f"mysql://{parts.netloc.rpartition('@')[2]}{parts.path}")

    def check(self) -> None:
        """Import asyncmy; raises UsageError where it is not installed."""
        extras.load("asyncmy", extra="mysql", what="A database of MySQL")

    async def connect(self) -> MysqlConnection:
        """Make a connection; raises QueryError."""
        asyncmy: Any = extras.load("asyncmy", extra="mysql", what="A database of MySQL")
        # It repeats notes of the server ("Unknown table" of DROP … IF EXISTS) on standard error.
        logging.getLogger("asyncmy").setLevel(logging.ERROR)
        try:
            async with asyncio.timeout(CONNECT_S):
                opened = await asyncmy.connect(**self._where, autocommit=True)
        except TimeoutError:
            text = f"{self.shown} did not answer within {CONNECT_S:g}s"
            raise QueryError("08001", text) from None
        except (OSError, asyncmy.errors.MySQLError) as error:
            raise self.error(error, "08001") from None
        return MysqlConnection(self, opened, asyncmy, self._timeout_s)

    def error(self, error: Exception, otherwise: str = UNKNOWN) -> QueryError:
        """Return what an exception of the driver says."""
        number, *rest = error.args or ("",)
        text = printable(str(rest[0] if rest else error) or type(error).__name__)
        state = _STATES.get(number) if isinstance(number, int) else None
        if state is None and isinstance(error, OSError):
            state = "08006"
        found = _KEY.search(text) if (state or "").startswith("23") else None
        constraint = next(filter(None, found.groups()), None) if found else None
        return QueryError(state or otherwise, text, constraint)


class MysqlConnection:
    """One connection; see `pool.Connection`."""

    def __init__(self, driver: MysqlDriver, opened: Any, asyncmy: Any, timeout_s: float) -> None:
        self._driver = driver
        self._opened = opened
        self._asyncmy = asyncmy
        self._timeout_s = timeout_s
        self._inside = False
        self._last_id = 0
        self._left = False  # its caller did not wait for the answer

    def usable(self) -> bool:
        """Tell whether the server has not hung up, as far as is known."""
        return bool(self._opened.connected)

    async def query(self, text: str, args: Sequence[object]) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return (await self._fetch(text, args))[0]

    async def execute(self, text: str, args: Sequence[object]) -> int:
        """Return how many rows a statement changed."""
        return (await self._fetch(text, args))[1]

    async def change(self, text: str, args: Sequence[object]) -> tuple[int, int | None]:
        """Do the same; return also the id of the row that was inserted, 0 where none was."""
        return (await self._fetch(text, args))[1], self._last_id

    async def begin(self) -> None:
        """Begin a transaction."""
        await self._fetch("START TRANSACTION", ())
        self._inside = True

    async def commit(self) -> None:
        """End it, and keep what it did."""
        await self._fetch("COMMIT", ())
        self._inside = False

    async def rollback(self) -> None:
        """End it, and undo what it did."""
        await self._fetch("ROLLBACK", ())
        self._inside = False

    async def explain(self, text: str, args: Sequence[object]) -> Explanation:
        """Run a query, undo what it did, and return its plan."""
        steps, _ = await self._fetch(f"EXPLAIN {text}", args)
        await self._fetch("SAVEPOINT explained" if self._inside else "START TRANSACTION", ())
        try:
            begun_ns = perf_counter_ns()
            rows, changed = await self._fetch(text, args)
            took_ms = (perf_counter_ns() - begun_ns) / 1e6
        finally:
            await self._fetch("ROLLBACK TO explained" if self._inside else "ROLLBACK", ())
        return explanation.of_mysql(steps, len(rows) or changed, took_ms)

    async def close(self) -> None:
        """Hang up; end what the server still does for somebody who has left."""
        thread = self._opened.thread_id()
        self._opened.close()
        if self._left:
            with contextlib.suppress(QueryError):
                other = await self._driver.connect()
                await other.execute(f"KILL {thread}", ())
                await other.close()

    async def _fetch(self, text: str, args: Sequence[object]) -> tuple[list[dict[str, Any]], int]:
        errors = self._asyncmy.errors
        try:
            async with asyncio.timeout(self._timeout_s or None):
                async with self._opened.cursor(self._asyncmy.cursors.DictCursor) as cursor:
                    await cursor.execute(text, args or None)
                    rows = await cursor.fetchall() if cursor.description else ()
                    changed = max(0, int(cursor.rowcount))
                    self._last_id = int(cursor.lastrowid or 0)
                    while await cursor.nextset():  # of several statements
                        changed = max(0, int(cursor.rowcount))
                    return [dict(row) for row in rows], changed
        except TimeoutError:
            self._left = True
            text = f"it took longer than {self._timeout_s:g}s"
            raise QueryError("57014", text, lost=True) from None
        except asyncio.CancelledError:
            self._left = True
            raise
        except (OSError, errors.MySQLError) as error:
            raise self._driver.error(error) from None
