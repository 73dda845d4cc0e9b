"""Blocks of HPACK as servers make them, and what their fields mean, in plain Python."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable

import hpack
from hypothesis import strategies as st

from fastbench.engine.bridge import _core

Fields = list[tuple[bytes, bytes]]
Verdict = tuple[str, int, int, str, int]  # what HeadTable.read returns

TOKEN = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z]+|:")
UPPER = re.compile(rb":?[!#$%&'*+\-.^_`|~0-9a-z]*[A-Z]")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
OF_CONNECTIONS = {
    *(b"connection", b"keep-alive", b"proxy-connection", b"te", b"transfer-encoding", b"upgrade"),
}


def rule_of_name(name: bytes) -> str:
    if not name:
        return "empty field name"
    if TOKEN.fullmatch(name):
        return ""
    return "upper case in a field name" if UPPER.match(name) else "byte in a field name"


def rule_of_value(name: bytes, value: bytes) -> str:
    if name == b":status":
        return "" if re.fullmatch(rb"[1-9][0-9]{2}", value) else ":status"
    if name == b"content-length":
        return "" if re.fullmatch(rb"[0-9]{1,18}", value) else "content-length"
    if name in OF_CONNECTIONS:
        return "connection-specific field"
    if value and (value[:1] in b" \t" or value[-1:] in b" \t"):
        return "blank at an end of a field value"
    return "" if VALUE.fullmatch(value) else "byte in a field value"


def meaning_of(fields: Fields, *, trailer: bool = False) -> Verdict:
    """Judge the fields of an answer by RFC 9113 sections 8.1 to 8.3; the first rule counts."""
    rules: list[str] = []
    statuses: list[int] = []
    lengths: list[int] = []
    regular = False
    for name, value in fields:
        of_field = rule_of_name(name) or rule_of_value(name, value)
        if name[:1] == b":":
            if trailer:
                rules.append("pseudo-field in trailers")
            elif regular:
                rules.append("late pseudo-field")
            elif name != b":status":
                rules.append("unknown pseudo-field")
            elif statuses:
                rules.append("repeated pseudo-field")
            elif of_field:
                rules.append(of_field)
            else:
                statuses.append(int(value))
            continue
        regular = True
        if of_field:
            rules.append(of_field)
        elif name == b"content-length":
            lengths.append(int(value))
            if len({*lengths[-2:]}) > 1:
                rules.append("content-lengths that differ")
    if not trailer and not statuses:
        rules.append("no :status")
    size = sum(len(name) + len(value) + 32 for name, value in fields)
    return "", (statuses or [0])[0], (lengths or [-1])[-1], (rules or [""])[0], size


class Peers:
    """A connection that three tables and a decoder of another hand follow."""

    def __init__(self, memo: _core.BlockMemo) -> None:
        self.memo = memo
        self.quick = _core.HeadTable(memo)
        self.plain = _core.HeadTable()
        self.scripts = _core.FieldTable()
        self.decoder = hpack.Decoder()

    def read(self, block: bytes, *, trailer: bool = False) -> str:
        """Read a block on all sides, who must agree; returns its error, "" for none."""
        self.verdict = verdict = self.quick.read(block, trailer=trailer)
        assert self.plain.read(block, trailer=trailer) == verdict
        seen, fields = self.scripts.read(block, trailer=trailer)
        assert seen == verdict
        if updates(block) > 2:  # what RFC 7541 section 4.2 forbids, and the decoder lets pass
            assert verdict[0]
            return verdict[0]
        try:
            decoded = list(self.decoder.decode(block, raw=True))
        except hpack.HPACKError as error:
            assert verdict[0], error
            return verdict[0]
        assert not verdict[0]
        pairs = [(bytes(name), bytes(value)) for name, value in decoded]
        assert [(name, value) for name, value, _ in fields] == pairs
        assert [never for *_, never in fields] == [not each.indexable for each in decoded]
        assert verdict == meaning_of(pairs, trailer=trailer)
        self.compare_tables()
        return ""

    def compare_tables(self) -> None:
        theirs = self.decoder.header_table
        entries = [(bytes(name), bytes(value)) for name, value in theirs.dynamic_entries]
        assert self.scripts.fields == entries
        assert self.quick.fields == self.plain.fields
        assert [size for size, *_ in self.quick.fields] == [
            len(n) + len(v) + 32 for n, v in entries
        ]
        assert self.quick.max_bytes == self.plain.max_bytes == theirs.maxsize
        assert (
            self.quick.n_bytes
            == self.plain.n_bytes
            == sum(len(n) + len(v) + 32 for n, v in entries)
        )


def updates(block: bytes) -> int:
    """Count the updates of the table's size that a block begins with."""
    count = at = 0
    while at < len(block) and block[at] & 0xE0 == 0x20:
        count += 1
        more = block[at] & 31 == 31
        at += 1
        while more and at < len(block):
            more = block[at] >= 128
            at += 1
    return count


