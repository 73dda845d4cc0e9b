"""Servers that are loaded in turns: who is loaded when, what is counted, how it ends."""

from __future__ import annotations

import itertools
import threading
import time
from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest
from certificates import Authority
from embedded import seen, serving
from hypothesis import given
from hypothesis import strategies as st
from servers import OK, Peer, Server, answering

from fastbench.cli.args import url_args
from fastbench.engine.bridge import _core
from fastbench.engine.bridge._core import Block, Slices
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan
from fastbench.run import worker

MS = 1_000_000
BROKEN = OK.replace(b"200 OK", b"500 Oh")
SIDE, BEGIN, UNTIL, HOME, STARTED, OK_, FAILED, UNSENT, IDLE, FIRST, SAMPLES = range(11)


@given(st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 3), min_size=1), st.data())
def test_ranked_values_are_those_of_the_sorted_ones(values: list[int], data: st.DataObject) -> None:
    ranks = sorted(data.draw(st.lists(st.integers(0, len(values) - 1), max_size=4)))
    total, found = _core.order_statistics(array("I", values).tobytes(), ranks)
    assert (total, found) == (sum(values), [sorted(values)[rank] for rank in ranks])


def test_ranks_that_are_not_there_are_refused() -> None:
    for ranks in ([2], [-1], [1, 0]):
        with pytest.raises(IndexError, match="in ascending order"):
            _core.order_statistics(array("I", [7, 7]).tobytes(), ranks)
    assert _core.order_statistics(b"", []) == (0, [])


