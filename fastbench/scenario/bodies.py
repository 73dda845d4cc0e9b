"""Bodies of requests, forms and files among them, and the decoding of answers.

A body is built once per call at most; one with files is kept, so that an upload of the same file
costs no copy per request. Decoding is bounded: a server cannot fill the client's memory with a
small answer that unpacks to a large one.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import chain
from secrets import token_hex
from typing import Any, Final
from urllib.parse import quote_plus

import orjson

from fastbench import body as bodies
from fastbench.plan import UsageError, check_header
from fastbench.scenario import values

JSON: Final = "application/json"

# An answer may unpack to 1 MiB whatever its size, above it to this many times its size.
FREE_BYTES: Final = 1 << 20
MOST_RATIO: Final = 200
MOST_BYTES: Final = 1 << 28

_KEPT_FORMS: Final = 16
_KEPT_BYTES: Final = 1 << 26

Fields = Mapping[str, Any] | Sequence[tuple[str, Any]]


class BodyError(ValueError):
    """Say why the body of an answer cannot be read."""


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """Hold one file of a form. Two files are the same only when they are one object."""

    data: bytes
    filename: str
    content_type: str


def file(data: bytes | str, filename: str = "file", content_type: str = "") -> File:
    """Make a file for `files=` or `data=`, as k6's http.file; the type is told by the name."""
    raw = data.encode() if isinstance(data, str) else bytes(data)
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
        return bodies.Body(data.encode("utf-8", "surrogateescape"))
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
        f"{quote_plus(name)}={quote_plus(as_text(each))}"
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
    return token_hex(16)


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
                else bodies.Part(name, value.encode("utf-8", "surrogateescape"), None, "")
                for name, value in key
            ],
            chain((_BOUNDARY,), iter(_new_boundary, "")).__next__,
        )
    return found


# Answers.


def decode(headers: Mapping[str, str], raw: bytes) -> bytes:
    """Undo the Content-Encoding of a body, or raise BodyError."""
    codings = headers.get("Content-Encoding")
    if not codings or not raw:
        return raw
    for coding in reversed([each.strip().lower() for each in codings.split(",")]):
        if coding not in ("", "identity"):
            raw = _decoded(coding, raw)
    return raw


def supported() -> tuple[str, ...]:
    """List the encodings this platform can undo."""
    return ("gzip", "deflate", *(("br",) if _brotli() is not None else ()))


def _decoded(coding: str, raw: bytes) -> bytes:
    if coding in ("gzip", "x-gzip"):
        return _inflated(raw, coding, 16 + zlib.MAX_WBITS)
    if coding == "deflate":
        # RFC 9110 8.4.1.2 means zlib's format; some servers send it without its two first bytes.
        zlibs = len(raw) > 1 and raw[0] & 15 == 8 and int.from_bytes(raw[:2], "big") % 31 == 0
        return _inflated(raw, coding, zlib.MAX_WBITS if zlibs else -zlib.MAX_WBITS)
    if coding == "br":
        return _brotli_decoded(raw)
    raise BodyError(f"The body has the Content-Encoding `{coding}`, which is not known here.")


def _inflated(raw: bytes, coding: str, wbits: int) -> bytes:
    most = _most(raw)
    out = bytearray()
    while raw:  # gzip may have several members
        stream = zlib.decompressobj(wbits)
        try:
            out += stream.decompress(raw, most - len(out) + 1)
        except zlib.error as error:
            raise BodyError(f"The body is no valid {coding}: {error}.") from None
        _check(len(out), most, coding)
        if not stream.eof:
            raise BodyError(f"The body is no valid {coding}: it ends too early.")
        raw = stream.unused_data if coding != "deflate" else b""
        if raw and not raw.strip(b"\0"):
            break
    return bytes(out)


def _brotli_decoded(raw: bytes) -> bytes:
    module = _brotli()
    if module is None:
        raise BodyError("The body is compressed with br; pip install 'brotli>=1.2' to read it.")
    most, out = _most(raw), bytearray()
    stream = module.Decompressor()
    try:
        while not stream.is_finished():
            if not raw and stream.can_accept_more_data():
                raise BodyError("The body is no valid br: it ends too early.")
            out += stream.process(raw, output_buffer_limit=most - len(out) + 1)
            raw = b""
            _check(len(out), most, "br")
    except module.error as error:
        raise BodyError(f"The body is no valid br: {error}.") from None
    return bytes(out)


@cache
def _brotli() -> Any:
    """Return a brotli module that can be told how much to unpack, or None."""
    for name in ("brotli", "brotlicffi"):
        try:
            module = import_module(name)
        except ImportError:
            continue
        if hasattr(module.Decompressor, "can_accept_more_data"):
            return module
    return None


def _most(raw: bytes) -> int:
    return min(MOST_BYTES, max(FREE_BYTES, MOST_RATIO * len(raw)))


def _check(length: int, most: int, coding: str) -> None:
    if length > most:
        raise BodyError(
            f"The body unpacks ({coding}) to more than {most} bytes; an answer may unpack to "
            f"{MOST_RATIO} times its size and {MOST_BYTES >> 20} MiB."
        )
