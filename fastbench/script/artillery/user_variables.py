"""What a user begins with: rows of CSV files (config.payload), and config.variables.

1. `order: sequence` goes on over all workers; else a row is taken by chance, and so is a value of a
   variable that is a list. `loadAll` gives the whole table under its `name`.
2. Fields that are numbers are numbers, unless `cast` is false, as in Artillery.
"""

from __future__ import annotations

import csv
import io
import os
import random
import re
import uuid
from collections.abc import Callable
from typing import Any

from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError
from fastbench.plan import text_file
from fastbench.script.api import data
from fastbench.script.artillery import known_keys
from fastbench.script.artillery.templates import Template, Vars
from fastbench.script.artillery.test_config import TestConfig
from fastbench.script.artillery.yaml_tree import Map, Refusal, Seq

_KEYS = (
    "cast",
    "delimiter",
    "fields",
    "loadAll",
    "name",
    "order",
    "path",
    "skipEmptyLines",
    "skipHeader",
)
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")

Gives = Callable[[Vars], None]


class UserVariables:
    """Make the variables of a user."""

    def __init__(self, config: TestConfig) -> None:
        self._fixed = config.fixed
        self._gives: list[Gives] = [
            _of_payload(each, config.folder) for each in _payloads(config.payload)
        ]
        for name, value in config.variables.items():
            self._gives.append(_of_variable(name, value, config.variables.lines[name]))

    def new(self, more: Vars) -> Vars:
        """Return the variables of one user; `more` are those that `before` captured."""
        vars = {**self._fixed, **more, "$uuid": str(uuid.uuid4())}
        for give in self._gives:
            give(vars)
        return vars


def _of_variable(name: str, value: Any, line: int) -> Gives:
    if isinstance(value, Seq):
        if not value:
            raise Refusal(line, f"the variable {redact.printable(name)} is an empty list.")
        several = [Template(each, at) for each, at in zip(value, value.lines, strict=True)]

        def give_one(vars: Vars) -> None:
            vars[name] = random.choice(several).render(vars)

        return give_one
    template = Template(value, line)

    def give(vars: Vars) -> None:
        vars[name] = template.render(vars)

    return give


def _payloads(given: Seq) -> list[Map]:
    for each, line in zip(given, given.lines, strict=True):
        if not isinstance(each, Map):
            raise Refusal(line, f"payload takes a mapping with path, not {known_keys.said(each)}.")
    return list(given)


def _of_payload(given: Map, folder: str) -> Gives:
    known_keys.refuse_unknown(
        given,
        _KEYS,
        "payload",
        {"options": "are not supported; use delimiter, cast and skipHeader"},
    )
    path = known_keys.text(given, "path", "payload")
    if not path:
        raise Refusal(given.line, "payload needs path, the name of a CSV file.")
    fields = [str(each) for each in known_keys.one_or_more(given, "fields")]
    whole = known_keys.flag(given, "loadAll", "payload")
    name = known_keys.text(given, "name", "payload")
    if whole and not name:
        raise Refusal(given.lines["loadAll"], "payload with loadAll needs name, its variable.")
    if not whole and not fields:
        raise Refusal(given.line, "payload needs fields, the names of its columns.")
    order = known_keys.text(given, "order", "payload")
    if order not in (None, "random", "sequence"):
        raise Refusal(given.lines["order"], "order of payload is random or sequence.")
    rows = _rows(given, os.path.join(folder, path), path)
    if whole and order is None:
        table = [dict(zip(fields, row, strict=False)) if fields else row for row in rows]

        def give_all(vars: Vars) -> None:
            vars[name or ""] = table

        return give_all
    fed = data.data(rows)
    take = fed.sequential if order == "sequence" else fed.random

    def give(vars: Vars) -> None:
        row = take()
        if whole:
            vars[name or ""] = row
        for field, value in zip(fields, row, strict=False):
            vars[field] = value

    return give


def _rows(given: Map, path: str, shown: str) -> list[list[Any]]:
    """Read the rows of a file; raises Refusal with the line of `path`."""
    line = given.lines["path"]
    try:
        text = text_file.decoded(text_file.read_bytes(path, "payload"), redact.printable(shown))
    except UsageError as error:
        raise Refusal(line, str(error)) from None
    delimiter = known_keys.text(given, "delimiter", "payload") or ","
    if len(delimiter) != 1:
        raise Refusal(given.lines["delimiter"], "delimiter of payload is one character.")
    cast = known_keys.flag(given, "cast", "payload", True)
    skips = known_keys.flag(given, "skipEmptyLines", "payload", True)
    csv.field_size_limit(max(csv.field_size_limit(), len(text) + 1))
    try:
        rows = list(
            csv.reader(
                io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter, strict=True
            )
        )
    except csv.Error as error:
        raise Refusal(line, f"{redact.printable(shown)} is not CSV: {error}.") from None
    if known_keys.flag(given, "skipHeader", "payload"):
        del rows[:1]
    found = [[_cast(each) if cast else each for each in row] for row in rows if row or not skips]
    if not found:
        raise Refusal(line, f"{redact.printable(shown)} has no rows.")
    return found


def _cast(field: str) -> Any:
    """Return a field that is a number as one."""
    if not _NUMBER.fullmatch(field):
        return field
    number = float(field)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
