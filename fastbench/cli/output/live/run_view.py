"""The view of one run: figures in, frames out, and the keys that change it.

1. Everything happens within `update`, which the run calls four times a second: no thread, no timer.
2. Figures by name, percentiles and pictures change once a second, the clock and the rate four
   times. The view takes less than 1 % of a core (bench/results/live_view.json).
3. `q` is one SIGINT to this process: whatever that ends, ends as it does.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Self, TextIO

from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.run_figures import Figures, RunFacts
from fastbench.cli.output.live.run_follower import RunFollower
from fastbench.cli.output.live.run_frame import frame
from fastbench.cli.output.live.terminal_screen import Screen

if TYPE_CHECKING:
    from fastbench.cli.output.live.keyboard import Keyboard
    from fastbench.run.sampling import Progress

REDRAW_S = 0.25  # the load has the processor first
FIRST_S = 0.4  # nobody reads a screen that is gone before
PRINTED = 20


class RunView:
    """Show a run while it goes, as a context manager; `follower` has to hear of the run, too.

    `enabled` is False under --quiet and --no-progress. `color` False, or NO_COLOR, draws without
    colour.
    """

    def __init__(
        self,
        facts: RunFacts,
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        self._screen = Screen(stream, enabled=enabled, color=color, keys=keys)
        self._kept = RunFollower(facts)
        self._next_s = time.monotonic() + FIRST_S
        self._details = False
        self._paused: Figures | None = None

    @property
    def follower(self) -> RunFollower | None:
        """Who has to hear of the run, None when there is nothing to draw on."""
        return self._kept if self._screen.enabled else None

    def __enter__(self) -> Self:
        """Take what is printed meanwhile."""
        self._screen.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back."""
        self._screen.__exit__(*raised)

    def update(self, now: Progress) -> None:
        """Hear the keys, then redraw, but not more than four times a second."""
        if not self._screen.enabled:
            return
        self._kept.update(now)
        pressed = self._hear(now)
        now_s = time.monotonic()
        if (now_s < self._next_s and not pressed) or not self._screen.drawable:
            return
        self._next_s = now_s + REDRAW_S
        self._draw(now)

    def _hear(self, now: Progress) -> bool:
        """Do what the keys ask for; tell whether the picture is another one now."""
        keys = self._screen.keys.pressed()
        for key in keys:
            if key == "q":
                os.kill(os.getpid(), signal.SIGINT)
                break
            if key == "p":
                self._paused = None if self._paused is not None else self._figures(now)
            elif key == "d":
                self._details = not self._details
        return bool(keys)

    def _figures(self, now: Progress) -> Figures:
        self._kept.detailed = self._details
        return self._kept.figures(now, tuple(self._screen.printed)[-PRINTED:])

    def _draw(self, now: Progress) -> None:
        size = self._screen.begin_frame()
        look = Look(
            *size,
            unicode=self._screen.unicode,
            details=self._details,
            paused=self._paused is not None,
            keys=self._screen.keys.opened,
        )
        self._screen.draw(frame(self._paused or self._figures(now), look), size)
