"""What the checks look at: files under a root, the clock, one second of the processors.

Nothing here raises for a file that is missing or holds something else: its text is "".
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path

import psutil

from fastbench.foundation.redact import printable
from fastbench.machine import system_files

CLOCK_CALLS = 20_000
CLOCK_ROUNDS = 5
SECOND_S = 1.0
BUSIEST = 3

# The fields of /proc/stat, proc(5): user nice system idle iowait irq softirq steal (guest is user).
_IDLE, _IOWAIT, _STEAL, _FIELDS = 3, 4, 7, 8


def reading_ns() -> float:
    """Measure one reading of CLOCK_MONOTONIC: a loop of them, less a loop of calls that do nothing.

    On the machine this was written on that is a nanosecond from what a loop in C takes.
    """

    def loop_ns(call: Callable[[], object]) -> int:
        start_ns = time.perf_counter_ns()
        for _ in repeat(None, CLOCK_CALLS):
            call()
        return time.perf_counter_ns() - start_ns

    # The least of a few rounds: whatever else runs can only add to one.
    calls = (time.monotonic_ns, gc.isenabled)
    reading, empty = (min(loop_ns(call) for _ in range(CLOCK_ROUNDS)) for call in calls)
    return max(0, reading - empty) / CLOCK_CALLS


def cpu_seconds() -> dict[int, tuple[str, float]]:
    """Return name and processor time so far of the other processes to be seen, by pid."""
    found = {}
    for process in system_files.or_default(lambda: list(psutil.process_iter()), None) or []:
        known = system_files.or_default(partial(process.as_dict, ["name", "cpu_times"]), None) or {}
        times = known.get("cpu_times")
        if times is not None and process.pid != os.getpid():
            found[process.pid] = (known["name"] or "?", times.user + times.system)
    return found


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the checks look: files under a root, and what no file tells."""

    root: Path = Path("/")
    pause: Callable[[float], None] = time.sleep
    clock_ns: Callable[[], float] = reading_ns
    used_s: Callable[[], Mapping[int, tuple[str, float]]] = cpu_seconds

    def text(self, path: str) -> str:
        """Return a file without the white space around it, "" if it cannot be read."""
        return system_files.text(f"{self.root / path}").strip()

    def numbers(self, path: str) -> list[int]:
        """Return the whole numbers in a file."""
        found = map(system_files.whole, self.text(path).split())
        return [number for number in found if number is not None]

    def number(self, path: str) -> int | None:
        """Return the first whole number in a file."""
        return next(iter(self.numbers(path)), None)

    def table(self, path: str) -> dict[str, int]:
        """Return a file of lines `name number …`, with or without a colon."""
        rows = (line.replace(":", " ").split() for line in self.text(path).splitlines())
        known = {row[0]: system_files.whole(row[1]) for row in rows if len(row) > 1}
        return {name: number for name, number in known.items() if number is not None}

    def folders(self, pattern: str) -> list[str]:
        """Return the folders of the files that match."""
        found = self.root.glob(pattern)
        return sorted(str(path.parent.relative_to(self.root)) for path in found)

    def second(self) -> Second:
        """Look at the processors for a second. This process sleeps meanwhile."""
        processes = self.used_s()
        before = self._ticks()
        self.pause(SECOND_S)
        spent = [after - was for after, was in zip(self._ticks(), before, strict=False)]
        busiest = sorted(
            (
                (100 * (total_s - processes[pid][1]) / SECOND_S, pid, printable(name))
                for pid, (name, total_s) in self.used_s().items()
                if pid in processes
            ),
            reverse=True,
        )
        return Second(tuple(spent), tuple(row for row in busiest if row[0] >= 1)[:BUSIEST])

    def _ticks(self) -> list[int]:
        name, *words = self.text("proc/stat").partition("\n")[0].split() or [""]
        ticks = [system_files.whole(word) for word in words[:_FIELDS]]
        return [each for each in ticks if each is not None] if name == "cpu" else []


@dataclass(frozen=True, slots=True)
class Second:
    """What all processors did for a second, and who used them: percent of a core, pid, name."""

    ticks: tuple[int, ...]
    busiest: tuple[tuple[float, int, str], ...]

    @property
    def steal_percent(self) -> float | None:
        """Time a hypervisor gave to others; None if it is not known."""
        return 100 * self.ticks[_STEAL] / sum(self.ticks) if self._known else None

    @property
    def busy_percent(self) -> float | None:
        """Time spent on work of this machine; None if it is not known."""
        idle = sum(self.ticks[at] for at in (_IDLE, _IOWAIT, _STEAL)) if self._known else 0
        return 100 * (1 - idle / sum(self.ticks)) if self._known else None

    @property
    def _known(self) -> bool:
        return len(self.ticks) == _FIELDS and sum(self.ticks) > 0
