"""Data for scripts: rows of a file, handed out in four ways.

A file is read once per worker and never changes; rows are shared by all VUs. `sequential` and
`unique` count over all workers, through a number in the shared memory of the run.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, overload

from fastbench.foundation.usage_error import UsageError
from fastbench.script.recording_context import VU

Take = Callable[[int, int], int]

MAX_FEEDERS = 30
LAST_SHARED = 63  # of the counters that workers share; the first 32 are scenarios', 2 are VUs'
_ENDLESS = 1 << 62

_take: Take | None = None
_loaded: dict[tuple[str, str | None], Data] = {}
_made = 0


class Exhausted(Exception):
    """Raised by `Data.unique()`: every row has been given out.

    Example::

        vouchers = data([{"code": "A1"}])
        try:
            while True:
                await vu.post("/echo", json=vouchers.unique())
        except Exhausted:
            pass
    """


class Data(Sequence[Any]):
    """Rows in the order of their file, as `data()` gives them: a sequence that never changes.

    Each row of a CSV file is a dict by the names in its first line, all values texts. The rows are
    shared by all users of a worker; `sequential` and `unique` count over all workers and machines.

    Example::

        users = data([{"name": "ada"}, {"name": "bob"}])

        @scenario
        async def main(vu: Vu) -> None:
            await vu.post("/echo", json=users.per_vu())
    """

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
        """Give the next row, whoever asks; after the last one it begins again.

        Returns:
            The row.

        Example::

            users = data([{"name": "ada"}, {"name": "bob"}])

            @scenario
            async def main(vu: Vu) -> None:
                await vu.post("/echo", json=users.sequential())
        """
        return self._rows[self._next(_ENDLESS) % len(self._rows)]

    def random(self) -> Any:
        """Give any row, each one as likely.

        Returns:
            The row.

        Example::

            users = data([{"name": "ada"}, {"name": "bob"}])

            @scenario
            async def main(vu: Vu) -> None:
                await vu.post("/echo", json=users.random())
        """
        return self._rows[int(random.random() * len(self._rows))]

    def per_vu(self) -> Any:
        """Give the row of this user: user 1 has the first one; after the last they begin again.

        Returns:
            The row.

        Example::

            users = data([{"name": "ada"}, {"name": "bob"}])

            @scenario
            async def main(vu: Vu) -> None:
                await vu.post("/echo", json=users.per_vu())
        """
        vu = VU.get(None)
        number = getattr(vu, "id", 0)
        return self._rows[(number - 1) % len(self._rows) if number else 0]

    def unique(self) -> Any:
        """Give a row that nobody else gets in this run.

        Returns:
            The row.

        Raises:
            Exhausted: All rows have been given out.

        Example::

            vouchers = data([{"code": "A1"}, {"code": "B2"}])

            @scenario
            async def redeem(vu: Vu) -> None:
                await vu.post("/echo", json=vouchers.unique())
        """
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


def data(source: str | os.PathLike[str] | Sequence[Any], *, delimiter: str | None = None) -> Data:
    """Read rows from a file, or take a list. Call it at the top of a script, not in an iteration.

    Args:
        source: A .csv, .tsv, .json or .jsonl file, its path relative to the script; or a list.
        delimiter: What stands between the fields of a CSV file; default: the one of comma,
            semicolon, TAB and | that the file shows.

    Returns:
        The rows, a `Data`.

    Raises:
        UsageError: The file cannot be read, with its line; or it has no rows.

    Example::

        users = data([{"email": "ada@shop.example"}, {"email": "bob@shop.example"}])

        @scenario
        async def log_in(vu: Vu) -> None:
            await vu.post("/login", json=users.per_vu())
    """
    if not isinstance(source, str | os.PathLike):
        return _new(list(source), "A list of data()")
    asked = os.fspath(source)
    folder = os.path.dirname(sys._getframe(1).f_globals.get("__file__", ""))
    path = os.path.abspath(os.path.join(folder, asked))
    found = _loaded.get((path, delimiter))
    if found is None:
        from fastbench.script.api import data_rows  # few scripts read files of data

        found = _loaded[path, delimiter] = _new(data_rows.read(path, asked, delimiter), asked)
    return found


def _new(given: Sequence[Any], name: str) -> Data:
    global _made
    if _made >= MAX_FEEDERS:
        raise UsageError(
            f"A script may have {MAX_FEEDERS} feeders; call data() when the script is loaded, "
            "not in an iteration."
        )
    _made += 1
    return Data(given, name, LAST_SHARED - (_made - 1))
