"""Which driver an address of a database names."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.script.protocols.databases.pool import Driver

KINDS = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "postgres": "postgres",
    "postgresql": "postgres",
    "pgx": "postgres",
    "sqlite": "sqlite",
    "sqlite3": "sqlite",
}
MEMORY = ":memory:"
_SCHEME = re.compile(r"([A-Za-z0-9]+)(?:\+\w+)?://", re.ASCII)  # `postgresql+asyncpg://`, too


def driver_of(
    address: str, dsn: str | None, timeout_s: float, pool: int, *, loose: bool = False
) -> Driver:
    """Return the driver of an address, or of a kind of database and its address.

    `loose` arguments are read as the query has them. Raises UsageError where neither says which
    database it is.
    """
    kind, where = _told(address, dsn)
    if kind == "sqlite":  # each is imported by who needs it
        from fastbench.script.protocols.databases.sqlite import SqliteDriver

        return SqliteDriver(_path(where), timeout_s, pool)
    if kind == "postgres":
        from fastbench.script.protocols.databases.postgres import PostgresDriver, url_of_pairs

        url = where if _SCHEME.match(where) else url_of_pairs(where)
        return PostgresDriver(_SCHEME.sub("postgresql://", url, count=1), timeout_s, loose=loose)
    from fastbench.script.protocols.databases.mysql import MysqlDriver, url_of_go

    url = where if _SCHEME.match(where) else url_of_go(where)
    _checked(url)
    return MysqlDriver(url, timeout_s)


def _told(address: str, dsn: str | None) -> tuple[str, str]:
    if not isinstance(address, str) or not address or (dsn is None and address in KINDS):
        raise UsageError(
            "sql.open() needs the address of a database, for example "
            'sql.open("sqlite:///app.db"); give the one that env() reads with -e NAME=ADDRESS.'
        )
    if dsn is not None:
        if (kind := KINDS.get(address.lower())) is None:
            raise UsageError(
                f"sql.open() knows no database {redact.printable(redact.text(address))}: it is "
                "postgres, mysql or sqlite."
            )
        if not isinstance(dsn, str) or not dsn:
            raise UsageError(
                f"sql.open({address!r}, …) needs an address, too; give the one that env() reads "
                "with -e NAME=ADDRESS."
            )
        return kind, dsn
    scheme = _SCHEME.match(address)
    if scheme is None or (kind := KINDS.get(scheme[1].lower())) is None:
        shown = redact.printable(redact.url(redact.text(address)))
        raise UsageError(
            f"sql.open() cannot tell which database {shown} is: its address begins with "
            "postgres://, mysql:// or sqlite:///."
        )
    return kind, address


def _path(where: str) -> str:
    """Return the file of `sqlite:///relative.db`, `sqlite:////absolute.db` or a path."""
    match = _SCHEME.match(where)
    if match is None:
        path, _, more = where.removeprefix("file:").partition("?")
        return MEMORY if "mode=memory" in more else path or MEMORY
    rest = where[match.end() :].partition("?")[0]
    if rest and not rest.startswith("/"):
        raise UsageError(
            f"The address of a file is sqlite:///{redact.printable(rest)}, with three slashes."
        )
    return unquote(rest[1:]) or MEMORY


def _checked(url: str) -> None:
    try:
        _ = urlsplit(url).port
    except ValueError:
        raise UsageError(
            f"The port of {redact.printable(redact.url(url))} is not a number."
        ) from None
