"""options.rps: no more requests a second than that, over the users of all workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic_ns

NUMBER = 63  # of the counters that workers share: the turn that was taken last
_ENDLESS = 1 << 62
_SECOND_NS = 1_000_000_000


class Pace:
    """Turns of one length: each request takes the next one, in whichever worker it is.

    A turn that passed while nobody asked is lost, so that no burst follows a pause, as in k6.
    """

    def __init__(self, rps: int, begun_ns: int, take: Callable[[int, int], int]) -> None:
        """`begun_ns` is the same instant in all workers, and so is what `take` takes from."""
        self._rps = rps
        self._begun_ns = begun_ns
        self._take = take

    def next_ns(self, now_ns: int) -> int:
        """Take a turn that has not passed; return when it begins."""
        first = (now_ns - self._begun_ns) * self._rps // _SECOND_NS
        while (number := self._take(NUMBER, _ENDLESS)) < first:
            pass
        return self._begun_ns + number * _SECOND_NS // self._rps

    async def turn(self) -> None:
        """Wait for a turn."""
        due_ns = self.next_ns(monotonic_ns())
        while (left_ns := due_ns - monotonic_ns()) > 0:
            await asyncio.sleep(left_ns / _SECOND_NS)
