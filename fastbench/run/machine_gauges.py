"""What host and watched processes use, as gauges of a snapshot: one row per name of a process.

1. A command of many processes (a pre-forked server, a database) is one row: the sum of them all.
   Memory that they share is in the resident size of each, so the sum counts it more than once.
2. Where a metric has several rows, the one without labels is their sum at each instant: its max is
   not the sum of their maxima.
3. A span shorter than MIN_SPAN_S tells no use of processors: it is a few clock ticks (proc(5)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastbench.results.metric_values import PERCENTS
from fastbench.results.usage import HostSample, ProcessSample, Use
from fastbench.run.metric_sums import GaugeValue
from fastbench.run.snapshot import Labels, Rows

MIN_SPAN_S = 0.5
_Sums = dict[str, dict[Labels, float]]


class MachineGauges:
    """The gauges of one run. `name_of` gives the name of a process that was sampled."""

    def __init__(self, name_of: Callable[[int], str]) -> None:
        self._name_of = name_of
        self._rows: Rows = {}

    @property
    def rows(self) -> Rows:
        """The gauges so far; a value is never changed afterwards, only replaced."""
        return {name: dict(of) for name, of in self._rows.items()}

    def take(self, use: Use, span_s: float, now_ns: int) -> None:
        """Take what was used in the last `span_s`; `now_ns` orders the values of a gauge."""
        for name, sums in {**self._of_targets(use.targets), **_of_host(use.host)}.items():
            rows = self._rows.setdefault(name, {})
            if rows and name in PERCENTS and span_s < MIN_SPAN_S:
                continue
            gone = rows.keys() - sums.keys()  # a command without a process left uses nothing
            found = {**dict.fromkeys(gone, 0.0), **sums}
            if len(found.keys() - {()}) > 1:
                found[()] = sum(each for labels, each in found.items() if labels)
            for labels, each in found.items():
                value = GaugeValue(each, each, each, now_ns)
                rows[labels] = rows[labels] + value if labels in rows else value

    def _of_targets(self, samples: tuple[ProcessSample, ...]) -> _Sums:
        found: _Sums = {}
        for sample in samples:
            labels = (("process", self._name_of(sample.pid)),)
            values: dict[str, float | None] = {
                "target_cpu": sample.cpu_percent,
                "target_rss": sample.rss_bytes,
                "target_fds": sample.fds,
                "target_threads": sample.threads,
                "target_connections": sample.connections,
            }
            for name, value in values.items():
                if value is not None:
                    of = found.setdefault(name, {})
                    of[labels] = of.get(labels, 0.0) + value
        return found


def _of_host(host: HostSample) -> _Sums:
    found: _Sums = {}
    if host.core_percents:
        found["host_cpu"] = {(): sum(host.core_percents) / len(host.core_percents)}
    if host.memory_used_bytes is not None:
        found["host_memory"] = {(): float(host.memory_used_bytes)}
    ways: Mapping[str, float | None] = {
        "in": host.net_in_bytes_per_s,
        "out": host.net_out_bytes_per_s,
    }
    for way, each in ways.items():
        if each is not None:
            found.setdefault("host_network", {})[("direction", way),] = each
    return found
