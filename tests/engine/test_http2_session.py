"""The session of HTTP/2 without a socket: ids, windows, lists, and bytes nobody would write."""

from __future__ import annotations

import random
import struct

import fuzz_http2
import pytest
from http2_frames import (
    HEADERS,
    PREFACE,
    answer,
    data,
    frame,
    goaway,
    headers,
    reset,
    settings,
    window,
)
from http2_sessions import HEAD, hear, session
from hyperframe.frame import Frame
from hypothesis import given
from hypothesis import settings as tried
from hypothesis import strategies as st
from running import SLOW

from fastbench.engine.bridge import _core

MAX_ID = 0x7FFFFFFF


def ids(written: bytes) -> list[int]:
    """The streams whose heads are in it."""
    found, at = [], 0
    while at < len(written):
        kind, n_bytes = written[at + 3], int.from_bytes(written[at : at + 3])
        if kind == HEADERS:
            found.append(int.from_bytes(written[at + 5 : at + 9]))
        at += 9 + n_bytes
    return found


def test_nothing_is_sent_before_the_settings_of_the_server() -> None:
    made = _core.Session(2, HEAD)
    made.ask()
    said = made.written()
    assert said.startswith(PREFACE) and ids(said[len(PREFACE) :]) == []
    assert hear(made, settings()) == [("settled", 0, "", False)]
    assert ids(made.written()) == [1]


def test_slots_are_as_many_as_streams() -> None:
    made = _core.Session(3, HEAD)
    assert sorted(slot for _ in range(3) if (slot := made.ask()) is not None) == [0, 1, 2]
    assert made.ask() is None
    made.drop(1)
    assert made.ask() == 1
    with pytest.raises(ValueError, match="no request is in slot 7"):
        made.drop(7)


def test_an_id_whose_place_is_taken_is_left_out() -> None:
    """One stream stays open while the others come and go: all ids go up, none is used twice."""
    made = session(4, asked=4)
    seen = [1, 3, 5, 7]
    for _ in range(200):
        last = seen[-1]
        assert hear(made, answer(last))[-1][3] is True
        made.ask()
        [new] = ids(made.written())
        assert new > last and new % 2
        seen.append(new)
    assert made.stream_of(0)[0] == 1
    assert len(seen) == len(set(seen)) and seen[-1] > 2 * 204


@pytest.mark.parametrize("streams", [1, 2, 3, 8, 100])
def test_ids_that_run_out_drain_the_connection(streams: int) -> None:
    made = session(streams, asked=streams, first_id=MAX_ID - 40 * streams)
    last = 0
    opened = []
    while True:
        for slot in range(streams):
            stream = made.stream_of(slot)[0]
            if stream:
                opened.append(stream)
                assert stream <= MAX_ID
        live = [made.stream_of(slot)[0] for slot in range(streams)]
        if not any(live):
            break
        for stream in live:
            if stream:
                hear(made, answer(stream))
                made.ask()
        made.written()
        last = max(last, *live)
    open_, _, _, _, draining, _ = made.state
    assert (open_, draining) == (0, True)
    assert MAX_ID - 8 * streams - 8 < last <= MAX_ID
    assert len(set(opened)) >= 10 * streams


def test_windows_count_down_and_up_to_their_limits() -> None:
    made = session(1, asked=1, body=bytes(70_000))
    assert made.stream_of(0)[3:] == (0, 65535)
    assert made.state[2] == 0
    hear(made, settings((4, 0)))
    assert made.stream_of(0)[3] == -65535
    hear(made, settings((4, MAX_ID)))
    assert made.stream_of(0)[3] == MAX_ID - 65535
    hear(made, window(0, MAX_ID))
    made.written()
    assert made.stream_of(0)[3:] == (MAX_ID - 70_000, 70_000)
    said = hear(made, settings((4, 0)) + settings((4, MAX_ID)) + window(1, 70_001))
    assert [event for event, *_ in said] == ["settings", "settings", "broken stream"]
    assert said[-1] == ("broken stream", 0, "window overflow", False)


def test_streams_that_are_given_up_leave_the_lists() -> None:
    """While others wait for a window, or for their turn."""
    made = session(6, asked=6, body=bytes(100_000))
    made.cancel(2)
    made.cancel(5)
    hear(made, reset(1, 8) + window(0, 1 << 24) + settings((4, 1 << 24)))
    text = made.written()
    for slot in (1, 3, 4):
        assert made.stream_of(slot)[4] == 100_000
    assert made.state[0] == 3 and b"\x00\x00\x04\x03\x00" in text
    for _ in range(3):
        assert made.ask() is not None
    made.written()
    assert sorted(made.stream_of(slot)[4] for slot in range(6)) == [100_000] * 6


def test_what_is_refused_goes_again_under_a_new_id() -> None:
    made = session(2, asked=2)
    assert hear(made, reset(1, 7)) == [("refused", 0, "", False)]
    assert made.stream_of(0)[0] == 0
    assert ids(made.written()) == [5] and made.stream_of(0)[0] == 5
    hear(made, headers(3))
    assert hear(made, reset(3, 7)) == [("reset", 1, "REFUSED_STREAM", False)]


def test_goaway_may_only_lower_the_last_id() -> None:
    made = session(2, asked=2)
    assert hear(made, goaway(3, 2) + goaway(1, 2) + goaway(MAX_ID, 11)) == [
        ("went away", 0, "INTERNAL_ERROR", False),
        ("went away", 0, "NO_ERROR", False),  # the same reason again
        ("went away", 0, "ENHANCE_YOUR_CALM", False),
    ]
    assert made.state[3:5] == (1, True)
    made.drop(1)
    made.ask()
    assert ids(made.written()) == []


def test_a_body_of_1_gib_and_a_half_is_taken_and_the_windows_follow() -> None:
    made = session(1, asked=1)
    hear(made, headers(1))
    part = data(1, bytes(16384))
    for _ in range(100_000):
        made.read(part)
    assert made.stream_of(0)[2] == 100_000 * 16384
    more = struct.pack(">I", 1 << 30)  # told once, of the connection and of the stream
    assert made.written() == frame(8, more) + frame(8, more, 0, 1)


@given(seed=st.integers(0, 2**64))
@tried(max_examples=3000 if SLOW else 200)
def test_any_frames_are_read_alike_wherever_they_are_cut(seed: int) -> None:
    rng = random.Random(seed)
    fuzz_http2.check(rng, fuzz_http2.frames(rng))


@given(wire=st.binary(max_size=200))
def test_any_bytes_are_read_alike_wherever_they_are_cut(wire: bytes) -> None:
    fuzz_http2.check(random.Random(0), wire)


def test_what_a_fuzzer_cannot_read_is_found() -> None:
    with pytest.raises(AssertionError):
        fuzz_http2.readable(b"\0\0\5\0\0\0\0\0\1abcd")
    assert Frame.parse_frame_header(memoryview(b"\0\0\0\4\1\0\0\0\0"))[0].type == 4
