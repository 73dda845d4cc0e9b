"""Values of requests that vary, as reference.py makes them: right in form and repeatable."""

from __future__ import annotations

import re
import uuid
from base64 import b64encode
from collections import Counter

import pytest

from fastbench.plan.pieces import Escape, Feed, Piece, RowOrder, Varied
from fastbench.plan.varied import reference
from fastbench.plan.varied.reference import Renderer, Turn


def said(*pieces: Piece, number: int = 0, seed: int = 7) -> bytes:
    return Renderer(Turn(number), seed).of(pieces)


def feed(order: RowOrder, rows: int = 4) -> Feed:
    data = b"".join(b"%d" % row for row in range(rows))
    cells = b"".join((row << 24 | 1).to_bytes(8, "little") for row in range(rows))
    return Feed("rows.txt", ("line",), rows, order, memoryview(data), memoryview(cells), (1,))


def test_the_generator_is_splitmix64() -> None:
    """The first outputs for the seed 1234567, as published with the algorithm."""
    found = [reference.mix(1234567 + at * reference.GOLDEN) for at in (1, 2, 3)]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_request_is_the_same_again_and_another_one_differs() -> None:
    pieces = (Piece("uuid"), Piece("hex", width=40, place=1), Piece("int", low=0, high=10**18))
    assert said(*pieces) == said(*pieces)
    assert len({said(*pieces, number=n, seed=s) for n in range(100) for s in range(3)}) == 300


def test_values_of_one_request_differ_by_their_place() -> None:
    both = said(Piece("hex", width=16), Piece("hex", width=16, place=1))
    assert both[:16] != both[16:]


def test_uuids_are_of_version_4() -> None:
    for number in range(200):
        text = said(Piece("uuid"), number=number).decode()
        found = uuid.UUID(text)
        assert str(found) == text and found.version == 4 and found.variant == uuid.RFC_4122


def test_sequences_count_by_step_with_at_least_as_many_digits() -> None:
    assert said(Piece("seq", low=1, high=1, width=6), number=41) == b"000042"
    assert said(Piece("seq", low=5, high=-10, width=3), number=1) == b"-005"
    assert said(Piece("seq", low=99, high=1, width=1), number=1) == b"100"


def test_whole_numbers_are_spread_evenly_and_reach_both_ends() -> None:
    counts = Counter(said(Piece("int", low=-2, high=2), number=n) for n in range(5000))
    assert set(counts) == {b"-2", b"-1", b"0", b"1", b"2"}
    assert all(850 < count < 1150 for count in counts.values())


def test_zipf_asks_for_value_k_as_often_as_one_part_in_k() -> None:
    most, total = 8, 20_000
    counts = Counter(int(said(Piece("zipf", low=11, high=18), number=n)) for n in range(total))
    whole = sum(1 / k for k in range(1, most + 1))
    for k in range(1, most + 1):
        assert counts[10 + k] == pytest.approx(total / k / whole, rel=0.12)
    assert sum(counts.values()) == total and set(counts) == set(range(11, 19))
    assert {said(Piece("zipf", low=3, high=3), number=n) for n in range(20)} == {b"3"}


def test_hexadecimal_digits_are_as_many_as_asked_for() -> None:
    for width in (1, 15, 16, 17, 33):
        assert re.fullmatch(rb"[0-9a-f]{%d}" % width, said(Piece("hex", width=width)))


def test_choices_are_all_taken() -> None:
    picked = Counter(said(Piece("pick", choices=(b"a", b"b", b"")), number=n) for n in range(900))
    assert set(picked) == {b"a", b"b", b""} and min(picked.values()) > 230


def test_times_are_those_of_the_wall_clock() -> None:
    turn = Turn(3, wall_ns=1_700_000_000_987_654_321)
    pieces = (Piece("now"), Piece("text", text=b" "), Piece("now_ms"))
    assert Renderer(turn, 1).of(pieces) == b"1700000000 1700000000987"


@pytest.mark.parametrize(
    ("order", "rows"),
    [("in-order", [0, 1, 2, 3, 0, 1]), ("once", [0, 1, 2, 3]), ("per-connection", [2] * 6)],
)
def test_rows_come_in_the_order_asked_for(order: RowOrder, rows: list[int]) -> None:
    found = [
        Renderer(Turn(n, connection=6), 1, feed(order)).of((Piece("column"),))
        for n in range(len(rows))
    ]
    assert found == [b"%d" % row for row in rows]


def test_random_rows_are_all_drawn_and_all_columns_of_a_request_are_of_one() -> None:
    both = (Piece("column"), Piece("column"))
    drawn = {Renderer(Turn(n), 1, feed("random")).of(both) for n in range(200)}
    assert drawn == {b"00", b"11", b"22", b"33"}


@pytest.mark.parametrize(
    ("escape", "sent"),
    [
        ("", b'a b/"\\\n~\xc3\xa9'),
        ("url", b"a%20b%2F%22%5C%0A~%C3%A9"),
        ("form", b"a+b%2F%22%5C%0A~%C3%A9"),
        ("json", b'a b/\\"\\\\\\n~\xc3\xa9'),
    ],
)
def test_values_are_escaped_for_their_place(escape: Escape, sent: bytes) -> None:
    assert reference.escaped(b'a b/"\\\n~\xc3\xa9', escape) == sent


def test_a_pair_is_sent_in_base64_as_one_text() -> None:
    pieces = (
        Piece("text", text=b"Basic "),
        Piece("base64", width=2),
        Piece("seq", low=1, high=1),
        Piece("text", text=b":pw"),
        Piece("text", text=b"!"),
    )
    assert said(*pieces) == b"Basic " + b64encode(b"1:pw") + b"!"


def test_the_length_of_the_body_is_the_last_field() -> None:
    varied = Varied(
        target=(Piece("text", text=b"/"), Piece("seq", high=1)),
        fields=((b"Host", (Piece("text", text=b"h"),)),),
        body=(Piece("seq", low=8, high=1),),
        expect=(Piece("seq", high=1),),
    )
    found = reference.sent(varied, Turn(2), 0)
    assert found.expect == b"2"
    assert reference.payload("PUT", found) == (
        b"PUT /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n10"
    )
