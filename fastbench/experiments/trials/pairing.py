"""Pairs of trials, interleaved: what is measured, in which order, and what does not count.

1. A pair is a trial to each side, one right after the other: what drifts slowly hits both. Which
   comes first is drawn for each pair from the seed, so that no regular disturbance favours a side.
2. A trial that does not count (see figures.py) costs its whole pair: that is measured anew, in the
   same order, at most twice. Nothing is dropped for the size of its figures.
3. When more than a fifth of the pairs planned cannot count any more, it ends: no verdict would
   stand on the rest. So it does when one side never answered anything.
4. For latencies both sides get the same rate, at most 60 % of what the slower one carries: a pilot
   in a closed loop finds it.
5. Before a trial under a script the same script is run once, shorter, and dropped: a warm-up at the
   same server, with setup and teardown of its own. Plain trials have theirs within.
6. `max_time_s` is kept by not beginning what would not end in time.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from fastbench.experiments.compare import figures, spoken
from fastbench.experiments.compare.compare_document import ORDERS, Figures, Pair
from fastbench.experiments.compare.decision import INVALID_SHARE_MAX
from fastbench.experiments.compare.sequential import Levels
from fastbench.experiments.compare.spoken import Spoken
from fastbench.experiments.trials import side_server, trial, trial_servers
from fastbench.experiments.trials.interrupts import Interrupted, Interrupts
from fastbench.experiments.trials.trial import Job, Side, TrialObserver
from fastbench.experiments.trials.trial_artifacts import Kept
from fastbench.experiments.trials.trial_servers import ServerError
from fastbench.foundation.units import format_rate
from fastbench.machine.programs import Program
from fastbench.plan.network import followed_urls
from fastbench.plan.plan import Plan
from fastbench.plan.workload import Pace, Stage
from fastbench.results.result import Result, Warning_
from fastbench.run.sampling import Progress
from fastbench.script.run_request import RunRequest

REDO = 2
REST_S = 0.2  # between two trials
PILOT_SHARE = 0.6  # of what the slower side carries

Name = Literal["base", "candidate"]
Phase = Literal["pilot", "pairs"]
Stage_ = Literal["starting", "running", "resting"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What was asked for. `find_rate`: a pilot finds one rate for all trials.

    `warmup_share` is the share of a script's own length that its warm-up takes, 0 for none.
    """

    pairs: int
    seed: int
    max_time_s: float | None = None
    find_rate: bool = False
    warmup_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Standing:
    """How far it is. `pairs` are those measured, `pair` counts from 1, `redone` from 0.

    `others` are the pairs of further candidates. `levels` are those that the end has after the
    looks so far, None of a comparison without looks.
    """

    phase: Phase
    pairs: tuple[Pair, ...]
    visiting: Name
    pair: int
    redone: int
    stage: Stage_
    progress: Progress | None
    elapsed_s: float
    others: tuple[tuple[Pair, ...], ...] = ()
    levels: Levels | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it. `ended` is one of compare_document.ENDED, `rate` a pilot's, per s.

    `slice_s` is the length of a slice, None where there are none; `skip_s` of it is left out.
    `slices_per_pair` is how many of each side make a pair.
    `levels` are those of the last look, None where there was one alone. `programs` serve the
    sides of a comparison in slices, None of one that is not visible.
    """

    pairs: tuple[Pair, ...]
    ended: str
    rate: float | None = None
    notes: tuple[str, ...] = ()
    slice_s: float | None = None
    warnings: tuple[Warning_, ...] = ()
    skip_s: float = 0.0
    slices_per_pair: int = 1
    levels: Levels | None = None
    programs: tuple[Program | None, ...] = ()


def run(
    base: Side,
    candidate: Side,
    terms: Terms,
    tell: Callable[[Standing], None],
    *,
    notice: Callable[[str], None] = lambda sentence: None,
    echo: Callable[[str], None] = lambda lines: None,
    kept: Kept | None = None,
) -> Measured:
    """Measure the pairs; `tell` is called at every step, and with the progress 4 times a second.

    `kept` takes the trials of the pairs that count. The first signal ends it early and in order,
    the second is KeyboardInterrupt. Raises what refuses a run, and ServerError where a server has
    never been ready.
    """
    with Interrupts() as stop:
        return _Rounds(
            {"base": base, "candidate": candidate}, terms, tell, notice, echo, kept or Kept(), stop
        ).run()


@dataclass(frozen=True, slots=True)
class _Measured:
    figures: Figures | None
    reasons: tuple[str, ...]
    result: Result | None = None

    @property
    def ok_per_s(self) -> float:
        if self.result is None or not self.result.summary.duration_s:
            return 0.0
        return self.result.main.summary.ok / self.result.summary.duration_s


@dataclass(slots=True)
class _Rounds:
    """The state of one comparison's measurements."""

    sides: dict[Name, Side]
    terms: Terms
    tell: Callable[[Standing], None]
    notice: Callable[[str], None]
    echo: Callable[[str], None]
    kept: Kept
    stop: Interrupts
    start_s: float = field(default_factory=lambda: time.monotonic())
    pairs: list[Pair] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rate: float | None = None
    port: int | None = None
    longest_s: float = 0.0  # of the pairs so far
    measured: set[Name] = field(default_factory=set)
    answered: set[Name] = field(default_factory=set)
    ready: set[Name] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    spoken: list[Spoken] = field(default_factory=list)  # of the sides of the last pair
    phase: Phase = "pairs"
    pair: int = 1
    redone: int = 0

    def run(self) -> Measured:
        """Measure until all pairs are there, or something else ends it."""
        try:
            ended = self._pilot() if self.terms.find_rate else ""
            ended = ended or self._all_pairs()
        except Interrupted:
            ended = "interrupted"
        notes = (*self.notes, *spoken.notes(self.spoken))
        pairs, warnings = tuple(self.pairs), spoken.warnings(self.spoken)
        return Measured(pairs, ended, self.rate, notes, warnings=warnings)

    def _all_pairs(self) -> str:
        chance = random.Random(self.terms.seed)
        orders = [chance.choice(ORDERS) for _ in range(self.terms.pairs)]
        self.phase = "pairs"
        for self.pair, order in enumerate(orders, 1):
            if not self._in_time():
                return "out_of_time"
            pair = self._measured(order)
            self.pairs.append(pair)
            if not self.measured <= self.answered:
                return "nothing_succeeded"
            invalid = sum(not each.valid for each in self.pairs)
            if invalid > INVALID_SHARE_MAX * self.terms.pairs and self.pair < self.terms.pairs:
                self.notes.append(
                    f"the comparison ended after {self.pair} of {self.terms.pairs} pairs: "
                    f"more than {INVALID_SHARE_MAX:.0%} of them were excluded"
                )
                break
        return "complete"

    def _measured(self, order: str) -> Pair:
        """Measure a pair, and again while it does not count."""
        for self.redone in range(REDO + 1):
            begun_s = time.monotonic()
            pair = replace(self._once(order), redone=self.redone)
            if pair.valid:
                self.longest_s = max(self.longest_s, time.monotonic() - begun_s)
                return pair
            if not self._in_time():
                break
        return pair

    def _once(self, order: str) -> Pair:
        """Run a trial of both sides; if one fails and is repeated anyway, do not run the other."""
        names: tuple[Name, Name] = ("base", "candidate")
        if order == "candidate first":
            names = ("candidate", "base")
        none = _Measured(None, ())
        found: dict[Name, _Measured] = {"base": none, "candidate": none}
        reasons: list[str] = []
        for name in names:
            if reasons and self.redone < REDO:
                break
            found[name] = self._run_trial(name)
            reasons += [f"{name}: {each}" for each in found[name].reasons]
        base, candidate = found["base"], found["candidate"]
        if base.result is not None and candidate.result is not None:
            self.spoken = [Spoken.of(each) for each in (base.result, candidate.result)]
        if not reasons and base.result is not None and candidate.result is not None:
            self.kept.add(base.result, candidate.result)
        return Pair(base.figures, candidate.figures, order, not reasons, tuple(reasons))

    def _in_time(self) -> bool:
        """Tell whether one more pair would end in time."""
        if self.terms.max_time_s is None:
            return True
        need_s = self.longest_s or self._least_s()
        return time.monotonic() - self.start_s + need_s <= self.terms.max_time_s

    def _least_s(self) -> float:
        """Return how long a pair takes at least; of a script nobody knows before its first."""
        made = [
            side.make(None if side.command is None else self.port or trial_servers.ANY_PORT)
            for side in self.sides.values()
        ]
        loads = [job.load for job in made if isinstance(job, Plan)]
        return sum((load.duration_s or 0.0) + load.warmup_s for load in loads) + REST_S

    # The pilot.

    def _pilot(self) -> str:
        """Find the common rate, or say why it ends here."""
        self.phase = "pilot"
        carried: dict[Name, float] = {}
        for name in self.sides:
            for self.redone in range(REDO + 1):
                measured = self._run_trial(name)
                carried[name] = measured.ok_per_s
                if measured.ok_per_s:
                    break
            else:
                self.notes.append(f"{name}: {'; '.join(measured.reasons)}")
                return "nothing_succeeded"
        slower = min(carried, key=lambda name: carried[name])
        self.rate = rounded_down(PILOT_SHARE * carried[slower])
        self.redone = 0
        self.notes.append(
            f"every trial asks for {format_rate(self.rate)}, {PILOT_SHARE:.0%} of what the slower "
            f"side ({slower}) carried in a closed loop"
        )
        return ""

    # One trial.

    def _run_trial(self, name: Name) -> _Measured:
        """Run a trial of a side; a failure that the request did not cause becomes a reason."""
        if self.measured:
            self._tell(name, "resting")
            self.stop.nap(REST_S)
        self.measured.add(name)
        self._tell(name, "starting")
        try:
            result, died = self._result(name)
        except trial.TrialError as error:
            return _Measured(None, (str(error).strip(),))
        except ServerError as error:
            if name not in self.ready:
                raise
            return _Measured(None, (str(error),))
        if result.main.summary.ok:
            self.answered.add(name)
        found = figures.figures_of(result)
        reasons = died + figures.reasons_against(found)
        if found.errors_share > figures.ERRORS_SHARE_MAX:
            reasons += _most_frequent(result)
        elif reasons:
            self._note_remedy(name, reasons[0], result)
        return _Measured(found, reasons, result)

    def _result(self, name: Name) -> tuple[Result, tuple[str, ...]]:
        """Return a run's result, and how its server died meanwhile, if it did."""
        side = self.sides[name]
        if side.command is None:
            return self._run(name, side.make(None)), ()
        self.port = trial_servers.free_port(self.port)
        one = side_server.of(side, self.port, name)
        with one.server:
            one.wait_ready(self.stop)
            self.ready.add(name)
            result = self._run(name, one.job)
            died = one.death()
            return result, (died,) if died else ()

    def _run(self, name: Name, job: Job) -> Result:
        if isinstance(job, Plan):
            job = followed_urls.followed(job)
            self.notes += [said for said in followed_urls.told(job) if said not in self.notes]
            job = job if self.rate is None else at_rate(job, self.rate)
        if isinstance(job, RunRequest) and self.terms.warmup_share:
            self._warm_up(name, job)
        observer = TrialObserver(
            lambda progress: self._tell(name, "running", progress), self._once_each, self.echo
        )
        return trial.run_trial(job, observer, self.stop)

    def _warm_up(self, name: Name, job: RunRequest) -> None:
        """Run the whole script in a shorter time. What it says, the trial after it says, too."""
        shorter = replace(job, time_scale=job.time_scale * self.terms.warmup_share)

        def tell(progress: Progress) -> None:
            self._tell(name, "running", replace(progress, warming=True))

        trial.run_trial(shorter, TrialObserver(tell), self.stop)

    def _note_remedy(self, name: Name, reason: str, result: Result) -> None:
        """Keep what the run itself says about it, the first time: its numbers differ each time."""
        key = f"{name}: {reason}"
        if key not in self.told and result.validity.reasons:
            self.told.add(key)
            self.notes.append(f"{name}: {result.validity.reasons[0]}")

    def _once_each(self, sentence: str) -> None:
        """Pass a notice on, the first time: every trial has it."""
        if sentence not in self.told:
            self.told.add(sentence)
            self.notice(sentence)

    def _tell(self, name: Name, stage: Stage_, progress: Progress | None = None) -> None:
        elapsed_s = time.monotonic() - self.start_s
        self.tell(
            Standing(
                self.phase,
                tuple(self.pairs),
                name,
                self.pair,
                self.redone,
                stage,
                progress,
                elapsed_s,
            )
        )


def _most_frequent(result: Result) -> tuple[str, ...]:
    """Name what went wrong most often: an error, or a status that is none of success."""
    wrong = Counter({row.message: row.count for row in result.errors})
    if not result.config.get("expect_status"):  # else any status may be a wrong one
        codes = result.status_codes.items()
        wrong += Counter({f"status {code}": count for code, count in codes if code >= "400"})
    return tuple(what for what, _ in wrong.most_common(1))


def at_rate(plan: Plan, rate: float) -> Plan:
    """Return the plan with so many requests per second, as -R does."""
    pace = Pace(rates=True, stages=(Stage(math.inf, rate, rate),))
    asked = {"rate": rate, "stages": None, "arrival": pace.arrival, "on_overload": "queue"}
    return replace(plan, load=replace(plan.load, pace=pace), config=plan.config | asked)


def rounded_down(rate: float) -> float:
    """Return the rate with two digits: nobody asks for 7,318.44 per second."""
    step = 10.0 ** (math.floor(math.log10(rate)) - 1)
    return math.floor(rate / step) * step
