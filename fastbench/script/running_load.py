"""What a script can ask about the run while it lasts: of all workers, on whichever machine.

What workers on this machine did is read out of shared memory, as it is now. What others did is
told once a second, to scripts that may ask (`Declared.looks`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from time import monotonic_ns

from fastbench.engine.client import _client

BORN, GONE = 32, 33  # shared counters between those of scenarios and those of feeders
ENDLESS = 1 << 62
_COMPLETED, _INTERRUPTED = "iterations", "iterations.interrupted"
_EXTRA = "vus.extra"  # no name that a metric may have
_COUNTS = frozenset((_COMPLETED, _INTERRUPTED, _EXTRA))

Counts = Counter[tuple[str, str]]  # by what is counted, and scenario


def counts(arena: _client.Arena, workers: Iterable[int]) -> Counts:
    """Add up what these workers counted."""
    found = Counts()
    for worker in workers:
        for _, name, tags, count in arena.read(worker, _COUNTS):
            found[name, json.loads(tags)["scenario"] if tags else ""] += round(count)
    return found


class RunningLoad:
    """Look at the run from one worker. Looking costs a walk through the entries of the arena."""

    def __init__(self, arena: _client.Arena, index: int) -> None:
        self.is_split = arena.machines > 1
        self.start_ns = 0  # the start line, CLOCK_MONOTONIC; 0 until it is known
        self._begun_ns = 0
        self._arena = arena
        self._index = index
        self._made: _client.CounterSlot | None = None
        self._vus_elsewhere = 0
        self._counts_elsewhere = Counts()

    def begin(self) -> None:
        """Note that setup begins in this worker."""
        self._begun_ns = monotonic_ns()

    def line_up(self, start_ns: int, begun_ns: int) -> None:
        """Learn the start line, and when setup began, in whichever worker; 0 if there is none."""
        self.start_ns = start_ns
        self._begun_ns = self._begun_ns or begun_ns

    def begun_ns(self) -> int:
        """Return when setup began, in whichever worker, or else the load; 0 before both."""
        return self._begun_ns or self.start_ns

    def hear(self, vus: int, told: Iterable[tuple[str, str, int]]) -> None:
        """Learn how many VUs other machines have, and what those have counted."""
        self._vus_elsewhere = vus
        self._counts_elsewhere = Counts({(name, of): count for name, of, count in told})

    def iterations(self, scenario: str | None = None) -> tuple[int, int]:
        """Return how many were completed and interrupted, of a scenario or of all."""
        found = Counter[str]()
        for (name, of), count in self._counts().items():
            if scenario is None or of == scenario:
                found[name] += count
        return found[_COMPLETED], found[_INTERRUPTED]

    def change(self, by: int) -> int:
        """Note that one VU comes (1) or goes (-1); return how many this machine has now."""
        self._arena.count(BORN if by > 0 else GONE)
        return self._vus_here()

    def vus(self) -> int:
        """Return how many VUs there are now."""
        return self._vus_here() + self._vus_elsewhere

    def add_extra(self) -> None:
        """Note that a VU was made that no plan had."""
        if self._made is None:
            self._made = self._arena.writer(self._index).counter(_EXTRA)
        self._made.add(1)

    def extra(self) -> int:
        """Return how many those are."""
        return self._counts()[_EXTRA, ""]

    def _counts(self) -> Counts:
        return counts(self._arena, self._arena.indices) + self._counts_elsewhere

    def _vus_here(self) -> int:
        return self._arena.counted(BORN) - self._arena.counted(GONE)