# Made up

NAMES = [
    *(b"server", b"date", b"content-type", b"etag", b"x-request-id", b"set-cookie", b"vary"),
    *(b"content-length", b"cache-control", b"connection", b"te", b"X-Upper", b"b d", b"", b":path"),
    *(b":status", b":", b":Status", b"\xff", b"a:b"),
]
VALUES = [
    *(b"", b"nginx", b"200", b"0", b"15", b"text/html", b"a" * 40, b"\x00", b" x", b"x\t", b"\xfc"),
    *(b"trailers", b"max-age=3600", b"no\nline", b"1" * 19, b"\x7f", b"z" * 1100, b"y" * 4096),
]


@st.composite
def headers(draw: st.DrawFn) -> Fields:
    """Make up the fields of an answer, for the most part a sound one."""
    names = st.one_of(st.sampled_from(NAMES), st.binary(max_size=12))
    values = st.one_of(st.sampled_from(VALUES), st.binary(max_size=30))
    fields = draw(st.lists(st.tuples(names, values), max_size=8))
    if draw(st.integers(0, 3)):
        status = draw(
            st.sampled_from([b"200", b"204", b"302", b"404", b"599", b"099", b"20", b"2x0"])
        )
        fields.insert(0, (b":status", status))
    return fields


class Server:
    """Encodes answers on one connection, in the manner of the day."""

    def __init__(self) -> None:
        self.encoder = hpack.Encoder()

    def block(self, fields: Iterable[tuple[bytes, bytes]], how: random.Random) -> bytes:
        for _ in range(how.choice((0, 0, 0, 0, 1, 2))):
            sizes = {0, 60, 100, 333, 1000, 4000, 4096} - {self.encoder.header_table_size}
            self.encoder.header_table_size = how.choice(sorted(sizes))
        secret = [(name, value, how.random() < 0.2) for name, value in fields]
        return self.encoder.encode(secret, huffman=how.random() < 0.7)

    def literal(self, fields: Iterable[tuple[bytes, bytes]], how: random.Random) -> bytes:
        """Without references, in any of three forms: what nginx sends."""
        forms = ("plain", "insert", "never")
        return b"".join(_core.encode_field(n, v, how.choice(forms)) for n, v in fields)


ANSWERS: list[Fields] = [
    [
        *((b":status", b"200"), (b"server", b"nginx/1.26.3"), (b"content-type", b"text/html")),
        *((b"date", b"Mon, 21 Oct 2013 20:13:21 GMT"), (b"content-length", b"615")),
        *((b"etag", b'"6745ef54-267"'), (b"accept-ranges", b"bytes")),
    ],
    [(b":status", b"304"), (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT"), (b"vary", b"origin")],
    [
        (b":status", b"200"),
        (b"x-request-id", b"8f14e45fceea167a"),
        (b"set-cookie", b"id=1; path=/"),
    ],
    [(b":status", b"404"), (b"content-length", b"5"), (b"x-filler", b"f" * 900)],
    [(b"grpc-status", b"0"), (b"x-digest", b"sha-256=abc")],
]


def mutated(block: bytes, how: random.Random) -> bytes:
    """Damage a block: a bit, a byte, a piece less, a piece twice, an integer of many bytes."""
    wire = bytearray(block)
    for _ in range(how.choice((1, 1, 1, 2, 4))):
        at = how.randrange(len(wire) + 1)
        kind = how.randrange(7)
        if kind == 0 and at < len(wire):
            wire[at] ^= 1 << how.randrange(8)
        elif kind == 1 and at < len(wire):
            wire[at] = how.choice((0, 0x7F, 0xFF, 0x20, 0x3F, 0x40, 0xBE, how.randrange(256)))
        elif kind == 2:
            del wire[at : at + how.randrange(1, 9)]
        elif kind == 3:
            wire[at:at] = wire[at : at + how.randrange(1, 30)]
        elif kind == 4:
            wire[at:at] = how.randbytes(how.randrange(1, 5))
        elif kind == 5:
            lead = how.choice((0xFF, 0x7F, 0x3F, 0x0F, 0x1F))
            tail = [0x80 | how.choice((0, 0x7F)) for _ in range(how.randrange(7))]
            wire[at:at] = bytes([lead, *tail, how.randrange(128)])
        else:
            del wire[at:]
    return bytes(wire)
