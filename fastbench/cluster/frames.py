"""What parent and machines say to each other: frames of bytes, never pickled objects.

A frame is one byte for its kind, its length in four bytes (big endian), and so many bytes: one JSON
object {kind: body}, or what changed in the memory of a worker.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

SAID, CHANGES = b"J", b"C"
MAX_BYTES = 1 << 28  # what a setup() returns may be megabytes
_HEAD = struct.Struct(">cI")
_PLACE = struct.Struct(">BIH")


class FrameError(ValueError):
    """What came is no frame: the other side is no fastbench, or another one."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message."""

    kind: str
    body: Any

    def encoded(self) -> bytes:
        """Return the frame. Raises TypeError for what JSON cannot hold."""
        return _frame(SAID, orjson.dumps({self.kind: self.body}))


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed in one part of the memory of one worker.

    `memory` is "block" or "arena"; `worker` its number over all machines, `part` the place in
    Block.parts.
    """

    memory: str
    worker: int
    part: int
    changed: bytes

    def encoded(self) -> bytes:
        """Return the frame."""
        place = _PLACE.pack(_MEMORIES.index(self.memory), self.worker, self.part)
        return _frame(CHANGES, place + self.changed)


_MEMORIES = ("block", "arena")
Frame = Said | Changes


class Reader:
    """Frames out of bytes as they come."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, found: bytes) -> Iterator[Frame]:
        """Take bytes; give the frames that are whole. Raises FrameError."""
        self._unread += found
        while len(self._unread) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._unread)
            if kind not in (SAID, CHANGES) or length > MAX_BYTES:
                raise FrameError("no frame begins here")
            if len(self._unread) < _HEAD.size + length:
                return
            payload = bytes(self._unread[_HEAD.size : _HEAD.size + length])
            del self._unread[: _HEAD.size + length]
            yield _said(payload) if kind == SAID else _changes(payload)


def _frame(kind: bytes, payload: bytes) -> bytes:
    return _HEAD.pack(kind, len(payload)) + payload


def _said(payload: bytes) -> Said:
    try:
        (kind, body), *more = orjson.loads(payload).items()
    except (ValueError, AttributeError, TypeError) as error:
        raise FrameError(f"no message: {error}") from None
    if more:
        raise FrameError("a message has one kind")
    return Said(kind, body)


def _changes(payload: bytes) -> Changes:
    if len(payload) < _PLACE.size:
        raise FrameError("changes without a place")
    memory, worker, part = _PLACE.unpack_from(payload)
    if memory >= len(_MEMORIES):
        raise FrameError("changes of no memory")
    return Changes(_MEMORIES[memory], worker, part, payload[_PLACE.size :])
