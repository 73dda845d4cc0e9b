"""What a request that varies is made of: constant text and values, in order.

The values of a request are a pure function of its number n (over all workers), the seed, the
instant it was sent and its connection, so that a request that is sent again is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "seq", "uuid", "int", "zipf", "hex", "pick", "now", "now_ms", "column"]
Escape = Literal["", "url", "form", "json"]
RowOrder = Literal["in-order", "random", "once", "per-connection"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One of them.

    `text`: of "text", as sent. `low`, `high`: of "int" and "zipf", both inclusive; of "seq" its
    start and step. `width`: digits of "hex", least digits of "seq". `choices`: of "pick", as sent.
    `column`: of "column", by number; `escape` is how its values are escaped. `place`: which of the
    request's random values it is, so that two of them differ.
    """

    kind: Kind
    text: bytes = b""
    low: int = 0
    high: int = 0
    width: int = 0
    choices: tuple[bytes, ...] = ()
    column: int = 0
    escape: Escape = ""
    place: int = 0


Pieces = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Varied:
    """A request in pieces; `fields` are all it has but Content-Length, `body` None: it has none.

    `expect` is the text that its answer must contain, empty when that does not vary.
    """

    target: Pieces
    fields: tuple[tuple[bytes, Pieces], ...]
    body: Pieces | None
    expect: Pieces = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows of a file: `data` is memory that all workers share.

    `cells` holds, for each column of each row, where it is: 8 bytes, little endian, the begin
    within `data` in the upper 40 bits, the length in the lower 24.
    """

    path: str
    columns: tuple[str, ...]
    n_rows: int
    order: RowOrder
    data: memoryview
    cells: memoryview
    longest: tuple[int, ...]  # value of each column, in bytes