class Turns:
    """Two servers or more, loaded in turns by workers on threads of this process."""

    def __init__(self, urls: Sequence[str], *words: str, workers: int = 1) -> None:
        self.shared = Slices(workers, len(urls), samples=100_000)
        self.blocks = [Block(workers) for _ in urls]
        self.workers = workers
        self.sides = [plan_of(url, *words) for url in urls]

    def run(self, order: bytes, slice_ms: float = 20, limit_s: float = 20.0) -> None:
        """Carry the slices out; `limit_s` ends it."""
        now = time.monotonic_ns()
        self.shared.open(order, round(slice_ms * MS), now, now + round(limit_s * 1e9))
        threads = [threading.Thread(target=self._work, args=(i,)) for i in range(self.workers)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(60)
            assert not each.is_alive()

    def _work(self, index: int) -> None:
        engines = []
        for plan, block in zip(self.sides, self.blocks, strict=True):
            share = worker.shares(plan, self.workers)[index]
            reach = resolve.reach(plan)
            cycle = worker.order(plan.requests)
            engines.append(worker.engine(plan, reach, cycle, block, share))
        _core.run_in_turns(engines, self.shared, index)

    def sum(self, side: int, name: str) -> int:
        return sum(self.blocks[side].counters(i)[name] for i in range(self.workers))


def plan_of(url: str, *words: str) -> Plan:
    command = url_args.parse([*words, url])
    assert not isinstance(command, str)
    return command.plan


def latencies(turns: Turns, row: tuple[int, ...], index: int = 0) -> tuple[array[int], array[int]]:
    found = array("I", turns.shared.samples(index, row[SIDE], row[FIRST], row[SAMPLES]))
    return found[0::2], found[1::2]


def test_one_server_is_loaded_at_a_time_and_every_request_is_counted() -> None:
    with serving("--port", "0") as (_, one), serving("--port", "0") as (_, other):
        before = [seen(one).requests, seen(other).requests]
        turns = Turns([one + "/health", other + "/health"], "-c", "5", "-t", "1")
        turns.run(bytes([0, 1, 1, 0, 1, 0, 0, 1]))
        after = [seen(one).requests, seen(other).requests]
    rows = turns.shared.rows(0)
    assert [row[SIDE] for row in rows] == [0, 1, 1, 0, 1, 0, 0, 1]
    for side in (0, 1):
        of_side = [row for row in rows if row[SIDE] == side]
        assert after[side] - before[side] == sum(row[STARTED] for row in of_side)
        assert turns.sum(side, "ok") == sum(row[OK_] for row in of_side) > 0
        assert turns.sum(side, "in_flight") == turns.sum(side, "failed") == 0
        assert turns.sum(side, "connects") == 5
    for row, later in itertools.pairwise(rows):
        assert row[UNTIL] - row[BEGIN] == 20 * MS
        assert row[UNTIL] <= row[HOME] <= later[BEGIN]
    for row in rows:
        ends, times = latencies(turns, row)
        assert len(ends) == row[OK_] == row[SAMPLES]
        assert list(ends) == sorted(ends) and ends[-1] <= row[HOME] - row[BEGIN]
        assert all(0 < time_ns <= end for end, time_ns in zip(ends, times, strict=True))


def test_several_workers_load_the_same_side_at_the_same_time() -> None:
    with serving("--port", "0") as (_, one), serving("--port", "0") as (_, other):
        turns = Turns([one + "/health", other + "/health"], "-c", "4", workers=2)
        turns.run(bytes([0, 1] * 5))
    left, right = turns.shared.rows(0), turns.shared.rows(1)
    assert len(left) == len(right) == 10
    for number, (a, b) in enumerate(zip(left, right, strict=True)):
        assert a[:3] == b[:3] and a[OK_] and b[OK_]
        if number:
            assert a[BEGIN] >= max(left[number - 1][HOME], right[number - 1][HOME])


def test_a_slow_server_is_waited_for_before_the_other_one_is_loaded() -> None:
    def slow(peer: Peer) -> None:
        while peer.request():
            time.sleep(0.15)
            peer.send(OK)

    with Server(slow) as one, Server(answering()) as other:
        turns = Turns([one.url(), other.url()], "-c", "2", "-t", "1")
        turns.run(bytes([0, 1]), slice_ms=20)
    first, second = turns.shared.rows(0)
    assert first[STARTED] == first[OK_] == 2
    assert first[HOME] - first[BEGIN] >= 150 * MS
    assert second[BEGIN] >= first[HOME]


def test_a_planned_rate_holds_within_each_slice() -> None:
    with serving("--port", "0") as (_, one), serving("--port", "0") as (_, other):
        turns = Turns([one + "/health", other + "/health"], "-c", "20", "-t", "1", "-R", "2000")
        turns.run(bytes([0, 1, 1, 0]), slice_ms=50)
    for row in turns.shared.rows(0):
        assert row[STARTED] + row[UNSENT] == 100
        assert row[OK_] == row[STARTED]
    for side in (0, 1):
        assert turns.sum(side, "scheduled") == 200
        assert turns.sum(side, "started") + turns.sum(side, "dropped") == 200


def test_a_connection_that_is_lost_between_slices_is_opened_again() -> None:
    with Server(answering(per_connection=1)) as one, Server(answering()) as other:
        turns = Turns([one.url(), other.url()], "-c", "1", "-t", "1")
        turns.run(bytes([0, 1, 0, 1]), slice_ms=30)
    rows = turns.shared.rows(0)
    assert [row[FAILED] for row in rows] == [0, 0, 0, 0]
    assert all(row[OK_] for row in rows)


def test_requests_that_fail_and_time_out_count_as_failed() -> None:
    with (
        Server(answering(BROKEN)) as one,
        Server(Peer.stall) as other,
    ):
        turns = Turns([one.url(), other.url()], "-c", "1", "-t", "1", "-T", "100ms")
        turns.run(bytes([0, 1]), slice_ms=20)
    bad, none = turns.shared.rows(0)
    assert bad[FAILED] == bad[STARTED] > 0 and bad[OK_] == bad[SAMPLES] == 0
    assert none[FAILED] == none[STARTED] == 1 and turns.sum(1, "timeouts") == 1


def test_the_deadline_and_a_stop_end_it() -> None:
    with serving("--port", "0") as (_, one), serving("--port", "0") as (_, other):
        turns = Turns([one + "/health", other + "/health"], "-c", "2", "-t", "1")
        turns.run(bytes([0, 1] * 1000), slice_ms=20, limit_s=0.15)
        assert 2 <= len(turns.shared.rows(0)) <= 8
        turns = Turns([one + "/health", other + "/health"], "-c", "2", "-t", "1")
        timer = threading.Timer(0.1, turns.shared.stop)
        timer.start()
        turns.run(bytes([0, 1] * 1000), slice_ms=20)
        assert len(turns.shared.rows(0)) < 100


def test_a_server_that_nobody_runs_fails_its_connections_and_no_slice_hangs() -> None:
    with Server(answering()) as one:
        with Server(answering()) as gone:
            url = gone.url()
        turns = Turns([one.url(), url], "-c", "2", "-t", "1")
        turns.run(bytes([0, 1, 1, 0]), slice_ms=20)
    assert [bool(row[OK_]) for row in turns.shared.rows(0)] == [True, False, False, True]
    assert turns.blocks[1].errors(0)


def test_one_side_may_be_tls(tmp_path: Path) -> None:
    with (
        Server(answering(), tls=Authority(tmp_path).good("127.0.0.1")) as one,
        Server(answering()) as other,
    ):
        turns = Turns([one.url(), other.url()], "-c", "2", "-t", "1", "-k")
        turns.run(bytes([0, 1, 1, 0]), slice_ms=30)
    assert all(row[OK_] and not row[FAILED] for row in turns.shared.rows(0))


def test_what_does_not_fit_is_refused() -> None:
    shared = Slices(1, 2, samples=10)
    for order in (b"", bytes([0, 2]), bytes(70_000)):
        with pytest.raises(ValueError, match="slices of the 2 sides"):
            shared.open(order, MS, 1, 2)
    with pytest.raises(ValueError, match="can be loaded in turns"):
        Slices(1, 1, samples=10)
    with pytest.raises(IndexError):
        shared.samples(0, 0, 5, 6)
    with pytest.raises(IndexError):
        shared.rows(1)


def test_all_sides_get_the_same_requests_in_the_order_of_their_own_numbers() -> None:
    """Requests that vary: each side counts its own, over its slices and both workers."""
    came: tuple[list[bytes], list[bytes]] = ([], [])

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            with peer.server.lock:
                came[peer.server is other].append(request)
            peer.send(OK)

    with Server(script) as one, Server(script) as other:
        paths = "/item/{{seq}}/{{uuid}}"
        turns = Turns([one.url(paths), other.url(paths)], "-c", "4", "--seed", "8", workers=2)
        turns.run(bytes([0, 1, 1, 0]), slice_ms=40)
        ports = [b":%d" % each.port for each in (one, other)]
    sides = [
        {int(each.split(b"/")[2]): each.replace(port, b"") for each in side}
        for side, port in zip(came, ports, strict=True)
    ]
    shared = sides[0].keys() & sides[1].keys()
    assert len(shared) > 10 and all(sides[0][n] == sides[1][n] for n in shared)
    for found, side in zip(sides, came, strict=True):
        assert len(found) == len(side)
        for first in (1, 2):
            mine = sorted(n for n in found if n % 2 == first % 2)
            assert mine == list(range(first, mine[-1] + 1, 2))
