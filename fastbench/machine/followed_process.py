"""One process of a target, or one that is watched, from its first reading to its last."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from fastbench.foundation import redact
from fastbench.machine import processes
from fastbench.machine.processes import Reading
from fastbench.results.usage import ProcessSample, TargetUse

MIN_ROW_S = 0.5


@dataclass(slots=True)
class FollowedProcess:
    """One process of a target, or one that is watched, from its first reading to its last."""

    pid: int
    role: str
    first: Reading
    last: Reading
    base_s: float  # what it had used before the start
    fds: int | None
    rss_bytes_max: int
    name: str = ""
    cores: tuple[int, ...] = ()
    thread_times: dict[int, float] = field(default_factory=dict)
    cpu_percent_max: float = 0.0

    @property
    def cpu_s(self) -> float:
        return max(0.0, self.last.cpu_s - self.base_s)

    def take(self, new: Reading, gap_s: float) -> ProcessSample | None:
        """Take a new reading in; None for a zombie, of which only the time is left to read."""
        percent = percent_of_core(new.cpu_s - self.last.cpu_s, gap_s)
        if gap_s >= MIN_ROW_S:
            self.cpu_percent_max = max(self.cpu_percent_max, percent)
        if new.ended:
            self.last = replace(self.last, cpu_s=new.cpu_s, ended=True)
            return None
        if new.rss_bytes == 0:  # it is ending: its memory goes before it is a zombie
            new = replace(new, rss_bytes=self.last.rss_bytes)
        self.last = new
        self.rss_bytes_max = max(self.rss_bytes_max, new.rss_bytes)
        self.fds = processes.open_files(self.pid)
        return ProcessSample(self.pid, percent, new.rss_bytes, self.fds, new.threads)

    def use(self, window_s: float, answered: int, *, alive: bool) -> TargetUse:
        percent = percent_of_core(self.cpu_s, window_s)
        counted = self.role == "target" and answered > 0
        return TargetUse(
            pid=self.pid,
            name=redact.printable(self.name),
            cpu_s=round(self.cpu_s, 3),
            cpu_percent_max=max(self.cpu_percent_max, percent),
            rss_bytes_start=self.first.rss_bytes,
            rss_bytes_end=self.last.rss_bytes,
            rss_bytes_max=self.rss_bytes_max,
            fds=self.fds,
            threads=self.last.threads,
            cpu_percent=percent,
            thread_percent=self._thread_percent(percent, window_s, alive),
            cpu_us_per_request=round(1e6 * self.cpu_s / answered, 3) if counted else None,
            cores=self.cores,
            role=self.role,
        )

    def _thread_percent(self, percent: float, window_s: float, alive: bool) -> float:
        """Return the mean of the busiest thread, 0 when it can no longer be told."""
        if self.last.threads == 1 and self.first.threads == 1:
            return percent
        now = processes.thread_times(self.pid) if alive else {}
        gained = [cpu_s - self.thread_times.get(tid, 0.0) for tid, cpu_s in now.items()]
        return min(percent, percent_of_core(max(gained, default=0.0), window_s))


def percent_of_core(cpu_s: float, span_s: float) -> float:
    """Return percent of one core; clock ticks must not make more of it than all cores."""
    if span_s <= 0:
        return 0.0
    return round(min(100.0 * max(0.0, cpu_s) / span_s, 100.0 * (os.cpu_count() or 1)), 1)
