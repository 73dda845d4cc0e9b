"""Who of many machines is asked next, so that no answer waits for those of the others."""

from __future__ import annotations

import asyncio

GAP_S = 0.001  # asyncio sleeps no shorter


class Turns:
    """Turns one after the other: so many in a row, then a gap in which the loop has time."""

    def __init__(self, in_a_row: int) -> None:
        self._in_a_row = in_a_row
        self._taken = 0
        self._lock = asyncio.Lock()

    async def next(self) -> None:
        """Wait for a turn."""
        async with self._lock:
            self._taken += 1
            if self._taken % self._in_a_row == 0:
                await asyncio.sleep(GAP_S)
