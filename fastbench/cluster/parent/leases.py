"""Who gets which of the iterations that users of all machines share: some at a time, ever fewer.

Guided self-scheduling (Polychronopoulos and Kuck, 1987): a machine gets the k-th part of what is
left, k twice the number of machines, so that a fast one does more and all end together. What a
machine was granted and did not begin is dropped there; what nobody was granted is dropped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from fastbench.cluster.links.machine_link import MachineLink

SHARE = 2


@dataclass(slots=True)
class _Counter:
    limit: int
    next: int = 0


class Leases:
    """The shared counters of a run. Machines ask in the cluster's thread, so there is a lock."""

    def __init__(self, machines: Iterable[MachineLink]) -> None:
        self._machines = list(machines)
        self._counters: dict[int, _Counter] = {}
        self._lock = Lock()

    def begin(self, limits: Mapping[int, int]) -> None:
        """Grant each machine its first part; `limits` are how many there are by counter."""
        self._counters = {shared: _Counter(limit) for shared, limit in limits.items()}
        for shared in limits:
            for machine in self._machines:
                self._grant(machine, shared)

    def need(self, machine: MachineLink, body: dict[str, Any]) -> None:
        """Give a machine more, or say that there is none."""
        self._grant(machine, body["shared"])

    def rest(self) -> dict[int, int]:
        """Return how many of each counter were never granted; none is from now on."""
        with self._lock:
            found = {shared: each.limit - each.next for shared, each in self._counters.items()}
            for each in self._counters.values():
                each.next = each.limit
        return found

    def _grant(self, machine: MachineLink, shared: int) -> None:
        with self._lock:
            counter = self._counters[shared]
            first, left = counter.next, counter.limit - counter.next
            count = -(-left // (SHARE * len(self._machines)))
            counter.next += count
        if count:
            machine.post("grant", {"shared": shared, "first": first, "count": count})
        else:
            machine.post("close_grants", {"shared": shared})
