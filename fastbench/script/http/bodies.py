"""Bodies of requests, forms and files among them.

A body is built once per call at most; one with files is kept, so that an upload of the same file
costs no copy per request.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final
from urllib.parse import quote_plus

import orjson

from fastbench.foundation.usage_error import UsageError
from fastbench.plan import body as bodies
from fastbench.plan.plan import check_header
from fastbench.script import values

JSON: Final = "application/json"

_KEPT_FORMS: Final = 16
_KEPT_BYTES: Final = 1 << 26

Fields = Mapping[str, Any] | Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """One file of a form, as `file()` returns it.

    Attributes:
        data: Its bytes.
        filename: Its name, as the server is told.
        content_type: Its type, such as image/png.

    Example::

        picture = file(b"...", "cat.png")
        check(picture, {"type": lambda f: f.content_type == "image/png"})
    """

    data: bytes
    filename: str
    content_type: str


def file(data: bytes | str, filename: str = "file", content_type: str = "") -> File:
    """Make a file for `files=` or `data=` of a request. Make it when the script is loaded, once.

    Args:
        data: What is in it, bytes or text.
        filename: Its name, as the server is told.
        content_type: Its type; default: what the name says.

    Returns:
        The file.

    Raises:
        UsageError: The type is no header value.

    Example::

        report = file("a,b\\n1,2\\n", "report.csv", "text/csv")

        @scenario
        async def send(vu: Vu) -> None:
            response = await vu.post("/upload", files={"report": report})
            check(response, {"arrived": lambda r: r.ok})
    """
    raw = bodies.encoded(data) if isinstance(data, str) else bytes(data)
    kind = content_type or bodies.guess_type(filename)
    return File(raw, filename, check_header("Content-Type", kind)[1])


def encoded(data: object, json: object, files: Fields | None) -> bodies.Body | None:
    """Make the body that `data=`, `json=` and `files=` ask for, or None for none."""
    if json is not None:
        if data is not None or files:
            raise UsageError("A request has one body; give either json= or data= and files=.")
        return bodies.Body(to_json(json), JSON)
    if files:
        fields = _pairs(data, "data") if data is not None else []
        return _form([*fields, *((name, _as_file(name, each)) for name, each in _pairs(files))])
    if data is None:
        return None
    if isinstance(data, bytes | bytearray | memoryview):
        return bodies.Body(bytes(data))
    if isinstance(data, str):
        return bodies.Body(bodies.encoded(data))
    pairs = _pairs(data, "data")
    if any(isinstance(value, File) for _, value in pairs):
        return _form(pairs)
    return bodies.Body(to_form(pairs), bodies.URLENCODED)


def to_json(value: object) -> bytes:
    """Write JSON, or say what cannot be written."""
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise UsageError(f"json= cannot be written as JSON: {error}.") from None


def to_form(pairs: Sequence[tuple[str, Any]]) -> bytes:
    """Write application/x-www-form-urlencoded; a list gives one pair for each of its members."""
    return "&".join(
        f"{quote_plus(bodies.encoded(name))}={quote_plus(bodies.encoded(as_text(each)))}"
        for name, value in pairs
        for each in (value if isinstance(value, list | tuple) else (value,))
    ).encode("ascii")


def as_text(value: object) -> str:
    """Write a value as a form or a query has it: true and false are small, None is empty."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _pairs(fields: object, what: str = "files") -> list[tuple[str, Any]]:
    return values.pairs(fields, f"{what}=", "JSON goes in json=")


def _as_file(name: str, value: object) -> File:
    if isinstance(value, File):
        return value
    if isinstance(value, bytes | str):
        return file(value, name)
    if isinstance(value, tuple) and 2 <= len(value) <= 3:
        filename, data, *kind = value
        return file(data, str(filename), *map(str, kind))
    raise UsageError(
        f"files= needs file(data, name) for `{name}`, not {type(value).__name__}; "
        "read the file when the script is loaded."
    )


def _new_boundary() -> str:
    return os.urandom(16).hex()


# Of all forms whose parts do not happen to hold it, so that their heads are the same.
_BOUNDARY: Final = _new_boundary()

_forms: dict[tuple[tuple[str, Any], ...], bodies.Body] = {}


def _form(pairs: Sequence[tuple[str, Any]]) -> bodies.Body:
    """Build multipart/form-data, or take the one that was built of the same parts before."""
    key = tuple(
        (name, value if isinstance(value, File) else as_text(value)) for name, value in pairs
    )
    found = _forms.get(key)
    if found is None:
        kept_bytes = sum(len(each.data) for each in _forms.values())
        if len(_forms) >= _KEPT_FORMS or kept_bytes >= _KEPT_BYTES:
            _forms.clear()
        found = _forms[key] = bodies.multipart_of(
            [
                bodies.Part(name, value.data, value.filename, value.content_type)
                if isinstance(value, File)
                else bodies.Part(name, bodies.encoded(value), None, "")
                for name, value in key
            ],
            chain((_BOUNDARY,), iter(_new_boundary, "")).__next__,
        )
    return found
