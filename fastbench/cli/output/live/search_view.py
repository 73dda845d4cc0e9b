"""The view of a search while it goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output.live.keyed_view import KeyedView
from fastbench.cli.output.live.search_frame import SearchFacts, SearchFigures, frame
from fastbench.experiments.find.find_document import Step
from fastbench.report.text.find_text import step_line
from fastbench.run.sampling import Progress

if TYPE_CHECKING:
    from fastbench.cli.output.live.keyboard import Keyboard

PRINTED = 20
STALE_S = 1.0  # without a word of it a run is over


class SearchView:
    """Show how the bracket narrows, as a context manager.

    `enabled` is False under --quiet and --no-progress. `color` False, or NO_COLOR, draws without
    colour.
    """

    def __init__(
        self,
        facts: SearchFacts,
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        self._view = KeyedView(
            self._figures,
            frame,
            self._again,
            enabled=enabled,
            color=color,
            stream=stream,
            keys=keys,
        )
        self._facts = facts
        self._begun_s = time.monotonic()
        self._steps: list[Step] = []
        self._now: Progress | None = None
        self._heard_s = 0.0

    def __enter__(self) -> Self:
        """Take what is printed meanwhile."""
        self._view.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back."""
        self._view.__exit__(*raised)

    def step(self, step: Step) -> None:
        """Take a rate that was tried."""
        self._steps.append(step)
        self._now = None
        self._again()

    def update(self, now: Progress) -> None:
        """Take how the run goes that is under way."""
        self._now, self._heard_s = now, time.monotonic()
        self._again()

    def _again(self) -> None:
        self._view.show()

    def _figures(self) -> SearchFigures:
        now_s = time.monotonic()
        now = self._now if now_s - self._heard_s < STALE_S else None
        elapsed_s = now_s - self._begun_s
        # Steps are printed to stay when the view is gone; here they have rows.
        rows = {step_line(step, self._facts.unit).strip() for step in self._steps}
        printed = tuple(
            line for line in tuple(self._view.screen.printed)[-PRINTED:] if line.strip() not in rows
        )
        return SearchFigures(self._facts, tuple(self._steps), now, elapsed_s, printed)
