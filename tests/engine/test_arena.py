"""Metrics in shared memory, and the clockwork of scenarios: beats and planned instants."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.bridge import _core
from fastbench.engine.client import _client

MS_NS = 1_000_000
SLOW = os.environ.get("FASTBENCH_SLOW") == "1"
finite = st.floats(min_value=-1e11, max_value=1e11, allow_nan=False).filter(
    lambda v: v == 0 or abs(v) > 1e-6
)


def nearest_rank(values: list[float], percent: float) -> float:
    """Give the percentile of an exact sort."""
    ordered = sorted(values)
    return ordered[max(0, -(-int(percent * len(ordered) * 1000) // 100_000) - 1)]


@given(st.lists(finite, min_size=1, max_size=200), st.integers(0, 100))
def test_percentiles_are_within_a_thousandth_of_an_exact_sort(
    values: list[float], percent: int
) -> None:
    found = _client.Distribution()
    for value in values:
        found.record(value)
    exact = nearest_rank(values, percent)
    assert found.percentile(percent) == pytest.approx(exact, rel=0.001, abs=1e-7)
    assert (found.count, found.min, found.max) == (len(values), min(values), max(values))
    assert found.sum == pytest.approx(sum(values), abs=1e-3)


@given(st.lists(finite, max_size=50), st.lists(finite, max_size=50))
def test_distributions_merge_and_what_came_later_can_be_told(
    early: list[float], late: list[float]
) -> None:
    a, b, both = _client.Distribution(), _client.Distribution(), _client.Distribution()
    for value in early:
        a.record(value)
        both.record(value)
    for value in late:
        b.record(value)
        both.record(value)
    a_copy = _client.Distribution()
    a_copy.add(a)
    a.add(b)
    assert [a.percentile(p) for p in range(101)] == [both.percentile(p) for p in range(101)]
    gained = both.since(a_copy)
    assert gained.count == len(late)
    for percent in (1, 50, 99) if late else ():
        assert gained.percentile(percent) == pytest.approx(b.percentile(percent), rel=0.002)


def test_whole_numbers_up_to_a_thousand_stand_for_themselves() -> None:
    found = _client.Distribution()
    for value in range(1, 1001):
        found.record(value)
    assert [found.percentile(p) for p in (10, 50, 99, 100)] == [100, 500, 990, 1000]


def test_what_workers_write_the_parent_reads_by_name() -> None:
    arena = _client.Arena(2)
    for worker in range(2):
        pid = os.fork()
        if pid == 0:
            book = arena.writer(worker)
            book.counter("iterations", '{"scenario":"a"}').add(2 + worker)
            book.gauge("depth").add(-3.5)
            book.gauge("depth").add(7)
            book.rate("checks").add(True)
            book.rate("checks").add(False)
            book.times("iteration_duration").add(5 * MS_NS)
            book.trend("size").add(1e6)
            book.requests("requests")
            book.named("named")
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
    for worker in range(2):
        rows = {(kind, name): (tags, value) for kind, name, tags, value in arena.read(worker)}
        assert rows["counter", "iterations"] == ('{"scenario":"a"}', 2.0 + worker)
        value, least, most, at_ns = rows["gauge", "depth"][1]
        assert (value, least, most, at_ns > 0) == (7, -3.5, 7, True)
        assert rows["rate", "checks"][1] == (1, 2)
        assert rows["times", "iteration_duration"][1].max_ns == 5 * MS_NS
        assert rows["trend", "size"][1].max == 1e6
        assert rows["requests", "requests"][1]["http_req_duration"].count == 0
        assert rows["named", "named"][1]["reqs"] == 0
        assert [row[1] for row in arena.read(worker, {"depth"})] == ["depth"]


def test_the_same_name_and_tags_give_the_same_cell() -> None:
    book = _client.Arena(1).writer(0)
    assert book.counter("a", "x") is book.counter("a", "x")
    assert book.counter("a", "x") is not book.counter("a", "y")
    assert book.counter("a") is not book.rate("a")  # type: ignore[comparison-overlap]


def test_a_full_region_is_a_memory_error_and_keeps_what_it_holds() -> None:
    arena = _client.Arena(1, bytes_per_worker=1 << 23)
    book = arena.writer(0)
    with pytest.raises(MemoryError, match="no room for the metric t"):
        for i in range(1000):
            book.trend(f"t{i}").add(i)
    held = arena.read(0)
    assert len(held) >= 7
    assert [value.max for _, _, _, value in held] == list(range(len(held)))


def test_what_is_left_of_a_shared_counter_is_taken_at_once() -> None:
    arena = _client.Arena(1)
    limit = 10**15
    assert [arena.take(5, limit) for _ in range(3)] == [0, 1, 2]
    assert arena.take_rest(5, limit) == limit - 3
    assert arena.take_rest(5, limit) == 0
    assert arena.take(5, limit) == -1
    assert (arena.taken(5, limit), arena.taken(4, limit)) == (limit, 0)
    with pytest.raises(IndexError):
        arena.take_rest(64, 1)


def test_shared_counters_hand_out_every_number_once() -> None:
    arena = _client.Arena(2)
    pids, ends = [], []
    for _ in range(2):
        read_fd, write_fd = os.pipe()
        pid = os.fork()
        if pid == 0:
            mine = []
            while (number := arena.take(3, 20_000)) >= 0:
                mine.append(number)
            with os.fdopen(write_fd, "w") as pipe:
                pipe.write(" ".join(map(str, mine)))
            os._exit(0)
        os.close(write_fd)
        pids.append(pid)
        ends.append(read_fd)
    taken = []
    for read_fd in ends:
        with os.fdopen(read_fd) as pipe:
            taken += [int(word) for word in pipe.read().split()]
    for pid in pids:
        os.waitpid(pid, 0)
    assert sorted(taken) == list(range(20_000))
    assert arena.taken(3, 20_000) == 20_000


@pytest.mark.slow
@pytest.mark.skipif(
    "asan" in os.environ.get("LD_PRELOAD", ""), reason="the sanitizer keeps what was freed"
)
def test_memory_grows_with_metrics_but_not_with_samples() -> None:
    arena = _client.Arena(1)
    trend, times = arena.writer(0).trend("t"), arena.writer(0).times("d")
    dice = random.Random(1)
    values = [dice.lognormvariate(3, 1) for _ in range(20_000)]

    def resident_bytes() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def record() -> None:
        for value in values:
            trend.add(value)
            times.add(int(value * 1e6))

    record()
    before_bytes = resident_bytes()
    for _ in range(500 if SLOW else 25):  # ten million samples, or half a million
        record()
    assert resident_bytes() - before_bytes < 1 << 20


def ticked(arrange: Callable[[_client.Ticker, int], None], count: int) -> list[tuple[int, int]]:
    """Collect (due, called) of the first `count` calls."""
    found: list[tuple[int, int]] = []

    async def main() -> None:
        done = asyncio.Event()

        def tick(due_ns: int) -> None:
            found.append((due_ns, time.monotonic_ns()))
            if len(found) == count:
                done.set()

        ticker = _client.Ticker(asyncio.get_running_loop(), tick)
        arrange(ticker, time.monotonic_ns())
        await asyncio.wait_for(done.wait(), 10)
        ticker.stop()

    uvloop.run(main())
    return found


def test_planned_instants_come_in_order_and_never_early() -> None:
    start: list[int] = []

    def arrange(ticker: _client.Ticker, now_ns: int) -> None:
        start.append(now_ns)
        ticker.follow([(0.2, 1000.0, 1000.0)], now_ns, worker=1, workers=2)

    found = ticked(arrange, 100)
    assert [due - start[0] for due, _ in found] == pytest.approx(
        [(1 + 2 * k) * MS_NS for k in range(100)], abs=2
    )
    assert all(called >= due for due, called in found)


def test_late_instants_are_called_at_once_and_none_is_lost() -> None:
    def arrange(ticker: _client.Ticker, now_ns: int) -> None:
        ticker.at([now_ns - MS_NS * k for k in range(5, 0, -1)] + [now_ns + 2 * MS_NS])

    found = ticked(arrange, 6)
    assert [due for due, _ in found] == sorted(due for due, _ in found)


def test_a_heart_shows_life_lateness_and_idle_time() -> None:
    arena, block = _client.Arena(1), _core.Block(1)

    async def main() -> None:
        heart = _client.Heart(arena, block, 0, asyncio.get_running_loop())
        began_ns = arena.beat_ns(0)
        heart.at(7, 3)
        while block.histogram("lag").count < 3:
            await asyncio.sleep(0.005)
        assert arena.beat_ns(0) > began_ns
        end_s = time.monotonic() + 0.1
        while time.monotonic() < end_s:
            pass
        await asyncio.sleep(0.03)
        heart.stop()

    uvloop.run(main())
    assert arena.place(0) == (7, 3)
    assert block.histogram("lag").max_ns > 60 * MS_NS
    assert block.counters(0)["idle_ns"] > 0
