"""Throw frames of HTTP/2 in any order, some of them damaged, at a session: `make fuzz` does, too.

What must hold for any bytes, cut anywhere: all splittings find the same events and the same broken
rule, and lead to the same state and the same replies, which hyperframe can read. The buffers are
exactly as long as their bytes.
"""

from __future__ import annotations

import random
import sys

from fuzzing import fuzz
from http2_cases import BROKEN_CONNECTIONS, BROKEN_STREAMS, FINE
from http2_frames import (
    OK_BLOCK,
    answer,
    block,
    data,
    frame,
    goaway,
    headers,
    reset,
    settings,
    window,
)
from http2_sessions import conversation, cuts
from hyperframe.frame import Frame

CASES = [*BROKEN_STREAMS, *BROKEN_CONNECTIONS, FINE]
BLOCKS = [
    OK_BLOCK,
    b"\x88\x40\x01a\x01b",
    b"\x88\xbe",
    b"\x20\x88",
    b"\x3f\xe1\x1f\x88",
    block((":status", "103")),
    block(("a", "b")),
    OK_BLOCK + block(("content-length", "5")),
]
NUMBERS = (0, 1, 5, 100, 16384, 65535, 0x7FFFFFFF - 65535, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def anything(rng: random.Random) -> bytes:
    """One frame or a few that belong together, on a stream that may be open."""
    stream = rng.choice((1, 3)) if rng.random() < 0.95 else rng.choice((0, 2, 5, 7))
    number = rng.choice(NUMBERS)
    size = rng.choice((0, 1, 5, 5, 300))
    end = rng.random() < 0.4
    return rng.choice(
        (
            lambda: headers(stream, rng.choice(BLOCKS), end=end),
            lambda: headers(stream, rng.choice(BLOCKS), end=end),
            lambda: data(stream, bytes(size), end=end),
            lambda: data(stream, bytes(size), end=end, padding=rng.choice((0, 1, 255))),
            lambda: answer(stream, bytes(size)),
            lambda: headers(stream, OK_BLOCK, flags=0) + frame(9, rng.choice(BLOCKS), 4, stream),
            lambda: settings((rng.randrange(8), number), (4, rng.choice(NUMBERS))),
            lambda: settings((rng.choice((1, 3, 4)), rng.choice(NUMBERS[:6]))),
            lambda: window(rng.choice((0, stream)), number & 0x7FFFFFFF),
            lambda: reset(stream, rng.randrange(16)),
            lambda: goaway(rng.choice((0, stream, 0x7FFFFFFF)), rng.randrange(14)),
            lambda: frame(6, bytes(8), rng.choice((0, 1))),
            lambda: frame(
                rng.randrange(12), rng.randbytes(rng.randrange(12)), rng.randrange(256), stream
            ),
            lambda: rng.choice(CASES).wire(rng.choice((1, 3))),
        )
    )()


def frames(rng: random.Random) -> bytes:
    """Some frames, then hurt in a few places."""
    wire = bytearray(b"".join(anything(rng) for _ in range(rng.randrange(1, 9))))[:20_000]
    for _ in range(rng.choice((0, 0, 0, 0, 1, 2, 5))):
        if wire:
            wire[rng.randrange(len(wire))] = rng.randrange(256)
    return bytes(wire)


def readable(text: bytes) -> None:
    """A peer can read what is written."""
    at = 0
    while at < len(text):
        found, n_bytes = Frame.parse_frame_header(memoryview(text)[at : at + 9])
        body = memoryview(text)[at + 9 : at + 9 + n_bytes]
        assert len(body) == n_bytes <= 16384
        found.parse_body(body)
        at += 9 + n_bytes


def check(rng: random.Random, wire: bytes) -> str:
    """Check one wire every way; returns the broken rule."""
    body = rng.choice((b"", bytes(10), bytes(100_000)))
    more = {"body": body, "without_body": rng.random() < 0.1}
    whole = conversation([wire], **more)
    for pieces in cuts(wire, rng.randrange(1 << 30)):
        assert conversation(pieces, **more) == whole, more
    events, written, _ = whole
    readable(written)
    return next((code for event, _, code, _ in events if event == "broken"), "")


if __name__ == "__main__":
    sys.exit(fuzz(__doc__, "conversations", frames, check, "no broken connection"))
