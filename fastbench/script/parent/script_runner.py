"""The course of one run, from the first worker to the last: who is told what, and when."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fastbench.foundation import garbage, meanwhile, signals
from fastbench.foundation.usage_error import UsageError
from fastbench.results import json_codec
from fastbench.results.metric_values import Thrown
from fastbench.results.result import Result, Warning_
from fastbench.run.child import QUIET_NICE, Message
from fastbench.run.sampling import Progress
from fastbench.run.snapshot import AROUND
from fastbench.run.supervisor import GRACE_S, PAUSE_S, TICK_S
from fastbench.run.worker_pool import MAX_INSTANTS, MachineMonitor, StartLine
from fastbench.script import start_line
from fastbench.script.api.options import Declared
from fastbench.script.exceptions import Broken, OptionsError, ScriptError
from fastbench.script.load import cli_overrides
from fastbench.script.parent import (
    metric_snapshot,
    summarize_script,
    target_discovery,
    teardown,
)
from fastbench.script.parent.group import Group
from fastbench.script.parent.run_state import Limits, RunObserver, Standing, limits_of
from fastbench.script.parent.teardown import Teardown
from fastbench.script.parent.watchdog import SlowImport, Watchdog
from fastbench.script.parent.worker_channel import ScriptWorker
from fastbench.script.parent.worker_reports import Notes, refusal_of_ended
from fastbench.script.remarks import MARKED_FAILED
from fastbench.script.run_request import RunRequest

BUSY_GRACE_S = 10.0  # GRACE_S while their loops turn: ten thousand VUs are not halted at once

Tell = Callable[[Progress], None]


class ScriptRun:
    """The state of one run; `carry_out` once."""

    def __init__(
        self,
        request: RunRequest,
        group: Group,
        tell: Tell,
        notice: Callable[[str], None],
        observer: RunObserver | None = None,
        measured: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.request = request
        self.group = group
        self.host = group.host
        self.measured = measured
        self.observer = observer
        self.notice = notice
        self.block = group.block
        self.arena = group.arena
        self.workers = group.workers
        group.on_stop = self._tell_stop
        self.tell = self.workers.shown(tell)
        self.watchdog = Watchdog(self.arena, self.host)
        self.declared: Declared | None = None
        self.data: Any = None
        self.settled = False  # setup has given its data
        self.teardown = Teardown()
        self.loading = True
        self.marked = ""  # why the script marked the run as failed
        self.over = ""  # what ended the run early, one of result.ENDED
        self.why = ""
        self.loaded = False  # the load is over
        self.signal_ns = 0  # when a signal came
        self.begun_ns = 0  # when setup began, 0 if there is none
        self.line_ns = 0  # when all runs beside this one begin
        self.notes = Notes()
        self.sought: target_discovery.Sought | None = None
        self.verify = True  # certificates, as options and command line say
        self.monitor: MachineMonitor | None = None

    def carry_out(self) -> Result:
        """Load, set up, load the server, tear down, add up."""
        applied, limits = self._load()
        self.verify = applied.options.tls.verify
        sought = self.sought = self.group.servers(applied.options)
        self.loading = False
        os.nice(QUIET_NICE)
        monitor = self.monitor = self.group.monitor(sought.found)
        self.settled = not applied.declared.setup
        if not self.settled:
            with meanwhile.stage("setup"):
                self._set_up(applied.options.setup_timeout_s)
        self._prepare(applied)
        with meanwhile.stage("waiting for the other scripts"):
            self._line_up()
        # The load may begin before this process comes to look at it.
        reader = metric_snapshot.Reader(self.arena, self.block, applied.declared.metrics)
        before = reader.read(0.0, only=limits.names)
        start_ns = self._begin(limits)
        standing = Standing(
            *(applied, limits, reader, start_ns, before, monitor, self.observer),
            new_every_s=self.group.new_every_s,
        )
        monitor.start()
        garbage.collect()
        self._watch(standing, monitor)
        end_ns = time.monotonic_ns()
        self.group.loaded()
        standing.close(self._end_ns(end_ns), monitor)

        def result(*more: Warning_) -> Result:
            told = self._told(start_ns, end_ns, more)
            where = self.sought or sought
            return summarize_script.result(told, applied, where, self.block, standing, monitor)

        self.loaded = True
        # What setup made is not known if it was not left by itself: then nothing is torn down.
        if applied.declared.teardown and (self.settled or self.over == "aborted"):
            self.measured(result(teardown.RUNNING))
            with meanwhile.stage("teardown"):
                self._tear_down(applied.options.teardown_timeout_s)
        self._quit()
        standing.last_look(time.monotonic_ns())
        return self.group.told(result())

    def _told(
        self, start_ns: int, end_ns: int, more: tuple[Warning_, ...]
    ) -> summarize_script.EndedRun:
        stuck = self.watchdog.warnings(self.workers.children, end_ns)
        marked = MARKED_FAILED if self.marked else ""
        return summarize_script.EndedRun(
            workers=self.workers,
            notes=self.notes,
            start_ns=start_ns,
            end_ns=end_ns,
            ended="" if self.over == "interrupted" else self.over or marked,
            why=self.why or self.marked,
            setup_data=self.data,
            warnings=(*more, *self.notes.warnings, *stuck),
        )

    # Loading.

    def declarations(self) -> Declared:
        """Wait for the first worker to import the script; return what it declares."""
        self._await(SlowImport(self.host), lambda: self.declared is not None)
        if self.declared is None:  # it said neither this nor what is wrong
            raise ScriptError(
                f"{self.request.script}: its worker ended without a message; try again."
            )
        return self.declared

    def _load(self) -> tuple[cli_overrides.Applied, Limits]:
        """Let all workers import the script, the others when it is known to be right."""
        declared = self.declarations()
        try:
            applied = cli_overrides.applied(declared, self.request)
        except UsageError as error:
            raise OptionsError(str(error)) from None
        limits = limits_of(applied, self.request)
        self.group.allow_users(applied.most_vus)
        for notice in (*applied.notices, *limits.notices):
            self.notice(notice)
        if limits.found:
            from fastbench.script.load import dry_run

            for finding in dry_run.before_load(applied, limits.found, self.host.source):
                if finding.unjudgeable:
                    raise OptionsError(f"Threshold {finding.text}")
                self.notice(f"Threshold {finding.text}")
        for index in range(1, min(self.group.wanted, applied.most_vus)):
            self.group.fork(index)
        children = self.workers.children
        self._await(SlowImport(self.host), lambda: all(child.loaded for child in children))
        return applied, limits

    def _await(self, slow: SlowImport, done: Callable[[], bool]) -> None:
        """Wait for the script's own code, however long that takes; say what takes long."""
        with meanwhile.stage("preparing the users" if slow.preparing else "loading the script"):
            while not (done() or self.workers.all_gone):
                self._listen(TICK_S)
                if sentence := slow.look(self.workers.children, time.monotonic_ns()):
                    self.notice(sentence)

    def _pump(self, done: Callable[[], bool], limit_ns: int = 0) -> None:
        """Listen until something is done, the time is over, or nobody can do it any more."""
        while not (done() or (limit_ns and time.monotonic_ns() >= limit_ns)):
            if self.workers.all_gone:
                return
            self._listen(TICK_S)

    def _listen(self, wait_s: float) -> None:
        for child, message in self.workers.listen(wait_s):
            self._heard(child, message)
        if self.workers.interrupted:
            self.stop("interrupted", "")

    # What workers say.

    def _heard(self, child: ScriptWorker, message: Message) -> None:
        kind, body = message
        if kind == "declared":
            self.declared = self.group.declared = json_codec.read(Declared, body, kind)
            child.loaded = True
        elif kind == "loaded":
            child.loaded = True
        elif kind == "prepared":
            child.prepared = True
        elif kind == "broken":
            self._broken(Broken.from_json(body), child)
        elif kind == "setup":
            self.data, self.settled = body.get("data"), True
        elif kind == "threw":
            self.notes.take_thrown(Thrown(**{**body, "count": 1}))
        elif kind == "warning" and body["code"] == MARKED_FAILED:
            self.marked = self.marked or body["text"]
        elif kind == "warning":
            self.notes.take_warning(body)
        elif kind == "monitor":
            self.notes.take_monitor(body)
        elif kind == "server":
            self._met(body)
        elif kind == "abort":
            self.stop("aborted", f"the script ended the run: {body['text']}")
        elif kind == "failing":
            self.stop("script_failed", "--fail-fast: an exception ended an iteration")
        elif kind == "ended":
            child.ended = True
            self.notes.take_ends(body.get("scenarios") or {})
            self.notes.take_addresses(body.get("addresses") or ())
        elif kind == "torn_down":
            self.teardown.ended = True
        elif kind == "cut":
            self.teardown.cut = True
        elif kind == "gone":
            if not child.loaded:
                if why := self.group.lost(child.index):
                    raise UsageError(why)
                machine = self.group.whose(child.index)
                raise refusal_of_ended(child, self.request.script, machine)
            child.ended = True

    def _broken(self, broken: Broken, child: ScriptWorker) -> None:
        """Refuse a script that does not load; keep what broke later for the report."""
        if broken.stage not in AROUND:
            raise broken.refusal(self.group.whose(child.index))
        if broken.stage == "setup" and self.over == "aborted":
            return  # the script has said why
        sentence = self.notes.take_broken(broken)
        if broken.stage == "setup":
            self.stop("script_failed", sentence)
        else:
            self.teardown.ended = True
            self.over = self.over or "script_failed"
            self.why = self.why or sentence

    def _met(self, body: dict[str, Any]) -> None:
        """Learn of a server that the script loads beside that of its base URL."""
        if self.sought is None:
            return
        found = target_discovery.met(
            self.sought, body, self.verify, self.request, elsewhere=self.group.elsewhere
        )
        if found is not self.sought:
            self.sought = found
            if self.monitor is not None:
                self.monitor.also(found.found)

    # The run.

    def interrupt(self) -> None:
        """Stop and report, at the first signal; leave at once while nothing runs yet."""
        if self.loading:
            signals.leave_cleanly()
        self.signal_ns = time.monotonic_ns()
        # `_listen` does the rest: it may be within a message.
        self.workers.interrupted = not self.loaded

    def stop(self, over: str, why: str) -> None:
        """End the load at once; the first reason counts, and the first time."""
        if not self.over:
            self.over, self.why = over, why
        self.workers.stop()

    def _tell_stop(self) -> None:
        self.workers.say("stop", {"grace": False})

    def _set_up(self, limit_s: float) -> None:
        first = self.workers.children[0]
        self.begun_ns = time.monotonic_ns()
        first.send("setup", {})
        limit_ns = self.begun_ns + round(limit_s * 1e9)
        self._pump(lambda: self.settled or bool(self.workers.stopped_ns) or first.gone, limit_ns)
        if not (self.settled or self.workers.stopped_ns or first.gone):
            self.stop("script_failed", f"setup took longer than {limit_s:g}s (setup_timeout)")

    def _line_up(self) -> None:
        """Wait for the runs that begin together with this one."""
        if (path := self.request.start_line) is None or self.workers.stopped_ns:
            return
        start_line.arrive(path)
        self._pump(lambda: bool(self.workers.stopped_ns) or start_line.begin_ns(path) is not None)
        self.line_ns = start_line.begin_ns(path) or 0

    def _prepare(self, applied: cli_overrides.Applied) -> None:
        """Give everybody his share, and wait until all VUs are made, however long that takes."""
        children = self.workers.children
        if self.workers.stopped_ns:
            return
        shares = applied.shares(len(children))
        self.group.share_out(shares)
        for child, each in zip(children, shares, strict=True):
            child.send("prepare", {"data": self.data, "shares": each})

        def done() -> bool:
            prepared = all(child.prepared or child.gone for child in children)
            return prepared or bool(self.workers.stopped_ns)

        self._await(SlowImport(self.host, preparing=True), done)

    def _begin(self, limits: Limits) -> int:
        """Draw the start line; return it."""
        children = self.workers.children
        start_ns = max(time.monotonic_ns() + self.group.lead_ns, self.line_ns)
        if self.workers.stopped_ns or self.workers.interrupted:  # setup failed, or a signal came
            for child in children:
                child.ended = True
            return time.monotonic_ns()
        self.workers.say("begin", {"start_ns": start_ns, "begun_ns": self.begun_ns})
        self.group.begin(StartLine(start_ns, start_ns, 0, limits.judge.instants_s(MAX_INSTANTS)))
        return start_ns

    def _watch(self, standing: Standing, monitor: MachineMonitor) -> None:
        """Look at block and arena until all workers have ended."""
        workers, watchdog = self.workers, self.watchdog
        while not all(child.ended for child in workers.children):
            now_ns = time.monotonic_ns()
            workers.look(now_ns, standing.start_ns, TICK_S)
            if self.group.look():
                workers.stop()
            for lost in workers.lost:
                self.block.lose(lost.index)
            counted_ns = now_ns - self.group.behind_ns
            if not workers.stopped_ns and (broken := standing.look(counted_ns, monitor)):
                self.stop("threshold_aborted", f"a threshold failed: {broken}")
            if now_ns - workers.resumed_ns > PAUSE_S * 1e9:  # else nobody has had time to beat
                watchdog.look(workers.children, now_ns)
            self._force(workers.late_s(standing.end_ns, now_ns), now_ns)
            if not workers.stopped_ns:
                stuck = tuple(watchdog.sentences(workers.children, now_ns))
                now = replace(standing.progress(), notices=stuck)
                self.tell(replace(now, machines=self.group.machines()))
            self._listen(standing.until_next_s(TICK_S, self.group.behind_ns))

    def _force(self, late_s: float, now_ns: int) -> None:
        """End the workers that should have ended and do not: those are lost."""
        if late_s < GRACE_S:
            return
        silent_s = GRACE_S / 2 + self.group.stale_s
        late = [
            child
            for child in self.workers.children
            if not child.ended
            and (late_s >= BUSY_GRACE_S or self.watchdog.stuck(child, now_ns, silent_s))
        ]
        for child in late:
            self.watchdog.ask(child)
        self.workers.end(late, now_ns)

    def _end_ns(self, now_ns: int) -> int:
        """Return the end of the load: the latest that a worker stamped."""
        stamps = [self.block.counters(child.index)["end_ns"] for child in self.workers.children]
        return max(stamps, default=0) or now_ns

    def _tear_down(self, limit_s: float) -> None:
        first = self.workers.children[0]
        said = self.teardown.run(first, self.data, limit_s, self._pump, lambda: self.signal_ns)
        if said is not None:
            self.notes.warnings.append(said)

    def _quit(self) -> None:
        for child in self.workers.children:
            child.quit = True
        self.workers.say("quit", {})
        limit_ns = time.monotonic_ns() + round(GRACE_S * 1e9)
        self._pump(lambda: self.workers.all_gone, limit_ns)
        self.workers.kill()
