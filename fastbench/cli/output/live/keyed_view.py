"""A view on a screen with keys: when it is drawn, and what the keys do to it.

1. Everything happens in the process of the command, when it comes by (foundation.meanwhile) or when
   figures arrive: no thread, no timer.
2. `q` is one SIGINT to this process: whatever that ends, ends as it does. Further ones do nothing:
   a key that is held down must not cost the report.
3. A fault of the view ends the view, in one sentence, and nothing else.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, Self, TextIO, TypeVar

from fastbench.cli.output.live.blocks import Look
from fastbench.cli.output.live.keyboard import Keyboard
from fastbench.cli.output.live.styled_line import Line
from fastbench.cli.output.live.terminal_screen import Screen
from fastbench.foundation import meanwhile, redact

REDRAW_S = 0.25  # the load has the processor first
FIRST_S = 0.4  # nobody reads a screen that is gone before

F = TypeVar("F")


class KeyedView(Generic[F]):
    """Draw figures, as a context manager: `figures` gives them, `frame` their lines.

    `beat` is called whenever this process comes by, a few times a second. `color` False, or
    NO_COLOR, draws without colour.
    """

    def __init__(
        self,
        figures: Callable[[], F],
        frame: Callable[[F, Look], Sequence[Line]],
        beat: Callable[[], None],
        *,
        enabled: bool = True,
        color: bool | None = None,
        stream: TextIO | None = None,
        keys: Keyboard | None = None,
    ) -> None:
        self.screen = Screen(stream, enabled=enabled, color=color, keys=keys)
        self.details = False
        self._take = figures
        self._frame = frame
        self._next_s = time.monotonic() + FIRST_S
        self._paused: F | None = None
        self._beats = meanwhile.called(beat)
        self._begun = False
        self._stopped = False  # by q

    def __enter__(self) -> Self:
        """Take what is printed meanwhile."""
        self.screen.__enter__()
        if self.screen.enabled:
            self._begun = True
            self._beats.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the terminal back."""
        if self._begun:
            self._begun = False
            self._beats.__exit__(None, None, None)
        self.screen.__exit__(*raised)

    def show(self, state: str = "") -> None:
        """Hear the keys, then redraw, but not more than four times a second.

        `state` is what is waited for.
        """
        if not self.screen.enabled:
            return
        with self.contained():
            self._show(state)

    @contextmanager
    def contained(self) -> Iterator[None]:
        """Let a fault end the view alone."""
        try:
            yield
        except Exception as error:
            self.screen.give_up()
            told = redact.fault(error)
            print(f"fastbench: the live view has ended ({told}); the run goes on.", file=sys.stderr)

    def _show(self, state: str) -> None:
        pressed = self._hear()
        now_s = time.monotonic()
        if (now_s < self._next_s and not pressed) or not self.screen.drawable:
            return
        self._next_s = now_s + REDRAW_S
        size = self.screen.begin_frame()
        look = Look(
            *size,
            unicode=self.screen.unicode,
            details=self.details,
            paused=self._paused is not None,
            keys=self.screen.keys.opened,
            state=state,
        )
        figures = self._take() if self._paused is None else self._paused
        self.screen.draw(self._frame(figures, look), size)

    def _hear(self) -> bool:
        """Do what the keys ask for; tell whether the picture is another one now."""
        pressed = self.screen.keys.pressed()
        for key in pressed:
            if key == "q":
                if not self._stopped:
                    self._stopped = True
                    os.kill(os.getpid(), signal.SIGINT)
                break
            if key == "p":
                self._paused = None if self._paused is not None else self._take()
            elif key == "d":
                self.details = not self.details
        return bool(pressed)
