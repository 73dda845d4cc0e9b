"""The parent: fork the workers, open the start line, watch, stop, and add up.

1. Everything that can be refused is refused before the first fork.
2. Workers are forked before this process has a thread or a loop. The parent then goes to nice 10:
   it looks up a few times a second and must not push a worker off its core.
3. A signal or a lost worker ends the run early, never the report.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fastbench.engine.bridge import _core
from fastbench.foundation import garbage, meanwhile, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.machine.processes import Found
from fastbench.plan.network import resolve
from fastbench.plan.network.resolve import Reach
from fastbench.plan.plan import Plan
from fastbench.results import protocol
from fastbench.results.metric_values import MACHINE
from fastbench.results.result import Result
from fastbench.results.socket_counts import mode_of, noun_of
from fastbench.results.usage import Use
from fastbench.run import sampling, summarize, url_counts, worker
from fastbench.run.child import QUIET_NICE, Child
from fastbench.run.kept_series import PartLooks
from fastbench.run.looks import Follower, Looks
from fastbench.run.supervisor import GRACE_S, TICK_S, Supervisor
from fastbench.run.url_counts import Row
from fastbench.run.url_snapshot import UrlReader
from fastbench.run.worker_pool import (
    MAX_INSTANTS,
    MachineMonitor,
    OwnPool,
    StartLine,
    UrlLoad,
    WorkerPool,
)

if TYPE_CHECKING:
    from fastbench.results.thresholds.evaluation import Judge
    from fastbench.results.thresholds.judging import Threshold
    from fastbench.run.lua.lua_run import LuaRun

GIVE_UP_S = 10.0  # under -n alone: no connection for so long

Tell = Callable[[sampling.Progress], None]


def run(
    plan: Plan,
    tell: Tell,
    *,
    thread_rates: bool,
    thresholds: Sequence[Threshold] = (),
    followers: Sequence[Follower] = (),
    pool: WorkerPool | None = None,
    script: LuaRun | None = None,
) -> Result:
    """Carry the plan out and return what was found; `tell` gets the progress 4 times a second.

    Followers get what was counted once a second, and when all workers have ended.
    `pool` has the workers, this machine by default; `script` is that of the plan, for who calls its
    done() afterwards.
    Raises UsageError when the machine cannot carry the plan, KeyboardInterrupt at a second signal,
    or at the first while the name is looked up.
    """
    pool = pool or OwnPool()
    if plan.follow is not None:
        from fastbench.plan.network import followed_urls  # with Python's HTTP client

        plan = followed_urls.followed(plan)
    try:
        reach = pool.reach(plan)
    except resolve.ResolveError as error:
        return summarize.unresolved(plan, error.code)
    found = pool.found(plan, reach)
    workers = pool.workers(plan)
    if plan.digest is not None:
        from fastbench.plan.network import digest_challenges

        plan = digest_challenges.fetched(plan, workers)
    shares = worker.shares(plan, workers)
    if plan.lua is not None:
        from fastbench.run.lua.lua_run import LuaRun

        script = script or LuaRun(plan)
        script.begin(reach.used, workers)
    try:
        urls, _ = url_counts.of_requests(plan.requests)
        of_load = {"warmup": plan.load.warmup_s > 0, "private": pool.elsewhere}
        block = _core.Block(workers, urls=len(urls), **of_load)
    except MemoryError as error:
        raise UsageError(f"{error}; free some memory, or use fewer workers (-t).") from None
    reader, judge = _judged(plan, block, urls, thresholds)
    state = _Run(plan, pool, reach, found, block, tell, thread_rates, reader, judge, followers)
    state.script = script
    return state.carry_out(shares)


def _judged(
    plan: Plan, block: _core.Block, urls: Sequence[Row], thresholds: Sequence[Threshold]
) -> tuple[UrlReader, Judge | None]:
    """Return who reads what is counted, and who judges it, if there are thresholds or stages."""
    planned, mode, pace = plan.load.planned, mode_of(plan.config), plan.load.pace
    if not thresholds and (pace is None or len(pace.stages) < 2):
        return UrlReader(block, urls, planned=planned, websocket_mode=mode), None
    from fastbench.results.thresholds.evaluation import Judge
    from fastbench.results.thresholds.stage_judging import MEASURED
    from fastbench.run import run_thresholds

    stages = run_thresholds.stages(plan.load)
    observed = [part for each in thresholds for part in each.parts]
    tags = {each.tags for each in observed if each.tags and each.metric not in MACHINE}
    rows = url_counts.every(plan.requests)
    parts = {each: run_thresholds.meant(each, rows) for each in tags}
    spans = run_thresholds.spans(pace)
    judge = Judge(thresholds, spans, stages, users_are_sockets=bool(mode))
    read = (*thresholds, *(MEASURED if stages else ()))
    return UrlReader(block, urls, read, parts, planned=planned, websocket_mode=mode), judge


class _Run:
    """The state of one run between fork and result."""

    def __init__(
        self,
        plan: Plan,
        pool: WorkerPool,
        reach: Reach,
        found: Found,
        block: _core.Block,
        tell: Tell,
        thread_rates: bool,
        reader: UrlReader,
        judge: Judge | None,
        followers: Sequence[Follower],
    ) -> None:
        self.plan = plan
        self.script: LuaRun | None = None
        self.pool = pool
        self.noun = noun_of(plan.config)
        self.reader = reader
        self.judge = judge
        self.followers = followers
        self.ended_because = ""  # of what a threshold says
        self.reach = reach
        self.found = found
        self.block = block
        self.tell = tell
        self.workers: Supervisor[Child] = Supervisor(partial(pool.stop, block))
        self.gave_up = False
        self.stop_ns = 0  # when the workers stop by themselves, 0: no limit
        self.last_use: Use | None = None
        self.thread_rates: list[float] | None = [] if thread_rates else None

    def carry_out(self, shares: list[worker.Share]) -> Result:
        """Fork, load, stop, add up."""
        with closing(self.workers), signals.heard(self.workers.interrupt):
            return self._carry_out(shares)

    def _carry_out(self, shares: list[worker.Share]) -> Result:
        load_of_all = UrlLoad(self.plan, self.reach, self.block, shares, self.script)
        self.pool.start(load_of_all, self.workers)
        os.nice(QUIET_NICE)
        monitor = self.pool.monitor(self.found)
        with meanwhile.stage("connecting"):
            self._connect()
        load = self.plan.load
        line_ns = time.monotonic_ns() + self.pool.lead_ns
        start_ns = line_ns + round(load.warmup_s * 1e9)
        series = sampling.Series(self.reader.read(0.0, False))
        names = monitor.name_of
        parts = PartLooks() if self.reader.apart else None
        looks = Looks(
            *(self.reader.read, start_ns, series, self.judge, self.followers, names), parts=parts
        )
        self._open_start_line(line_ns, start_ns)
        if load.warmup_s:
            self._warm_up(line_ns, start_ns, series)
        monitor.start()
        garbage.collect()
        self._watch(start_ns, looks, monitor)
        self.last_use = self.last_use or monitor.sample()
        now = looks.end(self._ended_s(start_ns), self.last_use)
        looks.tell(now)
        found = summarize.result(self._observed(line_ns, start_ns, series, monitor))
        over_time = None if parts is None else parts.result()
        found = replace(found, requests=now.requests(packed=True), part_series=over_time)
        found = self.pool.told(found)
        if self.script is not None:
            found = self.script.told(found, self.block.sums())
        if self.judge is None:
            return found
        stages = self.judge.stages(found)
        return replace(found, thresholds=self.judge.final(found), stages=stages)

    def _observed(
        self, line_ns: int, start_ns: int, series: sampling.Series, monitor: MachineMonitor
    ) -> summarize.Observed:
        return summarize.Observed(
            terms=summarize.RunTerms.of(self.plan, self.reach),
            block=self.block,
            workers=self.workers,
            line_ns=line_ns,
            start_ns=start_ns,
            end_ns=time.monotonic_ns(),
            series=series,
            monitor=monitor,
            gave_up=self.gave_up,
            thread_rates=tuple(self.thread_rates or ()),
            found=self.found,
            ended=self._ended_by(),
            missing=tuple(
                each for each in (self._failed, self.ended_because, self._feed_is_cut) if each
            ),
        )

    @property
    def _feed_is_cut(self) -> str:
        """Why workers were lost that read rows."""
        if self.plan.feed is None or not self.workers.lost:
            return ""
        from fastbench.run import feed_file

        return feed_file.cut_off(self.plan.feed)

    @property
    def _failed(self) -> str:
        """What the script did wrong."""
        return "" if self.script is None else self.script.failed

    def _ended_by(self) -> str:
        if self._failed:
            return "script_failed"
        return "threshold_aborted" if self.ended_because else ""

    def _connect(self) -> None:
        """Wait until every connection connected or failed once; stop if none connected."""
        workers = self.workers
        while not (workers.stopped_ns or workers.all_gone):
            if self.pool.look():
                workers.stop()
            states = {self.block.state(c.index) for c in workers.children if not c.gone}
            if states <= {"ready", "ended"}:
                break
            workers.nap(self.pool.connect_tick_s)
        if not sampling.sums(self.block)["connects"]:
            workers.stop()  # nothing can be sent: the errors say why

    def _open_start_line(self, line_ns: int, start_ns: int) -> None:
        duration_s = self.plan.load.duration_s
        self.stop_ns = 0 if duration_s is None else start_ns + round(duration_s * 1e9)
        instants_s = () if self.judge is None else self.judge.instants_s(MAX_INSTANTS)
        line = StartLine(line_ns, start_ns, self.stop_ns, instants_s)
        self.pool.open_start_line(self.block, line)

    def _warm_up(self, line_ns: int, start_ns: int, series: sampling.Series) -> None:
        """Watch until measuring begins; what is counted meanwhile stands in slots of its own."""
        seen = self._ticks(line_ns, warming=True)
        slots = self.block.warm_indices
        workers = self.workers
        while not (workers.stopped_ns or workers.all_gone):
            if (now_ns := time.monotonic_ns()) >= start_ns:
                break
            if self.pool.look():
                workers.stop()
            seen.look(now_ns, self.block, slots, None)
            self.tell(replace(seen.progress(series), machines=self.pool.machines()))
            workers.nap(min(TICK_S, (start_ns - now_ns) / 1e9))

    def _watch(self, start_ns: int, looks: Looks, monitor: MachineMonitor) -> None:
        """Look at the block until all workers have ended."""
        seen = self._ticks(start_ns, warming=False)
        connected_ns, workers = start_ns, self.workers
        tick_s = self.pool.tick_s if self.thread_rates is None else sampling.RATES_TICK_S
        behind_ns = self.pool.behind_ns
        workers.look(start_ns, start_ns, tick_s)
        while not workers.all_gone:
            now_ns = time.monotonic_ns()
            workers.look(now_ns, start_ns, tick_s)
            if self.pool.look() or (self.script is not None and self.script.failed):
                workers.stop()
            if workers.late_s(self.stop_ns, now_ns) > self._grace_s():
                workers.kill()
                break
            if self._stopping(now_ns):
                self.last_use = self.last_use or monitor.sample()  # a drain is not of the run
            else:
                if broken := looks.look(now_ns - behind_ns, monitor.sample):
                    self.ended_because = f"the threshold `{broken}` failed"
                    workers.stop()
            for lost in workers.lost:
                self.block.lose(lost.index)
            counted_ns = time.monotonic_ns() - behind_ns  # the look took its time
            seen.look(counted_ns, self.block, self.block.indices, self.thread_rates)
            if seen.total["connected"] or self.plan.load.duration_s:
                connected_ns = now_ns
            elif now_ns - connected_ns > GIVE_UP_S * 1e9:
                self.gave_up = True
                workers.stop()
            if not self._stopping(now_ns):
                now = replace(seen.progress(looks.series), judgements=looks.judgements)
                chosen = self.plan.protocols != "http/1.1"
                spoken = protocol.spoken(seen.total, chosen=chosen)
                self.tell(replace(now, machines=self.pool.machines(), protocol=spoken))
            workers.nap(self._until_next_s(tick_s, looks))

    def _ticks(self, start_ns: int, *, warming: bool) -> sampling.Ticks:
        pace, whole_s = self.plan.load.pace, self.pool.machines() is not None
        return sampling.Ticks(start_ns, pace, warming=warming, noun=self.noun, whole_s=whole_s)

    def _ended_s(self, start_ns: int) -> float:
        """Return when the last worker ended, from the start on."""
        ends = [self.block.counters(i)["end_ns"] for i in self.block.indices]
        return (max(max(ends) or time.monotonic_ns(), start_ns) - start_ns) / 1e9

    def _stopping(self, now_ns: int) -> bool:
        return bool(self.workers.stopped_ns) or bool(self.stop_ns and now_ns >= self.stop_ns)

    def _until_next_s(self, tick_s: float, looks: Looks) -> float:
        """Return the time to the next tick, look or stop, whichever is first."""
        now_ns = time.monotonic_ns()
        wakes = [now_ns + tick_s * 1e9, looks.due_ns + self.pool.behind_ns]
        wakes += [self.stop_ns] if self.stop_ns > now_ns else []
        return (min(wakes) - now_ns) / 1e9

    def _grace_s(self) -> float:
        """Return for how long workers may end what is under way."""
        drains = self.plan.load.drain and not self.workers.stopped_ns
        return GRACE_S + (self.plan.load.timeout_s if drains else 0.0)
