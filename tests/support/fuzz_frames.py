"""Throw damaged WebSocket frames at the parser for a while: `make fuzz` does so, too.

What must hold for any bytes, cut anywhere: all splittings find the same messages and the same
broken rule, and wsproto is of the same mind. The buffers are exactly as long as their bytes.
"""

from __future__ import annotations

import random
import sys
from array import array
from typing import Any

from fuzzing import fuzz
from server_frames import BINARY, CLOSE, CONTINUATION, PING, TEXT, read_by_wsproto, server_frame

from fastbench.engine.client import _client

PAYLOADS = [b"", b"hello", "aß€😀".encode(), b"\xf0\x9f", b"\x03\xe8bye", b"x" * 125, b"y" * 300]


def conversation(rng: random.Random) -> bytes:
    """Some frames, then hurt in a few places."""
    wire = bytearray()
    for _ in range(rng.randrange(1, 6)):
        opcode = rng.choice((TEXT, TEXT, BINARY, CONTINUATION, PING, CLOSE, rng.randrange(16)))
        payload = rng.choice((rng.choice(PAYLOADS), rng.randbytes(rng.randrange(20))))
        fin, rsv = rng.random() < 0.7, rng.choice((0, 0, 0, 4, 1))
        wire += server_frame(opcode, payload, fin=fin or opcode >= CLOSE, rsv=rsv)
    for _ in range(rng.choice((0, 0, 1, 2, 5))):
        wire[rng.randrange(len(wire))] = rng.randrange(256)
    return bytes(wire[: rng.randrange(len(wire) + 1)] if rng.random() < 0.2 else wire)


def read(wire: bytes, places: list[int], **settings: Any) -> tuple[list[Any], str, int]:
    """Feed the wire cut at these places, each piece in a heap block of its very size."""
    reader = _client.FrameReader(**settings)
    found = []
    for start, end in zip([0, *places], [*places, len(wire)], strict=True):
        found += reader.feed(memoryview(array("B", wire[start:end])))
    return found, reader.rule, reader.close_code


def check(rng: random.Random, wire: bytes) -> str:
    """Check one wire every way; returns the broken rule."""
    for settings in ({}, {"deflate": True}, {"max_frame_bytes": 9, "max_message_bytes": 12}):
        whole = read(wire, [], **settings)
        for parts in (2, 3, rng.randrange(2, 20)):
            places = sorted(rng.randrange(len(wire) + 1) for _ in range(parts - 1))
            assert read(wire, places, **settings) == whole, (settings, places)
        assert read(wire, list(range(1, len(wire))), **settings) == whole, settings
    found, rule, _ = read(wire, [])
    if rule != "frame size":
        theirs, code, closed = read_by_wsproto(wire)
        if rule and not code and not closed:  # it looks at a header once that is complete
            theirs, code, _ = read_by_wsproto(wire + bytes(16))
        assert found == theirs[: len(found)] and bool(rule) == bool(code), (found, theirs, code)
    return rule


if __name__ == "__main__":
    sys.exit(fuzz(__doc__, "conversations", conversation, check, "well"))
