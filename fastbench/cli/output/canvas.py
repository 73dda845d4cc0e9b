"""A few lines of a terminal that are drawn again and again in place, and gone at the end.

Rich costs some 60 ms to import, so it is imported when a terminal is there to draw on. Nothing
runs beside the caller: no thread, no timer.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self, TextIO

from fastbench.foundation import stdio

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text

REDRAW_S = 0.25  # the load has the processor first
MIN_COLUMNS = 50
MAX_COLUMNS = 100
ECHO_COLUMNS = len("^C")  # a terminal shows it at the end of what was drawn


class Canvas:
    """Hold the lines, as a context manager.

    `enabled` is False under --quiet and --no-progress. `color` False, or NO_COLOR, draws without
    colour.
    """

    def __init__(
        self, *, enabled: bool = True, color: bool | None = None, stream: TextIO | None = None
    ) -> None:
        self._stream = stream or sys.stderr
        self._enabled = enabled and stdio.draws(self._stream)
        self._color = color
        self._live: Live | None = None
        self._next_s = 0.0

    def __enter__(self) -> Self:
        """Take a few lines of the terminal, if there is one."""
        if self._enabled:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream, no_color=self._color is False or None)
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        """Give the lines back; what was drawn disappears."""
        if self._live is not None:
            self._live.__exit__(*raised)
            self._live = None

    @property
    def shown(self) -> bool:
        """Tell whether there is a picture that other output would tear."""
        return self._live is not None

    @property
    def _unicode(self) -> bool:
        return stdio.shows_unicode(self._stream)

    def _due(self, *, at_once: bool = False) -> int:
        """Return how many columns to draw in, 0 when it is not time to draw."""
        now_s = time.monotonic()
        if self._live is None or (now_s < self._next_s and not at_once):
            return 0
        self._next_s = now_s + REDRAW_S
        return max(MIN_COLUMNS, min(self._live.console.width - ECHO_COLUMNS - 1, MAX_COLUMNS))

    def _draw(self, lines: Sequence[Text]) -> None:
        from rich.text import Text

        if self._live is not None:
            whole = Text("\n", no_wrap=True, overflow="crop").join(lines)
            self._live.update(whole, refresh=True)
