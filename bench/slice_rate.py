"""How fast the engine is in slices, beside a plain run of it: see compare_slices.py, `throughput`.

1. Both load one server from a process of their own, by the same plan, as the workers of fastbench
   do: plain, the engine runs for STRETCH_S as for `fastbench URL`; in slices, it loads two sides,
   both that server, in turns for as long, and reads its processor time, as for `fastbench compare`.
   Connecting is no part of it.
2. The two alternate several times a second, in an order that is drawn for each pair: what the
   machine does for longer hits both, and the sign test of `fastbench compare` holds.
3. `loaded` are answers per second of loaded time: from the begin of each slice to its last answer.
   `wall` are answers per second of all the time, with what lies between the slices: the way home,
   the hand-over, the processor clocks.
4. Server and engine go before all others on their processors (SCHED_FIFO, for root), and a pair
   begins when nothing else runs, if that comes within PATIENCE_S. It counts if neither of them had
   to wait for its processor for more than WAITED of a stretch (run_delay of /proc/PID/schedstat):
   else it tells how the kernel shares a core.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import BenchError

from fastbench.cli.args import url_args
from fastbench.engine.bridge import _core
from fastbench.experiments.compare import statistics
from fastbench.experiments.slices.slice_order import BLOCK, order_of
from fastbench.machine import processes
from fastbench.machine.server_clocks import ServerClocks
from fastbench.plan.network import resolve
from fastbench.plan.plan import Plan
from fastbench.run import worker

STRETCH_S = 0.2
SLICE_S = 0.02
WAITED = 0.02
PATIENCE_S = 2.0
LOOKS = 5  # so many in a row see nothing else run
LOOK_S = 0.01
LEAD_NS = 2_000_000  # from all connected to the first request
TICK_S = 0.001
CONFIDENCE = 0.99
SAMPLES = 1_000_000
BEGIN, HOME, OK, FIRST, COUNT = 1, 3, 5, 9, 10  # in a row of Slices


@dataclass(frozen=True, slots=True)
class Stretch:
    """Answers per second, by loaded time and by all of it; the share that somebody waited."""

    loaded: float
    wall: float
    waited: float

    def row(self) -> list[float]:
        """Return it as a file of results has it."""
        return [round(self.loaded), round(self.wall), self.waited]


@dataclass(frozen=True, slots=True)
class Pair:
    """A stretch in slices and a plain one, whose loaded time is all of it."""

    sliced: Stretch
    plain: Stretch

    @property
    def counts(self) -> bool:
        """Whether it tells of the engine and not of the kernel."""
        return max(self.sliced.waited, self.plain.waited) <= WAITED


def ratio(pairs: Sequence[Pair], name: str) -> tuple[float | None, list[float]]:
    """Return the median ratio of a figure in slices to the plain one, and its interval.

    None where no pair counts; too few for an interval have an empty one.
    """
    counted = [pair for pair in pairs if pair.counts]
    logs = [math.log(getattr(each.sliced, name) / getattr(each.plain, name)) for each in counted]
    if not logs:
        return None, []
    interval = statistics.interval(logs, CONFIDENCE) or ()
    return _factor(statistics.estimate(logs)), [_factor(each) for each in interval]


def _factor(log: float) -> float:
    return round(math.exp(log), 4)


class Alternation:
    """Loads one server, plain and in slices, from the processors of `cores`."""

    def __init__(self, url: str, cores: str, words: Sequence[str]) -> None:
        command = url_args.parse(["-t", "1", *words, url])
        assert not isinstance(command, str)
        self._plan: Plan = command.plan
        self._reach = resolve.reach(self._plan)
        self._cycle = worker.order(self._plan.requests)
        self._cores = {int(core) for core in cores.split(",")}
        targets = self._find().targets
        if not targets:
            raise BenchError(f"the process that serves {url} is not to be seen")
        _put_first(targets[0].pid)
        self._server = Path(f"/proc/{targets[0].pid}/schedstat")

    def pair(self, seed: int) -> Pair:
        """Measure once; which is first is drawn."""
        _wait_for_idle()
        if order_of(seed, BLOCK)[0]:
            plain = self._plain()
            return Pair(self._sliced(seed), plain)
        sliced = self._sliced(seed)
        return Pair(sliced, self._plain())

    def _plain(self) -> Stretch:
        block = _core.Block(1)

        def open_line() -> None:
            start_ns = time.monotonic_ns() + LEAD_NS
            block.open_start_line(start_ns, start_ns, start_ns + round(STRETCH_S * 1e9))

        waited = self._carry_out(
            lambda: self._engine(block).run(), lambda: block.state(0) == "ready", open_line
        )
        rate = block.counters(0)["ok"] / STRETCH_S
        return Stretch(rate, rate, waited)

    def _sliced(self, seed: int) -> Stretch:
        shared = _core.Slices(1, BLOCK, samples=SAMPLES)
        ServerClocks([self._find] * BLOCK, shared.follow, {os.getpid()}).look()

        def load() -> None:
            engines = [self._engine(_core.Block(1)) for _ in range(BLOCK)]
            _core.run_in_turns(engines, shared, 0)

        def open_line() -> None:
            order = order_of(seed, round(STRETCH_S / SLICE_S))
            start_ns = time.monotonic_ns() + LEAD_NS
            shared.open(order, round(SLICE_S * 1e9), start_ns, start_ns + 10**11)

        waited = self._carry_out(load, lambda: shared.ready == 1, open_line)
        rows = shared.rows(0)
        answers = sum(row[OK] for row in rows)
        loaded_ns = sum(_last_ns(shared, row) for row in rows)
        wall_ns = rows[-1][HOME] - rows[0][BEGIN]
        return Stretch(answers / loaded_ns * 1e9, answers / wall_ns * 1e9, waited)

    def _engine(self, block: _core.Block) -> _core.Engine:
        (share,) = worker.shares(self._plan, 1)
        return worker.engine(self._plan, self._reach, self._cycle, block, share)

    def _find(self) -> processes.Found:
        target = self._plan.target
        return processes.find_all([each.host for each in self._reach.used], target.port, None)

    def _carry_out(
        self, load: Callable[[], None], ready: Callable[[], bool], begin: Callable[[], None]
    ) -> float:
        """Load in a process of its own; return the share of the time somebody waited."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self._work(load, theirs)
            finally:
                os._exit(1)
        os.close(theirs)
        try:
            while not (ready() or select.select([ours], [], [], TICK_S)[0]):
                pass
            before = self._waited_ns(pid)
            begin()
            said = os.read(ours, 100).split()
        finally:
            os.close(ours)
            os.waitpid(pid, 0)
        if not said:
            raise BenchError("the load generator's process failed")
        waited_ns = max(int(b) - a for a, b in zip(before, said, strict=True))
        return round(waited_ns / STRETCH_S / 1e9, 4)

    def _work(self, load: Callable[[], None], tell_fd: int) -> None:
        os.sched_setaffinity(0, self._cores)
        _put_first(os.getpid())
        load()
        os.write(tell_fd, b"%d %d" % self._waited_ns(os.getpid()))
        os._exit(0)

    def _waited_ns(self, pid: int) -> tuple[int, int]:
        """Return how long the server and the process have waited for a processor so far."""
        files = (self._server, Path(f"/proc/{pid}/schedstat"))
        server, process = (int(each.read_text().split()[1]) for each in files)
        return server, process


def _put_first(pid: int) -> None:
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(pid, os.SCHED_FIFO, os.sched_param(1))  # sched(7)


def _last_ns(shared: _core.Slices, row: tuple[int, ...]) -> int:
    """Return when the last answer of a slice came, counted from its begin."""
    if not row[COUNT]:
        raise BenchError("a slice has no answer: does the server run?")
    last = shared.samples(0, row[0], row[FIRST] + row[COUNT] - 1, 1)
    return array("I", last)[0]


def _wait_for_idle() -> None:
    """Wait until nothing but this process runs."""
    end_s, idle = time.monotonic() + PATIENCE_S, 0
    while idle < LOOKS and time.monotonic() < end_s:
        text = Path("/proc/stat").read_text()
        running = int(text.split("procs_running ", 1)[1].split()[0])
        idle = idle + 1 if running <= 1 else 0
        time.sleep(LOOK_S)
