"""The file behind --feed: its rows, and where each value is, found once before workers are forked.

1. `.csv` has the names of its columns in the first line (RFC 4180, UTF-8); `.jsonl` and `.ndjson`
   have an object on each line, whose keys are the columns; `.txt` has one value on each line, of
   the column `line`. Standard input and pipes are read as JSON where they begin with {,
   else as CSV.
2. A file of up to 256 MiB is copied into memory that all workers share, so that nobody can change
   it during the run; a larger one is mapped.
3. Whatever is wrong is one UsageError with file and line.
"""

from __future__ import annotations

import json
import mmap
import os
import stat
import sys
from collections import Counter
from collections.abc import Sequence
from io import FileIO
from typing import IO, NoReturn

import orjson

from fastbench.engine.bridge import _core
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan.pieces import Feed, RowOrder

MAX_COLUMNS = 1000
MAX_PIPE_BYTES = 1 << 30
COPIED_BYTES = 256 << 20
LINE = "line"
OBJECTS = (".jsonl", ".ndjson")
ENDINGS = (".csv", *OBJECTS, ".txt")
WORD_BYTES = 8

_MARK = b"\xef\xbb\xbf"  # byte order mark of UTF-8
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff")
_RULES = {
    "few": "a value is missing: the row has fewer than the first line has names",
    "many": "the row has more values than the first line has names; a value with a comma stands in "
    'quotes, "a,b"',
    "behind": 'behind a closing quote comes a comma or the end of the line; a quote within is ""',
    "open": "a quote is not closed",
    "long": "a value is longer than 16 MiB",
}


def read(path: str, order: RowOrder) -> Feed:
    """Read a file of rows; `-` is standard input. Raises UsageError."""
    data, ending = _content(path)
    name = "standard input" if path == "-" else redact.printable(path)
    if data[:2] in _OTHER_MARKS:
        raise UsageError(f"{name}, line 1: this is UTF-16; save the file as UTF-8.")
    begin = len(_MARK) if data[:3] == _MARK else 0
    if not ending:
        ending = OBJECTS[0] if bytes(data[begin : begin + 256]).lstrip()[:1] == b"{" else ".csv"
    if ending in OBJECTS:
        return _objects(name, data, begin, order)
    return _lines(name, data, begin, order, separated=ending == ".csv")


def check_column(feed: Feed, column: int, wrong: bytes, use: str) -> None:
    """Raise UsageError, with file and line, for a value that holds one of the bytes of `wrong`."""
    found = _core.first_with(feed.data, feed.cells, len(feed.columns), column, wrong)
    if found is None:
        return
    row, at = found
    place = f"line {_line_at(feed.data, at)}" if feed.is_file else f"row {row + 1:,}"
    quote = ", NUL or a quote" if b'"' in wrong else " or NUL"
    raise UsageError(
        f"{feed.path}, {place}: the value of `{feed.columns[column]}` is for {use} and has a line "
        f"break{quote}, which would end it; remove it."
    )


def cut_off(feed: Feed) -> str:
    """Say that a mapped file became shorter: who reads what is gone is ended. "" where it did not.

    What a run could do with a signal is nothing: the rows are not there any more.
    """
    try:
        now = os.stat(feed.path)
    except OSError:
        return ""
    mapped = feed.is_file and stat.S_ISREG(now.st_mode) and len(feed.data) > COPIED_BYTES
    if not mapped or now.st_size >= len(feed.data):
        return ""
    return f"{feed.path} became shorter; a feed of more than 256 MiB must stay until the run ends"


def fits(cells: memoryview, longest: Sequence[int], data: memoryview) -> bool:
    """Tell whether all cells lead into the data, and are no longer than the longest ones."""
    return bool(_core.cells_fit(cells, tuple(longest), len(data)))


def shared(content: bytes | bytearray) -> memoryview:
    """Return memory with this content that forked processes share."""
    found = mmap.mmap(-1, max(1, len(content)))
    found.write(content)
    return memoryview(found)[: len(content)]


def _content(path: str) -> tuple[memoryview, str]:
    """Return what a file holds, as memory to write to, and its ending; "" for a pipe."""
    shown = redact.printable(path)
    try:
        if path == "-":
            return _piped(sys.stdin.buffer, shown), ""
        with open(path, "rb", buffering=0) as file:
            kind = os.fstat(file.fileno())
            if not stat.S_ISREG(kind.st_mode):
                return _piped(file, shown), ""
            return _mapped(file, kind.st_size), _ending(path, shown)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise UsageError(f"--feed cannot read `{shown}`: {reason}.") from None


def _ending(path: str, shown: str) -> str:
    ending = os.path.splitext(path)[1].lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"--feed reads files whose names end with {', '.join(ENDINGS)}, and `{shown}` does not."
        )
    return ending


def _mapped(file: FileIO, n_bytes: int) -> memoryview:
    """Return a file's content as memory that is written to without changing the file."""
    if n_bytes > COPIED_BYTES:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    found, at = memoryview(mmap.mmap(-1, max(1, n_bytes))), 0
    while at < n_bytes and (more := file.readinto(found[at:n_bytes])):
        at += more
    return found[:at]


