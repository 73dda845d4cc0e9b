"""The codings of bodies, undone as k6 does: a body that is broken makes the request a failed one.

1. Names are those of k6, in small letters; others stay as they are.
2. What is left as it came, as where a package is missing, is told once and fails nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastbench.script.http import codings

if TYPE_CHECKING:
    from fastbench.engine.client._client import Response

_CODINGS = ("gzip", "deflate", "br", "zstd")
BODILESS = (204, 304)
_HEAD_BYTES = {"gzip": 10, "deflate": 2}  # what ends before is no body of this coding at all
_WHOLE_WHEN_EMPTY = ("br", "zstd")


class _Broken(Exception):
    """A body that is none of its coding, as `of_coding`, or that has less or other content."""

    def __init__(self, text: str, *, of_coding: bool) -> None:
        super().__init__(f"error decompressing response body ({text})" if of_coding else text)
        self.of_coding = of_coding


def decode(response: Response) -> tuple[bytes, str, bool]:
    """Return a body, what is wrong with it, and whether that is its coding (error 1701)."""
    raw = response.raw_body
    bodiless = response.status in BODILESS or response.method == "HEAD"
    if bodiless or response.keep.options.unread:
        return raw, "", False
    names = (response.headers.get("Content-Encoding") or "").split(",")
    for coding in reversed([each.strip() for each in names]):
        if coding not in _CODINGS or (not raw and coding in _WHOLE_WHEN_EMPTY):
            continue
        try:
            raw = _undone(coding, raw)
        except _Broken as broken:
            return b"", str(broken), broken.of_coding
        except codings.BodyError as error:
            codings.tell(error)
            return raw, "", False
    return raw, "", False


def _undone(coding: str, raw: bytes) -> bytes:
    """Undo one coding; raises _Broken, and BodyError where it stays as it came."""
    if len(raw) < _HEAD_BYTES.get(coding, 0):
        empty = not raw and coding == "gzip"
        raise _Broken("EOF" if empty else "unexpected EOF", of_coding=True)
    if coding == "deflate" and not codings.has_zlib_head(raw):
        raise _Broken("zlib: invalid header", of_coding=True)
    try:
        return codings.undone(coding, raw)
    except codings.BodyError as error:
        if not error.fault:
            raise
        raise _broken(coding, error) from None


def _broken(coding: str, error: codings.BodyError) -> _Broken:
    """Say in k6's words what is wrong; some of them say so of the content, not of the coding."""
    if error.fault == "short":
        return _Broken("unexpected EOF", of_coding=False)
    format_name = {"gzip": "gzip", "deflate": "zlib"}.get(coding)
    if format_name is None:
        return _Broken(str(error), of_coding=True)
    if "header check" in error.detail:
        return _Broken(f"{format_name}: invalid header", of_coding=True)
    if "data check" in error.detail or "length check" in error.detail:
        return _Broken(f"{format_name}: invalid checksum", of_coding=True)
    return _Broken("flate: corrupt input", of_coding=False)
