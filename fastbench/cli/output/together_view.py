"""The live view of runs at the same time: on a terminal only, gone at the end.

What a run says meanwhile is printed on the screen below.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Self, TextIO

from fastbench.cli.output import delivery
from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.keyed_view import KeyedView
from fastbench.cli.output.live.styled_line import Line
from fastbench.cli.output.live.together_frame import RunState, frame
from fastbench.foundation.redact import printable
from fastbench.run.child import Lines
from fastbench.run.live_figures import KIND, LiveFigures

SECONDS = 240  # of the charts
PRINTED = 20


class TogetherView:
    """Show how several runs go. They are told apart by their place in `names`."""

    def __init__(
        self,
        names: Sequence[str],
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._view: KeyedView[list[RunState]] = KeyedView(
            lambda: list(self.runs),
            self._frame,
            lambda: self._view.show(),
            enabled=enabled and len(names) > 1,
            color=color,
            stream=stream,
        )
        self.runs = [RunState(printable(name)) for name in names]
        self._looks: list[list[LiveFigures]] = [[] for _ in names]  # of the second that goes

    def __enter__(self) -> Self:
        """Take the terminal; nobody has told anything yet."""
        self._view.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give it back."""
        self._view.__exit__(*raised)

    def figures(self, at: int) -> Callable[[bytes], None] | None:
        """Return who takes what the run at this place writes of itself, None if none is shown."""
        if not self._view.screen.enabled:
            return None
        lines = Lines()

        def take(found: bytes) -> None:
            with self._view.contained():
                for kind, body in lines.feed(found):
                    if kind == KIND and (told := LiveFigures.read(body)) is not None:
                        self._told(at, told)
                if not found:
                    self.runs[at] = replace(self.runs[at], ended=True)
            self._view.show()

        return take

    def relay(self, data: bytes) -> None:
        """Pass on a line that a run wrote for the eyes."""
        if self._view.screen.enabled:
            sys.stderr.write(data.decode("utf-8", "replace"))  # which stands in for the terminal
        else:
            delivery.relayed(data)

    def _told(self, at: int, now: LiveFigures) -> None:
        """Keep how a run goes, and its second when that is over."""
        run, looks = replace(self.runs[at], now=now), self._looks[at]
        over = bool(looks) and int(now.elapsed_s) > int(looks[-1].elapsed_s)
        if over:
            mean = sum(each.rate for each in looks) / len(looks)
            rates = (*run.rates, mean)[-SECONDS:]
            run = replace(run, rates=rates, tails_ms=(*run.tails_ms, now.tail_ms)[-SECONDS:])
        if over or now.warming:
            looks.clear()
        looks += [] if now.warming else [now]
        self.runs[at] = run

    def _frame(self, runs: Sequence[RunState], look: Look) -> list[Line]:
        return frame(runs, tuple(self._view.screen.printed)[-PRINTED:], look)
