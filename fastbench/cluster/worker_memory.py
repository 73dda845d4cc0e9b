"""The memory of workers, on its way from the machine that they run on to the parent."""

from __future__ import annotations

from collections.abc import Iterator

from fastbench.cluster.frames import Changes, FrameError
from fastbench.engine.bridge import _core
from fastbench.engine.client import _client

LAYOUT = f"{_core.LAYOUT} {_client.LAYOUT}"  # of this build; machines exchange memory


class MemorySource:
    """What changed in the memory of the workers of this machine, look by look.

    Instants are told as those of the parent's clock.
    """

    def __init__(self, block: _core.Block, arena: _client.Arena | None = None) -> None:
        self._arena = arena
        self._block = [
            (worker, part, instants, len(view), _core.MemoryChanges(view))
            for worker in block.indices
            for part, (view, instants) in enumerate(block.parts(worker))
        ]
        self._regions = (
            []
            if arena is None
            else [(worker, _core.MemoryChanges(arena.part(worker))) for worker in block.indices]
        )

    def changes(self, offset_ns: int) -> Iterator[Changes]:
        """Give what changed since the last look; `offset_ns` is this clock less the parent's.

        The arena comes first: what is counted in a block by a name is in the arena by then.
        """
        for worker, memory in self._regions:
            assert self._arena is not None
            used_bytes, instants = self._arena.used_bytes(worker), self._arena.instants(worker)
            if found := memory.take(used_bytes, instants, offset_ns):
                yield Changes("arena", worker, 0, found)
        for worker, part, instants, n_bytes, memory in self._block:
            if found := memory.take(n_bytes, instants, offset_ns):
                yield Changes("block", worker, part, found)


class MemoryTarget:
    """The parent's copy of it."""

    def __init__(self, block: _core.Block, arena: _client.Arena | None = None) -> None:
        self._block = block
        self._arena = arena
        self._parts: dict[tuple[str, int, int], memoryview] = {}

    def apply(self, changes: Changes) -> None:
        """Take over what changed. Raises FrameError for what cannot be."""
        key = changes.memory, changes.worker, changes.part
        try:
            view = self._parts.get(key)
            if view is None:
                view = self._parts[key] = self._view(*key)
            _core.apply_changes(view, changes.changed)
        except (IndexError, ValueError) as error:
            raise FrameError(f"changes of worker {changes.worker}: {error}") from None

    def _view(self, memory: str, worker: int, part: int) -> memoryview:
        if memory == "block":
            return self._block.parts(worker)[part][0]
        if self._arena is None:
            raise FrameError("there is no arena")
        return self._arena.part(worker)
