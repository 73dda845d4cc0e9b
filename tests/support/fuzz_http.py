"""Throw damaged responses at the parser for a while: `make fuzz` runs this on the sanitizer build.

What must hold for any bytes, cut anywhere: every feed takes bytes or the outcome is decided, an
end of file always decides it, all splittings agree, and the plain twin is of the same mind.
The buffers are exactly as long as their bytes, so that a read past the end is a sanitizer report.
"""

from __future__ import annotations

import random
import sys
from array import array
from collections.abc import Iterator

import naive
from case import NEXT
from corpus import CASES, SEQUENCES
from feeding import drive
from fuzzing import fuzz
from responses import DAMAGE

SEEDS = [case.wire for case in CASES if len(case.wire) < 2048] + [row.wire for row in SEQUENCES]
LONG = [case.wire for case in CASES if len(case.wire) >= 2048]


def damaged(rng: random.Random) -> bytes:
    """Take a response from the corpus, or two, or noise, and hurt it in a few places."""
    kind = rng.random()
    if kind < 0.02:
        return rng.randbytes(rng.randrange(200))
    if kind < 0.04:
        return rng.choice(LONG)[: rng.randrange(2**17)]
    wire = rng.choice(SEEDS)
    if kind < 0.2:
        wire = wire[: rng.randrange(len(wire) + 1)] + rng.choice(SEEDS)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(wire) + 1)
        until = min(len(wire), at + rng.randrange(6))
        middle = rng.choice((b"", rng.choice(DAMAGE), rng.randbytes(1), wire[at:until] * 2))
        wire = wire[:at] + middle + wire[rng.choice((at, until)) :]
    return wire


def splittings(rng: random.Random, wire: bytes) -> Iterator[list[memoryview]]:
    """Cut the wire whole, in a few random ways, and byte by byte when it is short."""
    for parts in (1, 2, 3, rng.randrange(2, 20)):
        places = sorted(rng.randrange(len(wire) + 1) for _ in range(parts - 1))
        pairs = zip([0, *places], [*places, len(wire)], strict=True)
        yield [exact(wire[i:j]) for i, j in pairs]
    if len(wire) < 512:
        yield [exact(wire[i : i + 1]) for i in range(len(wire))]


def exact(piece: bytes) -> memoryview:
    """Copy bytes into a heap block of their very size."""
    return memoryview(array("B", piece))


def check(rng: random.Random, wire: bytes) -> str:
    """Check one wire every way; returns its outcome."""
    head, eof = rng.random() < 0.1, rng.random() < 0.5
    expect = rng.choice((b"", b"", b"hello", wire[3:5], NEXT[-4:]))
    twin = naive.parse(wire, head=head, eof=eof)
    for pieces in splittings(rng, wire):
        seen, found = drive(pieces, head=head, eof=eof, expect=expect)
        assert (seen.outcome, seen.body_bytes) == (twin.outcome, twin.body_bytes), (seen, twin)
        assert seen.reusable == twin.reusable, (seen, twin)
        assert not expect or found == (expect in twin.body), (expect, twin)
        if twin.outcome == "ok":
            assert (seen.status, seen.consumed) == (twin.status, twin.consumed), (seen, twin)
    return twin.outcome


if __name__ == "__main__":
    sys.exit(fuzz(__doc__, "responses", damaged, check, "unfinished"))
