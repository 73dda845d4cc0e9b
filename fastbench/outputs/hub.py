"""All outputs of one run: from looks at its shared memory, once a second, to their queues."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from fastbench.engine.bridge import _core
from fastbench.machine import environment
from fastbench.outputs.output_flags import OutputFlag
from fastbench.outputs.point import End, Frame, Point
from fastbench.outputs.points import PlainReader, ScriptReader, plain_times
from fastbench.outputs.queue import Feed, Loss, Output
from fastbench.results.result import Result, Warning_
from fastbench.run.run_thresholds import PlainJudge
from fastbench.run.url_counts import Row
from fastbench.script.parent import metric_snapshot

__all__ = ["OfPlain", "OfScript", "Outlet"]

LOOK_S = 1.0
NS_PER_MS = 1_000_000
# A look that takes long, as with a thousand names of requests, is followed by a longer pause.
MAX_OF_CORE = 0.02


class Outlet:
    """The outputs of a run. Raises UsageError when one of them cannot be opened."""

    def __init__(self, asked: Sequence[OutputFlag]) -> None:
        self._outputs: list[Output] = []
        self._feeds: list[Feed] = []
        try:
            for each in asked:
                self._outputs.append(each.open())
                self._feeds.append(Feed(self._outputs[-1]))
        except BaseException:
            self.close()
            raise
        self._at_ns = 0  # of the last frame
        self._unix_ns = environment.unix_ns() - time.monotonic_ns()

    def _wanted(self) -> dict[str, bool]:
        """Tell in which forms the outputs want distributions."""
        return {
            "with_buckets": any(output.wants_buckets for output in self._outputs),
            "with_histograms": any(output.wants_histograms for output in self._outputs),
        }

    def script(self) -> OfScript:
        """Return who listens to the run of a script."""
        return OfScript(self, ScriptReader(**self._wanted()))

    def plain(
        self, judge: PlainJudge | None, urls: Sequence[Row] = (), *, planned: bool
    ) -> OfPlain:
        """Return who listens to a plain run of these URLs, and asks its judge."""
        times = plain_times(planned=planned)
        return OfPlain(self, PlainReader(times, urls, **self._wanted()), judge)

    def tell(self, t_s: float, read: Callable[[], tuple[Point, ...]]) -> float:
        """Hand a second's points over; return when the next look is due."""
        spent_ns = time.thread_time_ns()
        # Two points of a series never carry the same millisecond.
        self._at_ns = max(time.monotonic_ns() + self._unix_ns, self._at_ns + NS_PER_MS)
        frame = Frame(t_s, self._at_ns, read())
        for feed in self._feeds:
            feed.put(frame)
        cost_s = (time.thread_time_ns() - spent_ns) / 1e9
        return t_s + max(LOOK_S, cost_s / MAX_OF_CORE)

    def end(self, result: Result) -> tuple[Result, list[str]]:
        """Let all outputs end; return the result with warnings of what they did not get.

        Beside it stands a sentence for each file that was not written.
        """
        at_ns = time.monotonic_ns() + self._unix_ns
        end = End(at_ns, result.thresholds_failed, result.to_document())
        for feed in self._feeds:
            feed.end(end)
        losses = [loss for feed in self._feeds if (loss := feed.loss()) is not None]
        files = [
            f"-o {each.shown} was not written: {each.text}." for each in losses if each.is_file
        ]
        warnings = (*result.warnings, *map(_warning, losses))
        return replace(result, warnings=warnings), files

    def close(self) -> None:
        """Let go of outputs of a run that did not come to its end."""
        for output, feed in zip(self._outputs, self._feeds, strict=False):
            if not feed.started:
                output.close()


class OfScript:
    """Listen to the run of a script: looks come as often as asked for, and one at the end."""

    def __init__(self, outlet: Outlet, reader: ScriptReader) -> None:
        self._outlet = outlet
        self._reader = reader
        self.next_s = LOOK_S  # from the start line on

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Learn which tags stand at every point, and which at those of each scenario."""
        self._reader.begin(tags, of_scenarios)

    def look(self, t_s: float, read: Callable[[float], metric_snapshot.Snapshot]) -> None:
        """Take what came since the last look."""
        self.next_s = self._outlet.tell(t_s, lambda: self._reader.points(read(t_s)))


class OfPlain:
    """Listen to a plain run, beside the one who judges it."""

    def __init__(self, outlet: Outlet, reader: PlainReader, judge: PlainJudge | None) -> None:
        self._outlet = outlet
        self._reader = reader
        self._judge = judge

    @property
    def reason(self) -> str:
        """Why the run was ended, "" if it was not."""
        return "" if self._judge is None else self._judge.reason

    def next_s(self, t_s: float) -> float:
        """Return the next instant that must not be missed."""
        return math.inf if self._judge is None else self._judge.next_s(t_s)

    def look(self, t_s: float, block: _core.Block) -> bool:
        """Take what came since the last look; true when the judge wants the run to end."""
        self._outlet.tell(t_s, lambda: self._reader.points(t_s, block))
        return self._judge is not None and self._judge.look(t_s, block)


def _warning(loss: Loss) -> Warning_:
    return Warning_(
        "output_lost",
        f"-o {loss.shown} did not get {loss.points:,} of {loss.of:,} points: {loss.text}",
        "make room for the file, or write elsewhere"
        if loss.is_file
        else "check that server; the load was not affected, and the result is complete",
    )
