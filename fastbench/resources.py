"""Processor and memory of the client and the host while a run goes, through psutil."""

from __future__ import annotations

from collections.abc import Sequence

import psutil


class Monitor:
    """Sample once a second at most; `sample` costs some 100 us, most of it reading /proc."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(), *(psutil.Process(pid) for pid in pids)]
        self._first = self._last = psutil.cpu_times()
        self.client_cpu_before_s = 0.0
        self.client_rss_bytes_max = 0
        self.host_cpu_percent_max = 0.0
        self.memory_bytes = 0
        self.memory_used_bytes_max = 0

    def start(self) -> None:
        """Begin at the start line: what came before does not count."""
        self._first = self._last = psutil.cpu_times()
        self.client_cpu_before_s = self._client_cpu_s()
        self.sample()

    def sample(self) -> None:
        """Take one sample of memory and of processor use since the last one."""
        now = psutil.cpu_times()
        self.host_cpu_percent_max = max(self.host_cpu_percent_max, _busy(self._last, now))
        self._last = now
        self.client_rss_bytes_max = max(self.client_rss_bytes_max, self._client_rss_bytes())
        memory = psutil.virtual_memory()
        self.memory_bytes = memory.total
        self.memory_used_bytes_max = max(
            self.memory_used_bytes_max, memory.total - memory.available
        )

    @property
    def host_cpu_percent(self) -> float:
        """Mean use of all cores from start to the last sample, 0 to 100."""
        return _busy(self._first, self._last)

    @property
    def steal_percent(self) -> float:
        """Share of time another guest had the processors (proc(5), /proc/stat steal)."""
        return _share(self._first, self._last, "steal")

    def _client_cpu_s(self) -> float:
        """Processor time so far, in steps of 10 ms (proc(5), clock ticks)."""
        total = 0.0
        for process in self._processes:
            try:
                times = process.cpu_times()
            except psutil.Error:  # a worker that has ended
                continue
            total += times.user + times.system
        return total

    def _client_rss_bytes(self) -> int:
        total = 0
        for process in self._processes:
            try:
                total += process.memory_info().rss
            except psutil.Error:  # a worker that has ended
                continue
        return total


def _total(times: object) -> float:
    # guest time is already in user time (proc(5)), so it is left out
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    return float(sum(getattr(times, name, 0.0) for name in names))


def _share(first: object, last: object, name: str) -> float:
    span = _total(last) - _total(first)
    if span <= 0:
        return 0.0
    return 100.0 * (getattr(last, name, 0.0) - getattr(first, name, 0.0)) / span


def _busy(first: object, last: object) -> float:
    if _total(last) <= _total(first):
        return 0.0
    return max(0.0, 100.0 - _share(first, last, "idle") - _share(first, last, "iowait"))
