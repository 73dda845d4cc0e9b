"""Frames between parent and machines: any split of the bytes gives the same frames."""

from __future__ import annotations

import os
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cluster.agent.wire import Wire
from fastbench.cluster.frames import Changes, Frame, FrameError, Reader, Said

bodies = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
said = st.builds(Said, st.text(min_size=1), bodies)
changes = st.builds(
    Changes,
    st.sampled_from(["block", "arena"]),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**16 - 1),
    st.binary(),
)


@given(st.lists(said | changes), st.data())
def test_any_split_gives_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    whole = b"".join(each.encoded() for each in frames)
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=8))
    reader = Reader()
    found: list[Frame] = []
    for begin, end in pairwise([0, *sorted(cuts), len(whole)]):
        found += reader.feed(whole[begin:end])
    assert found == frames


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        struct.pack(">cI", b"J", 1 << 30),
        struct.pack(">cI", b"J", 4) + b"null",
        struct.pack(">cI", b"J", 2) + b"{}",
        struct.pack(">cI", b"J", 3) + b"{x}",
        struct.pack(">cI", b"J", 13) + b'{"a":1,"b":2}',
        struct.pack(">cI", b"C", 3) + b"abc",
        struct.pack(">cI", b"C", 7) + b"\x09\0\0\0\0\0\0",
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(FrameError):
        list(Reader().feed(data))


def test_a_pipe_that_nobody_reads_holds_nobody_up() -> None:
    out, fd = os.pipe()
    wire, reader, sent = Wire(fd), Reader(), Said("x", "y" * 100_000)
    for _ in range(30):
        wire.send(sent)
        wire.flush()
    assert wire.waits and not wire.broken
    found: list[Frame] = []
    while wire.waits or len(found) < 30:
        found += reader.feed(os.read(out, 1 << 16))
        wire.flush()
    assert found == [sent] * 30
    os.close(out)
    wire.send(sent)
    wire.flush()
    assert wire.broken
    os.close(fd)
