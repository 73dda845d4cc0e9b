"""What an agent does for its parent: one load, of URLs or of a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fastbench.cluster.worker_memory import MemorySource


class Work(Protocol):
    """One load on this machine."""

    memory: MemorySource
    handlers: Mapping[str, Callable[[Any], None]]  # of what the parent says to this kind of load

    def ready(self) -> bool:
        """Tell whether the workers wait for the start line."""

    def begin(self, *, line_ns: int, start_ns: int, stop_ns: int) -> None:
        """Open the start line: instants of this machine's clock; stop 0 is no limit."""

    def tick(self) -> None:
        """Do what is to be done at once; called many times a second."""

    def stop(self) -> None:
        """Let the workers stop now."""

    def used(self) -> dict[str, Any]:
        """Return what was used since the last time."""

    def summed_up(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Return what this machine knows of the run: see MachineReport."""
