"""What pieces of a request render to, said once more and slowly, from the definitions."""

from __future__ import annotations

import json
import math
from array import array
from base64 import b64encode
from collections.abc import Sequence
from urllib.parse import quote, quote_plus

from fastbench.plan.pieces import Escape, Feed, Piece, RowOrder

__all__ = ["feed_of", "rendered"]

BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


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
    return Feed("x", columns, len(rows), order, memoryview(data), memoryview(cells), longest)


def rendered(
    pieces: Sequence[Piece],
    number: int,
    *,
    seed: int = 0,
    unix_ns: int = 0,
    connection: int = 0,
    feed: Feed | None = None,
) -> bytes:
    key = _mix(seed + GOLDEN * (number + 1))
    row = _row(feed, key, number, connection) if feed else 0
    out, at = b"", 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        word = _mix(key + GOLDEN * (piece.place + 1))
        if piece.kind == "text":
            out += piece.text
        elif piece.kind == "seq":
            out += _padded(_signed(piece.low + piece.high * number), piece.width)
        elif piece.kind == "now":
            out += b"%d" % (unix_ns // 10**9)
        elif piece.kind == "now_ms":
            out += b"%d" % (unix_ns // 10**6)
        elif piece.kind == "uuid":
            out += _uuid(word)
        elif piece.kind == "hex":
            out += _hex(word, piece.width)
        elif piece.kind == "pick":
            out += piece.choices[_below(len(piece.choices), word)]
        elif piece.kind == "int":
            out += b"%d" % (piece.low + _below(piece.high - piece.low + 1, word))
        elif piece.kind == "zipf":
            out += b"%d" % (piece.low + _zipf(piece.high - piece.low + 1, word) - 1)
        elif piece.kind == "base64":
            inner = pieces[at : at + piece.width]
            at += piece.width
            out += b64encode(
                rendered(
                    inner, number, seed=seed, unix_ns=unix_ns, connection=connection, feed=feed
                )
            )
        else:
            assert feed is not None
            begin = (row * len(feed.columns) + piece.column) * 8
            cell = int.from_bytes(feed.cells.cast("B")[begin : begin + 8], "little")
            begin, length = cell >> 24, cell & 0xFFFFFF
            out += _escaped(bytes(feed.data[begin : begin + length]), piece.escape)
    return out


def _mix(word: int) -> int:
    """SplitMix64's finalizer, as in the public code of Vigna."""
    word &= BITS
    word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & BITS
    word = (word ^ word >> 27) * 0x94D049BB133111EB & BITS
    return word ^ word >> 31


def _below(limit: int, word: int) -> int:
    """Take words until the one that would make some numbers likelier is not it."""
    while word * limit & BITS < (1 << 64) % limit:
        word = _mix(word + GOLDEN)
    return word * limit >> 64


def _zipf(count: int, word: int) -> int:
    top = math.log(count + 0.5)
    bottom = math.log(1.5) - 1
    while True:
        u = top + (word >> 11) / 2**53 * (bottom - top)
        x = math.exp(u)
        rank = min(max(int(x + 0.5), 1), count)
        if rank - x <= 2 - 2.5 * math.exp(-0.5) or u >= math.log(rank + 0.5) - 1 / rank:
            return rank
        word = _mix(word + GOLDEN)


def _hex(word: int, digits: int) -> bytes:
    out = ""
    while len(out) < digits:
        out += f"{word:016x}"
        word = _mix(word + GOLDEN)
    return out[:digits].encode()


def _uuid(word: int) -> bytes:
    text = bytearray(_hex(word, 32))
    text[12] = ord("4")
    text[16] = ord("89ab"[int(text[16:17], 16) & 3])
    return b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _padded(number: int, width: int) -> bytes:
    return (b"-" if number < 0 else b"") + str(abs(number)).zfill(width).encode()


def _signed(number: int) -> int:
    number &= BITS
    return number - (1 << 64) if number >> 63 else number


def _row(feed: Feed, key: int, number: int, connection: int) -> int:
    if feed.order == "random":
        return _below(feed.n_rows, _mix(key))
    return (connection if feed.order == "per-connection" else number) % feed.n_rows


def _escaped(text: bytes, escape: Escape) -> bytes:
    if escape == "url":
        return quote(text, safe="").encode()
    if escape == "form":
        return quote_plus(text, safe="").encode()
    if escape == "json":
        return json.dumps(text.decode("latin-1"), ensure_ascii=False)[1:-1].encode("latin-1")
    return text
