"""The parts of an HTTP request, and the bytes of HTTP/1.1 that say the same (RFC 9112 section 3).

Both clients get both: HTTP/1.1 sends the bytes, another version of HTTP renders the parts itself.
"""

from __future__ import annotations

from collections.abc import Iterable

Fields = tuple[tuple[bytes, bytes], ...]  # names and values of a header, in the order sent

_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})


def content_length(method: str, body: bytes | None) -> int | None:
    """Return the Content-Length to send; a method that expects a body says 0 without one.

    None: none is sent (RFC 9110 section 8.6).
    """
    if body is not None:
        return len(body)
    return 0 if method in _WITH_LENGTH else None


def start(method: str, target: bytes) -> bytes:
    """Render the request line."""
    return b"%b %b HTTP/1.1\r\n" % (method.encode("ascii"), target)


def lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render the fields, a line each, without the blank line that ends a head."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