def _piped(file: IO[bytes], shown: str) -> memoryview:
    parts, n_bytes = [], 0
    while part := file.read(1 << 20):
        parts.append(part)
        n_bytes += len(part)
        if n_bytes > MAX_PIPE_BYTES:
            raise UsageError(f"--feed: `{shown}` has more than 1 GiB; write it to a file.")
    return shared(b"".join(parts))


def _lines(name: str, data: memoryview, begin: int, order: RowOrder, *, separated: bool) -> Feed:
    """Read CSV, or one value a line."""
    columns: tuple[str, ...] = (LINE,)
    if separated:
        columns, begin = _header(name, data, begin)
    room = _core.most_rows(data, begin) * len(columns) * WORD_BYTES
    cells = memoryview(mmap.mmap(-1, room))
    rows, longest, rule, at = _core.index_rows(
        data, cells, len(columns), begin=begin, separated=separated
    )
    if rule:
        _refuse(name, _line_at(data, at), _RULES[rule])
    if not rows:
        raise UsageError(f"{name} has no rows{' below its first line' if separated else ''}.")
    used = cells[: rows * len(columns) * WORD_BYTES]
    return Feed(name, columns, rows, order, data, used, longest, is_file=True)


def _header(name: str, data: memoryview, begin: int) -> tuple[tuple[str, ...], int]:
    """Return the names of the columns, and where the rows begin."""
    while begin < len(data) and data[begin] in b"\r\n":
        begin += 1
    cells = memoryview(bytearray(MAX_COLUMNS * WORD_BYTES))
    columns, rule, end = _core.index_header(data, cells, MAX_COLUMNS, begin=begin)
    line = _line_at(data, begin)
    if rule:
        _refuse(name, line, _RULES[rule] if rule != "many" else f"more than {MAX_COLUMNS} columns")
    names = []
    for at in range(columns):
        cell = int.from_bytes(cells[at * WORD_BYTES : (at + 1) * WORD_BYTES], sys.byteorder)
        place = cell >> 24
        try:
            names.append(str(data[place : place + (cell & _core.MAX_CELL_BYTES)], "utf-8").strip())
        except UnicodeDecodeError:
            _refuse(name, line, "the names of the columns are not UTF-8; save the file as UTF-8")
    if not any(names):
        raise UsageError(f"{name} is empty: its first line has the names of the columns.")
    _check_names(name, line, names)
    return tuple(names), end


def _check_names(name: str, line: int, names: list[str]) -> None:
    if "" in names:
        _refuse(name, line, f"column {names.index('') + 1} has no name")
    twice = [each for each, count in Counter(names).items() if count > 1]
    if twice:
        _refuse(name, line, f"there are two columns `{twice[0]}`; rename one")


def _objects(name: str, data: memoryview, begin: int, order: RowOrder) -> Feed:
    """Read an object on each line; the columns are what the first one has texts and numbers of."""
    lines = bytes(data[begin:]).split(b"\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise UsageError(f"{name} has no rows.")
    try:
        found = orjson.loads(lines[first])
    except ValueError as error:
        _refuse(name, first + 1, _not_json(error))
    if not isinstance(found, dict):
        _refuse(name, first + 1, 'a row is one object on its line, such as {"id": 1}')
    scalars = (str, int, float, type(None))  # bool is an int
    columns = tuple(key for key, value in found.items() if isinstance(value, scalars))
    if not columns:
        _refuse(name, first + 1, "the object has no text, number, true, false or null")
    cells = memoryview(mmap.mmap(-1, len(lines) * len(columns) * WORD_BYTES))
    values, rows, longest, wrong = _core.index_objects(
        orjson.loads, json.loads, lines, columns, cells
    )
    if wrong is not None:
        _refuse_row(name, *wrong)
    used = cells[: rows * len(columns) * WORD_BYTES]
    return Feed(name, columns, rows, order, shared(values), used, longest)


def _refuse_row(name: str, number: int, column: str | None, value: object) -> NoReturn:
    if isinstance(value, Exception):
        _refuse(name, number + 1, _not_json(value))
    if column is None:
        _refuse(name, number + 1, 'a row is one object on its line, such as {"id": 1}')
    if isinstance(value, bytes):
        _refuse(name, number + 1, _RULES["long"])
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "an object"
        _refuse(name, number + 1, f"`{column}` is {kind}, no text or number as in the first row")
    _refuse(name, number + 1, f"the object has no `{column}`, which the first row has")


def _not_json(error: Exception) -> str:
    reason = str(error).partition(":")[0]
    return f"not JSON, {reason}; a row is one object on its line"


def _refuse(name: str, line: int, why: str) -> NoReturn:
    raise UsageError(f"{name}, line {line:,}: {why}.")


def _line_at(data: memoryview, at: int) -> int:
    """Return the number of the line in which a place is."""
    return int(_core.most_rows(data[:at]))
