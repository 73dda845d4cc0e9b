"""The runs that were started together with this one: their processor time is no other program's.

Who starts several says so in the environment of each. All that descends from it is of one of them,
but for this run's own processes.
"""

from __future__ import annotations

import os
from collections.abc import Container

from fastbench.machine import processes

VARIABLE = "FASTBENCH_TOGETHER"  # the process that started them


class RunsBeside:
    """What the other runs used since `start`, and who started them all."""

    def __init__(self) -> None:
        self._starter, self._ours = _family()
        self._first_s = self._last_s = 0.0

    def start(self, known: Container[int]) -> None:
        """Take the first reading, without the processes `known` and what descends from them."""
        self._first_s = self._last_s = self._read(known)

    def sample(self, known: Container[int]) -> None:
        """Read again; one that ends while it is read may be missed once."""
        self._last_s = max(self._last_s, self._read(known))

    @property
    def cpu_s(self) -> float | None:
        """Their processor time in seconds, None of a run that was started alone."""
        return self._last_s - self._first_s if self._starter else None

    def _read(self, known: Container[int]) -> float:
        total_s = 0.0
        queue = [self._starter] if self._starter else []
        for pid in queue:  # grows while it is read
            reading = processes.reading(pid)
            if reading is not None:
                total_s += reading.cpu_s + reading.waited_s
                queue += [
                    each
                    for each in processes.children(pid)
                    if each != self._ours and each not in known
                ]
        return total_s


def _family() -> tuple[int, int]:
    """Return who started this run together with others, and its own process below that one.

    Zeros for a run that was started alone, as one that a script starts.
    """
    starter, child = os.environ.get(VARIABLE, ""), os.getpid()
    for pid in processes.ancestors(child):
        if str(pid) == starter:
            return pid, child
        child = pid
    first = starter == str(processes.INIT)  # of a container
    return (processes.INIT, child) if first else (0, 0)
