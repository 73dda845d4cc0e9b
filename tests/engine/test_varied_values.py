"""What pieces of a request render to: each value against its definition, and how it is spread."""

from __future__ import annotations

import math
import re
import uuid
from collections import Counter
from itertools import chain
from urllib.parse import unquote_plus

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from varied_requests import feed_of

from fastbench.engine.bridge import _core
from fastbench.plan.pieces import Escape, Piece, RowOrder
from fastbench.plan.varied.reference import Renderer, Turn

INT64 = st.integers(-(2**63), 2**63 - 1)
WORD = st.integers(0, 2**64 - 1)
ESCAPES: tuple[Escape, ...] = ("", "url", "form", "json")
ORDERS: tuple[RowOrder, ...] = ("in-order", "random", "once", "per-connection")
ranges = st.tuples(INT64, INT64).map(sorted)
small_ranges = st.tuples(st.integers(-5, 5), st.integers(0, 40)).map(lambda t: (t[0], t[0] + t[1]))

pieces = st.one_of(
    st.builds(Piece, st.just("text"), text=st.binary(max_size=40)),
    st.builds(Piece, st.just("seq"), low=INT64, high=INT64, width=st.integers(0, 40)),
    st.builds(Piece, st.just("uuid"), place=st.integers(0, 50)),
    st.builds(Piece, st.just("hex"), width=st.integers(1, 70), place=st.integers(0, 50)),
    st.builds(
        Piece,
        st.just("pick"),
        choices=st.lists(st.binary(max_size=9), min_size=1, max_size=5).map(tuple),
        place=st.integers(0, 50),
    ),
    st.builds(
        lambda kind, ends, place: Piece(kind, low=ends[0], high=ends[1], place=place),
        st.just("int"),
        ranges | small_ranges,
        st.integers(0, 50),
    ),
    st.builds(
        lambda low, count, place: Piece("zipf", low=low, high=low + count - 1, place=place),
        st.integers(-(2**31), 2**31),
        st.integers(1, 2**50) | st.integers(1, 9),
        st.integers(0, 50),
    ),
    st.sampled_from([Piece("now"), Piece("now_ms")]),
    st.builds(Piece, st.just("column"), column=st.integers(0, 2), escape=st.sampled_from(ESCAPES)),
)
encoded = st.lists(pieces, max_size=3).map(
    lambda inner: [Piece("base64", width=len(inner)), *inner]
)
lists = st.lists(pieces.map(lambda piece: [piece]) | encoded, max_size=8).map(
    lambda parts: list(chain.from_iterable(parts))
)
cells = st.lists(st.tuples(*[st.binary(max_size=20)] * 3), min_size=1, max_size=9)


@given(
    lists,
    WORD,
    WORD,
    st.integers(0, 2**62),
    st.integers(0, 2**32),
    cells,
    st.sampled_from(ORDERS),
)
def test_pieces_are_what_their_definitions_say(
    found: list[Piece],
    number: int,
    seed: int,
    unix_ns: int,
    connection: int,
    rows: list[tuple[bytes, ...]],
    order: RowOrder,
) -> None:
    feed = feed_of(rows, order)
    text = _core.Renderer(feed, seed=seed).render(
        found, number, unix_ns=unix_ns, connection=connection
    )
    said = Renderer(Turn(number, unix_ns, connection), seed, feed)
    assert text == said.of(tuple(found))


def one(piece: Piece, number: int, seed: int = 7) -> bytes:
    return _core.Renderer(seed=seed).render((piece,), number)


def test_a_sequence_counts_and_pads() -> None:
    piece = Piece("seq", low=5, high=10, width=4)
    assert [one(piece, n) for n in (0, 1, 999, 1000)] == [b"0005", b"0015", b"9995", b"10005"]
    down = Piece("seq", low=1, high=-1, width=2)
    assert [one(down, n) for n in range(3)] == [b"01", b"00", b"-01"]


def test_uuids_are_of_version_4_and_all_differ() -> None:
    texts = {one(Piece("uuid"), n).decode() for n in range(20_000)}
    assert len(texts) == 20_000
    found = [uuid.UUID(text) for text in texts]
    assert {each.version for each in found} == {4} and {each.variant for each in found} == {
        uuid.RFC_4122
    }
    assert {str(each) for each in found} == texts


def test_hex_has_as_many_digits_as_asked_for() -> None:
    for digits in (1, 15, 16, 17, 33):
        assert re.fullmatch(b"[0-9a-f]{%d}" % digits, one(Piece("hex", width=digits), 3))
    seen = Counter(b"".join(one(Piece("hex", width=32), n) for n in range(2000)))
    assert len(seen) == 16 and max(seen.values()) < 1.1 * min(seen.values())


