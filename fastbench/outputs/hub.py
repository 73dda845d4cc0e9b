"""All outputs of one run: from the snapshot of each second to their queues."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from fastbench.machine import environment
from fastbench.outputs.output_flags import OutputFlag
from fastbench.outputs.point import End, Frame
from fastbench.outputs.points import PointReader
from fastbench.outputs.queue import Feed, Loss, Output
from fastbench.results.result import Result, Warning_
from fastbench.run.snapshot import Snapshot

NS_PER_MS = 1_000_000


class Outlet:
    """The outputs of a run, which follow it. Raises UsageError when one cannot be opened."""

    def __init__(self, flag: Sequence[OutputFlag]) -> None:
        self._outputs: list[Output] = []
        self._feeds: list[Feed] = []
        try:
            for each in flag:
                self._outputs.append(each.open())
                self._feeds.append(Feed(self._outputs[-1]))
        except BaseException:
            self.close()
            raise
        self._reader = PointReader(
            with_buckets=any(output.wants_buckets for output in self._outputs),
            with_histograms=any(output.wants_histograms for output in self._outputs),
        )
        self._at_ns = 0  # of the last frame
        self._unix_ns = environment.unix_ns() - time.monotonic_ns()

    def begin(self, tags: Mapping[str, str], of_scenarios: Mapping[str, Mapping[str, str]]) -> None:
        """Learn which tags stand at every point, and which at those of each scenario."""
        self._reader.begin(tags, of_scenarios)

    def take(self, now: Snapshot) -> None:
        """Hand a second's points over."""
        # Two points of a series never carry the same millisecond.
        self._at_ns = max(time.monotonic_ns() + self._unix_ns, self._at_ns + NS_PER_MS)
        frame = Frame(now.t_s, self._at_ns, self._reader.points(now))
        for feed in self._feeds:
            feed.put(frame)

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


def _warning(loss: Loss) -> Warning_:
    return Warning_(
        "output_lost",
        f"-o {loss.shown} did not get {loss.points:,} of {loss.of:,} points: {loss.text}",
        "make room for the file, or write elsewhere"
        if loss.is_file
        else "check that server; the load was not affected, and the result is complete",
    )
