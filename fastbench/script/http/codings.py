"""The bodies of answers: Content-Encoding undone, text in its charset, JSON.

1. What cannot be unpacked (no such coding, broken data, a package that is missing, an answer that
   grows too much) is left as it came: the response stands, `body_error` says why, and the run warns
   once.
2. Unpacking is bounded: a server cannot fill the client's memory with a small answer that unpacks
   to a large one.
"""

from __future__ import annotations

import codecs
import re
import zlib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

import orjson

from fastbench.foundation import redact
from fastbench.foundation.platforms import install_command
from fastbench.script import remarks

# An answer may unpack to 1 MiB whatever its size, above it to this many times its size.
FREE_BYTES: Final = 1 << 20
MAX_RATIO: Final = 200
MAX_BYTES: Final = 1 << 28
_WINDOW_LOG: Final = 23  # of zstd: 8 MiB, the most that RFC 9659 lets a server ask for
_SHOWN_CODING: Final = 40
_CHARSET = re.compile(r"""(?:^|;)\s*charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)


class BodyError(ValueError):
    """Say why the body of an answer cannot be read.

    `fault` is "broken" where it is none of its coding, "short" where it ends too early, "" where it
    is left as it came for another reason.
    """

    def __init__(self, text: str, fault: str = "", detail: str = "") -> None:
        super().__init__(text)
        self.fault = fault
        self.detail = detail  # of what is broken, in the words of its library


def decode(headers: Mapping[str, str], raw: bytes) -> tuple[bytes, str]:
    """Undo the Content-Encoding of a body, its codings from the last on (RFC 9110 section 8.4).

    Return the body and "". Where one cannot be undone, return what it was to be undone of, and why.
    """
    codings = headers.get("Content-Encoding", "")
    for coding in reversed([each.strip().lower() for each in codings.split(",")]):
        if coding in ("", "identity") or not raw:
            continue
        try:
            raw = undone(coding, raw)
        except BodyError as error:
            tell(error)
            return raw, str(error)
    return raw, ""


def tell(error: BodyError) -> None:
    """Warn once of a body that stays as it came."""
    remarks.tell(
        "content_encoding",
        f"bodies of responses were not decoded: {error}",
        "Response.body has the received bytes, Response.body_error the reason",
    )


def text(headers: Mapping[str, str], body: bytes) -> str:
    """Decode a body as the charset of its Content-Type says, as UTF-8 where that is none.

    What is no text in that charset becomes U+FFFD.
    """
    return body.decode(_charset(headers.get("Content-Type", "")), "replace")


class Unpacker:
    """Unpack a body piece by piece, as its one Content-Encoding says."""

    def __init__(self, coding: str) -> None:
        """Raises BodyError for one that is not known, or whose package is missing."""
        self._coding = coding
        self._came = self._gave = 0  # bytes so far
        if coding in ("gzip", "x-gzip", "deflate"):
            wbits = zlib.MAX_WBITS if coding == "deflate" else 16 + zlib.MAX_WBITS
            self._error: type[Exception] = zlib.error
            self._unpack: Any = zlib.decompressobj(wbits).decompress
            return
        module: Any = {"br": _brotli, "zstd": _zstd}.get(coding, lambda: None)()
        if module is None:
            undone(coding, b"?")  # says why
        if coding == "br":
            stream = module.Decompressor()
            self._error = module.error
            self._unpack = lambda data, most: stream.process(data, output_buffer_limit=most)
        else:
            options = {module.DecompressionParameter.window_log_max: _WINDOW_LOG}
            self._error = module.ZstdError
            self._unpack = module.ZstdDecompressor(options=options).decompress

    def feed(self, data: bytes) -> bytes:
        """Return what these bytes unpack to. Raises BodyError."""
        self._came += len(data)
        most = max(FREE_BYTES, MAX_RATIO * self._came)
        try:
            found: bytes = self._unpack(data, most - self._gave + 1)
        except (self._error, EOFError):
            raise BodyError(f"no valid {self._coding}") from None
        self._gave += len(found)
        _check(self._gave, most, self._coding)
        return found


def unpacker(headers: Mapping[str, str]) -> Unpacker | None:
    """Return who unpacks a body that comes in pieces; None where nothing is to be done.

    What cannot be unpacked is handed out as it came.
    """
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    try:
        return Unpacker(coding)
    except BodyError:
        return None


def loads(body: bytes, body_error: str) -> Any:
    """Read JSON, with or without a byte order mark. Raises BodyError."""
    try:
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except ValueError as error:
        what = f"no JSON: {body_error or error}" if body else "empty, so there is no JSON in it"
        raise BodyError(f"The body is {what}") from None


@lru_cache(maxsize=256)
def _charset(content_type: str) -> str:
    said = _CHARSET.search(content_type)
    try:
        found = codecs.lookup(said[1]) if said else None
        # Some of Python's codecs are not of text, and some cannot replace.
        return found.name if found and b"a\xff".decode(found.name, "replace") else "utf-8"
    except (LookupError, ValueError):
        return "utf-8"


def undone(coding: str, raw: bytes) -> bytes:
    """Undo one Content-Encoding, in small letters. Raises BodyError."""
    if coding in ("gzip", "x-gzip"):
        return _inflated(raw, coding, 16 + zlib.MAX_WBITS)
    if coding == "deflate":
        # RFC 9110 8.4.1.2 means zlib's format; some servers send it without its two first bytes.
        return _inflated(raw, coding, zlib.MAX_WBITS if has_zlib_head(raw) else -zlib.MAX_WBITS)
    if coding == "br":
        return _brotli_decoded(raw)
    if coding == "zstd":
        return _zstd_decoded(raw)
    shown = redact.printable(coding)[:_SHOWN_CODING]
    raise BodyError(f"the Content-Encoding `{shown}` is not known")


def has_zlib_head(raw: bytes) -> bool:
    """Tell whether this begins as zlib's format does (RFC 1950 section 2.2)."""
    return len(raw) > 1 and raw[0] & 15 == 8 and int.from_bytes(raw[:2], "big") % 31 == 0


def _inflated(raw: bytes, coding: str, wbits: int) -> bytes:
    most = _most(raw)
    out = bytearray()
    while raw:  # gzip may have several members
        stream = zlib.decompressobj(wbits)
        try:
            out += stream.decompress(raw, most - len(out) + 1)
        except zlib.error as error:
            raise BodyError(f"no valid {coding}", "broken", str(error)) from None
        _check(len(out), most, coding)
        if not stream.eof:
            raise BodyError(f"{coding} that ends too early", "short")
        raw = stream.unused_data if coding != "deflate" else b""
        if raw and not raw.strip(b"\0"):
            break
    return bytes(out)


def _brotli_decoded(raw: bytes) -> bytes:
    module = _brotli()
    if module is None:
        raise BodyError("br needs a package: pip install 'brotli>=1.2'")
    most, out = _most(raw), bytearray()
    stream = module.Decompressor()
    try:
        while not stream.is_finished():
            if not raw and stream.can_accept_more_data():
                raise BodyError("br that ends too early", "short")
            out += stream.process(raw, output_buffer_limit=most - len(out) + 1)
            raw = b""
            _check(len(out), most, "br")
    except module.error:
        raise BodyError("no valid br", "broken") from None
    return bytes(out)


def _zstd_decoded(raw: bytes) -> bytes:
    module = _zstd()
    if module is None:
        raise BodyError(f"zstd needs a package: {install_command('zstd')}")
    most, out = _most(raw), bytearray()
    options = {module.DecompressionParameter.window_log_max: _WINDOW_LOG}
    while raw:  # there may be several frames (RFC 8878 section 3)
        stream = module.ZstdDecompressor(options=options)
        try:
            out += stream.decompress(raw, most - len(out) + 1)
        except module.ZstdError:
            raise BodyError("no valid zstd", "broken") from None
        _check(len(out), most, "zstd")
        if not stream.eof:
            raise BodyError("zstd that ends too early", "short")
        raw = stream.unused_data
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


@cache
def _zstd() -> Any:
    """Return the module of Python 3.14, or the same one for older Pythons, or None."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def _most(raw: bytes) -> int:
    return min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * len(raw)))


def _check(length: int, most: int, coding: str) -> None:
    if length > most:
        raise BodyError(
            f"{coding} that unpacks to more than {MAX_RATIO} times its size and "
            f"{FREE_BYTES >> 20} MiB, or to more than {MAX_BYTES >> 20} MiB"
        )
