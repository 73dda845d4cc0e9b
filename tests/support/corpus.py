"""Responses and what a client must make of them, one row each; written from RFC 9112 and RFC 9110.

Each row begins with its subject; rows of one subject are alternatives. A row with two allowed
outcomes is a choice the RFC leaves open: whatever is chosen must not depend on how bytes arrive.
"""

from __future__ import annotations

from collections.abc import Iterator

import corpus_bodies
import corpus_heads
from case import LENGTH_5, NEXT, Case, Sequence, answer, chunked

__all__ = ["CASES", "SEQUENCES"]


def _sequences() -> Iterator[Sequence]:
    three = NEXT * 3
    yield Sequence("pipelined", "as many as asked", three, (False,) * 3, (200,) * 3, 0)
    yield Sequence("pipelined", "one fewer than asked", NEXT * 2, (False,) * 3, (200,) * 2, 0)
    yield Sequence(
        "pipelined", "one more than asked", NEXT * 4, (False,) * 3, (200,) * 3, len(NEXT)
    )
    mixed = (
        chunked(b"5", b"hello", b"0", b"T: 1", b"")
        + answer(LENGTH_5)
        + answer(start="HTTP/1.1 204 No")
    )
    yield Sequence(
        "pipelined",
        "of every framing",
        mixed + NEXT,
        (False, True, False, False),
        (200, 200, 204, 200),
        0,
    )
    yield Sequence(
        "body that must not be",
        "a body after HEAD is nobody's",
        answer(LENGTH_5, body=b"hello"),
        (True,),
        (200,),
        5,
    )
    yield Sequence("no request", "an answer to no request", NEXT, (), (), len(NEXT))


CASES: tuple[Case, ...] = (*corpus_heads.cases(), *corpus_bodies.cases())
SEQUENCES: tuple[Sequence, ...] = tuple(_sequences())
