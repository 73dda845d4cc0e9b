"""What a worker can ask about the run while it lasts: of all workers, out of shared memory."""

from __future__ import annotations

import json
from time import monotonic_ns

from fastbench.engine.client import _client

BORN, GONE = 32, 33  # shared counters between those of scenarios and those of feeders
EXTRA = 61  # VUs that no plan had; of the numbers of feeders, which scripts that count these lack
ENDLESS = 1 << 62
_COMPLETED, _INTERRUPTED = "iterations", "iterations.interrupted"
_BEGUN = "run.begun"  # no name that a metric may have


class RunningLoad:
    """Look at the run from one worker. Looking costs a walk through the entries of the arena."""

    def __init__(self, arena: _client.Arena, index: int) -> None:
        self.start_ns = 0  # the start line, CLOCK_MONOTONIC; 0 until it is known
        self._arena = arena
        self._index = index
        self._begun_ns = 0

    def begin(self) -> None:
        """Note that the run begins in this worker: with setup, before the start line."""
        self._begun_ns = monotonic_ns()
        self._arena.writer(self._index).gauge(_BEGUN).add(self._begun_ns)

    def begun_ns(self) -> int:
        """Return when setup began, in whichever worker, or else the load; 0 before both."""
        if not self._begun_ns:
            found = self._arena.sums({_BEGUN}).get(("gauge", _BEGUN, ""))
            self._begun_ns = round(found[0]) if found is not None else self.start_ns
        return self._begun_ns

    def iterations(self, scenario: str | None = None) -> tuple[int, int]:
        """Return how many were completed and interrupted, of a scenario or of all."""
        found = {_COMPLETED: 0.0, _INTERRUPTED: 0.0}
        for (_, name, row), count in self._arena.sums({*found}).items():
            if scenario is None or json.loads(row).get("scenario") == scenario:
                found[name] += count
        return round(found[_COMPLETED]), round(found[_INTERRUPTED])

    def change(self, by: int) -> int:
        """Note that one VU comes (1) or goes (-1); return how many there are now."""
        if by > 0:
            return self._arena.count(BORN) - self._arena.counted(GONE)
        self._arena.count(GONE)
        return self.vus()

    def vus(self) -> int:
        """Return how many VUs there are now."""
        return self._arena.counted(BORN) - self._arena.counted(GONE)

    def add_extra(self) -> None:
        """Note that a VU was made that no plan had."""
        self._arena.count(EXTRA)

    def extra(self) -> int:
        """Return how many those are."""
        return self._arena.counted(EXTRA)
