"""What a request that varies is made of: constant text and values, in order.

The values of a request are a pure function of its number n (over all workers, from 0), the seed,
the instant it was sent and its connection, so that a request that is sent again is the same. The
engine and `varied.reference` compute them alike, in unsigned numbers of 64 bits that wrap:

    mix(x)         z = (x ^ x >> 30) * 0xBF58476D1CE4E5B9; z = (z ^ z >> 27) * 0x94D049BB133111EB;
                   the result is z ^ z >> 31 (SplitMix64: Steele, Lea, Flood 2014)
    next(x)        mix(x + G), where G is 0x9E3779B97F4A7C15
    key            mix(seed + G * (n + 1)), of request n
    word           mix(key + G * (place + 1)), of one of its random values
    below(m, x)    the upper 64 of the 128 bits of x * m, a number from 0 to m - 1; as long as the
                   lower ones are below 2^64 % m, those of next(x) are taken (Lemire 2019)
    seq            low + high * n with sign; "-" where it is below 0, then `width` digits at least
    uuid           the word and next(word), big endian, with the bits of version 4 and variant 10
    hex            16 lower-case digits of the word, of next(word), …: the first `width`
    int            low + below(high - low + 1, word)
    zipf           low + k - 1, where k = 1 … N is drawn with a chance as 1/k (`varied.reference`)
    pick           choices[below(how many, word)]
    now, now_ms    seconds, milliseconds of the wall clock when the request was first sent
    row            in-order: n % rows; random: below(rows, mix(key)); once: n;
                   per-connection: the connection's number over all workers % rows
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text", "seq", "uuid", "int", "zipf", "hex", "pick", "now", "now_ms", "column", "base64",
    "digest", "nonce_count", "response",
]  # fmt: skip
Escape = Literal["", "url", "form", "json"]
RowOrder = Literal["in-order", "random", "once", "per-connection"]


@dataclass(frozen=True, slots=True)
class Piece:
    r"""One of them.

    `text`: of "text", as sent. `low`, `high`: of "int" and "zipf", both inclusive; of "seq" its
    start and step. `width`: digits of "hex", least digits of "seq". `choices`: of "pick", as sent.
    `column`: of "column", by number; `escape` is how its values are escaped. `place`: which of the
    request's random values it is, so that two of them differ. "base64" says that the `width` pieces
    after it are sent in base64, as one text (RFC 4648 section 4): `user:password` of the field
    Authorization. The last three are of digest authentication, and what they say depends on the
    worker's nonce (`plan.network.digest_fields`): of "response" `width` says that the count is in
    the hash, and the `high` pieces after it are what `text` ends with, hashed.

    Escaped as: "url", bytes but A-Z a-z 0-9 - . _ ~ as %XX in upper case (RFC 3986 section 2.3);
    "form" the same, but a space is +; "json", in a string: " and \ after a \, what has a letter
    (b f n r t) as that, other bytes below 0x20 as \u00xx, lower case (RFC 8259 section 7).
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

    A body of no pieces is one of no bytes, which says `Content-Length: 0`. `expect` is the text
    that its answer must contain, empty when that does not vary: then it is `Plan.expect.body`,
    which else is as typed, to be shown only.
    """

    target: Pieces
    fields: tuple[tuple[bytes, Pieces], ...]
    body: Pieces | None
    expect: Pieces = ()


@dataclass(frozen=True, slots=True)
class Feed:
    """Rows of a file: `data` is memory that all workers share.

    `cells` holds, for each column of each row, where it is: 8 bytes, little endian, the begin
    within `data` in the upper 40 bits, the length in the lower 24; row by row, all columns of each.
    """

    path: str
    columns: tuple[str, ...]
    n_rows: int
    order: RowOrder
    data: memoryview
    cells: memoryview
    longest: tuple[int, ...]  # value of each column, in bytes
    is_file: bool = False  # `data` is the file, so that a place there is in a line of it
