"""Measure what a machine of a cluster sends of its memory; see results/cluster_changes.json.

url_1, url_4     a run of one URL at full rate by 1 and 4 workers
rate_1           the same at 1,000 requests a second
script_1         a script whose requests have 20 names, by 1 worker: its block and its arena

Once a second the changes are taken and added to a copy, as the agent of a machine and the parent
do. For each worker and second: bytes sent, and processor time (of the thread, so that neighbours
count for nothing) of `take` and of `apply_changes`. At the end both must hold the same. All
workers share a core, the server has another: the rate is what that leaves, and stands beside.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import harness
from harness import BenchError, Spread

from fastbench.cli.args import url_args
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client
from fastbench.plan.network import resolve
from fastbench.run import worker
from fastbench.run.child import Child
from fastbench.run.supervisor import Supervisor
from fastbench.script import parent
from fastbench.script.run_request import RunRequest

SCRIPT = harness.ROOT / "bench" / "scripts" / "twenty_names.py"
LOOK_S = 1.0
LEAD_NS = 200_000_000
Look = Callable[[], tuple[bytes, memoryview]]


class Copy:
    """A copy of the memory of some workers, and what keeping it cost, look by look."""

    def __init__(self, block: _core.Block, arena: _client.Arena | None = None) -> None:
        self.block, self.arena = block, arena
        self.workers = block.workers
        self.copied = _core.Block(block.workers)
        self.copied_arena = None if arena is None else _client.Arena(block.workers)
        self._looks = [look for index in block.indices for look in self._of_worker(index)]
        self.rows: list[tuple[float, float, float]] = []  # bytes, take_us, apply_us

    def _of_worker(self, index: int) -> list[Look]:
        looks: list[Look] = []
        pairs = zip(self.block.parts(index), self.copied.parts(index), strict=True)
        for (view, instants), (theirs, _) in pairs:
            changes = _core.MemoryChanges(view)
            looks.append(partial(_taken, changes, len(view), instants, theirs))
        if self.arena is not None and self.copied_arena is not None:
            changes = _core.MemoryChanges(self.arena.part(index))
            theirs = self.copied_arena.part(index)
            looks.append(partial(_taken_of_region, changes, self.arena, index, theirs))
        return looks

    def look(self) -> None:
        """Take what changed, and add it to the copy."""
        n_bytes = take_ns = apply_ns = 0
        for look in self._looks:
            begun_ns = time.thread_time_ns()
            found, theirs = look()
            taken_ns = time.thread_time_ns()
            _core.apply_changes(theirs, found)
            n_bytes += len(found)
            take_ns += taken_ns - begun_ns
            apply_ns += time.thread_time_ns() - taken_ns
        n = self.workers
        self.rows.append((n_bytes / n, take_ns / 1e3 / n, apply_ns / 1e3 / n))

    def follow(self, ended: threading.Event) -> None:
        """Look once a second until the run has ended, and then once more."""
        due_s = time.monotonic() + LOOK_S
        while not ended.wait(max(0.0, due_s - time.monotonic())):
            self.look()
            due_s += LOOK_S
        self.look()

    def document(self) -> dict[str, object]:
        """Give medians of the seconds between the first and the last, which are cut off."""
        self._check()
        inner = self.rows[1:-1]
        names = ("bytes", "take_us", "apply_us")
        columns = zip(names, zip(*inner, strict=True), strict=True)
        found = {name: Spread.of(column).document() for name, column in columns}
        first = dict(zip(names, (round(value) for value in self.rows[0]), strict=True))
        return {"per_worker_and_second": found, "first_second": first, "seconds": len(inner)}

    def _check(self) -> None:
        """Raise BenchError unless the copy holds what was copied."""
        for index in self.block.indices:
            for name in _core.HISTOGRAMS:
                ours, theirs = (b.histogram(name, [index]) for b in (self.block, self.copied))
                if (ours.counts(), ours.sum_ns) != (theirs.counts(), theirs.sum_ns):
                    raise BenchError(f"the copy of {name} of worker {index} differs")
            if self.block.counters(index) != self.copied.counters(index):
                raise BenchError(f"the copy of the counters of worker {index} differs")
        if self.arena is not None and self.copied_arena is not None:
            ours_, theirs_ = self.arena.sums(), self.copied_arena.sums()
            if ours_.keys() != theirs_.keys():
                raise BenchError("the copy of the arena has other names")
            for key, value in ours_.items():
                if key[0] in ("counter", "gauge", "rate") and theirs_[key] != value:
                    raise BenchError(f"the copy of {key} differs")


def _taken(
    changes: _core.MemoryChanges, n_bytes: int, instants: tuple[int, ...], theirs: memoryview
) -> tuple[bytes, memoryview]:
    return changes.take(n_bytes, instants, 0), theirs


def _taken_of_region(
    changes: _core.MemoryChanges, arena: _client.Arena, index: int, theirs: memoryview
) -> tuple[bytes, memoryview]:
    n_bytes = arena.used_bytes(index)
    return changes.take(n_bytes, arena.instants(index), 0), theirs


def of_url(url: str, seconds: float, workers: int, *words: str) -> dict[str, object]:
    """Follow a run of one URL."""
    command = url_args.parse([f"-c{16 * workers}", f"-t{workers}", *words, url])
    if isinstance(command, str):
        raise BenchError(command)
    plan = command.plan
    block, reach, cycle = _core.Block(workers), resolve.reach(plan), worker.order(plan.requests)
    copy, ended = Copy(block), threading.Event()
    with closing(Supervisor[Child](block.stop)) as children:
        for share in worker.shares(plan, workers):
            load = partial(worker.run, plan, reach, cycle, block, share)
            children.start(Child(share.index), load)
        start_ns = time.monotonic_ns() + LEAD_NS
        block.open_start_line(start_ns, start_ns, start_ns + round(seconds * 1e9))
        following = threading.Thread(target=copy.follow, args=(ended,))
        following.start()
        try:
            limit_s = time.monotonic() + seconds + harness.GRACE_S
            while not children.all_gone and time.monotonic() < limit_s:
                children.nap(LOOK_S)
        finally:
            ended.set()
            following.join()
    answers = sum(block.counters(index)["ok"] for index in block.indices)
    rate = round(answers / seconds / workers)
    return {"workers": workers, "requests_per_s_per_worker": rate, **copy.document()}


def of_script(url: str, seconds: float) -> dict[str, object]:
    """Follow a run of a script by one worker."""
    asked = RunRequest(str(SCRIPT), env={"BASE_URL": url}, workers=1, vus=20, duration_s=seconds)
    ended = threading.Event()
    with parent.WorkerGroup(asked) as group:
        copy = Copy(group.block, group.arena)
        following = threading.Thread(target=copy.follow, args=(ended,))
        following.start()
        try:
            found = parent.run(asked, lambda progress: None, group=group)
        finally:
            ended.set()
            following.join()
        entries, used_bytes = len(group.arena.read(0)), group.arena.used_bytes(0)
        document = copy.document()
    rate = round(found.summary.requests_per_s)
    sizes = {"entries": entries, "arena_used_bytes": used_bytes}
    return {"workers": 1, "requests_per_s_per_worker": rate, **sizes, **document}


def measure(seconds: float, output: Path | None) -> bool:
    """Measure all rows; there is no target: docs/guides/scale.md works with these figures."""
    harness.need("gcc")
    cores, before = harness.pick_cores(), harness.cpu_ticks()
    rows: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = harness.compile_c("server", Path(folder))
        with harness.fixed_server(program, cores.server) as url:
            os.sched_setaffinity(0, {int(cores.client)})
            rows["url_1"] = of_url(url, seconds, 1, f"-d{seconds:g}s")
            rows["url_4"] = of_url(url, seconds, 4, f"-d{seconds:g}s")
            rows["rate_1"] = of_url(url, seconds, 1, f"-d{seconds:g}s", "-R1000")
            rows["script_1"] = of_script(url, seconds)
    surroundings = harness.environment()
    surroundings["steal"] = round(harness.steal_share(before, harness.cpu_ticks()), 4)
    for name, row in rows.items():
        print(f"{name:10} {_line(row)}")
        row["environment"] = surroundings
    if output is not None:
        harness.write_rows(output, rows)
    return True


def _line(row: dict[str, object]) -> str:
    figures = row["per_worker_and_second"]
    assert isinstance(figures, dict)
    n_bytes, take, apply = (figures[name]["median"] for name in ("bytes", "take_us", "apply_us"))
    return (
        f"{row['requests_per_s_per_worker']:>8} requests/s  {n_bytes:10,.0f} bytes  "
        f"take {take:8,.0f} us  apply {apply:8,.0f} us"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure the changes of workers' memory; 0 unless it cannot be measured."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each run")
    parser.add_argument("--quick", action="store_true", help="3 s each; nothing is written")
    parser.add_argument("--output", type=Path, help="default bench/results/cluster_changes.json")
    asked = parser.parse_args(argv)
    default = None if asked.quick else harness.RESULTS / "cluster_changes.json"
    seconds = 3.0 if asked.quick else max(3.0, asked.seconds)
    return harness.exit_code(lambda: measure(seconds, asked.output or default))


if __name__ == "__main__":
    sys.exit(main())
