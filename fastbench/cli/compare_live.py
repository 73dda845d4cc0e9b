"""The live view of a comparison: where it is, and how the interval shrinks with every pair.

As with the live view of a run: on a terminal only, drawn inside `update`, gone when the report
prints. It shows no verdict: who stops when he likes what he sees has chosen it.
"""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from fastbench.compare.document import Comparison, Pair
from fastbench.compare.looks import ratio_of
from fastbench.report.change import NAMES, change, signed_interval
from fastbench.report.page import plural
from fastbench.report.pairs import axis
from fastbench.rounds.pairing import Standing
from fastbench.units import format_count, format_ms, format_s

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

__all__ = ["CompareView"]

REDRAW_S = 0.25
LEAST_COLUMNS = 50  # beside the ^C that a terminal shows at the end of what was drawn
MOST_COLUMNS = 100
SHOWN_INTERVALS = 5  # one below the other: the newest is the last
FACTS_COLUMNS = 12


class CompareView:
    """Show a comparison while it goes, as a context manager.

    `judged` tells what the pairs so far say; it is asked once per pair.
    """

    def __init__(
        self,
        *,
        pairs: int,
        judged: Callable[[Sequence[Pair]], Comparison],
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._pairs = pairs
        self._judged = judged
        self._stream = stream or sys.stderr
        terminal = self._stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
        self._enabled = enabled and terminal
        self._color = color
        self._live: Live | None = None
        self._next_s = 0.0
        self._seen = 0  # pairs that were judged
        self._found: deque[tuple[int, Comparison]] = deque(maxlen=SHOWN_INTERVALS)

    def __enter__(self) -> CompareView:
        """Take a few lines of the terminal, if there is one."""
        if self._enabled:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, no_color=self._color is False or None)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lines back; what was drawn disappears."""
        if self._live is not None:
            self._live.__exit__(kind, error, trace)
            self._live = None

    def update(self, now: Standing) -> None:
        """Redraw, but not more than four times a second; a new pair is drawn at once."""
        if self._live is None:
            return
        new = len(now.pairs) != self._seen
        now_s = time.monotonic()
        if not new and now_s < self._next_s:
            return
        self._next_s = now_s + REDRAW_S
        if new:
            self._seen = len(now.pairs)
            self._found.append((self._seen, self._judged(now.pairs)))
        self._live.update(self._panel(now, self._live.console.width), refresh=True)

    def _panel(self, now: Standing, width: int) -> RenderableType:
        from rich.text import Text

        columns = max(LEAST_COLUMNS, min(width - len("^C") - 1, MOST_COLUMNS))
        lines = [self._progress(now, columns), _visit(now), *self._intervals(now, columns)]
        return Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _progress(self, now: Standing, columns: int) -> Text:
        from rich.text import Text

        if now.phase == "pilot":
            return Text(f"  {'pilot':<14}looking for a rate both sides can carry", style="yellow")
        right = f"  {format_s(float(int(now.elapsed_s)))}" if now.elapsed_s >= 1 else ""
        line = Text(f"  {f'pair {now.pair} of {self._pairs}':<14}")
        free = max(0, columns - len(line) - len(right))
        done = min(free, round(len(now.pairs) / self._pairs * free))
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

        line = Text(f"  {NAMES[found.primary]} ")
        if found.ratio is not None:
            line.append(change(found.ratio), style="bold")
        if found.interval is None:
            return line.append("   an interval needs more pairs", style="dim")
        sure = f"{100 * found.confidence:g} %"
        return line.append(f"   {sure} interval {signed_interval(found.interval)}", style="cyan")

    @property
    def _unicode(self) -> bool:
        return (self._stream.encoding or "").lower().replace("-", "") == "utf8"


def _visit(now: Standing) -> Text:
    """Say which side is visited, and what is seen there."""
    from rich.text import Text

    line = Text(f"  {now.visiting:<14}")
    if now.redone:
        line.append(f"again ({now.redone}x)   ", style="yellow")
    progress = now.progress
    if now.stage != "running" or progress is None:
        return line.append(now.stage, style="dim")
    if progress.warming:
        return line.append("warming up", style="dim")
    line.append(f"{format_count(progress.rate)} req/s", style="bold")
    if progress.p50_ms:  # not in the first second
        line.append(f"   p50 {format_ms(progress.p50_ms)}   p99 {format_ms(progress.p99_ms)}")
    if progress.errors:
        line.append(f"   {progress.errors:,} not ok", style="red")
    return line