def chi_square(seen: Counter[int], shares: dict[int, float], total: int) -> float:
    assert set(seen) <= set(shares)
    return sum((seen[k] - total * p) ** 2 / (total * p) for k, p in shares.items())


@pytest.mark.parametrize("kind", ["int", "zipf"])
def test_numbers_are_spread_as_they_say(kind: str) -> None:
    """Pearson's test: 49 degrees of freedom, so beyond 100 once in 30,000 seeds; ours is fixed."""
    total, low, count = 100_000, -3, 50
    piece = Piece(kind, low=low, high=low + count - 1)  # type: ignore[arg-type]
    seen = Counter(int(one(piece, n)) - low + 1 for n in range(total))
    weights = {k: 1 / k if kind == "zipf" else 1 for k in range(1, count + 1)}
    shares = {k: w / sum(weights.values()) for k, w in weights.items()}
    assert chi_square(seen, shares, total) < 100


def test_zipf_over_a_billion_ranks_favours_the_first_as_it_should() -> None:
    count, total = 10**9, 50_000
    piece = Piece("zipf", low=1, high=count)
    found = [int(one(piece, n)) for n in range(total)]
    harmonic = math.log(count) + 0.5772156649
    assert min(found) == 1 and 10**8 < max(found) <= count
    for rank in (1, 2, 3):
        expected = total / harmonic / rank
        assert abs(found.count(rank) - expected) < 5 * math.sqrt(expected)
    median = sorted(found)[total // 2]
    assert abs((math.log(median) + 0.5772) / harmonic - 0.5) < 0.01


def test_no_number_is_likelier_where_the_range_does_not_divide_the_words() -> None:
    """A range of 3/4 of all words, by remainder, would give its first third twice as often."""
    piece = Piece("int", low=-(2**63), high=2**62 - 1)
    found = [int(one(piece, n)) + 2**63 for n in range(20_000)]
    thirds = Counter(each // 2**62 for each in found)
    assert set(thirds) == {0, 1, 2} and max(thirds.values()) < 1.1 * min(thirds.values())


def test_values_of_one_request_and_of_neighbours_are_apart() -> None:
    places = [Piece("int", low=0, high=10**6, place=place) for place in range(3)]
    seeds = [[int(one(places[0], n, seed)) for n in range(1000)] for seed in range(3)]
    rows = [[int(one(each, n)) for n in range(1000)] for each in places]
    for one_row, other in [(rows[0], rows[1]), (rows[1], rows[2]), (seeds[0], seeds[1])]:
        assert abs(correlation(one_row, other)) < 0.12
        assert abs(correlation(one_row, one_row[1:] + other[:1])) < 0.12
        assert abs(correlation(one_row[1:], other[:-1])) < 0.12


def correlation(a: list[int], b: list[int]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    products = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    return products / math.sqrt(
        sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    )


@given(st.text(max_size=30))
def test_escaped_cells_are_read_back_by_others(text: str) -> None:
    feed = feed_of([(text.encode("utf-8", "surrogatepass"),)])

    def cell(escape: Escape) -> bytes:
        return _core.Renderer(feed).render((Piece("column", escape=escape),), 0)

    assert unquote_plus(cell("form").decode(), errors="surrogatepass") == text
    assert b"+" not in cell("url")
    if not re.search("[\ud800-\udfff]", text):
        assert orjson.loads(b'"' + cell("json") + b'"') == text


def test_rows_in_each_order() -> None:
    rows = [(b"%d" % i,) for i in range(10)]

    def taken(order: RowOrder) -> list[int]:
        made = _core.Renderer(feed_of(rows, order), seed=1)
        piece = (Piece("column"),)
        return [int(made.render(piece, n, connection=3 + n % 2)) for n in range(1000)]

    assert taken("in-order") == taken("once") == [n % 10 for n in range(1000)]
    assert taken("per-connection") == [3 + n % 2 for n in range(1000)]
    random = Counter(taken("random"))
    assert set(random) == set(range(10)) and min(random.values()) > 60


@pytest.mark.parametrize(
    "piece",
    [
        Piece("int", low=2, high=1),
        Piece("int", low=0, high=2**63),
        Piece("zipf", low=-(2**63), high=2**63 - 1),
        Piece("pick"),
        Piece("column", column=1),
        Piece("neither"),  # type: ignore[arg-type]
    ],
)
def test_what_cannot_be_rendered_is_refused(piece: Piece) -> None:
    with pytest.raises(ValueError, match=r"."):
        _core.Renderer(feed_of([(b"x",)])).render((piece,), 0)


def test_a_feed_whose_cells_are_missing_is_refused() -> None:
    feed = feed_of([(b"x", b"y")])
    short = type(feed)(feed.path, feed.columns, 2, feed.order, feed.data, feed.cells, feed.longest)
    with pytest.raises(ValueError, match="a cell for each column"):
        _core.Renderer(short)
