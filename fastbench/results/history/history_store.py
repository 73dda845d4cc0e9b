"""Runs that are kept in one file: an SQLite database of result documents, with a few columns.

1. A row is a run: its whole document, packed with gzip, and beside it what a list or a trend needs.
   The columns are worked out from the result once, when it is kept; the document is the truth.
2. Several runs may write at once: a writer takes the lock before it looks, and waits its turn.
3. The file says what it is (application_id) and how it is laid out (user_version). What is not
   ours, or is laid out by a newer version, is refused and never written to.
4. What stands in the file is data like that of a server: its types are checked. Whatever goes wrong
   is a UsageError of one sentence.
5. Nothing stays open behind a call: no connection goes through the fork of the workers.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import sqlite3
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from urllib.parse import quote

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.results.history.history_entry import MAX_NAME, Entry, Group
from fastbench.results.json_codec import DocumentError, parsed, read
from fastbench.results.result import Result

APPLICATION_ID = 0x66626869  # "fbhi"
LAYOUT = WITH_PROTOCOL = 3  # which former layouts do not have
BUSY_S = 10.0
MAX_FIGURE = 1e12  # requests per second, or milliseconds
MAX_DOCUMENT_BYTES = 256 * 2**20  # unpacked; an hour of a large script has a few MiB
_FORMER_PROTOCOL = "'HTTP/1.1'"  # of all their runs
_FORMER = {"kept": "passed", "broken": "failed"}  # of thresholds, in rows of layout 1
_SHOWN_NAMES = 8
_TABLES = (
    """CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    started_at TEXT NOT NULL,
    version TEXT NOT NULL,
    build TEXT NOT NULL,
    requests_per_s REAL NOT NULL,
    p50_ms REAL,
    p95_ms REAL,
    p99_ms REAL,
    times TEXT NOT NULL,
    errors_share REAL NOT NULL,
    ended TEXT NOT NULL,
    verdict TEXT NOT NULL,
    thresholds TEXT NOT NULL,
    exit_code INTEGER NOT NULL,
    cpu TEXT NOT NULL,
    cores INTEGER NOT NULL,
    kernel TEXT NOT NULL,
    protocol TEXT NOT NULL,
    document BLOB NOT NULL
    )""",
    "CREATE INDEX runs_by_name ON runs (name, id)",
)


_COLUMNS = tuple(field.name for field in fields(Entry))
_LISTED = ", ".join(_COLUMNS)
_FORMER_LISTED = _LISTED.replace("protocol", f"{_FORMER_PROTOCOL} AS protocol")


class History:
    """A file that is open to be read; what it tells belongs together."""

    def __init__(self, connection: sqlite3.Connection, shown: str, layout: int = LAYOUT) -> None:
        self._connection = connection
        self._shown = shown
        self._listed = _LISTED if layout >= WITH_PROTOCOL else _FORMER_LISTED

    def groups(self, name: str | None = None, last: int | None = None) -> list[Group]:
        """Return the newest `last` runs of each name, or of one; who ran last stands last."""
        counted = self._connection.execute(
            "SELECT name, count(*) FROM runs GROUP BY name ORDER BY max(id)"
        ).fetchall()
        known = [(read(str, found, "name"), int(total)) for found, total in counted]
        if name is not None:
            chosen = [(found, total) for found, total in known if found == name]
            if not chosen:
                raise UsageError(self._unknown(name, [found for found, _ in known]))
            known = chosen
        return [Group(found, total, self._runs(found, last)) for found, total in known]

    def run(self, number: int) -> Entry:
        """Return one run by its id."""
        found = self._connection.execute(
            f"SELECT {self._listed} FROM runs WHERE id = ?", (number,)
        ).fetchone()
        if found is None:
            raise UsageError(self._no_run(number))
        return _entry(found)

    def last_complete(self, name: str) -> Entry | None:
        """Return the newest run of a name that came to its end, None without any."""
        found = self._connection.execute(
            f"SELECT {self._listed} FROM runs WHERE name = ? AND ended = 'complete' "
            "ORDER BY id DESC LIMIT 1",
            (name,),
        ).fetchone()
        return None if found is None else _entry(found)

    def document(self, number: int) -> bytes:
        """Return the document of a run, byte for byte as it was kept."""
        found = self._connection.execute(
            "SELECT document FROM runs WHERE id = ?", (number,)
        ).fetchone()
        if found is None:
            raise UsageError(self._no_run(number))
        try:
            return _unpacked(found[0])
        except DocumentError as error:
            raise UsageError(f"The document of run {number} in {self._shown} {error}.") from None

    def result(self, number: int) -> Result:
        """Return the result that a run's document holds."""
        document = self.document(number)
        try:
            return Result.from_document(parsed(document))
        except DocumentError as error:
            raise UsageError(
                f"Run {number} of {self._shown} cannot be compared: {error}."
            ) from None

    def _runs(self, name: str, last: int | None) -> tuple[Entry, ...]:
        found = self._connection.execute(
            f"SELECT {self._listed} FROM runs WHERE name = ? ORDER BY id DESC LIMIT ?",
            (name, -1 if last is None else last),
        )
        return tuple(map(_entry, found))[::-1]

    def _no_run(self, number: int) -> str:
        first, last = self._connection.execute("SELECT min(id), max(id) FROM runs").fetchone()
        if first is None:
            return f"{self._shown} has no runs yet; --history {self._shown} keeps one."
        return f"{self._shown} has no run {number}; its runs are {first} to {last}."

    def _unknown(self, name: str, known: list[str]) -> str:
        shown = f"{self._shown} has no run called `{redact.text(name)}`"
        if not known:
            return f"{shown}, and no other yet; --history {self._shown} keeps one."
        newest = known[: -_SHOWN_NAMES - 1 : -1]
        more = ", …" if len(known) > _SHOWN_NAMES else ""
        return f"{shown}; it has {', '.join(f'`{each}`' for each in newest)}{more}."


