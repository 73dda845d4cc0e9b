"""TypeScript: sucrase takes the types out, in the realm that runs the script; lines stay.

sucrase is one file of JavaScript in the package; see .ci/fetch_sucrase.py. It is in memory only
while modules are loaded: 30 ms and 2 MiB a worker, which is less than a cache on disk is worth.
"""

from __future__ import annotations

import bisect
import re
from array import array
from pathlib import Path

from fastbench.engine.javascript._quickjs import JsError, JsValue, Realm
from fastbench.foundation import redact
from fastbench.foundation.usage_error import UsageError

SUCRASE = Path(__file__).parents[1] / "js" / "sucrase" / "sucrase.js"  # by .ci/fetch_sucrase.py
ENDINGS = (".ts", ".mts", ".cts")
REFUSED = (".tsx", ".jsx")
_WHERE = re.compile(r" \((\d+):(\d+)\)$")
_NAMESPACE = re.compile(
    r"^\s*(?:export\s+)?(?:namespace|module)\s+([A-Za-z_]\w*)\s*\{", re.MULTILINE
)
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")  # two units of a position in JavaScript


class TypeScript:
    """Make JavaScript of TypeScript."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm
        self._strip: JsValue | None = None

    def javascript(self, text: str, name: str) -> tuple[str, Columns]:
        """Return the same lines without types, and where their columns were.

        Raises UsageError, and JsError at a syntax error.
        """
        if self._strip is None:
            self._strip = self._realm.evaluate(_sucrase(name), "sucrase.js")
        try:
            stripped, pairs = self._realm.run(self._strip, self._realm.value(text)).copy()
        except JsError as error:
            raise _placed(error, name) from None
        for namespace in _NAMESPACE.findall(text):
            if re.search(rf"\b{namespace}\s*\.", stripped):
                raise UsageError(
                    f"{redact.printable(name)} has a namespace {namespace} with values, which "
                    "sucrase leaves out; make it a module of its own, or an object."
                )
        return stripped, Columns(text, stripped, pairs)

    def forget(self) -> None:
        """Give back the memory of sucrase."""
        if self._strip is not None:
            self._strip = None
            self._realm.collect()


class Columns:
    """Where the tokens of a stripped text were in the author's."""

    def __init__(self, text: str, stripped: str, pairs: list[int]) -> None:
        self._to, self._from = array("I", pairs[::2]), array("I", pairs[1::2])
        self._lines, self._starts = _line_starts(text), _line_starts(stripped)
        self._stripped = stripped.split("\n")

    def before(self, line: int, column: int) -> tuple[int, int]:
        """Return the author's line and column, from 1; quickjs's columns are bytes."""
        if not 0 < line <= len(self._stripped):
            return line, column
        ahead = self._stripped[line - 1].encode()[: column - 1].decode(errors="ignore")
        at = self._starts[line - 1] + len(ahead.encode("utf-16-le")) // 2
        index = bisect.bisect_right(self._to, at) - 1
        if index < 0:
            return line, column
        was = self._from[index] + at - self._to[index]
        row = bisect.bisect_right(self._lines, was)
        return row, was - self._lines[row - 1] + 1


def _line_starts(text: str) -> array[int]:
    return array("I", [0, *(each.end() for each in re.finditer("\n", _ASTRAL.sub("xx", text)))])


def _sucrase(name: str) -> str:
    try:
        return SUCRASE.read_text()
    except OSError:
        raise UsageError(
            f"{redact.printable(name)} is TypeScript, and this fastbench was built without it: "
            "sucrase could not be fetched; run `make build` again where npm and its registry are "
            "in reach."
        ) from None


def _placed(error: JsError, name: str) -> JsError:
    """Return a syntax error with the place that its text ends with as its stack."""
    found = _WHERE.search(error.text)
    if found is None:
        return error
    text = error.text[: found.start()]
    return JsError(text, error.name, f"    at {name}:{found[1]}:{found[2]}")
