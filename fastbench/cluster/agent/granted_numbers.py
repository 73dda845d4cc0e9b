"""Numbers that workers of several machines share: a machine gets some, and asks for more in time.

They are the iterations of scenarios with shared iterations; see Leases (parent/leases.py), who
grants them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastbench.engine.client import _client

LOW = 0.5  # of what was granted last: then more is asked for, and comes while that lasts


@dataclass(slots=True)
class _Counter:
    granted: int
    asked: bool = False


class GrantedNumbers:
    """What this machine has of each shared counter."""

    def __init__(self, arena: _client.Arena, say: Callable[[str, object], None]) -> None:
        self._arena = arena
        self._say = say
        self._open: dict[int, _Counter] = {}
        self._shared: set[int] = set()

    def grant(self, body: dict[str, int]) -> None:
        """Take numbers from `first` on."""
        self._arena.grant(body["shared"], body["first"], body["count"])
        self._open[body["shared"]] = _Counter(body["count"])
        self._shared.add(body["shared"])

    def close(self, body: dict[str, int]) -> None:
        """Learn that no more will come."""
        self._arena.close_grants(body["shared"])
        self._open.pop(body["shared"], None)

    def look(self) -> None:
        """Ask for more where little is left."""
        for shared, counter in self._open.items():
            if not counter.asked and self._arena.left(shared) <= LOW * counter.granted:
                counter.asked = True
                self._say("need", {"shared": shared})

    def tell_left(self, body: object) -> None:
        """Say how many were granted and not taken: what came when the load was over."""
        self._say("left", {str(shared): self._arena.left(shared) for shared in self._shared})
