"""Framing of server-sent events and lines, held against the standard's examples and any split."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.script.http import event_stream
from fastbench.script.http.event_stream import Event, EventReader, LineReader, TooLarge


def read(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    found = [event for piece in pieces for event in reader.feed(piece)]
    return found + reader.flush()


@pytest.mark.parametrize(
    ("sent", "events"),
    [
        (b"data: one\n\n", [Event("message", "one")]),
        (b"data: a\ndata: b\n\n", [Event("message", "a\nb")]),
        (b"data:x\n\ndata:  y\n\n", [Event("message", "x"), Event("message", " y")]),
        (b"data\n\ndata\ndata\n\ndata:", [Event("message", ""), Event("message", "\n")]),
        (b": comment\n\n:\n\n", []),
        (b"event: add\ndata: 1\n\ndata: 2\n\n", [Event("add", "1"), Event("message", "2")]),
        (b"event: gone\n\ndata: 2\n\n", [Event("message", "2")]),
        (
            b"id: 1\ndata: a\n\ndata: b\n\n",
            [Event("message", "a", "1"), Event("message", "b", "1")],
        ),
        (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Event("message", "a", "1"), Event("message", "b")]),
        (b"id: 7\n\ndata: b\n\n", [Event("message", "b", "7")]),
        (b"id: a\0b\ndata: x\n\n", [Event("message", "x")]),
        (b"\xef\xbb\xbfdata: x\n\n", [Event("message", "x")]),
        (b"\xef\xbb\xbf\xef\xbb\xbfdata: x\n\ndata: y\n\n", [Event("message", "y")]),
        (b"data: \xff\xc3\xa9\n\n", [Event("message", "\ufffd\xe9")]),
        (b"unknown: 1\nDATA: no\ndata: yes\n\n", [Event("message", "yes")]),
        (b"data: cut off\n", []),
        (b"data: a\r\rdata: b\r\n\r\ndata: c\n\r", [Event("message", each) for each in "abc"]),
        (b"data: a: b\n\n", [Event("message", "a: b")]),
    ],
)
def test_events_are_those_of_the_standard(sent: bytes, events: list[Event]) -> None:
    assert read(sent) == events
    assert read(*(sent[at : at + 1] for at in range(len(sent)))) == events, "byte by byte"


_PIECES = (
    *(b"data", b"event", b"id", b"retry", b":", b" ", b"x", b"\0", b"12", b"\xff", b"\xc3"),
    *(b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b"\n\n", b"\r\r", b"\xa9"),
)
_STREAMS = st.lists(st.sampled_from(_PIECES), max_size=40).map(b"".join)


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[begin:end] for begin, end in itertools.pairwise(edges)]


@given(_STREAMS, st.lists(st.integers(0, 200), max_size=8))
def test_any_split_gives_the_same_events_and_lines(data: bytes, cuts: list[int]) -> None:
    whole, parted = EventReader(), EventReader()
    events = [event for piece in split(data, cuts) for event in parted.feed(piece)]
    assert events == whole.feed(data)
    assert (parted.last_id, parted.retry_ms) == (whole.last_id, whole.retry_ms)
    lines = LineReader()
    told = [line for piece in split(data, cuts) for line in lines.feed(piece)] + lines.flush()
    plain = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "replace")
    assert told == plain.removesuffix("\n").split("\n") if plain else told == []


def test_what_is_for_who_connects_again() -> None:
    reader = EventReader()
    reader.feed(b"retry: 250\nid: 9\ndata: x\n")
    assert (reader.retry_ms, reader.last_id) == (250, ""), "an id counts once its event has ended"
    reader.feed(b"\nretry: soon\nretry: -1\nretry:\n")
    assert (reader.retry_ms, reader.last_id) == (250, "9")
    assert EventReader("5").feed(b"data: x\n\n") == [Event("message", "x", "5")]


def test_an_event_has_its_data_as_json() -> None:
    assert read(b'data: {"a":\ndata: [1]}\n\n')[0].json() == {"a": [1]}
    with pytest.raises(ValueError, match="no JSON"):
        Event("message", "[DONE]").json()


def test_a_line_and_an_event_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_EVENT_BYTES", 1 << 20)
    with pytest.raises(TooLarge, match="a line larger than 1 MiB"):
        LineReader().feed(b"x" * ((1 << 20) + 1))
    reader = EventReader()
    with pytest.raises(TooLarge, match="an event larger than 1 MiB"):
        for _ in range(3):
            reader.feed(b"data: " + b"x" * (1 << 19) + b"\n")
