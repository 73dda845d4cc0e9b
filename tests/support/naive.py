"""Plain-Python twins of the engine's rules: the specification, written to be read.

1. `parse` reads one HTTP/1.x response from a whole buffer. It follows RFC 9112 section by section
   and says what a client must make of the bytes: no speed, no state between calls.
2. An offence is found at the first byte that no valid message can contain at its place, because
   the engine has to give up on garbage without waiting for a line end that may never come.
3. `bucket`, `highest_equivalent` and `percentile` are the HDR histogram, straight from its layout.

Where the RFC leaves a choice, the choice is named in a comment beside the rule.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = [
    "MAX_EXTENSION_BYTES",
    "MAX_HEAD_BYTES",
    "MAX_INTERIM",
    "Outcome",
    "bucket",
    "highest_equivalent",
    "parse",
    "percentile",
]

MAX_HEAD_BYTES = 65536  # one head, or one trailer section
MAX_EXTENSION_BYTES = 16384  # all chunk extensions of one message
MAX_INTERIM = 32
MAX_LENGTH = 2**64 - 1
MAX_CHUNK_BYTES = 2**62 - 1  # RFC 9112 §7.1: overflow must be noticed; where is free

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]*")  # RFC 9110 §5.6.2
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")  # RFC 9110 §5.5: CTLs other than HTAB are invalid
FRAMING = (b"content-length", b"transfer-encoding")
START_LINE = b"HTTP/1.d Ddd "  # d: a digit, D: 1 to 9, anything else: itself

_Check = Callable[[bytes, bool], None]  # (line, is it complete); raises _Broken


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one response; `outcome` is "" while more bytes are needed."""

    outcome: str
    status: int
    body: bytes
    reusable: bool
    consumed: int

    @property
    def body_bytes(self) -> int:
        return len(self.body)


class _Broken(Exception):
    """The bytes cannot be a response; carries the outcome class."""


class _Short(Exception):
    """The bytes end before the message does."""


def parse(data: bytes, *, head: bool = False, eof: bool = False) -> Outcome:
    """Read one final response, interim ones skipped; `eof`: the peer closed after `data`."""
    reading = _Reading(data, eof)
    try:
        reading.message(head)
        outcome = "ok"
    except _Broken as broken:
        outcome = str(broken)
    except _Short:
        outcome = "truncated" if eof else ""
    reusable = outcome == "ok" and reading.reusable
    return Outcome(outcome, reading.status, bytes(reading.body), reusable, reading.at)


@dataclass(slots=True)
class _Reading:
    data: bytes
    eof: bool
    at: int = 0
    status: int = 0
    minor: int = 0
    reusable: bool = False
    body: bytearray = field(default_factory=bytearray)
    extension_bytes: int = 0

    def message(self, head: bool) -> None:
        for _ in range(MAX_INTERIM + 1):
            fields = self.head()
            if self.status == 101:  # RFC 9110 §15.2.2: only after an Upgrade, which is never asked
                raise _Broken("protocol")
            if self.status >= 200:
                return self.framed(fields, head)
        raise _Broken("protocol")

    def framed(self, fields: list[tuple[bytes, bytes]], head: bool) -> None:
        """Choose the body's framing by the numbered rules of RFC 9112 §6.3."""
        lengths = [_length(value) for name, value in fields if name == b"content-length"]
        codings = [value for name, value in fields if name == b"transfer-encoding"]
        options = _members(value for name, value in fields if name == b"connection")
        self.reusable = self.persistent(options) and not (codings and self.minor == 0)  # §6.1
        if head or self.status in (204, 304):  # rule 1
            return
        if codings:  # rules 3 and 4; two fields are a confused sender's: read to the end
            self.reusable &= not lengths
            if len(codings) == 1 and _members(codings)[-1:] == [b"chunked"]:
                return self.chunked()
            return self.to_eof()
        if lengths:  # rules 5 and 6
            return self.content(lengths[0])
        self.to_eof()  # rule 8

    def persistent(self, options: list[bytes]) -> bool:
        """RFC 9112 §9.3: close wins, 1.1 persists, 1.0 only when it says so."""
        if b"close" in options:
            return False
        return self.minor >= 1 or b"keep-alive" in options

    # --- heads -----------------------------------------------------------------------------

    def head(self) -> list[tuple[bytes, bytes]]:
        """Read the start line and fields; RFC 9112 §2.2 lets empty lines stand before it."""
        limit = self.at + MAX_HEAD_BYTES
        while not (line := self.line(limit, _check_start_line)):
            pass
        self.minor = line[7] - ord("0")
        self.status = int(line[9:12])
        return self.fields(limit, trailer=False)

    def fields(self, limit: int, *, trailer: bool) -> list[tuple[bytes, bytes]]:
        """Read field lines up to the empty one; obs-fold becomes a space (RFC 9112 §5.2)."""
        fields: list[tuple[bytes, bytes]] = []

        def check(line: bytes, complete: bool) -> None:
            _check_field_line(line, complete, fields, trailer)

        while line := self.line(limit, check):
            if line[:1] in (b" ", b"\t"):
                name, value = fields.pop()
                joint = b"," if name == b"connection" else b" "  # no option holds a blank
                fields.append((name, value + joint + line.strip(b" \t")))
            else:
                name, _, value = line.partition(b":")
                fields.append((name.lower(), value.strip(b" \t")))
            if fields[-1][0] == b"content-length" and not trailer:  # rule 5, first of all here
                _length(b",".join(value for name, value in fields if name == b"content-length"))
        return fields

    def line(self, limit: int, check: _Check) -> bytes:
        """Take one line, ended by CRLF or (RFC 9112 §2.2) a lone LF; a bare CR is an offence."""
        newline = self.data.find(b"\n", self.at, limit)
        text = self.data[self.at : newline if newline >= 0 else limit]
        ended = newline >= 0 or text.endswith(b"\r")
        line = text.removesuffix(b"\r")
        if line or newline >= 0 or not ended:
            check(line, ended)
        if newline < 0:
            raise _Broken("too_large") if len(self.data) >= limit else _Short
        self.at += len(text) + 1
        return line

    # --- bodies ----------------------------------------------------------------------------

    def content(self, length: int) -> None:
        piece = self.data[self.at : self.at + length]
        self.body += piece
        self.at += len(piece)
        if len(piece) < length:
            raise _Short

    def to_eof(self) -> None:
        self.reusable = False
        self.content(len(self.data) - self.at)
        if not self.eof:
            raise _Short

    def chunked(self) -> None:
        """RFC 9112 §7.1; trailers are read and never change the framing (§7.1.2)."""
        while size := self.chunk_size():
            self.content(size)
            self.exactly(b"\r\n")
        self.fields(self.at + MAX_HEAD_BYTES, trailer=True)

    def exactly(self, wanted: bytes) -> None:
        seen = self.data[self.at : self.at + len(wanted)]
        if not wanted.startswith(seen):
            raise _Broken("protocol")
        if seen != wanted:
            raise _Short
        self.at += len(wanted)

    def chunk_size(self) -> int:
        """chunk-size [chunk-ext] CRLF: the CRLF leniency of §2.2 is not for chunks."""
        found = re.compile(rb"[0-9A-Fa-f]*").match(self.data, self.at)
        assert found is not None
        digits, after = found.group(), found.end()
        if digits and int(digits, 16) > MAX_CHUNK_BYTES:
            raise _Broken("protocol")
        rest = self.data[after:]
        if not digits and rest:
            raise _Broken("protocol")
        self.at = after + self.extension(rest)
        self.exactly(b"\r\n")
        return int(digits, 16)

    def extension(self, rest: bytes) -> int:
        """Measure the chunk-ext (blank alone is let pass); beyond ";" only its bytes matter."""
        found = re.compile(rb"[ \t]*(;[\t\x20-\x7e\x80-\xff]*)?").match(rest)
        assert found is not None
        self.extension_bytes += found.end()
        if self.extension_bytes > MAX_EXTENSION_BYTES:
            raise _Broken("too_large")
        return found.end()