def check(path: str) -> None:
    """Refuse what can be no history, before the load; one that is not there yet can."""
    if os.path.exists(path):
        with opened(path):
            pass


def check_name(name: str) -> str:
    """Return a name as it is kept, or refuse one that cannot be read in a list."""
    shown = redact.printable(redact.text(name)).strip()
    if not shown or len(shown) > MAX_NAME:
        raise UsageError(f"--name takes 1 to {MAX_NAME} characters, for example --name checkout.")
    return shown


def keep(path: str, entry: Entry, document: bytes) -> None:
    """Add a run with its document; the file is made when it is not there.

    Raises UsageError; then the file is as it was.
    """
    shown = redact.text(path)
    try:
        _make(path)
        with contextlib.closing(_connected(path)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _is_empty(connection):
                _lay_out(connection)
            if _check(connection, shown) < WITH_PROTOCOL:
                connection.execute(
                    f"ALTER TABLE runs ADD COLUMN protocol TEXT NOT NULL DEFAULT {_FORMER_PROTOCOL}"
                )
            places = ", ".join("?" * len(_COLUMNS))
            connection.execute(
                f"INSERT INTO runs ({_LISTED}, document) VALUES ({places}, ?)",
                (None, *astuple(entry)[1:], gzip.compress(document, mtime=0)),
            )
            connection.execute(f"PRAGMA user_version = {LAYOUT}")  # a former one read this file
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise UsageError(_refusal(shown, error, "was not written")) from None
    except OSError as error:
        raise UsageError(f"{shown} was not written: {_reason(error)}.") from None


@contextmanager
def opened(path: str) -> Iterator[History]:
    """Open a history to be read; raises UsageError, also for what is read from it."""
    shown = redact.text(path)
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise UsageError(f"{shown} is not a file, so it is not a history; name one.")
        _may(path, os.R_OK)
        with contextlib.closing(_connected(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            if not _is_empty(connection):
                yield History(connection, shown, _check(connection, shown))
                return
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as nothing:
            _lay_out(nothing)  # an empty file has no runs yet
            yield History(nothing, shown)
    except sqlite3.Error as error:
        raise UsageError(_refusal(shown, error, "cannot be read")) from None
    except DocumentError as error:
        raise UsageError(f"{shown} cannot be read: {error}.") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {_reason(error)}.") from None


def _make(path: str) -> None:
    """Make an empty file where there is none; SQLite would not say why it cannot.

    One that is there is not opened: to close it again would drop SQLite's locks on it (fcntl).
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    except FileExistsError:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise OSError("it is not a regular file") from None
        _may(path, os.R_OK | os.W_OK)


def _may(path: str, how: int) -> None:
    if not os.access(path, how):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _connected(path: str) -> sqlite3.Connection:
    """Open a file that is there; transactions are begun and ended here, by their words."""
    address = f"file:{quote(os.fsencode(os.path.abspath(path)))}?mode=rw"
    return sqlite3.connect(address, timeout=BUSY_S, isolation_level=None, uri=True)


def _lay_out(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:  # executescript would end the transaction
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {LAYOUT}")


def _is_empty(connection: sqlite3.Connection) -> bool:
    ours = _pragma(connection, "application_id") or _pragma(connection, "user_version")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not ours and not tables


def _check(connection: sqlite3.Connection, shown: str) -> int:
    """Return the layout; refuse a database that is not ours, or whose layout we do not know."""
    layout = _pragma(connection, "user_version")
    if _pragma(connection, "application_id") != APPLICATION_ID or layout < 1:
        raise UsageError(f"{shown} is a database, but no history of runs; name another file.")
    if layout > LAYOUT:
        raise UsageError(
            f"{shown} was written by a newer fastbench (layout {layout}; this one knows {LAYOUT}); "
            "use that one, or name another file."
        )
    return layout


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _refusal(shown: str, error: sqlite3.Error, what: str) -> str:
    """Say what SQLite says, and plainly that a file is none of its databases."""
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_NOTADB:
        return f"{shown} is not a history of runs; name another file, or one that is not there yet."
    return f"{shown} {what}: {str(error).lower()}."


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _entry(row: tuple[object, ...]) -> Entry:
    """Check a row; raises DocumentError."""
    columns = dict(zip(_COLUMNS, row, strict=True))
    columns["thresholds"] = _FORMER.get(str(columns["thresholds"]), columns["thresholds"])
    entry: Entry = read(Entry, columns, f"run {row[0]}")
    latencies = (entry.p50_ms, entry.p95_ms, entry.p99_ms)
    if max(entry.requests_per_s, entry.errors_share, *(ms or 0.0 for ms in latencies)) > MAX_FIGURE:
        raise DocumentError(f"run {entry.id}: a figure is out of range")
    return entry


def _unpacked(packed: object) -> bytes:
    if not isinstance(packed, bytes):
        raise DocumentError("is missing")
    stream = zlib.decompressobj(wbits=31)  # gzip's frame
    try:
        document = stream.decompress(packed, MAX_DOCUMENT_BYTES)
    except zlib.error:
        raise DocumentError("is damaged") from None
    if not stream.eof:
        raise DocumentError("is cut off, or larger than any")
    return document
