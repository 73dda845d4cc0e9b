"""Files and CSV as k6/experimental/fs and csv have them; a file is read once in each worker."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from fastbench.engine.javascript._quickjs import Json
from fastbench.script.k6.k6_calls import K6Error, owner

if TYPE_CHECKING:
    from fastbench.script.k6.k6_realm import K6Realm

_OPTIONS = frozenset(("delimiter", "skipFirstLine", "fromLine", "toLine", "asObjects"))


def install(realm: K6Realm) -> None:
    """Add the operations."""
    paths: list[str] = []
    contents: list[bytes] = []

    def file_open(path: str) -> list[Any]:
        """Return path, number and size; or why not, the kind of error and -1."""
        if not path:
            return ["open() failed; reason: path cannot be empty", "TypeError", -1]
        full = os.path.normpath(
            os.path.join(os.path.dirname(realm.script), path.removeprefix("file://"))
        )
        if full not in paths:
            try:
                with open(full, "rb") as opened:
                    raw = opened.read()
            except IsADirectoryError:
                told = f'cannot open "{full}": opening a directory is not supported'
                return [told, "InvalidResourceError", -1]
            except FileNotFoundError:
                return [f'no such file or directory "{full}"', "NotFoundError", -1]
            except OSError as error:
                raise K6Error(f"open() failed; reason: {error.strerror}") from None
            paths.append(full)
            contents.append(raw)
        number = paths.index(full)
        return [full, number, len(contents[number])]

    def csv_open(number: int, at: float, options: Any) -> int:
        user = owner()
        user.readers.append(rows(contents[number][int(at) :], _read(options)))
        return len(user.readers) - 1

    def csv_next(number: int) -> Any:
        for row in owner().readers[number]:
            return {"done": False, "value": row}
        return {"done": True, "value": []}

    def csv_parse(number: int, at: float, options: Any, known: list[str]) -> Any:
        given = _read(options)
        key = json.dumps([number, given], sort_keys=True)
        if key in known:
            return [key, None]
        found = list(rows(contents[number][int(at) :], given))
        return [key, Json(json.dumps(found).encode())]

    realm.define("fileOpen", file_open)
    realm.define("fileBytes", lambda number, at, size: contents[number][int(at) : int(at + size)])
    realm.define("csvOpen", csv_open)
    realm.define("csvNext", csv_next)
    realm.define("csvParse", csv_parse)


def rows(raw: bytes, options: Mapping[str, Any]) -> Iterator[list[str] | dict[str, str]]:
    """Yield the rows of a CSV file: lists, or dicts by column; raises K6Error.

    Lines are counted from 0: `toLine` is the last one that is read.
    """
    found = _records(raw.decode("utf-8", "replace"), options.get("delimiter") or ",")
    line = 0
    names: list[str] | None = None
    if options.get("asObjects"):
        names = next(found, None)
        if names is None:
            raise K6Error(
                "failed to create a new parser; reason: failed to read the first line; reason: EOF"
            )
        line = 1
    skip = int(options.get("fromLine") or 0) or int(bool(options.get("skipFirstLine")))
    for _ in islice(found, max(0, skip - line)):
        line += 1
    return _rest(found, names, line, int(options.get("toLine") or 0))


def _rest(
    found: Iterator[list[str]], names: list[str] | None, line: int, last: int
) -> Iterator[list[str] | dict[str, str]]:
    while not last or line <= last:
        row = next(found, None)
        if row is None:
            return
        line += 1
        yield row if names is None else dict(zip(names, row, strict=True))


def _records(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield rows as Go's encoding/csv does: no empty lines, all of one length."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width = 0
    try:
        for row in reader:
            if row:
                width = width or len(row)
                if len(row) != width:
                    raise K6Error(f"record on line {reader.line_num}: wrong number of fields")
                yield row
    except csv.Error as error:
        raise K6Error(f"parse error on line {reader.line_num}: {error}") from None


def _read(options: Any) -> dict[str, Any]:
    """Return options without what is not set; raises K6Error."""
    given = {name: value for name, value in (options or {}).items() if value is not None}
    for name in given:
        if name not in _OPTIONS:
            raise K6Error(f"the options of a CSV parser have no {name}")
    delimiter = given.get("delimiter", ",")
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise K6Error("the 'delimiter' option must be a single character")
    first, last = given.get("fromLine"), given.get("toLine")
    as_objects = given.get("asObjects")
    if as_objects and given.get("skipFirstLine"):
        raise K6Error("the 'header' option cannot be enabled when 'skipFirstLine' is true")
    if as_objects and first:
        raise K6Error(
            "the 'header' option cannot be enabled when 'fromLine' is set to a value greater than 0"
        )
    for name, value in (("fromLine", first), ("toLine", last)):
        if value is not None and not (isinstance(value, int) and value >= 0):
            raise K6Error(f"the '{name}' option must be greater than or equal to 0; got {value}")
    if first is not None and last is not None and first >= last:
        raise K6Error(
            "the 'fromLine' option must be less than the 'toLine' option; "
            f"got 'fromLine': {first}, 'toLine': {last}"
        )
    return given
