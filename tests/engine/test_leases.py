"""Numbers that the workers of several machines take: each once, whoever asks."""

from __future__ import annotations

import mmap
import os
import random
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.client import _client

USED_UP, LATER = -1, -2
RANGES = 64

counts = st.integers(0, 40)


@given(st.integers(1, 5), counts, st.lists(st.integers(0, 4), max_size=60), st.booleans())
def test_machines_have_every_nth_number_and_together_all(
    machines: int, limit: int, askers: list[int], at_once: bool
) -> None:
    arenas = [_client.Arena(1, machine=k, machines=machines) for k in range(machines)]
    given = [arenas[each % machines].take(7, limit) for each in askers]
    for k, arena in enumerate(arenas):
        own = list(range(k, limit, machines))
        asked = sum(each % machines == k for each in askers)
        taken = [each for each, by in zip(given, askers, strict=True) if by % machines == k]
        assert taken == (own + [USED_UP] * asked)[:asked]
        assert arena.taken(7, limit) == min(asked, len(own))
        if at_once:
            assert arena.take_rest(7, limit) == max(0, len(own) - asked)
            assert arena.take_rest(7, limit) == 0 and arena.take(7, limit) == USED_UP
            assert arena.take_rest(8, 1 << 62) and arena.take(8, 1 << 62) == USED_UP


def test_a_counter_that_counts_is_of_one_machine() -> None:
    arena = _client.Arena(1, machine=2, machines=3)
    assert [arena.count(32) for _ in range(3)] == [1, 2, 3]
    assert (arena.counted(32), arena.counted(33)) == (3, 0)
    with pytest.raises(ValueError, match="no machine 3 among 3"):
        _client.Arena(1, machine=3, machines=3)
    for call in (arena.count, arena.counted, arena.left, arena.close_grants, arena.grants_open):
        with pytest.raises(IndexError):
            call(64)
    for limited in (arena.take, arena.take_rest, arena.taken):
        with pytest.raises(IndexError):
            limited(64, 1)
    with pytest.raises(IndexError):
        arena.grant(64, 0, 1)


@given(st.lists(st.tuples(counts, counts)), st.data())
def test_a_lease_gives_what_was_granted_in_that_order(
    ranges: list[tuple[int, int]], data: st.DataObject
) -> None:
    arena = _client.Arena(1, machine=1, machines=2)
    granted, taken = list[int](), list[int]()
    arena.grant(3, 0, 0)
    assert arena.take(3, 0) == LATER
    for first, count in ranges:
        arena.grant(3, first, count)
        granted += range(first, first + count)
        for _ in range(data.draw(counts)):
            number = arena.take(3, 0)
            if number == LATER:
                assert taken == granted
            else:
                taken.append(number)
        assert arena.left(3) == len(granted) - len(taken)
    assert arena.grants_open(3)
    arena.close_grants(3)
    assert not arena.grants_open(3)
    if data.draw(st.booleans()):
        assert arena.take_rest(3, 0) == len(granted) - len(taken)
    else:
        taken += iter(lambda: arena.take(3, 0), USED_UP)
        assert taken == granted
    assert (arena.left(3), arena.take(3, 10), arena.take_rest(3, 10)) == (0, USED_UP, 0)
    arena.grant(3, 9, 5)  # on its way when the lease ended
    assert (arena.left(3), arena.grants_open(3)) == (5, False)
    assert arena.take(4, 2) == 1  # no lease


def test_ranges_have_their_places_until_they_are_taken() -> None:
    arena = _client.Arena(1)
    for each in range(RANGES):
        arena.grant(0, 10 * each, 2)
    for expected in (0, 1, 10):
        with pytest.raises(RuntimeError, match="64 ranges are not all taken"):
            arena.grant(0, 5000, 1)
        assert arena.take(0, 0) == expected
        if expected == 1:
            arena.grant(0, 5000, 2)
    assert arena.left(0) == 2 * RANGES - 3 + 2
    found = [arena.take(0, 0) for _ in range(arena.left(0))]
    between = [10 * each + more for each in range(1, RANGES) for more in (0, 1)]
    assert found == [*between[1:], 5000, 5001] and arena.take(0, 0) == LATER


def test_who_takes_the_rest_ends_the_lease() -> None:
    arena = _client.Arena(1)
    arena.grant(0, 100, 10)
    assert [arena.take(0, 0) for _ in range(3)] == [100, 101, 102]
    assert arena.take_rest(0, 0) == 7
    assert not arena.grants_open(0) and arena.take(0, 0) == USED_UP


def forked(count: int, work: Callable[[int], None]) -> list[int]:
    pids = []
    for index in range(count):
        pid = os.fork()
        if pid == 0:
            work(index)
            os._exit(0)
        pids.append(pid)
    return pids


def test_every_number_of_a_lease_is_taken_once_by_processes_that_compete() -> None:
    """More ranges than have a place, granted while three processes take."""
    ranges, most = 400, 60
    arena, room = _client.Arena(1), mmap.mmap(-1, 8 * ranges * most)
    arena.grant(9, 0, 0)

    def take(index: int) -> None:
        while (number := arena.take(9, 0)) != USED_UP:
            if number == LATER:
                os.sched_yield()
            else:
                seen = struct.unpack_from("=Q", room, 8 * number)[0]
                struct.pack_into("=Q", room, 8 * number, seen + 1 + (index << 32))

    pids = forked(3, take)
    dice, granted = random.Random(5), set[int]()
    for each in range(ranges):
        count = dice.randint(1, most)
        granted |= set(range(most * each, most * each + count))
        while True:
            try:
                arena.grant(9, most * each, count)
                break
            except RuntimeError:
                os.sched_yield()
    arena.close_grants(9)
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    times = struct.unpack(f"={ranges * most}Q", room[:])
    assert {at for at, count in enumerate(times) if count} == granted
    assert {count & 0xFFFFFFFF for count in times} == {0, 1}
    assert arena.left(9) == 0 and arena.taken(9, 1 << 60) == len(granted)


def test_what_is_left_is_dropped_once_by_processes_that_end_at_a_time() -> None:
    arena, room = _client.Arena(1), mmap.mmap(-1, 8 * 3)
    arena.grant(0, 0, 100_000)

    def end(index: int) -> None:
        taken = sum(arena.take(0, 0) >= 0 for _ in range(500))
        struct.pack_into("=Q", room, 8 * index, taken + arena.take_rest(0, 0))

    for pid in forked(3, end):
        assert os.waitpid(pid, 0)[1] == 0
    assert sum(struct.unpack("=3Q", room[:])) == 100_000
