"""Databases as k6/x/sql has them, over those of all scripts.

1. What users open with the same address is one pool in their worker, of as many connections as
   `max_open_conns` says. A database in memory is its user's own.
2. Values are as k6's drivers give them: what they leave as bytes is a list of numbers, such as
   the texts of MySQL and the numerics of PostgreSQL.
"""

from __future__ import annotations

import asyncio
import datetime
import json
from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from fastbench.foundation import units
from fastbench.foundation.usage_error import UsageError
from fastbench.script import values
from fastbench.script.k6.k6_calls import K6Error, owner
from fastbench.script.protocols.sql import Database, QueryError

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

POOL = 100
DRIVERS = frozenset(("postgres", "pgx", "mysql", "sqlite3"))
_OPTIONS = frozenset(
    ("max_open_conns", "max_idle_conns", "conn_max_lifetime", "conn_max_idle_time")
)
_CLOSED = "sql: database is closed"
_NO_ID = "LastInsertId is not supported by this driver"

T = TypeVar("T")


def install(realm: K6Realm) -> None:
    """Add the operations."""
    opened: dict[tuple[Any, ...], Database] = {}

    def open_database(driver: str, dsn: str, options: Any) -> int:
        user = owner()
        if not user.initializing:
            raise K6Error("sql.open() belongs into the init context, outside of any function")
        key = (driver, dsn, _size(options), user if _in_memory(driver, dsn) else None)
        found = opened.get(key)
        if found is None:
            found = opened[key] = _opened(*key[:3])
        user.databases.append(found)
        return len(user.databases) - 1

    realm.define("sqlOpen", open_database)
    realm.define("sqlQuery", _query)
    realm.define("sqlExec", _exec)
    realm.define("sqlClose", _close)
    realm.define("sqlSeconds", _seconds)


def _opened(driver: str, dsn: str, size: int) -> Database:
    if driver not in DRIVERS:
        known = ", ".join(sorted(DRIVERS))
        raise UsageError(f"sql.open(): unsupported database {driver}; there are {known}.")
    return Database(driver, dsn, size, 0.0, loose=True)


def _in_memory(driver: str, dsn: str) -> bool:
    return driver == "sqlite3" and (":memory:" in dsn or "mode=memory" in dsn or not dsn)


def _size(options: Any) -> int:
    given = options or {}
    if not isinstance(given, Mapping):
        raise K6Error("the options of sql.open() are an object")
    if unknown := given.keys() - _OPTIONS:
        raise K6Error(f"sql.open() has no option {unknown.pop()}")
    size = given.get("max_open_conns")
    return values.count(size, "max_open_conns of sql.open()", most=10_000) if size else POOL


def _database(number: int) -> Database:
    user = owner()
    if user.initializing or user.vu is None:
        raise K6Error("a database cannot be queried in the init context, nor in handleSummary()")
    found: Database | None = user.databases[number]
    if found is None:
        raise K6Error(_CLOSED)
    return found


async def _query(number: int, text: str, args: list[Any], limit_s: float) -> list[Any]:
    database = _database(number)
    rows = await _within(limit_s, database.query(text, *_given(args)), database)
    shown, dialect = _VALUES, database.dialect
    found = []
    for row in rows:
        told = {}
        for name, value in row.items():
            kind = type(value)
            if kind is str and dialect == "mysql":
                value = list(value.encode())
            elif kind in shown:
                value = shown[kind](value)
            elif kind not in _PLAIN:
                value = list(str(value).encode())
            told[name] = value
        found.append(told)
    return found


async def _exec(number: int, text: str, args: list[Any], limit_s: float) -> list[Any]:
    """Return how many rows changed, the id of the last one, and why there is none."""
    database = _database(number)
    changed, last_id = await _within(limit_s, database.change(text, *_given(args)), database)
    return [changed, last_id, _NO_ID if last_id is None else ""]


def _close(number: int) -> None:
    owner().databases[number] = None  # the connections are those of other users, too


async def _within(limit_s: float, work: Awaitable[T], database: Database) -> T:
    """Wait for a query; raises K6Error for what the database refuses, and when it takes longer."""
    try:
        async with asyncio.timeout(limit_s or None):
            return await work
    except TimeoutError:
        raise K6Error("context deadline exceeded") from None
    except QueryError as error:
        before = "pq: " if database.dialect == "postgres" and not error.lost else ""
        raise K6Error(f"{before}{error.text}") from None
    except TypeError as error:  # another number of arguments than the query has
        raise K6Error(f"sql: {error}") from None


def _given(args: list[Any]) -> list[Any]:
    return [
        int(each) if isinstance(each, float) and each.is_integer() and abs(each) < 2**53 else each
        for each in args
    ]


def _seconds(text: str) -> float:
    try:
        return units.parse_duration_s(text)
    except ValueError:
        raise K6Error(f'time: invalid duration "{text}"') from None


def _time(value: datetime.datetime) -> str:
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return value.isoformat().replace("+00:00", "Z")


_PLAIN = frozenset((str, int, float, bool, type(None)))
_VALUES: Mapping[type, Any] = {
    bytes: list,
    bytearray: list,
    memoryview: list,
    datetime.datetime: _time,
    datetime.date: lambda value: f"{value.isoformat()}T00:00:00Z",
    dict: lambda value: list(json.dumps(value).encode()),
}
