"""The live view of a comparison: where it is, and how the interval shrinks with every pair.

As with the live view of a run: on a terminal only, drawn inside `update`, gone when the report
prints. It shows no verdict: who stops when he likes what he sees has chosen it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from fastbench.cli.output.canvas import Canvas
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.interval_history import look, ratio_of
from fastbench.experiments.trials.pairing import Standing
from fastbench.foundation.units import format_count, format_ms, format_s
from fastbench.report.change import change, name_of, signed_interval
from fastbench.report.page import plural
from fastbench.report.pairs import axis
from fastbench.results import resolution

if TYPE_CHECKING:
    from rich.text import Text

SHOWN_INTERVALS = 5  # one below the other: the newest is the last
FACTS_COLUMNS = 12
LOOK_S = 1.0  # between two looks at pairs of slices
COST = 50  # of a look: that many times as long passes before the next


class CompareView(Canvas):
    """Show a comparison while it goes.

    `judged` tells what the pairs so far say; it is asked once per pair.
    """

    def __init__(
        self,
        *,
        pairs: int,
        time_s: float = 0.0,
        judged: Callable[[Sequence[Pair]], Comparison],
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(enabled=enabled, color=color, stream=stream)
        self._pairs = pairs  # 0: as many as there are in `time_s`
        self._time_s = time_s
        self._judged = judged
        self._seen = 0  # pairs that were judged
        self._next_look_s = 0.0
        self._starts = False  # of the servers: several, which are the sample
        self._found: deque[tuple[int, Comparison]] = deque(maxlen=SHOWN_INTERVALS)

    def update(self, now: Standing) -> None:
        """Redraw, but not more than four times a second; a new pair is drawn at once."""
        if self._time_s:
            self._update_slices(now)
            return
        new = len(now.pairs) != self._seen
        columns = self._due(at_once=new)
        if not columns:
            return
        if new:
            self._seen = len(now.pairs)
            self._found.append((self._seen, self._judged(now.pairs)))
        self._draw([self._progress(now, columns), _visit(now), *self._intervals(now, columns)])

    def _update_slices(self, now: Standing) -> None:
        """Redraw; look at the pairs once a second, as they are hundreds and the load goes on."""
        columns = self._due()
        if not columns:
            return
        begun_s = time.monotonic()
        if len(now.pairs) > self._seen and begun_s >= self._next_look_s:
            self._seen = len(now.pairs)
            self._starts = now.pairs[-1].start is not None
            found = self._judged(())
            seen = look(now.pairs, found.primary, found.confidence)
            if seen is not None:
                found = replace(found, ratio=seen.ratio, interval=seen.interval)
            self._found.append((self._seen, found))
            ended_s = time.monotonic()
            self._next_look_s = ended_s + max(LOOK_S, COST * (ended_s - begun_s))
        self._draw([self._progress(now, columns), *self._intervals(now, columns)])

    def _progress(self, now: Standing, columns: int) -> Text:
        from rich.text import Text

        if now.phase == "pilot":
            sought = "a length of slices" if self._time_s else "a rate both sides can carry"
            return Text(f"  {'pilot':<14}looking for {sought}", style="yellow")
        right = f"  {format_s(float(int(now.elapsed_s)))}" if now.elapsed_s >= 1 else ""
        part, share = f"pair {now.pair} of {self._pairs}", len(now.pairs) / (self._pairs or 1)
        if self._time_s:
            done_s = _measured_s(now.pairs)
            right = f"  {format_s(float(int(done_s)))} of {format_s(self._time_s)}"
            right = right if done_s >= 1 else ""
            part, share = plural(now.pair, "pair"), done_s / self._time_s
            if now.stage == "starting":
                part = "starting"
        line = Text(f"  {part:<14}")
        free = max(0, columns - len(line) - len(right))
        done = min(free, round(share * free))
        full, empty = ("━", "─") if self._unicode else ("=", "-")
        line.append(full * done, style="green").append(empty * (free - done), style="dim")
        return line.append(right)

    def _intervals(self, now: Standing, columns: int) -> list[Text]:
        """Draw the last few intervals on one axis, each below the one before."""
        from rich.text import Text

        if not self._found:
            return []
        latest = self._found[-1][1]
        shown = [found for _, found in self._found]
        ratios = [ratio for pair in now.pairs if (ratio := ratio_of(pair, latest.primary))]
        if not ratios:
            return [Text("  no pair counts so far", style="yellow")]
        widest = next((found.interval for found in shown if found.interval), None)
        if self._time_s:  # single pairs are not drawn, and a burst would widen the axis
            ratios = [found.ratio for found in shown if found.ratio]
        picture = axis(
            ratios, widest, latest.threshold, columns - FACTS_COLUMNS, unicode=self._unicode
        )
        lines = [self._words(latest)]
        for number, found in self._found:
            style = "bold" if found is latest else "dim"
            drawn = picture.line(found.ratio, found.interval)
            many = plural(number, "pair")
            lines.append(Text(f"  {many:<{FACTS_COLUMNS - 2}}{drawn}", style=style))
        return [*lines, Text(" " * FACTS_COLUMNS + picture.scale(), style="dim")]

    def _words(self, found: Comparison) -> Text:
        from rich.text import Text

        line = Text(f"  {name_of(found, found.primary)} ")
        if found.ratio is not None:
            line.append(change(found.ratio), style="bold")
        if found.interval is None:
            what = "starts" if self._starts else "pairs"
            return line.append(f"   an interval needs more {what}", style="dim")
        sure = f"{100 * found.confidence:g} %"
        return line.append(f"   {sure} interval {signed_interval(found.interval)}", style="cyan")


def _measured_s(pairs: Sequence[Pair]) -> float:
    """Return the time of the slices so far, about."""
    return (pairs[-1].at_s or 0.0) - (pairs[0].at_s or 0.0) if pairs else 0.0


def _visit(now: Standing) -> Text:
    """Name the side that is measured, and its figures."""
    from rich.text import Text

    line = Text(f"  {now.visiting:<14}")
    if now.redone:
        line.append(f"again ({now.redone}x)   ", style="yellow")
    progress = now.progress
    if now.stage != "running" or progress is None:
        return line.append(now.stage, style="dim")
    if progress.warming:
        return line.append("warming up", style="dim")
    line.append(f"{format_count(progress.rate)} {progress.per_s}", style="bold")
    if progress.p50_ms:  # not in the first second
        row = progress.row
        high = resolution.tail(None if row is None else row.ok + row.timeouts)
        line.append(f"   p50 {format_ms(progress.p50_ms)}   {high} {format_ms(progress.p99_ms)}")
    if progress.errors:
        line.append(f"   {progress.errors:,} not ok", style="red")
    return line