def _check_start_line(line: bytes, complete: bool) -> None:
    """RFC 9112 §4; a minor version above 1 is read as 1.1 (RFC 9110 §2.5)."""
    if not line:
        return
    for byte, wanted in zip(line.decode("latin-1"), START_LINE.decode(), strict=False):
        fits = {"d": "0123456789", "D": "123456789"}.get(wanted, wanted)
        if byte not in fits:
            raise _Broken("protocol")
    if not VALUE.fullmatch(line) or (complete and len(line) < len("HTTP/1.1 200")):
        raise _Broken("protocol")


def _check_field_line(
    line: bytes, complete: bool, before: list[tuple[bytes, bytes]], trailer: bool
) -> None:
    """RFC 9112 §5.1: no space before the colon; §5.2: obs-fold, refused where it would frame."""
    if line[:1] in (b" ", b"\t"):
        framing = not trailer and before[-1:] and before[-1][0] in FRAMING
        if not before or framing or not VALUE.fullmatch(line):
            raise _Broken("protocol")
        return
    name, colon, value = line.partition(b":")
    if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
        raise _Broken("protocol")
    if (colon and not name) or (complete and line and not colon):
        raise _Broken("protocol")
    if name.lower() == b"content-length" and not trailer:
        *whole, last = value.split(b",")
        if whole:
            _length(b",".join([*(value for name, value in before if name in FRAMING[:1]), *whole]))
        if last.strip(b" \t"):
            _length(last)


def _members(values: Iterable[bytes]) -> list[bytes]:
    """Split comma lists into lower-case members, empty ones dropped (RFC 9110 §5.6.1)."""
    members = (member.strip(b" \t").lower() for member in b",".join(values).split(b","))
    return [member for member in members if member]


def _length(value: bytes) -> int:
    """Read a Content-Length, or a list of the same one over again (RFC 9110 §8.6)."""
    members = [member.strip(b" \t") for member in value.split(b",")]
    if not all(re.fullmatch(rb"[0-9]+", member) for member in members):
        raise _Broken("protocol")
    numbers = {int(member) for member in members}
    if len(numbers) > 1 or max(numbers) > MAX_LENGTH:
        raise _Broken("protocol")
    return numbers.pop()


def bucket(value: int) -> int:
    """Place a value in the HDR layout: 2048 exact counters, then 1024 for each doubling."""
    return 1024 * _shift(value) + (value >> _shift(value))


def highest_equivalent(value: int) -> int:
    """Name the largest value that shares a counter with this one."""
    return (((value >> _shift(value)) + 1) << _shift(value)) - 1


def percentile(values: Sequence[int], percent: float) -> int:
    """Take the value at the nearest rank: percent / 100 * n, rounded up, and at least the first."""
    rank = math.ceil(Fraction(str(percent)) * len(values) / 100)
    return sorted(values)[max(1, rank) - 1]


def _shift(value: int) -> int:
    shift = 0
    while value >> shift >= 2048:
        shift += 1
    return shift
