"""The gate of a run whose iterations take turns with those of another: see run/turns.py for URLs.

1. Iterations begin while the gate is open: for the length of a slice. Those under way then come
   home, and each worker says what it counted meanwhile. Closed, its users wait and cost nothing.
2. Who directs has a socket to each worker there may be, made before the run is forked. Each worker
   keeps its own; when it ends, its socket does, too.
3. Messages are JSON lines, see run/child.py: `ready`, `open`, `home`, `over`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from fastbench.engine.bridge import _core


@dataclass(frozen=True, slots=True)
class Home:
    """What one worker counted in a slice. Times are of CLOCK_MONOTONIC, `used_ns` of its thread.

    From `begin_ns` to `last_ns`, the end of its last iteration. `spent_ns` is the time of all
    iterations, `longest_ns` of the longest; `dropped` were planned, and no user was free. `times`
    are the counters of a histogram of requests that are ok, from their planned instants where
    they have some.
    """

    begin_ns: int
    last_ns: int
    used_ns: int
    iterations: int
    spent_ns: int
    longest_ns: int
    dropped: int
    ok: int
    failed: int
    times: Mapping[int, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return what goes to who directs; JSON has no numbers for names."""
        return {**asdict(self), "times": list(self.times.items())}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Home:
        """Read what came from a worker."""
        return cls(**{**body, "times": dict(body["times"])})


class SliceGate:
    """The sockets of one run. `ours` are of who directs, by worker; `length_s` bounds the load."""

    def __init__(self, workers: int, length_s: float) -> None:
        pairs = [socket.socketpair() for _ in range(workers)]
        self.ours = [ours.detach() for ours, _ in pairs]
        self._theirs: list[socket.socket | None] = [theirs for _, theirs in pairs]
        self.length_s = length_s

    def seat(self, index: int) -> socket.socket:
        """Return the socket of a worker, in its process: those of the others are closed."""
        found = self._theirs[index]
        assert found is not None
        self._theirs[index] = None
        self.leave()
        return found

    def forked(self, index: int) -> None:
        """Leave the socket of a worker to it: then its end is seen."""
        if (theirs := self._theirs[index]) is not None:
            theirs.close()
            self._theirs[index] = None

    def leave(self) -> None:
        """Close all sockets of workers: others have them."""
        for index in range(len(self._theirs)):
            self.forked(index)


@dataclass(slots=True)
class Meter:
    """Reads what a worker counted since the last time."""

    block: _core.Block
    index: int
    planned: bool = False  # times are counted from planned instants
    _ok: int = 0
    _failed: int = 0
    _times: _core.Histogram = field(default_factory=_core.Histogram)

    def since(self) -> tuple[int, int, dict[int, int]]:
        """Return ok, failed and the counters of the times of those that are ok."""
        counters = self.block.counters(self.index)
        ok, failed = counters["ok"], counters["failed"] + counters["timeouts"]
        times = self.block.histogram("response" if self.planned else "service", [self.index])
        found = ok - self._ok, failed - self._failed, times.since(self._times).counts()
        self._ok, self._failed, self._times = ok, failed, times
        return found
