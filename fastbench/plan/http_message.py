"""The parts of an HTTP request, and the bytes of HTTP/1.1 that say the same (RFC 9112 section 3).

Both clients get both: HTTP/1.1 sends the bytes, another version of HTTP renders the parts itself.
"""

from __future__ import annotations

from collections.abc import Iterable

Fields = tuple[tuple[bytes, bytes], ...]  # names and values of a header, in the order sent

_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_OF_CONNECTIONS = frozenset(
    {
        "connection",
        "http2-settings",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
    }
)


def content_length(method: str, body: bytes | None) -> int | None:
    """Return the Content-Length to send; a method that expects a body says 0 without one.

    None: none is sent (RFC 9110 section 8.6).
    """
    if body is not None:
        return len(body)
    return 0 if method in _WITH_LENGTH else None


def left_out(fields: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names of fields that are not sent over HTTP/2 (RFC 9113 section 8.2.2)."""
    found = {
        name
        for name, value in fields
        if name.lower() in _OF_CONNECTIONS
        or (name.lower() == "te" and value.strip(" \t").lower() != "trailers")
    }
    return sorted(found, key=str.lower)


def without_place(names: Iterable[str]) -> str:
    """Say that fields with these names are not sent."""
    return f"over HTTP/2 this is left out of requests: {', '.join(names)} (RFC 9113 section 8.2.2)"


def start(method: str, target: bytes) -> bytes:
    """Render the request line."""
    return b"%b %b HTTP/1.1\r\n" % (method.encode("ascii"), target)


def lines(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render the fields, a line each, without the blank line that ends a head."""
    return b"".join([b"%b: %b\r\n" % field for field in fields])
