"""How the run stands: series, thresholds and progress, from what the workers wrote so far."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from fastbench.foundation.usage_error import UsageError
from fastbench.results import protocol
from fastbench.results.load_stages import LoadStage
from fastbench.results.metric_values import BUILT_IN, UNNAMED, Kind
from fastbench.results.result import SeriesRow
from fastbench.results.thresholds import baseline_terms, grammar, request_tags
from fastbench.results.thresholds.evaluation import Judge
from fastbench.results.thresholds.judging import Threshold, decided_by, leaves
from fastbench.results.thresholds.stage_judging import MEASURED
from fastbench.run import sampling
from fastbench.run.derived_gauges import DerivedGauges
from fastbench.run.kept_series import GaugeSeries, PartLooks
from fastbench.run.looks import Follower, Looks
from fastbench.run.metric_sums import GaugeValue
from fastbench.run.sampling import Progress, Users
from fastbench.run.snapshot import AROUND, Snapshot
from fastbench.run.uptime import Uptime
from fastbench.run.worker_pool import MachineMonitor
from fastbench.script.exceptions import OptionsError
from fastbench.script.load import hosts
from fastbench.script.load.cli_overrides import Applied
from fastbench.script.load.stage_spans import load_stages, spans
from fastbench.script.parent import metric_snapshot
from fastbench.script.run_request import RunRequest
from fastbench.script.spec import ITERATIONS
from fastbench.script.worker.runtime import MAX_VUS

NS_PER_S = 1e9
ITERATION_NAMES = frozenset({"iterations", "dropped_iterations"})


class RunObserver(Follower, Protocol):
    """Somebody who is told what is measured while it is."""

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Learn the tags of the run, and those of its scenarios by name; see UNNAMED."""


class Limits:
    """The thresholds of a run, and the judge who holds it to them; `notices` are for people."""

    def __init__(
        self,
        found: tuple[Threshold, ...],
        times: dict[str, tuple[float, float]],
        notices: tuple[str, ...] = (),
        declared: Mapping[str, Kind] | None = None,
        formulas: tuple[Threshold, ...] = (),
        stages: Sequence[LoadStage] = (),
    ) -> None:
        """`formulas` are those that the script names; `declared` are its metrics."""
        self.found = found
        self.notices = notices
        read = (*found, *formulas, *(MEASURED if stages else ()))
        self.names = metric_snapshot.names(read, declared)
        self.judge = Judge(found, times, stages)
        self.derived = DerivedGauges(formulas, times)


def limits_of(applied: Applied, asked: RunRequest) -> Limits:
    """Read the thresholds; raises OptionsError for one that cannot be meant."""
    known = {**BUILT_IN, **applied.declared.metrics}
    try:
        options = applied.options
        declared = grammar.read(options.thresholds, options.goals, known, options.derived)
        own, left_out = _of_these(declared, applied)
        typed = grammar.read({}, asked.thresholds, known, options.derived)
        found = {each.text: each for each in (*own, *typed)}
        held, unknown = baseline_terms.known(
            decided_by(found.values(), asked.fail_on), asked.earlier
        )
        formulas = _known_formulas(applied, known, asked)
        _refuse_strangers(held, applied)
        _refuse_tags((*held, *formulas), applied, asked)
        Uptime((*held, *formulas))
        metrics = applied.declared.metrics
        told = (*left_out, *unknown)
        return Limits(held, spans(applied), told, metrics, formulas, load_stages(applied))
    except UsageError as error:
        raise OptionsError(str(error)) from None


def _known_formulas(
    applied: Applied, known: Mapping[str, Kind], asked: RunRequest
) -> tuple[Threshold, ...]:
    """Return the formulas that the script names, of scenarios that run and runs there are."""
    kept, _ = _of_these(grammar.read_derived(applied.options.derived, known), applied)
    found, _ = baseline_terms.known(kept, asked.earlier)
    _refuse_strangers(found, applied)
    return found


def _of_these(
    own: tuple[Threshold, ...], applied: Applied
) -> tuple[list[Threshold], tuple[str, ...]]:
    """Leave out a script's thresholds on scenarios that --scenario leaves out."""
    absent = set(applied.known) - {spec.name for spec in applied.scenarios}
    kept = [
        each
        for each in own
        if absent.isdisjoint(dict(part.tags).get("scenario", "") for part in leaves([each]))
    ]
    left = len(own) - len(kept)
    several = f"{left} thresholds are" if left > 1 else "1 threshold is"
    notice = f"--scenario: {several} on scenarios that do not run; not evaluated."
    return kept, (notice,) if left else ()


def _refuse_strangers(found: Iterable[Threshold], applied: Applied) -> None:
    """Refuse a threshold on a scenario that does not run: it would never have a sample."""
    names = [spec.name for spec in applied.scenarios]
    for each in leaves(found):
        wanted = dict(each.tags).get("scenario", names[0])
        if wanted not in (*names, *(AROUND if applied.options.around_named else ())):
            there = f"there are {', '.join(names)}" if len(names) > 1 else f"there is {names[0]}"
            if wanted in AROUND:
                there += f"; what {wanted}() records has the tag group:::{wanted}"
            raise UsageError(f"Threshold `{each.text}`: scenario {wanted} does not run; {there}.")


def _refuse_tags(found: Iterable[Threshold], applied: Applied, asked: RunRequest) -> None:
    """Refuse tags that nothing has: neither a sample by itself, nor by the script."""

    def used() -> set[str]:
        declared = [applied.options.tags, *(spec.tags for spec in applied.scenarios)]
        return {*(name for tags in declared for name in tags), *hosts.host_of(asked).source().texts}

    for each in leaves(found):
        request_tags.check(each.metric, each.tags, each.text, used)


