"""Memory that is followed from another machine: what changes, and that it arrives as it was."""

from __future__ import annotations

import json
import mmap
import os
import random
import struct
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from embedded import serving
from hypothesis import given
from hypothesis import strategies as st
from servers import refusing

from fastbench.cli.args import url_args
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan
from fastbench.run import worker

PAGE = mmap.PAGESIZE
WORDS = 3 * PAGE // 8 + 5
MOST = 2**64 - 1

words = st.integers(0, WORDS - 1) | st.sampled_from([0, 1, 7, 8, PAGE // 8 - 1, PAGE // 8])
values = st.sampled_from([0, 1, 127, 128, MOST, 1 << 63]) | st.integers(0, MOST)
rounds = st.lists(st.lists(st.tuples(words, values), max_size=12), max_size=6)
offsets_ns = st.integers(-(2**63), 2**63 - 1) | st.integers(-5, 5)


def read(memory: bytearray | memoryview, word: int) -> int:
    value: int = struct.unpack_from("=Q", memory, 8 * word)[0]
    return value


def write(memory: bytearray | memoryview, word: int, value: int) -> None:
    struct.pack_into("=Q", memory, 8 * word, value)


@given(rounds)
def test_memory_that_is_followed_equals_its_source_after_each_look(
    looks: list[list[tuple[int, int]]],
) -> None:
    source, mirror = bytearray(8 * WORDS), bytearray(8 * WORDS)
    changes = _core.MemoryChanges(source)
    assert changes.take(8 * WORDS, (), 0) == b""
    for look in looks:
        before = bytes(source)
        for word, value in look:
            write(source, word, value)
        found = changes.take(8 * WORDS, (), 0)
        assert bool(found) == (before != source)
        _core.apply_changes(mirror, found)
        assert mirror == source
        assert changes.take(8 * WORDS, (), 0) == b""


@given(rounds, st.data())
def test_instants_are_told_in_the_other_clock_whenever_they_or_the_offset_become_known(
    looks: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    source, mirror = bytearray(8 * WORDS), bytearray(8 * WORDS)
    changes = _core.MemoryChanges(source)
    instants: tuple[int, ...] = ()
    for look in looks:
        instants = (*instants, *(8 * word for word in data.draw(st.lists(words, max_size=3))))
        offset_ns = data.draw(offsets_ns)
        for word, value in look:
            write(source, word, value)
        _core.apply_changes(mirror, changes.take(8 * WORDS, instants, offset_ns))
        for word in range(WORDS):
            value = read(source, word)
            if 8 * word in instants and value:
                value = (value - offset_ns) & MOST
            assert read(mirror, word) == value


def test_only_the_bytes_that_are_asked_for_are_told() -> None:
    source = bytearray(3 * PAGE)
    changes = _core.MemoryChanges(source)
    write(source, 2, 5)
    write(source, 9, 7)
    first = changes.take(24, (72,), 0)
    assert first == bytes([2, 10]) and changes.take(72, (), 0) == b""
    assert changes.take(73, (), 0) == bytes([9, 14])
    for n_bytes, instants in ((3 * PAGE + 1, ()), (PAGE, (4,)), (PAGE, (3 * PAGE,)), (8, (-8,))):
        with pytest.raises(ValueError, match="memory"):
            changes.take(n_bytes, instants, 0)
    with pytest.raises(OverflowError):
        changes.take(8, (), 2**63)
    with pytest.raises(ValueError, match="aligned words"):
        _core.MemoryChanges(memoryview(source)[4:12])


@given(rounds.filter(any), st.data())
def test_damaged_changes_write_nothing_or_stay_within(
    looks: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    source = bytearray(8 * WORDS)
    for word, value in (each for look in looks for each in look):
        write(source, word, value)
    found = bytearray(_core.MemoryChanges(source).take(8 * WORDS, (), 0))
    for _ in range(data.draw(st.integers(1, 4))):
        if found:
            found[data.draw(st.integers(0, len(found) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(found[: data.draw(st.integers(0, len(found)))])
    damaged += data.draw(st.binary(max_size=20))
    room = bytearray(b"\xaa" * (64 + 80 + 64))
    held = bytes(room)
    try:
        _core.apply_changes(memoryview(room)[64:144], damaged)
    except ValueError:
        assert room == held
    assert bytes(room[:64] + room[144:]) == held[:128]


def test_cut_changes_and_those_of_larger_memory_are_refused() -> None:
    source = bytearray(PAGE)
    write(source, 20, 1 << 40)
    found = _core.MemoryChanges(source).take(PAGE, (), 0)
    mirror = bytearray(PAGE)
    for cut in range(1, len(found)):
        with pytest.raises(ValueError, match="cut"):
            _core.apply_changes(mirror, found[:cut])
    with pytest.raises(ValueError, match="other memory"):
        _core.apply_changes(memoryview(mirror)[:160], found)
    far = bytes([0xFF] * 9) + b"\x02"
    for damaged in (far, b"\x00\x02" + far, bytes([0x80] * 3)):
        with pytest.raises(ValueError, match="changes"):
            _core.apply_changes(mirror, damaged)
    assert mirror == bytes(PAGE)
    with pytest.raises(BufferError):
        _core.apply_changes(bytes(PAGE), found)
    _core.apply_changes(memoryview(mirror)[:168], found)
    assert mirror == source


class Followed:
    """An arena and what follows it, as the processes of another machine would."""

    def __init__(self, arena: _client.Arena, mirror: _client.Arena) -> None:
        self.arena, self.mirror = arena, mirror
        self.changes = {i: _core.MemoryChanges(arena.part(i)) for i in arena.indices}

    def look(self, offset_ns: int = 0) -> int:
        """Bring the mirror up to date; return how many bytes that took."""
        told = 0
        for index, changes in self.changes.items():
            arena = self.arena
            found = changes.take(arena.used_bytes(index), arena.instants(index), offset_ns)
            _core.apply_changes(self.mirror.part(index), found)
            told += len(found)
        return told


def plain(arena: _client.Arena) -> dict[tuple[str, str, str], Any]:
    """Everything in an arena, as values that can be compared."""

    def compared(value: Any) -> Any:
        if isinstance(value, _core.Histogram):
            return value.counts(), value.count, value.sum_ns, value.min_ns, value.max_ns
        if isinstance(value, _client.Distribution):
            return value.counts(), value.count, value.sum, value.min, value.max
        if isinstance(value, dict):
            return {name: compared(each) for name, each in value.items()}
        return value

    return {key: compared(value) for key, value in arena.sums().items()}


def fill(arena: _client.Arena, index: int, goes_on: Callable[[int], bool]) -> int:
    """Make metrics of all kinds, now and then, and record in all there are; how many rounds."""
    dice, book, rounds = random.Random(index), arena.writer(index), 0
    while goes_on(rounds):
        tags = json.dumps({"n": dice.randint(0, min(rounds // 20, 39))})
        book.counter("a counter", tags).add(dice.random())
        book.gauge("a gauge", tags).add(dice.gauss(0, 1))
        book.rate("a rate", tags).add(dice.random() < 0.5)
        book.times("times", tags).add(dice.randrange(1 << 30))
        book.trend("a trend", tags).add(dice.gauss(0, 1000))
        book.named("named", tags)
        book.requests("requests")
        rounds += 1
    return rounds


def test_an_arena_is_followed_while_processes_write_and_no_entry_is_seen_in_part() -> None:
    kinds = ("a counter", "a gauge", "a rate", "times", "a trend", "named", "requests")
    here = [_client.Arena(2, first=first, total=4) for first in (0, 2)]
    mirror, one = _client.Arena(4), _client.Arena(4)
    followed = [Followed(arena, mirror) for arena in here]
    stop, rounds = mmap.mmap(-1, 8), mmap.mmap(-1, 8 * 4)
    pids = []
    for index in range(4):
        pid = os.fork()
        if pid == 0:
            done = fill(here[index // 2], index, lambda n: n < 800 or (n < 4000 and not stop[0]))
            struct.pack_into("=Q", rounds, 8 * index, done)
            os._exit(0)
        pids.append(pid)
    known = 0
    for _ in range(8):
        for each in followed:
            each.look()
        rows = mirror.sums()
        assert {name for _, name, _ in rows} <= {*kinds}
        assert all(json.loads(tags)["n"] < 40 for _, name, tags in rows if name != "requests")
        assert len(rows) >= known
        known = len(rows)
    stop[0] = 1
    for pid in pids:
        assert os.waitpid(pid, 0)[1] == 0
    for each in followed:
        each.look()
        assert each.look() == 0
    for index, count in enumerate(struct.unpack("=4Q", rounds[:])):
        fill(one, index, count.__gt__)
    found, expected = plain(mirror), plain(one)
    assert found.keys() == expected.keys() and len(found) == 6 * 40 + 1
    for key, value in expected.items():
        if key[0] == "gauge":  # which of four was the last to be set differs by run
            value, found[key] = value[1:3], found[key][1:3]
        assert found[key] == value


def test_gauges_of_machines_whose_clocks_differ_are_compared_by_one_clock() -> None:
    ahead_ns = 3_600_000_000_000
    late, early = (_client.Arena(1, first=first, total=2) for first in (0, 1))
    mirror = _client.Arena(2)
    followed = Followed(late, mirror), Followed(early, mirror)
    early.writer(1).gauge("depth").add(1)
    late.writer(0).gauge("depth").add(2)
    began_ns = late.read(0)[0][3][3]
    followed[0].look(ahead_ns)
    followed[1].look(-ahead_ns)
    value, *_, at_ns = mirror.sums()["gauge", "depth", ""]
    assert (value, at_ns) == (1, early.read(1)[0][3][3] + ahead_ns)
    assert mirror.read(0)[0][3][3] == began_ns - ahead_ns


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="it maps what it watches")
def test_looking_makes_no_memory() -> None:
    def shared_bytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[2]) * PAGE

    arena = _client.Arena(1)
    book = arena.writer(0)
    for each in range(20):
        book.trend(f"t{each}").add(each)
        book.named(f"n{each}")
    changes = _core.MemoryChanges(arena.part(0))
    before_bytes = shared_bytes()
    found = changes.take(arena.used_bytes(0), arena.instants(0), 0)
    assert shared_bytes() - before_bytes < 16 * PAGE < arena.used_bytes(0)
    mirror = _client.Arena(1)
    _core.apply_changes(mirror.part(0), found)
    assert plain(mirror) == plain(arena)


def test_parts_keep_the_memory_and_there_are_as_many_as_the_run_has() -> None:
    part = _core.Block(2, urls=3, warmup=True).parts(1)
    assert [len(view) % 8 for view, _ in part] == [0, 0, 0] and part[2][1] == ()
    part[2][0][:8] = b"12345678"
    assert bytes(part[2][0][:8]) == b"12345678"
    assert len(_core.Block(2).parts(0)) == 1 and len(_core.Block(1, urls=1).parts(0)) == 2
    region = _client.Arena(3).part(2)
    region[-8:] = b"12345678"
    assert bytes(region[-9:]) == b"\x0012345678"


def test_a_part_of_all_workers_knows_its_own_only() -> None:
    block = _core.Block(2, first=3, total=7, warmup=True)
    assert (list(block.indices), list(block.warm_indices)) == ([3, 4], [10, 11])
    assert (block.workers, block.first, block.total) == (2, 3, 7)
    for index in (3, 4, 10, 11):
        assert block.state(index) == "starting"
    for index in (0, 2, 5, 6, 7, 9, 12, 14, 2**32 - 1):
        with pytest.raises(IndexError):
            block.state(index)
    with pytest.raises(IndexError, match="no slots of a warm-up"):
        _core.Block(1).state(1)
    arena = _client.Arena(2, first=3, total=7)
    assert list(arena.indices) == [3, 4] and (arena.beat_ns(3), arena.place(4)) == (0, (0, 0))
    for index in (0, 2, 5):
        with pytest.raises(IndexError):
            arena.writer(index)
    for kind in (_core.Block, _client.Arena):
        with pytest.raises(ValueError, match="no workers 3 to 4 among 4"):
            kind(2, first=3, total=4)
        whole = kind(2)
        assert (whole.first, whole.total, list(whole.indices)) == (0, 2, [0, 1])
    assert list(_core.Block(2).warm_indices) == []


def plan_of(*words: str) -> Plan:
    command = url_args.parse(list(words))
    assert not isinstance(command, str)
    return command.plan


def load(plan: Plan, blocks: Sequence[_core.Block], follow: threading.Event) -> None:
    """Load a server with all workers of these blocks, on threads, until its requests are done."""
    total = blocks[0].total
    reach, cycle = resolve.reach(plan), worker.order(plan.requests)
    engines = [
        worker.engine(plan, reach, cycle, block, worker.shares(plan, total)[index])
        for block in blocks
        for index in block.indices
    ]
    threads = [threading.Thread(target=each.run) for each in engines]
    now_ns = time.monotonic_ns()
    duration_ns = round((plan.load.duration_s or 0) * 1e9)
    for block in blocks:
        block.open_start_line(now_ns, now_ns, now_ns + duration_ns if duration_ns else 0)
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    follow.set()
    assert not any(each.is_alive() for each in threads)


@pytest.mark.parametrize("ahead_ns", [0, 10**9, -(10**15)])
def test_two_machines_are_one_with_as_many_workers(ahead_ns: int) -> None:
    with serving("--port", "0") as (_, url), refusing() as port:
        refused = f"http://127.0.0.1:{port}/health"
        for words in (
            ("-c", "8", "-n", "400", f"{url}/health", f"{url}/nothing"),
            ("-c", "8", "-R", "2000", "-d", "0.2s", f"{url}/health"),
            ("-c", "8", "-d", "0.05s", refused),
        ):
            plan = plan_of(*words)
            urls = len({each.target for each in plan.requests}) if len(plan.requests) > 1 else 0
            blocks = [_core.Block(2, first=first, total=4, urls=urls) for first in (0, 2)]
            mirror = _core.Block(4, urls=urls)
            ended = threading.Event()
            followed = [
                (_core.MemoryChanges(view), theirs, instants)
                for block in blocks
                for index in block.indices
                for (view, instants), (theirs, _) in zip(
                    block.parts(index), mirror.parts(index), strict=True
                )
            ]
            loading = threading.Thread(target=load, args=(plan, blocks, ended))
            loading.start()
            last = False
            while not last:
                last = ended.wait(0.01)
                for changes, theirs, instants in followed:
                    _core.apply_changes(theirs, changes.take(len(theirs), instants, ahead_ns))
            loading.join()
            check(blocks, mirror, ahead_ns, urls)
            if plan.load.planned:  # each machine has its share of one plan
                assert sum(mirror.counters(i)["scheduled"] for i in range(4)) == 400


def check(blocks: list[_core.Block], mirror: _core.Block, ahead_ns: int, urls: int) -> None:
    instants = {"end_ns", "oldest_due_ns", "oldest_sent_ns", "sockets_begun_ns"}
    total = 0
    for block in blocks:
        for index in block.indices:
            expected = block.counters(index)
            for name in instants:
                expected[name] -= ahead_ns if expected[name] else 0
            assert mirror.counters(index) == expected
            assert mirror.status_codes(index) == block.status_codes(index)
            assert mirror.addresses(index) == block.addresses(index)
            assert mirror.state(index) == block.state(index) == "ended"
            rows = [(*row[:4], row[4] - ahead_ns) for row in block.errors(index)]
            assert mirror.errors(index) == rows
            total += expected["ok"] + sum(row[3] for row in rows)
    assert total
    for name in _core.HISTOGRAMS:
        both = _core.Histogram()
        for block in blocks:
            both.add(block.histogram(name))
        found = mirror.histogram(name)
        assert found.counts() == both.counts()
        assert (found.min_ns, found.max_ns) == (both.min_ns, both.max_ns)
        assert (found.count, found.sum_ns) == (both.count, both.sum_ns)
    for url in range(urls):
        parts = [block.url_counters(url) for block in blocks]
        assert mirror.url_counters(url) == {
            name: sum(part[name] for part in parts) for name in parts[0]
        }
        assert mirror.url_histogram("service", url).count == mirror.url_counters(url)["ok"]
