"""Ctrl-C and its kin, for work that consists of many waits.

1. The first signal ends what is under way in good order: every wait ends, and `Interrupted` is
   raised where nothing has to be cleaned up any more.
2. The second is KeyboardInterrupt, at once.
"""

from __future__ import annotations

import select
import time
from typing import Any, Self

from fastbench.foundation import meanwhile, signals


class Interrupted(Exception):
    """A signal asked for the end; what was under way has ended."""


class Interrupts:
    """Catch the signals as long as the context lasts."""

    def __init__(self) -> None:
        self.came = False
        self._wakeup = signals.Wakeup()
        self._heard = signals.heard(self._interrupt)

    def __enter__(self) -> Self:
        self._heard.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._heard.__exit__(*raised)
        self._wakeup.close()

    def check(self) -> None:
        """Raise Interrupted once a signal has come."""
        if self.came:
            raise Interrupted

    def nap(self, length_s: float) -> None:
        """Sleep; raises Interrupted as soon as a signal comes."""
        until_s = time.monotonic() + length_s
        while not self.came and (left_s := until_s - time.monotonic()) > 0:
            select.select([self._wakeup.fd], [], [], min(left_s, meanwhile.LOOK_S))
            self._wakeup.drain()
            meanwhile.beat()
        self.check()

    def _interrupt(self) -> None:
        self.came = True