class Standing:
    """What the parent keeps from one look to the next. Times are of CLOCK_MONOTONIC."""

    def __init__(
        self,
        applied: Applied,
        limits: Limits,
        reader: metric_snapshot.Reader,
        start_ns: int,
        before: Snapshot,
        monitor: MachineMonitor,
        observer: RunObserver | None = None,
        new_every_s: float = 0.0,
    ) -> None:
        """`before` is what was counted before the start line: what setup did.

        What is counted is new every `new_every_s`: until then nothing is known of what goes on.
        """
        if observer is not None:
            unnamed = {} if applied.options.around_named else dict.fromkeys(AROUND, UNNAMED)
            of_scenarios = {each.name: each.tags for each in applied.scenarios}
            observer.begin(applied.options.tags, unnamed | of_scenarios)
        self.limits = limits
        self.start_ns = start_ns
        self.end_ns = start_ns + round(applied.end_s * NS_PER_S)
        self.series = sampling.Series(before)
        self.reader = reader
        followers = () if observer is None else (observer,)
        self.gauges = GaugeSeries(start_ns)
        self.parts = PartLooks()
        self.looks = Looks(
            *(self._counted, start_ns, self.series, limits.judge, followers),
            name_of=monitor.name_of,
            gauges=self.gauges,
            derived=limits.derived,
            parts=self.parts,
        )
        self._applied = applied
        self._ticks = sampling.Ticks(start_ns, None, warming=False, whole_s=new_every_s > 0)
        self._known_ns = start_ns + round(new_every_s * NS_PER_S)
        self._vus = GaugeValue()  # as seen at each tick
        self.each_second = GaugeValue()  # VUs as seen before each second is over, as in k6
        self._second = 0
        self._row: SeriesRow | None = None  # the last one, and since then
        self._connected = 0  # the most connections: workers that end close theirs

    def look(self, now_ns: int, monitor: MachineMonitor) -> str:
        """Take a look; return the threshold that asks for the end of the run, "" if none does."""
        block = self.reader.block
        self._ticks.look(now_ns, block, block.indices, None)
        if now_ns < self.start_ns:
            return ""
        if self.series.added is not self._row:
            self._row, self._connected = self.series.added, 0
        self._connected = max(self._connected, self._ticks.total["connected"])
        if now_ns >= self._known_ns:
            self._see_vus(self._ticks.total["active"], now_ns)
        return self.looks.look(now_ns, monitor.sample)

    def _see_vus(self, vus: int, now_ns: int) -> None:
        value, at_ns = self._vus.value, self._vus.at_ns
        self._vus.add(GaugeValue(vus, vus, vus, now_ns))
        if (second := int((now_ns - self.start_ns) / NS_PER_S)) > self._second:
            self._second = second
            if at_ns:
                self.each_second.add(GaugeValue(value, value, value, at_ns))

    def snapshot(self, t_s: float) -> Snapshot:
        """Read everything."""
        return self.looks.read(t_s)

    def _counted(self, t_s: float, full: bool) -> Snapshot:
        """Read everything that is counted, or what the series and the thresholds need."""
        only = None if full else self.limits.names
        return self.reader.read(t_s, only=only, gauges=self._gauges())

    def _gauges(self) -> dict[str, GaugeValue]:
        """Return the VUs now and those there may be; workers count each that comes."""
        most = self._applied.most_vus
        peak = sum(most for _, _, most, _ in self.reader.arena.sums({MAX_VUS}).values())
        # A run may be over before the first look.
        vus = self._vus if self._vus.at_ns else GaugeValue(peak, peak, peak, at_ns=round(peak))
        vus = replace(vus, max=max(vus.max, peak))
        return {"vus": vus, "vus_max": GaugeValue(most, most, most, at_ns=1)}

    def close(self, end_ns: int, monitor: MachineMonitor) -> None:
        """End the series: what comes now, as teardown, is not of the load."""
        t_s = max(0.0, (end_ns - self.start_ns) / NS_PER_S)
        self.looks.end(t_s, monitor.sample(), self._connected)

    def last_look(self, now_ns: int) -> None:
        """Let who listens look for the last time: also at what teardown did."""
        self.looks.tell(self.snapshot(max(0.0, (now_ns - self.start_ns) / NS_PER_S)))

    def until_next_s(self, tick_s: float, behind_ns: int) -> float:
        """Return the time to the next tick or look, whichever is first."""
        now_ns = time.monotonic_ns() - behind_ns
        return max(0.0, min(tick_s, (self.looks.due_ns - now_ns) / NS_PER_S))

    def progress(self) -> Progress:
        """Return what a live view shows now."""
        base = self._ticks.progress(self.series)
        iterations, dropped = self._iterations()
        users = Users(
            vus=round(self._vus.value),
            vus_max=self._applied.most_vus,
            iterations=iterations,
            dropped=dropped,
            iterations_of=self._planned(),
            length_s=self._applied.length_s,
        )
        base = replace(base, protocol=protocol.spoken(self._ticks.total, chosen=False))
        told = self.limits.derived.told
        return replace(base, users=users, judgements=self.looks.judgements, derived=told)

    def _iterations(self) -> tuple[int, int]:
        found = dict.fromkeys(ITERATION_NAMES, 0.0)
        for (kind, name, _), value in self.reader.arena.sums(ITERATION_NAMES).items():
            if kind == "counter":
                found[name] += value
        return round(found["iterations"]), round(found["dropped_iterations"])

    def _planned(self) -> int | None:
        """Return how many iterations are asked for, where their number ends the run."""
        specs = self._applied.scenarios
        if any(spec.executor not in ITERATIONS for spec in specs):
            return None
        return round(sum(spec.planned or 0 for spec in specs))
