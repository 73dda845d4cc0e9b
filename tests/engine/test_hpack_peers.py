"""HPACK beside PyPI's hpack: sequences of blocks, whole and damaged, with and without a memory."""

from __future__ import annotations

import random

import hpack
import pytest
from header_blocks import ANSWERS, Fields, Peers, Server, headers, mutated
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.engine.bridge import _core

bounded = settings(
    max_examples=3_000 if SLOW else 100,
    derandomize=not SLOW,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
MUTATED_BLOCKS = 40_000 if SLOW else 1_500


@bounded
@given(
    lists=st.lists(headers(), min_size=1, max_size=5),
    turns=st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.booleans()), max_size=12),
    seed=st.integers(0, 2**32),
)
def test_all_tables_and_meanings_agree_over_the_blocks_of_a_connection(
    lists: list[Fields], turns: list[tuple[int, bool, bool]], seed: int
) -> None:
    how, server, peers = random.Random(seed), Server(), Peers(_core.BlockMemo())
    for index, trailer, literal in turns:
        fields = lists[index % len(lists)]
        if literal:  # inserts what the encoder does not know of, so a connection of its own
            other = Peers(peers.memo)
            block = server.literal(fields, how)
            assert [other.read(block, trailer=trailer) for _ in range(3)] == [""] * 3
        else:
            assert peers.read(server.block(fields, how), trailer=trailer) == ""


def test_blocks_that_are_seen_again_and_again_are_remembered_rightly() -> None:
    how, memo = random.Random(19), _core.BlockMemo()
    for _ in range(60):
        server, peers = Server(), Peers(memo)
        for _ in range(12):
            fields = how.choice(ANSWERS)
            assert peers.read(server.block(fields, how), trailer=how.random() < 0.2) == ""
        peers = Peers(memo)
        blocks = [server.literal(how.choice(ANSWERS), how) for _ in range(3)]
        for _ in range(12):
            assert peers.read(how.choice(blocks), trailer=how.random() < 0.2) == ""


@pytest.mark.slow
def test_a_damaged_block_is_judged_as_by_the_other_hand() -> None:
    how, memo = random.Random(7541), _core.BlockMemo()
    seen: dict[str, int] = {}
    for _ in range(MUTATED_BLOCKS):
        server, peers = Server(), Peers(memo)
        for _ in range(how.randrange(3)):
            peers.read(server.block(how.choice(ANSWERS), how))
        make = how.choice((server.block, server.literal))
        block = mutated(make(how.choice(ANSWERS), how), how)
        trailer = how.random() < 0.3
        error = peers.read(block, trailer=trailer)
        if not error:  # the same bytes again, which may be remembered, or mean something else
            peers.read(block, trailer=trailer)
        seen[error] = seen.get(error, 0) + 1
    assert set(seen) >= set(_core.BLOCK_ERRORS) - {"size"}
    assert min(seen[""], sum(seen.values()) - seen[""]) > MUTATED_BLOCKS // 10


def test_a_block_means_the_same_only_as_long_as_its_table_is_the_same() -> None:
    peers = Peers(_core.BlockMemo())
    first = b"\x88" + _core.encode_field(b"content-length", b"1", "insert")
    assert peers.read(first) == ""
    by_index = b"\x88\xbe"
    for _ in range(3):
        assert peers.read(by_index) == "" and peers.verdict[2] == 1
    assert peers.read(b"\x88" + _core.encode_field(b"content-length", b"2", "insert")) == ""
    for _ in range(3):
        assert peers.read(by_index) == "" and peers.verdict[2] == 2
    assert peers.read(b"\x20\x3f\xe1\x1f\x88") == ""  # empties it
    assert peers.read(by_index) == "index"


def test_a_head_is_not_taken_for_trailers_of_the_same_bytes() -> None:
    peers = Peers(_core.BlockMemo())
    head = b"\x88" + _core.encode_field(b"x-a", b"b", "insert")
    for trailer in (False, True, False, True):
        rule = "pseudo-field in trailers" if trailer else ""
        for block in (head, head, b"\x88\xbe", b"\x88\xbe"):
            assert peers.read(block, trailer=trailer) == "" and peers.verdict[3] == rule


def test_a_name_whose_field_is_evicted_by_it_stays() -> None:
    peers = Peers(_core.BlockMemo())
    assert peers.read(_core.encode_field(b"x-name", b"v" * 1000, "insert")) == ""
    assert peers.read(_core.encode_field(b"other", b"o" * 2900, "insert")) == ""
    again = b"\x7f\x00\x7f" + b"\xe9\x06" + b"w" * 1000  # of the name at 63
    assert peers.read(again) == ""
    assert peers.scripts.fields == [(b"x-name", b"w" * 1000), (b"other", b"o" * 2900)]


def test_the_bytes_of_a_table_are_moved_as_it_turns() -> None:
    how, peers = random.Random(4096), Peers(_core.BlockMemo())
    for number in range(3_000):
        value = how.randbytes(how.choice((0, 3, 20, 200, 900))).replace(b"\0", b"x")
        block = _core.encode_field(b"x-%d" % number, value, "insert")
        if how.random() < 0.1:
            block = _core.encode_update(how.choice((0, 500, 4096))) + block
        assert peers.read(block) == ""


FIELD = st.tuples(
    st.sampled_from([b"Accept", b"User-Agent", b"Cookie", b"X-A", b"X-B", b"Authorization", b"TE"]),
    st.sampled_from([b"", b"a", b"trailers", b"a longer value, with words", b"v" * 3000]),
)
REQUEST = st.tuples(
    st.sampled_from([b"GET", b"POST", b"PATCH"]),
    st.sampled_from([b"http", b"https"]),
    st.sampled_from([b"a.example", b"b.example:8443"]),
    st.sampled_from([b"/", b"/index.html", b"/api?x=1", b"*"]),
    st.lists(FIELD, max_size=6),
)


@bounded
@given(
    requests=st.lists(REQUEST, min_size=1, max_size=5),
    order=st.lists(st.integers(0, 4), min_size=1, max_size=10),
)
def test_requests_are_read_as_they_were_written_in_any_order(
    requests: list[tuple[bytes, bytes, bytes, bytes, Fields]], order: list[int]
) -> None:
    blocks = _core.RequestBlocks(requests)
    reader, small = hpack.Decoder(), hpack.Decoder()
    small.max_allowed_table_size = 0
    for place, index in enumerate(each % len(requests) for each in order):
        method, scheme, authority, path, fields = requests[index]
        pseudo = (b":method", method), (b":scheme", scheme), (b":authority", authority)
        kept = [(n.lower(), v) for n, v in fields if n != b"TE" or v == b"trailers"]
        expected = [*pseudo, (b":path", path), *kept]
        block = blocks.later(index) if place else blocks.first(index)
        decoded = list(reader.decode(block, raw=True))
        assert decoded == expected
        for each in decoded:
            secret = each[0] == b"authorization" or (each[0] == b"cookie" and len(each[1]) < 20)
            assert each.indexable != secret
        literal = blocks.literal(index)
        if not place:
            literal = _core.encode_update(0) + literal
        assert list(small.decode(literal, raw=True)) == expected
        assert not small.header_table.dynamic_entries
        entries = reader.header_table.dynamic_entries
        event(f"{len(entries)} shared")
        assert all(name not in (b"authorization",) for name, _ in entries)
    assert sum(len(n) + len(v) + 32 for n, v in reader.header_table.dynamic_entries) <= 4096
