"""The live view of several candidates: a line for each, on one axis."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TextIO

from fastbench.cli.output.compare_live_view import COST, LOOK_S, CompareView
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.interval_history import Look, interval_confidence, look
from fastbench.experiments.trials.pairing import Standing
from fastbench.report.change import change, name_of, signed_interval
from fastbench.report.page import told_apart
from fastbench.report.pairs import axis

if TYPE_CHECKING:
    from rich.text import Text

LABEL_COLUMNS = 24
CHANGE_COLUMNS = 9
INTERVAL_COLUMNS = 18


class CandidatesView(CompareView):
    """Show how the interval of each candidate shrinks.

    `judged` tells what all have in common: the metric, the confidence, the threshold.
    """

    def __init__(
        self,
        labels: Sequence[str],
        *,
        time_s: float,
        judged: Callable[[Sequence[Pair]], Comparison],
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        super().__init__(
            pairs=0, time_s=time_s, judged=judged, enabled=enabled, color=color, stream=stream
        )
        self._common = judged(())
        self._labels = told_apart(labels, LABEL_COLUMNS)
        self._looks: list[Look | None] = []

    def update(self, now: Standing) -> None:
        """Redraw, but not more than four times a second; look at the pairs once a second."""
        columns = self._due()
        if not columns:
            return
        begun_s = time.monotonic()
        if len(now.pairs) > self._seen and begun_s >= self._next_look_s:
            self._seen = len(now.pairs)
            common = self._common
            confidence = interval_confidence(common)
            every = (now.pairs, *now.others)
            self._looks = [look(pairs, common.primary, confidence) for pairs in every]
            ended_s = time.monotonic()
            self._next_look_s = ended_s + max(LOOK_S, COST * (ended_s - begun_s))
        self._draw([self._progress(now, columns), *self._candidates(columns)])

    def _candidates(self, columns: int) -> list[Text]:
        from rich.text import Text

        if not self._looks:
            return []
        common = self._common
        sure = f"{100 * common.confidence:g} % intervals, of all candidates together"
        lines = [Text(f"  {name_of(common, common.primary)}   {sure}", style="dim")]
        ends = [end for each in self._looks if each for end in (each.ratio, *(each.interval or ()))]
        facts = LABEL_COLUMNS + CHANGE_COLUMNS + 4
        room = columns - facts
        picture = axis(ends, None, common.threshold, room, unicode=self._unicode) if ends else None
        for label, seen in zip(self._labels, self._looks, strict=True):
            line = Text(f"  {label:<{LABEL_COLUMNS}}")
            lines.append(line)
            if seen is None or picture is None:
                line.append("  no pair counts so far", style="yellow")
                continue
            line.append(f"{change(seen.ratio):>{CHANGE_COLUMNS}}", style="bold")
            if room > INTERVAL_COLUMNS:
                line.append("  " + picture.line(seen.ratio, seen.interval))
            elif seen.interval is not None:
                line.append("  " + signed_interval(seen.interval))
        if picture is not None and room > INTERVAL_COLUMNS:
            lines.append(Text(" " * facts + picture.scale(), style="dim"))
        return lines
