"""When an agent looks at its workers: every second, and whenever the parent needs to know more."""

from __future__ import annotations

from collections.abc import Iterable

LOOK_NS = 1_000_000_000


class Instants:
    """The instants after `start_ns`; `more_s` are seconds from there on, beside the whole ones."""

    def __init__(self, start_ns: int, more_s: Iterable[float]) -> None:
        self._second_ns = start_ns + LOOK_NS
        self._more_ns = sorted((start_ns + round(each * 1e9) for each in more_s), reverse=True)

    @property
    def due_ns(self) -> int:
        """The next one."""
        return min([self._second_ns, *self._more_ns[-1:]])

    def passed(self, now_ns: int) -> bool:
        """Leave out what is over; true when a whole second was among it."""
        while self._more_ns and self._more_ns[-1] <= now_ns:
            self._more_ns.pop()
        if now_ns < self._second_ns:
            return False
        self._second_ns += LOOK_NS * (1 + (now_ns - self._second_ns) // LOOK_NS)
        return True
