"""Requests that a script makes: where each ends in a text, and the ring that takes them."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.bridge import _core

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /p HTTP/1.1\r\ncontent-LENGTH:  5 \r\nHost: a\r\n\r\nhello"
CHUNKS = (
    b"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\n1F\r\n" + b"x" * 31 + b"\r\n0\r\nT: v\r\n\r\n"
)
BARE = b"GET /a HTTP/1.0\nHost: a\n\n"
WHOLE = (GET, POST, CHUNKS, BARE, b"HEAD /h HTTP/1.1\r\n\r\n")

FLAWS = {
    b"": "there is none",
    b"\r\n\r\n": "there is none",
    b"GET /": "its first line is not of the form METHOD TARGET HTTP/1.1",
    b"GET / HTTP/2\r\n\r\n": "its first line is not of the form METHOD TARGET HTTP/1.1",
    b" / HTTP/1.1\r\n\r\n": "its first line is not of the form METHOD TARGET HTTP/1.1",
    b"GET / HTTP/1.1\r\nHost: a\r\n": "its head does not end in an empty line",
    b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n": "its Content-Length is no number",
    b"POST / HTTP/1.1\r\nContent-Length: 6\r\n\r\nhello": "its body is shorter than its",
    CHUNKS[:-2]: "the chunks of its body do not add up",
    CHUNKS.replace(b"5;x", b"7;x"): "the chunks of its body do not add up",
    GET + b"x": "its first line is not of the form METHOD TARGET HTTP/1.1",
}


@given(st.lists(st.sampled_from(WHOLE), min_size=1, max_size=6), st.booleans())
def test_each_request_of_a_text_is_found(texts: list[bytes], spaced: bool) -> None:
    between = b"\r\n" if spaced else b""
    whole = between.join(texts) + between
    found = [whole[begin:end] for begin, end in _core.request_ends(whole)]
    assert found == texts


@pytest.mark.parametrize("text", FLAWS)
def test_what_is_no_request_is_told(text: bytes) -> None:
    with pytest.raises(ValueError, match="^" + FLAWS[text]):
        _core.request_ends(text)


@given(st.sampled_from(WHOLE), st.data())
def test_a_text_that_is_cut_is_not_whole(text: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.raises(ValueError, match=r"."):
        _core.request_ends(text[:cut])


def batch(*texts: bytes) -> bytes:
    return b"".join(b"%d 0\n%s" % (len(text), text) for text in texts)


def test_a_script_that_is_not_told_answers_is_ahead_by_a_bounded_number() -> None:
    ring = _core.TextRing(10, in_flight=1)
    made = 0
    while count := ring.due(100):
        ring.put(batch(*[GET] * count))
        made += count
    assert made == 64  # nobody waited yet
    ring.wait(0)
    assert ring.due(1) == 0


def test_no_more_is_made_than_will_be_sent() -> None:
    ring = _core.TextRing(10, in_flight=1, budget=3)
    assert ring.due(100) == 3
    ring.put(batch(GET, POST))
    assert ring.due(100) == 1
    ring.put(batch(GET))
    assert ring.due(100) == 0


def test_on_demand_nothing_is_made_before_somebody_waits() -> None:
    ring = _core.TextRing(10, in_flight=1, on_demand=True, answers=True)
    assert ring.due(100) == 0
    assert ring.answers() == b""


def test_more_requests_than_at_first_are_refused() -> None:
    ring = _core.TextRing(1, in_flight=1, chained=2)
    ring.put(batch(GET + GET, GET))
    with pytest.raises(ValueError, match="it holds more than 2, as many as the first one did"):
        ring.put(batch(GET + GET + GET))


def test_a_thread_that_waits_is_woken() -> None:
    ring = _core.TextRing(1, in_flight=1, budget=0)
    waiting = threading.Thread(target=ring.wait, args=(60_000,))
    waiting.start()
    ring.wake()
    waiting.join(30)
    assert not waiting.is_alive()
