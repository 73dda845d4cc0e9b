"""Look at a run once a second: one snapshot, for its series, its thresholds and who follows it.

Between two seconds a threshold may need a look of its own, as when a stage ends: it gets a
snapshot that nobody else does.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from fastbench.results.metric_values import Judgement
from fastbench.results.usage import Use
from fastbench.run.machine_gauges import MachineGauges
from fastbench.run.sampling import Series
from fastbench.run.snapshot import Snapshot
from fastbench.run.uptime import Uptime

if TYPE_CHECKING:  # runs without thresholds do without them
    from fastbench.results.thresholds.evaluation import Judge
    from fastbench.run.derived_gauges import DerivedGauges
    from fastbench.run.kept_series import GaugeSeries, PartLooks

LOOK_S = 1.0
NS_PER_S = 1e9
# A look that takes long, as with a thousand names of requests, is followed by a longer pause.
MAX_OF_CORE = 0.02
MAX_OF_CORE_ALONE = 0.005  # where nobody follows the run: it is for the report's charts only
SLACK_S = 0.1  # a step ends with a second, which is never over to the millisecond


class Follower(Protocol):
    """Somebody who is told what a run counts while it goes.

    One with a `max_of_core` is content with looks that cost less than MAX_OF_CORE.
    """

    def take(self, now: Snapshot) -> None:
        """Take what was counted up to now; once a second, and when the run has ended."""


class Looks:
    """The looks at one run. Instants are ns of CLOCK_MONOTONIC; `read` takes s from the start."""

    def __init__(
        self,
        read: Callable[[float, bool], Snapshot],
        start_ns: int,
        series: Series,
        judge: Judge | None,
        followers: Sequence[Follower],
        name_of: Callable[[int], str],
        gauges: GaugeSeries | None = None,
        derived: DerivedGauges | None = None,
        parts: PartLooks | None = None,
    ) -> None:
        """`read(t_s, full)` takes a snapshot, a `full` one with all that followers want.

        `name_of` gives the name of a process that a sample has; `gauges` keeps those of a script,
        `derived` computes the formulas that it names, `parts` keeps how names and scenarios went.
        """
        self._count = read
        self._machine = MachineGauges(name_of)
        self._derived = derived
        formulas = () if derived is None else derived.formulas
        self._uptime = Uptime((*(() if judge is None else judge.thresholds), *formulas))
        self._gauges = gauges
        self._start_ns = start_ns
        if derived is not None:
            derived.start_ns = start_ns
        self.series = series
        self.judge = judge
        self._followers = followers
        self.parts = parts
        self._seen: Use | None = None  # at the last look
        self._second_s = LOOK_S  # when the next one ends
        self._full_s = LOOK_S if followers or parts is not None else math.inf
        shares = [getattr(each, "max_of_core", MAX_OF_CORE) for each in followers]
        self._max_of_core = max(shares, default=MAX_OF_CORE_ALONE)
        self._edge_s = self._edge(0.0)

    @property
    def due_ns(self) -> int:
        """When the next look is due."""
        return self._start_ns + math.ceil(min(self._second_s, self._edge_s) * NS_PER_S)

    @property
    def judgements(self) -> dict[str, Judgement]:
        """How the thresholds stand."""
        return {} if self.judge is None else dict(self.judge.judgements)

    def look(self, now_ns: int, sample: Callable[[], Use]) -> str:
        """Take a look if one is due; return the threshold that asks for the end of the run."""
        if now_ns < self.due_ns:
            return ""
        t_s = (now_ns - self._start_ns) / NS_PER_S
        second = t_s >= self._second_s
        full = second and t_s >= self._full_s and self._wanted(t_s)
        spent_ns = time.thread_time_ns()
        # Counted first: a busy machine can take long to be sampled, and what ends meanwhile is
        # not of this second.
        counted = self._count(t_s, full)
        spent_ns -= time.thread_time_ns()
        use = sample() if second and t_s >= self.series.due_s else None
        if use is not None:
            self._seen = use
            self._machine.take(use, t_s - self.series.t_s, now_ns)
        spent_ns += time.thread_time_ns()
        now = self._joined(counted)
        if full:
            self.tell(now)
            if self.parts is not None and t_s >= self.parts.due_s - SLACK_S:
                self.parts.take(now)
            cost_s = (time.thread_time_ns() - spent_ns) / NS_PER_S
            self._full_s = t_s + max(LOOK_S, cost_s / self._max_of_core)
        if self._gauges is not None:
            self._gauges.take(now)
        if second:
            self._second_s = t_s + LOOK_S
            if use is not None:
                self._uptime.take(self.series.add(now, use), now.counters)
        self._edge_s = self._edge(t_s)
        if self.judge is None:
            return ""
        self.judge.look(now)
        return self.judge.stopped_by

    def end(self, t_s: float, use: Use, connections: int = 0) -> Snapshot:
        """Take and return the last snapshot, when the load has ended: the series ends with it.

        `connections` are those that were open before. Workers may have ended already, and closed
        theirs: what is a level, not an amount, is that of the last look.
        """
        use = use.with_levels_of(self._seen)
        self._machine.take(use, t_s - self.series.t_s, self._start_ns + round(t_s * NS_PER_S))
        now = self.read(t_s, True)
        if self._gauges is not None:
            self._gauges.take(now)
        before = self.series.added
        if self.parts is not None:
            self.parts.take(now, last=True)
        self.series.finish(now, use, connections)
        if self.series.added is not None and self.series.added is not before:
            self._uptime.take(self.series.added, now.counters)
            now = replace(now, rows={**now.rows, **self._uptime.rows})
        if self.judge is not None:
            self.judge.end(now)
        return now

    def read(self, t_s: float, full: bool = True) -> Snapshot:
        """Read what was counted up to now, and what the machine showed when it was sampled."""
        return self._joined(self._count(t_s, full))

    def _joined(self, now: Snapshot) -> Snapshot:
        now = replace(now, rows={**now.rows, **self._machine.rows, **self._uptime.rows})
        return now if self._derived is None else self._derived.join(now)

    def tell(self, now: Snapshot) -> None:
        """Let followers take a snapshot."""
        for each in self._followers:
            each.take(now)

    def _wanted(self, t_s: float) -> bool:
        """Tell whether somebody wants a full snapshot now."""
        due = self.parts is not None and t_s >= self.parts.due_s - SLACK_S
        return bool(self._followers) or due

    def _edge(self, t_s: float) -> float:
        return min(
            (each.next_s(t_s) for each in (self.judge, self._derived) if each is not None),
            default=math.inf,
        )
