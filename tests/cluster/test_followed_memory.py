"""Memory that follows that of workers on another machine, and what such workers know of others."""

from __future__ import annotations

import pytest

from fastbench import __version__
from fastbench.cluster.links import cluster_thread
from fastbench.cluster.worker_memory import LAYOUT, MemorySource, MemoryTarget
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.engine.client._client import REGION_BYTES, Arena
from fastbench.script import running_load
from fastbench.script.api.recorder import Recorder
from fastbench.script.parent import metric_snapshot
from fastbench.script.running_load import RunningLoad

MIB = 1 << 20
HOUR_NS = 3_600 * 10**9


class Two:
    """Two machines with two workers each, and the parent who follows them."""

    def __init__(self, region_bytes: int = REGION_BYTES) -> None:
        self.arena, block = Arena(4, bytes_per_worker=64 * MIB), _core.Block(4)
        self._target = MemoryTarget(block, self.arena)
        self.arenas, self._sources = [], []
        for machine in (0, 1):
            first = 2 * machine
            there = Arena(
                2,
                first=first,
                total=4,
                machine=machine,
                machines=2,
                bytes_per_worker=region_bytes,
            )
            self.arenas.append(there)
            self._sources.append(MemorySource(_core.Block(2, first=first, total=4), there))

    def follow(self, ahead_ns: int = 0) -> None:
        """Bring the parent up to date; `ahead_ns` is the clock of the first machine less its."""
        for offset_ns, each in zip((ahead_ns, 0), self._sources, strict=True):
            for changes in each.changes(offset_ns):
                self._target.apply(changes)


def test_users_that_no_plan_had_are_counted_over_all_machines() -> None:
    two = Two()
    for worker in (0, 1, 2):
        RunningLoad(two.arenas[worker // 2], worker).add_extra()
    two.follow()
    assert RunningLoad(two.arena, 0).extra() == 3
    assert RunningLoad(two.arenas[1], 2).extra() == 1, "of others nobody has told yet"


def test_a_worker_sees_what_others_did_once_it_is_told() -> None:
    two = Two()
    for worker, count in enumerate((5, 7, 11, 13)):
        book = two.arenas[worker // 2].writer(worker)
        book.counter("iterations", '{"scenario":"a"}').add(count)
        book.counter("iterations.interrupted", '{"scenario":"b"}').add(1)
    two.follow()
    told = running_load.counts(two.arena, (2, 3))
    mine = RunningLoad(two.arenas[0], 1)
    assert mine.change(1) == 1 and mine.iterations() == (12, 2)
    mine.hear(4, [(*key, count) for key, count in told.items()])
    assert (mine.iterations(), mine.iterations("a"), mine.iterations("b")) == (
        *((36, 4), (36, 0), (0, 4)),
    )
    assert mine.vus() == 5
    assert mine.change(1) == 2, "this machine's own, for its peak"


def test_a_machine_with_less_memory_is_followed_as_far_as_it_goes() -> None:
    two = Two(8 * MIB)
    assert two.arenas[1].region_bytes == 8 * MIB
    book = two.arenas[1].writer(3)
    with pytest.raises(MemoryError):
        for number in range(100_000):
            book.times(f"t{number}").add(1)
    two.follow()
    assert len(two.arena.read(3)) == number > 20


def test_two_builds_share_no_memory() -> None:
    assert cluster_thread.differs({"version": __version__, "layout": LAYOUT}) == ""
    for part in (_core.LAYOUT, _client.LAYOUT):
        other = LAYOUT.replace(part, part + "0")
        found = cluster_thread.differs({"version": __version__, "layout": other})
        assert found == f"it has another build of fastbench {__version__}"
    older = cluster_thread.differs({"version": "0.1", "layout": LAYOUT})
    assert older == f"it has fastbench 0.1, and this is {__version__}"


def test_groups_stand_in_the_order_in_which_they_came_by_the_parents_clock() -> None:
    two = Two()
    for worker, group in ((0, "::second"), (2, "::first"), (2, "::second"), (3, "::second")):
        book = two.arenas[worker // 2].writer(worker)
        recorder = Recorder(book, (), lambda *told: None, slot=(_core.Block(1), 0))
        recorder.group_duration("a", group, ())
    two.follow(-HOUR_NS)  # the first machine's clock is an hour behind
    assert metric_snapshot.groups(two.arena) == ("::first", "::second")
