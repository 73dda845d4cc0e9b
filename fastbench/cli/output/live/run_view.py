"""The view of one run: what it tells becomes figures, and these are drawn.

Figures by name, percentiles and pictures change once a second, the clock and the rate four times.
The view takes less than 1 % of a core (bench/results/live_view.json).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output.live.keyed_view import KeyedView
from fastbench.cli.output.live.run_figures import Figures, RunFacts
from fastbench.cli.output.live.run_follower import RunFollower
from fastbench.cli.output.live.run_frame import frame
from fastbench.foundation import meanwhile
from fastbench.foundation.units import format_s
from fastbench.run.sampling import Progress

if TYPE_CHECKING:
    from fastbench.cli.output.live.keyboard import Keyboard

OVER_S = 1.6  # so long the run tells nothing: its load is over; a cluster tells once a second
PRINTED = 20
_NOTHING = Progress(0.0, 0, 0.0, 0.0, 0.0, 0, ())


class RunView:
    """Show a run while it goes, as a context manager; `follower` has to hear of the run, too.

    `color` False, or NO_COLOR, draws without colour.
    """

    def __init__(
        self,
        facts: RunFacts,
        *,
        color: bool | None = None,
        stream: TextIO | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        of = {"color": color, "stream": stream, "keys": keys}
        self._view = KeyedView(self._figures, frame, self._beat, **of)  # type: ignore[arg-type]
        self._kept = RunFollower(facts)
        self._now: Progress | None = None
        self._told_s = 0.0  # when that was

    @property
    def follower(self) -> RunFollower | None:
        """Who has to hear of the run, None when there is nothing to draw on."""
        return self._kept if self._view.screen.enabled else None

    def __enter__(self) -> Self:
        """Take what is printed meanwhile."""
        self._view.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back."""
        self._view.__exit__(*raised)

    def update(self, now: Progress) -> None:
        """Take how the run goes."""
        self._now, self._told_s = now, time.monotonic()
        with self._view.contained():
            self._kept.update(now)
        self._view.show()

    def _beat(self) -> None:
        """Say what is waited for where the run has nothing to tell: before and behind its load."""
        stage, now_s = meanwhile.now(), time.monotonic()
        if stage is not None:
            waited_s = float(int(now_s - stage.begun_s))
            self._view.show(f"{stage.name}, {format_s(waited_s)}" if waited_s else stage.name)
        elif self._now is not None and now_s - self._told_s > OVER_S:
            self._view.show("the load is over, waiting for what is under way")

    def _figures(self) -> Figures:
        self._kept.detailed = self._view.details
        printed = tuple(self._view.screen.printed)[-PRINTED:]
        return self._kept.figures(self._now or _NOTHING, printed)
