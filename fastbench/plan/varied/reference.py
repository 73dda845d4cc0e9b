"""What the requests of a run say, one at a time: the rules of `plan.pieces`, in Python.

`--debug` shows it, and the engine's tests hold the engine to it, byte for byte.
"""

from __future__ import annotations

import json
import math
from base64 import b64encode
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote_from_bytes, quote_plus

from fastbench.plan import http_message
from fastbench.plan.pieces import Escape, Feed, Piece, Pieces, Varied

GOLDEN = 0x9E3779B97F4A7C15

_MASK = (1 << 64) - 1
_GREATEST = (1 << 63) - 1
_POSITION = 1 << 24
_WORD_BYTES = 8
_UNITS_NS = {"now": 10**9, "now_ms": 10**6}


@dataclass(frozen=True, slots=True)
class Turn:
    """Which request it is: its number, when it was first sent, and on which connection.

    `wall_ns` is since 1970; numbers count over all workers, from 0.
    """

    number: int
    wall_ns: int = 0
    connection: int = 0


class Sent(NamedTuple):
    """What a request says; `body` None: it has none."""

    target: bytes
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes | None
    expect: bytes


def sent(varied: Varied, turn: Turn, seed: int, feed: Feed | None = None) -> Sent:
    """Return what the request of this turn says, but for its Content-Length."""
    said = Renderer(turn, seed, feed)
    return Sent(
        said.of(varied.target),
        tuple((name, said.of(value)) for name, value in varied.fields),
        None if varied.body is None else said.of(varied.body),
        said.of(varied.expect),
    )


def payload(method: str, said: Sent) -> bytes:
    """Return every byte of it in HTTP/1.1: Content-Length is the last field."""
    head = http_message.start(method, said.target) + http_message.lines(fields(said))
    return b"".join((head, b"\r\n", said.body or b""))


def fields(said: Sent) -> http_message.Fields:
    """Return all fields of it, with its Content-Length."""
    if said.body is None:
        return said.fields
    return (*said.fields, (b"Content-Length", b"%d" % len(said.body)))


class Renderer:
    """Render pieces of one request."""

    def __init__(self, turn: Turn, seed: int, feed: Feed | None = None) -> None:
        self._turn, self._feed = turn, feed
        self._key = mix(seed + GOLDEN * (turn.number + 1))

    def of(self, pieces: Pieces) -> bytes:
        """Return the text that they make."""
        found, at = [], 0
        while at < len(pieces):
            piece = pieces[at]
            at += 1
            if piece.kind == "base64":
                found.append(b64encode(self.of(pieces[at : at + piece.width])))
                at += piece.width
            else:
                found.append(self._one(piece))
        return b"".join(found)

    def _one(self, piece: Piece) -> bytes:
        kind = piece.kind
        if kind == "text":
            return piece.text
        if kind == "column":
            return escaped(self._cell(piece.column), piece.escape)
        if kind == "pick":
            return piece.choices[_below(len(piece.choices), self._word(piece.place))]
        return self._made(piece).encode("ascii")

    def _made(self, piece: Piece) -> str:
        kind, word = piece.kind, self._word(piece.place)
        if kind == "seq":
            value = _signed(piece.low + piece.high * self._turn.number)
            return f"{'-' * (value < 0)}{abs(value):0{piece.width}d}"
        if kind == "uuid":
            return _uuid(word, _next(word))
        if kind == "hex":
            return _hex(word, piece.width)
        if kind == "int":
            return str(piece.low + _below(piece.high - piece.low + 1, word))
        if kind == "zipf":
            return str(piece.low - 1 + _zipf(piece.high - piece.low + 1, word))
        return str(self._turn.wall_ns // _UNITS_NS[kind])

    def _cell(self, column: int) -> bytes:
        feed = self._feed
        if feed is None:
            raise ValueError("a column without a feed")
        return cell(feed, self._row(feed), column)

    def _row(self, feed: Feed) -> int:
        if feed.order == "random":
            return _below(feed.n_rows, mix(self._key))
        number = self._turn.connection if feed.order == "per-connection" else self._turn.number
        return number % feed.n_rows

    def _word(self, place: int) -> int:
        return mix(self._key + GOLDEN * (place + 1))


def cell(feed: Feed, row: int, column: int) -> bytes:
    """Return a value of the feed as it stands there."""
    begin = (row * len(feed.columns) + column) * _WORD_BYTES
    place, n_bytes = divmod(
        int.from_bytes(feed.cells[begin : begin + _WORD_BYTES], "little"), _POSITION
    )
    return bytes(feed.data[place : place + n_bytes])


def escaped(value: bytes, escape: Escape) -> bytes:
    """Return a value as its place wants it; see `plan.pieces.Piece`."""
    if escape == "url":
        return quote_from_bytes(value, safe="").encode("ascii")
    if escape == "form":
        return quote_plus(value).encode("ascii")
    if escape == "json":
        text = json.dumps(value.decode("utf-8", "surrogateescape"), ensure_ascii=False)
        return text[1:-1].encode("utf-8", "surrogateescape")
    return value


def mix(x: int) -> int:
    """Return 64 bits of which each depends on each bit of x (SplitMix64)."""
    z = x & _MASK
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ z >> 27) * 0x94D049BB133111EB & _MASK
    return z ^ z >> 31


def _next(word: int) -> int:
    return mix(word + GOLDEN)


def _below(limit: int, word: int) -> int:
    while word * limit & _MASK < (_MASK + 1) % limit:
        word = _next(word)
    return word * limit >> 64


def _zipf(most: int, word: int) -> int:
    """Return 1 … most, k with a chance in proportion to 1 / k.

    Rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate variates from monotone
    discrete distributions, 1996), for the exponent 1: the integral of 1/x is log(x).
    """
    top, bottom = math.log(most + 0.5), math.log(1.5) - 1.0
    near = 2.0 - 2.5 * math.exp(-0.5)
    while True:
        at = top + (word >> 11) / 2**53 * (bottom - top)
        x = math.exp(at)
        k = min(max(int(x + 0.5), 1), most)
        if k - x <= near or at >= math.log(k + 0.5) - 1.0 / k:
            return k
        word = _next(word)


def _hex(word: int, digits: int) -> str:
    text = ""
    while len(text) < digits:
        text += f"{word:016x}"
        word = _next(word)
    return text[:digits]


def _signed(value: int) -> int:
    value &= _MASK
    return value if value <= _GREATEST else value - _MASK - 1


def _uuid(high: int, low: int) -> str:
    """Write 128 random bits as a UUID of version 4 (RFC 9562 section 5.4)."""
    high = high & ~0xF000 | 0x4000
    low = low & (_MASK >> 2) | 1 << 63
    text = f"{high:016x}{low:016x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
