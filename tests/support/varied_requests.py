"""Requests that vary, made without a command line, and feeds without a file."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from fastbench.plan.pieces import Feed, Piece, Pieces, RowOrder, Varied
from fastbench.plan.plan import Request
from fastbench.plan.varied import reference
from fastbench.plan.varied.reference import Turn

__all__ = ["expected", "feed_of", "said", "text", "varying"]


def text(data: bytes) -> Piece:
    return Piece("text", text=data)


def feed_of(rows: Sequence[Sequence[bytes]], order: RowOrder = "in-order") -> Feed:
    """Lay rows of equal length out as a file of them would be, a byte between two cells."""
    data = bytearray(b"head\n")
    cells = array("Q")
    for row in rows:
        for cell in row:
            cells.append(len(data) << 24 | len(cell))
            data += cell + b","
    columns = tuple(f"c{i}" for i in range(len(rows[0])))
    longest = tuple(max(len(row[i]) for row in rows) for i in range(len(columns)))
    view = memoryview(cells).cast("B")
    return Feed("x", columns, len(rows), order, memoryview(data), view, longest)


def varying(
    target: Pieces,
    body: Pieces | None = None,
    *fields: tuple[bytes, Pieces],
    method: str = "PUT",
    expect: Pieces = (),
) -> Request:
    """Make a request; PUT may be sent again, and may have a body."""
    varied = Varied(target, ((b"Host", (text(b"h"),)), *fields), body, expect)
    return Request(method, b"/", ((b"Host", b"h"),), None, "http://h/", 1, varied)


def said(
    request: Request, number: int, *, seed: int = 0, feed: Feed | None = None, connection: int = 0
) -> reference.Sent:
    """Return what request `number` says, when it does not say the time."""
    assert request.varied is not None
    return reference.sent(request.varied, Turn(number, 0, connection), seed, feed)


def expected(
    request: Request, number: int, *, seed: int = 0, feed: Feed | None = None, connection: int = 0
) -> bytes:
    """Return its bytes in HTTP/1.1."""
    if request.varied is None:
        return request.payload
    found = said(request, number, seed=seed, feed=feed, connection=connection)
    return reference.payload(request.method, found)
