"""Data for scripts: rows of a CSV or JSON file, handed out in four ways.

A file is read once per worker and never changes; rows are shared by all VUs. `sequential` and
`unique` count over all workers, through a number in the shared memory of the run.
"""

from __future__ import annotations

import csv
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, overload

import orjson

from fastbench.plan import UsageError
from fastbench.scenario.place import VU

Take = Callable[[int, int], int]

MOST_FEEDERS = 30
LAST_SHARED = 63  # of the counters that workers share; the first 32 are scenarios', 2 are VUs'
_ENDLESS = 1 << 62

_take: Take | None = None
_loaded: dict[str, Data] = {}
_made = 0


class Exhausted(Exception):
    """Every row has been given out."""


class Data(Sequence[Any]):
    """Rows in the order of the file; of a CSV file, dicts by the names in its first line."""

    def __init__(self, rows: Sequence[Any], name: str, shared: int) -> None:
        if not rows:
            raise UsageError(f"{name} has no rows; a feeder needs at least one.")
        self._rows = tuple(rows)
        self._name = name
        self._shared = shared
        self._own = count()  # outside a run

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        return self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def __repr__(self) -> str:
        return f"<data {self._name}, {len(self._rows)} rows>"

    def sequential(self) -> Any:
        """Return the next row, whoever asks; after the last one it begins again."""
        return self._rows[self._next(_ENDLESS) % len(self._rows)]

    def random(self) -> Any:
        """Return any row."""
        return self._rows[int(random.random() * len(self._rows))]

    def per_vu(self) -> Any:
        """Return the row of this VU: VU 1 has the first one; after the last they begin again."""
        vu = VU.get(None)
        number = getattr(vu, "id", 0)
        return self._rows[(number - 1) % len(self._rows) if number else 0]

    def unique(self) -> Any:
        """Return a row that nobody else gets in this run; raises Exhausted after the last one."""
        at = self._next(len(self._rows))
        if at < 0:
            raise Exhausted(
                f"{self._name} has {len(self._rows)} rows and all of them are used; "
                "give it more rows, or use sequential()."
            )
        return self._rows[at]

    def _next(self, limit: int) -> int:
        if _take is not None:
            return _take(self._shared, limit)
        at = next(self._own)
        return at if at < limit else -1


def begin(take: Take) -> None:
    """Count in shared memory from now on: `take(number, limit)` gives 0, 1, ... or -1."""
    global _take, _made
    _take = take
    _made = 0
    _loaded.clear()


def data(source: str | os.PathLike[str] | Sequence[Any]) -> Data:
    """Read a .csv or .json file, or take a list; a path is relative to the file that says it."""
    if not isinstance(source, str | os.PathLike):
        return _new(list(source), "A list of data()")
    asked = os.fspath(source)
    folder = os.path.dirname(sys._getframe(1).f_globals.get("__file__", ""))
    path = os.path.abspath(os.path.join(folder, asked))
    found = _loaded.get(path)
    if found is None:
        found = _loaded[path] = _new(_read(path, asked), asked)
    return found


def _new(rows: Sequence[Any], name: str) -> Data:
    global _made
    if _made >= MOST_FEEDERS:
        raise UsageError(
            f"A script may have {MOST_FEEDERS} feeders; call data() when the script is loaded, "
            "not in an iteration."
        )
    _made += 1
    return Data(rows, name, LAST_SHARED - (_made - 1))


def _read(path: str, asked: str) -> list[Any]:
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in (".csv", ".json"):
        raise UsageError(f"data() reads .csv and .json files, not `{asked}`.")
    try:
        with open(path, "rb") as file:
            raw = file.read()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"data() cannot read `{asked}` ({path}): {reason}.") from None
    return _from_csv(raw, asked) if suffix == ".csv" else _from_json(raw, asked)


def _from_csv(raw: bytes, asked: str) -> list[Any]:
    try:
        text = raw.decode("utf-8-sig")
        lines = [line for line in csv.reader(text.splitlines(keepends=True), strict=True) if line]
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"`{asked}` is no CSV file in UTF-8: {error}.") from None
    names, rows = lines[0] if lines else [], lines[1:]
    rest: list[dict[str, str]] = []
    for number, row in enumerate(rows, 2):
        if len(row) != len(names):
            raise UsageError(
                f"`{asked}`: row {number} has {len(row)} fields and the first line {len(names)}."
            )
        rest.append(dict(zip(names, row, strict=True)))
    return rest


def _from_json(raw: bytes, asked: str) -> list[Any]:
    try:
        value = orjson.loads(raw)
    except ValueError as error:
        raise UsageError(f"`{asked}` is no JSON: {error}.") from None
    if not isinstance(value, list):
        raise UsageError(f"`{asked}` holds no list; data() hands out the members of one.")
    return value
