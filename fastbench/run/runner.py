"""The parent: fork the workers, open the start line, watch, stop, and add up.

1. Everything that can be refused is refused before the first fork.
2. Workers are forked before this process has a thread or a loop. The parent then goes to nice 10:
   it looks up a few times a second and must not push a worker off its core.
3. A signal or a lost worker ends the run early, never the report.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastbench.engine.bridge import _core
from fastbench.foundation import signals
from fastbench.machine import host, limits, processes
from fastbench.machine.monitor import Monitor
from fastbench.machine.processes import Found
from fastbench.plan import resolve
from fastbench.plan.plan import Plan, UsageError
from fastbench.plan.resolve import Reach
from fastbench.results.metric_values import Judgement
from fastbench.results.result import Result
from fastbench.results.usage import Use
from fastbench.run import sampling, summarize, url_counts, worker
from fastbench.run.looks import Follower, Looks
from fastbench.run.snapshot import Snapshot
from fastbench.run.url_counts import Row
from fastbench.run.url_snapshot import UrlReader

if TYPE_CHECKING:
    from fastbench.results.thresholds.evaluation import Judge, Threshold

TICK_S = 0.25
CONNECT_TICK_S = 0.002
PAUSE_S = 1.0  # a look that comes so much too late: the machine, or all of us, stood still
LEAD_NS = 5_000_000  # from the parent's word to the start line, so that all workers see it first
GRACE_S = 1.5  # for workers to end once told
GIVE_UP_S = 10.0  # under -n alone: no connection for so long
QUIET_NICE = 10

Tell = Callable[[sampling.Progress], None]


@dataclass(slots=True)
class Child:
    """One worker as the parent sees it. `alive_fd` is a pipe that closes when it ends."""

    pid: int
    index: int
    alive_fd: int
    cpu_s: float = 0.0
    ended: bool = False
    lost: bool = False


def run(
    plan: Plan,
    tell: Tell,
    *,
    thread_rates: bool,
    thresholds: Sequence[Threshold] = (),
    followers: Sequence[Follower] = (),
) -> Result:
    """Carry the plan out and return what was found; `tell` hears of progress 4 times a second.

    Followers get what was counted once a second, and when all workers have ended.
    Raises UsageError when the machine cannot carry the plan, KeyboardInterrupt at a second signal,
    or at the first while the name is looked up.
    """
    try:
        with signals.heard(signals.leave_cleanly):
            reach = resolve.reach(plan)
    except resolve.ResolveError as error:
        return summarize.unresolved(plan, error.code)
    port, unix_path = plan.target.port, plan.target.unix_path
    found = processes.find_all([each.host for each in reach.used], port, unix_path, plan.watch)
    workers = min(plan.load.workers or limits.usable_cores(), plan.load.connections)
    shares = worker.shares(plan, workers)
    limits.allow_open_files(shares[0].connections)
    try:
        urls, _ = url_counts.of_requests(plan.requests)
        block = _core.Block(workers, warmup=plan.load.warmup_s > 0, urls=len(urls))
    except MemoryError as error:
        raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None
    reader, judge = _judged(plan, block, urls, thresholds)
    state = _Run(plan, reach, found, block, tell, thread_rates, reader, judge, followers)
    return state.carry_out(shares)


def _judged(
    plan: Plan, block: _core.Block, urls: Sequence[Row], thresholds: Sequence[Threshold]
) -> tuple[UrlReader, Judge[Snapshot] | None]:
    """Return who reads what is counted, and who holds it to the thresholds, if there are any."""
    planned = plan.load.planned
    if not thresholds:
        return UrlReader(block, urls, planned=planned), None
    from fastbench.results.thresholds.evaluation import Judge
    from fastbench.run import run_thresholds

    parts = {each.tags: run_thresholds.meant(each.tags, urls) for each in thresholds if each.tags}
    judge: Judge[Snapshot] = Judge(thresholds, run_thresholds.spans(plan.load.pace))
    return UrlReader(block, urls, thresholds, parts, planned=planned), judge


class _Run:
    """The state of one run between fork and result."""

    def __init__(
        self,
        plan: Plan,
        reach: Reach,
        found: Found,
        block: _core.Block,
        tell: Tell,
        thread_rates: bool,
        reader: UrlReader,
        judge: Judge[Snapshot] | None,
        followers: Sequence[Follower],
    ) -> None:
        self.plan = plan
        self.reader = reader
        self.judge = judge
        self.followers = followers
        self.ended_because = ""  # of what a threshold says
        self.reach = reach
        self.found = found
        self.block = block
        self.tell = tell
        self.children: list[Child] = []
        self.interrupted = False
        self.gave_up = False
        self.told_ns = 0  # when the workers were told to stop, 0 before
        self.stop_ns = 0  # when they stop by themselves, 0: no limit
        self.resumed_ns = 0  # the end of the last pause
        self.pauses: list[summarize.Pause] = []
        self.last_use: Use | None = None
        self.thread_rates: list[float] | None = [] if thread_rates else None
        self.ends = select.poll()  # wakes when a worker ends

    def carry_out(self, shares: list[worker.Share]) -> Result:
        """Fork, load, stop, add up."""
        with signals.heard(self._interrupt):
            return self._carry_out(shares)

    def _carry_out(self, shares: list[worker.Share]) -> Result:
        rare = host.rare()
        try:
            self._fork(shares)
            os.nice(QUIET_NICE)
            monitor = Monitor([child.pid for child in self.children], self.found, rare)
            self._connect()
            load = self.plan.load
            line_ns = time.monotonic_ns() + LEAD_NS
            start_ns = line_ns + round(load.warmup_s * 1e9)
            series = sampling.Series(self.reader.read(0.0, False))
            looks = Looks(self.reader.read, start_ns, series, self.judge, self.followers)
            self._open_start_line(line_ns, start_ns)
            if load.warmup_s:
                self._warm_up(line_ns, start_ns, series)
            monitor.start()
            self._watch(start_ns, looks, monitor)
            self.last_use = self.last_use or monitor.sample()
            now = looks.end(self._ended_s(start_ns), self.last_use)
            looks.tell(now)
            found = summarize.result(self._observed(line_ns, start_ns, series, monitor))
            return replace(found, requests=now.requests(), thresholds=self._judgements(found))
        finally:
            self._kill()

    def _observed(
        self, line_ns: int, start_ns: int, series: sampling.Series, monitor: Monitor
    ) -> summarize.Observed:
        return summarize.Observed(
            terms=summarize.RunTerms.of(self.plan, self.reach),
            block=self.block,
            workers=tuple(summarize.EndedWorker(c.pid, c.cpu_s, c.lost) for c in self.children),
            line_ns=line_ns,
            start_ns=start_ns,
            end_ns=time.monotonic_ns(),
            series=series,
            monitor=monitor,
            interrupted=self.interrupted,
            gave_up=self.gave_up,
            thread_rates=tuple(self.thread_rates or ()),
            found=self.found,
            pauses=tuple(self.pauses),
            ended="threshold_aborted" if self.ended_because else "",
            missing=(self.ended_because,) if self.ended_because else (),
        )

    def _judgements(self, found: Result) -> dict[str, Judgement]:
        """Return what became of the thresholds."""
        return {} if self.judge is None else self.judge.final(found)

    def _fork(self, shares: list[worker.Share]) -> None:
        parent = os.getpid()
        cycle = worker.order(self.plan.requests)
        for share in shares:
            alive_fd, held_fd = os.pipe()
            pid = signals.fork()
            if pid == 0:
                worker.run(self.plan, self.reach.used, cycle, self.block, share, parent)
            os.close(held_fd)  # now only the worker holds it
            self.children.append(Child(pid, share.index, alive_fd))
            self.ends.register(alive_fd, 0)

    def _interrupt(self) -> None:
        """Stop and report, at the first signal."""
        self.interrupted = True
        self._stop()

    def _stop(self) -> None:
        if not self.told_ns:
            self.told_ns = time.monotonic_ns()
            self.block.stop()

    def _connect(self) -> None:
        """Wait until every connection connected or failed once; stop if none connected."""
        while not self.told_ns and self.reap():
            states = {self.block.state(c.index) for c in self.children if not c.ended}
            if states <= {"ready", "ended"}:
                break
            self._nap(CONNECT_TICK_S)
        if not sampling.sums(self.block)["connects"]:
            self._stop()  # nothing can be sent: the errors say why

    def _open_start_line(self, line_ns: int, start_ns: int) -> None:
        duration_s = self.plan.load.duration_s
        self.stop_ns = 0 if duration_s is None else start_ns + round(duration_s * 1e9)
        self.block.open_start_line(line_ns, start_ns, self.stop_ns)

    def _warm_up(self, line_ns: int, start_ns: int, series: sampling.Series) -> None:
        """Watch until measuring begins; what is counted meanwhile stands in slots of its own."""
        seen = sampling.Ticks(line_ns, self.plan.load.pace, warming=True)
        slots = range(self.block.workers, self.block.slots)
        while self.reap() and (now_ns := time.monotonic_ns()) < start_ns and not self.told_ns:
            seen.look(now_ns, [self.block.counters(i) for i in slots], None)
            self.tell(seen.progress(series))
            self._nap(min(TICK_S, (start_ns - now_ns) / 1e9))

    def _watch(self, start_ns: int, looks: Looks, monitor: Monitor) -> None:
        """Look at the block until all workers have ended."""
        seen = sampling.Ticks(start_ns, self.plan.load.pace, warming=False)
        connected_ns = looked_ns = start_ns
        tick_s = TICK_S if self.thread_rates is None else sampling.RATES_TICK_S
        while self.reap():
            now_ns = time.monotonic_ns()
            self._note_pause(start_ns, looked_ns, now_ns, tick_s)
            looked_ns = now_ns
            if self._overdue(now_ns):
                self._kill()
                break
            if self._stopping(now_ns):
                self.last_use = self.last_use or monitor.sample()  # a drain is not of the run
            else:
                if broken := looks.look(now_ns, monitor.sample):
                    self.ended_because = f"the threshold `{broken}` was broken"
                    self._stop()
            counters = [self.block.counters(i) for i in range(self.block.workers)]
            if any(slot["connected"] for slot in counters) or self.plan.load.duration_s:
                connected_ns = now_ns
            elif now_ns - connected_ns > GIVE_UP_S * 1e9:
                self.gave_up = True
                self._stop()
            seen.look(now_ns, counters, self.thread_rates)
            if not self._stopping(now_ns):
                self.tell(replace(seen.progress(looks.series), judgements=looks.judgements))
            self._nap(self._until_next_s(tick_s, looks))

    def _ended_s(self, start_ns: int) -> float:
        """Return when the last worker ended, from the start on."""
        ends = [self.block.counters(i)["end_ns"] for i in range(self.block.workers)]
        return (max(max(ends) or time.monotonic_ns(), start_ns) - start_ns) / 1e9

    def _note_pause(self, start_ns: int, looked_ns: int, now_ns: int, tick_s: float) -> None:
        """Keep a gap between two looks that no tick explains: nothing in it is the server's."""
        gap_s = (now_ns - looked_ns) / 1e9
        if gap_s > tick_s + PAUSE_S:
            self.pauses.append(summarize.Pause(max(0, looked_ns - start_ns) / 1e9, gap_s))
            self.resumed_ns = now_ns

    def _stopping(self, now_ns: int) -> bool:
        return bool(self.told_ns) or bool(self.stop_ns and now_ns >= self.stop_ns)

    def _nap(self, nap_s: float) -> None:
        """Sleep, but not longer than until a worker ends."""
        self.ends.poll(max(1, round(nap_s * 1000)))

    def _until_next_s(self, tick_s: float, looks: Looks) -> float:
        """Return the time to the next tick, look or stop, whichever is first."""
        now_ns = time.monotonic_ns()
        wakes = [now_ns + tick_s * 1e9, looks.due_ns]
        wakes += [self.stop_ns] if self.stop_ns > now_ns else []
        return (min(wakes) - now_ns) / 1e9

    def _overdue(self, now_ns: int) -> bool:
        told_ns = self.told_ns or self.stop_ns
        grace_s = GRACE_S
        if self.plan.load.drain and not self.told_ns:
            grace_s += self.plan.load.timeout_s
        return bool(told_ns) and now_ns > max(told_ns, self.resumed_ns) + grace_s * 1e9

    def reap(self) -> bool:
        """Collect workers that have ended; true while one has not."""
        for child in self.children:
            if child.ended:
                continue
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                self._bury(child, usage, lost=status != 0)
        return not all(child.ended for child in self.children)

    def _kill(self) -> None:
        """End what has not ended by itself: those workers are lost."""
        for child in self.children:
            if not child.ended:
                os.kill(child.pid, signal.SIGKILL)
                _, _, usage = os.wait4(child.pid, 0)
                self._bury(child, usage, lost=True)

    def _bury(self, child: Child, usage: resource.struct_rusage, *, lost: bool) -> None:
        child.ended = True
        child.lost = lost
        child.cpu_s = usage.ru_utime + usage.ru_stime
        self.ends.unregister(child.alive_fd)
        os.close(child.alive_fd)
