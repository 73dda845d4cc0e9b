"""How long it took to show something: a terminal that is stopped stops its writer, not the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["Showing"]

T = TypeVar("T")


class Showing:
    """Add up the time that is spent on showing; who looks sets it back to 0."""

    def __init__(self) -> None:
        self.spent_ns = 0

    def timed(self, show: Callable[[T], None]) -> Callable[[T], None]:
        """Return the same with its time added."""

        def timed(what: T) -> None:
            begun_ns = time.monotonic_ns()
            show(what)
            self.spent_ns += time.monotonic_ns() - begun_ns

        return timed
