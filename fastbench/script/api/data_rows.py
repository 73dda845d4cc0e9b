"""The rows of a data file: CSV by the names in its first line, JSON and JSON lines as they are.

1. CSV is RFC 4180's, with what spreadsheets make of it: the delimiter is said, or in a first line
   `sep=;`, or the one of , ; TAB | that gives all rows the same number of fields.
2. A row whose number of fields is another than the header's is refused with its line: to guess
   which field is missing would measure something else.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.script import remarks

DELIMITERS = (",", ";", "\t", "|")
_LOOKED_AT_ROWS = 50  # to find the delimiter
_JSON_LINES = (".jsonl", ".ndjson")


def read(path: str, asked: str, delimiter: str | None = None) -> list[Any]:
    """Return the rows of a file; `asked` is what the script calls it. Raises UsageError."""
    name = redact.printable(asked)
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".csv", ".tsv", ".json", *_JSON_LINES):
        raise UsageError(f"data() reads .csv, .tsv, .json and .jsonl files, not `{name}`.")
    text = text_file.decoded(text_file.read_bytes(path, "data()"), name)
    if suffix in _JSON_LINES:
        return _of_json_lines(text, name)
    if suffix == ".json":
        return _of_json(text, name)
    if delimiter is None and suffix == ".tsv":
        delimiter = "\t"
    return _of_csv(text, name, delimiter)


def _of_csv(text: str, name: str, delimiter: str | None) -> list[dict[str, str]]:
    # The limit is the module's: it is raised and never lowered, for the script may have its own.
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    stream = io.StringIO(text, newline="")
    named, begin = _separator_line(stream)
    delimiter = _delimiter(stream, begin, delimiter or named)
    stream.seek(begin)
    rows = _parsed(stream, name, delimiter, 1 if named else 0)
    first_line, header = next(rows, (1, []))
    _tell_twice(header, f"{name}, line {first_line}")
    found = []
    for line, row in rows:
        if len(row) != len(header):
            other = ";" if delimiter != ";" else ","
            fields = f"{len(row)} field" + ("s" if len(row) != 1 else "")
            raise UsageError(
                f"{name}, line {line}: {fields} where line {first_line} has {len(header)}, split "
                f"at {_shown(delimiter)}; mend the line, or say what fields are split at: "
                f'data("{name}", delimiter="{other}").'
            )
        found.append(dict(zip(header, row, strict=True)))
    return found


def _parsed(
    stream: io.StringIO, name: str, delimiter: str, skipped: int
) -> Iterator[tuple[int, list[str]]]:
    """Give each row that is not blank with the number of the line it begins in."""
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line + skipped, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise UsageError(
            f"{name}, line {line + skipped}: {error}; a quote inside a quoted field is doubled."
        ) from None


def _separator_line(stream: io.StringIO) -> tuple[str, int]:
    """Read the line `sep=;` that Excel writes; return the delimiter and where the rest begins."""
    said = stream.readline().rstrip("\r\n")
    if len(said) == 5 and said.lower().startswith("sep="):
        return said[4], stream.tell()
    return "", 0


def _delimiter(stream: io.StringIO, begin: int, said: str) -> str:
    if said:
        if len(said) != 1 or said in '"\r\n\0':
            raise UsageError('data(…, delimiter=) is one character, for example ";" or "\\t".')
        return said
    best, most = DELIMITERS[0], (False, 1)
    for each in DELIMITERS:
        stream.seek(begin)
        fields, even = _fields(stream, each)
        if (even and fields > 1, fields) > most:
            best, most = each, (even and fields > 1, fields)
    return best


def _fields(stream: io.StringIO, delimiter: str) -> tuple[int, bool]:
    """Count the fields of the first row, and tell whether the next ones have as many."""
    try:
        rows = list(islice(_parsed(stream, "", delimiter, 0), _LOOKED_AT_ROWS))
    except UsageError:
        return 0, False
    counts = {len(row) for _, row in rows}
    return (len(rows[0][1]) if rows else 0), len(counts) == 1


def _shown(delimiter: str) -> str:
    return "a TAB" if delimiter == "\t" else f"`{redact.printable(delimiter)}`"


def _tell_twice(header: list[str], place: str) -> None:
    """Say which names of columns occur more than once."""
    for twice in dict.fromkeys(column for column in header if header.count(column) > 1):
        remarks.tell(
            "duplicate_column",
            f"{place}: the column `{redact.printable(twice)}` is there more than once; "
            "a row has the last one",
            "give each column a name of its own",
        )


def _of_json(text: str, name: str) -> list[Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        more = ""
        if _is_json((text_file.lines(text.strip()) or [""])[0]):
            more = "; if each line is a value of its own, call the file .jsonl"
        raise UsageError(
            f"{name}, line {error.lineno}, column {error.colno}: not JSON, {error.msg}{more}."
        ) from None
    if not isinstance(value, list):
        raise UsageError(f"{name} has no list; data() returns the items of a list.")
    return value


def _of_json_lines(text: str, name: str) -> list[Any]:
    found = []
    for number, line in enumerate(text_file.lines(text), 1):
        if not line.strip():
            continue
        try:
            found.append(orjson.loads(line))
        except orjson.JSONDecodeError as error:
            raise UsageError(
                f"{name}, line {number}, column {error.colno}: not JSON, {error.msg}; "
                "each line is a value of its own."
            ) from None
    return found


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
