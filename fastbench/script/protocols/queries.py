"""Queries of a database, timed and counted: what a database and a transaction have in common."""

from __future__ import annotations

import re
from typing import Any

from fastbench.foundation.usage_error import UsageError
from fastbench.script.api.measured import measured
from fastbench.script.api.operations import operation
from fastbench.script.protocols.databases import placeholders
from fastbench.script.protocols.databases.explanation import Explanation
from fastbench.script.protocols.databases.placeholders import Dialect, Statement
from fastbench.script.protocols.databases.pool import Connection, Row
from fastbench.script.protocols.databases.query_error import QueryError

MAX_STATEMENTS = 1000  # that are kept as their database has them
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TABLE = re.compile(
    r"\b(?:from|into|update|table|index|schema|view)\s+(?:only\s+)?(?:if\s+(?:not\s+)?exists\s+)?"
    r"([\w.\"`\[\]]+)",
    re.IGNORECASE,
)


class Queries:
    """What a database and a transaction have in common."""

    _dialect: Dialect
    _texts: dict[str, tuple[Statement | None, str]]

    async def query(self, text: str, *args: object, name: str | None = None) -> list[Row]:
        """Run a query, and return its rows.

        Args:
            text: The query; `$1` or `?` stand for the arguments, on every database.
            args: The arguments.
            name: Name of the operation; default: what the query says, "SELECT tickets".

        Returns:
            A list of rows, each a dict by column.

        Raises:
            QueryError: The database refuses it, or cannot be reached.
            UsageError: The text is empty, or has other arguments than placeholders.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                rows = await db.query("SELECT id, title FROM tickets WHERE id < $1", 10)
                check(rows, {"has rows": lambda found: len(found) > 0})
        """
        found: list[Row] = await self._timed("query", text, args, name)
        return found

    async def exec(self, text: str, *args: object, name: str | None = None) -> int:
        """Run a statement. Without arguments the text may hold several statements.

        Args:
            text: The query; `$1` or `?` stand for the arguments, on every database.
            args: The arguments.
            name: Name of the operation; default: what the query says, "SELECT tickets".

        Returns:
            How many rows it changed; 0 where it changes none.

        Raises:
            QueryError: The database refuses it, or cannot be reached.
            UsageError: The text is empty, or has other arguments than placeholders.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                changed = await db.exec("UPDATE tickets SET title = $1 WHERE id = $2", "hello", 1)
                check(changed, {"one row": lambda n: n == 1})
        """
        found: int = await self._timed("execute", text, args, name)
        return found

    async def change(
        self, text: str, *args: object, name: str | None = None
    ) -> tuple[int, int | None]:
        """Run a statement as `exec` does, and return also the id of the last row it inserted.

        Args:
            text: The query; `$1` or `?` stand for the arguments, on every database.
            args: The arguments.
            name: Name of the operation; default: what the query says, "SELECT tickets".

        Returns:
            How many rows it changed, and the id; None where the database does not tell.

        Raises:
            QueryError: The database refuses it, or cannot be reached.
            UsageError: The text is empty, or has other arguments than placeholders.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                changed, row_id = await db.change("INSERT INTO tickets (title) VALUES (?)", "new")
                check(changed, {"one row": changed == 1})
        """
        found: tuple[int, int | None] = await self._timed("change", text, args, name)
        return found

    async def explain(self, text: str, *args: object, name: str = "explain") -> Explanation:
        """Run a query, undo what it did, and return how the database went about it.

        Args:
            text: The query; `$1` or `?` stand for the arguments, on every database.
            args: The arguments.
            name: Name of the operation; default "explain".

        Returns:
            The plan, an `Explanation`.

        Raises:
            QueryError: The database refuses it, or cannot be reached.
            UsageError: The text is empty, or has other arguments than placeholders.

        Example::

            db = sql.open(env("DATABASE_URL"))

            @scenario
            async def main(vu: Vu) -> None:
                plan = await db.explain("SELECT title FROM tickets WHERE id = $1", 1)
                check(plan, {"no table is read whole": lambda p: not p.sequential_scans})
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


def summary(text: str) -> str:
    """Name a query by its verb and its first table, so that its values are in no name."""
    plain = _COMMENTS.sub(" ", text)
    verb = re.search(r"[a-z]+", plain, re.IGNORECASE)
    table = _TABLE.search(plain)
    words = (verb and verb[0].upper(), table and re.sub(r"[\"`\[\]]", "", table[1]))
    return " ".join(filter(None, words)) or "query"
