"""How far the clock of another machine is from ours, and how sure of it we can be.

1. An exchange is a question and its answer: `sent_ns` and `received_ns` on our clock, between them
   `theirs_ns` on the other one, both CLOCK_MONOTONIC. Their clock was read at some instant of the
   round trip, so offset = theirs - ours lies in [theirs - received, theirs - sent]: the middle,
   give or take half of the round trip, however unequal the two ways were (Cristian 1989,
   "Probabilistic clock synchronization"). Of many exchanges, the one with the least round trip
   says most: queues only ever add to it (the clock filter of NTP, RFC 5905 section 10).
2. How many: until 16 in a row have not shortened the least round trip by 5 % (`enough`), 100 at
   most. Simulated (1,500 runs each; one-way delays of 0.06 to 20 ms; queues of exponential
   length, some with a heavy tail) that is 17 to 25 exchanges in the median and below 60 in 99 of
   100 runs, for a bound of at most 1.32 times, and in 99 of 100 runs 2.2 times, that of 1,000
   exchanges. A patience of 8 needs ten fewer, and the 2.2 become 2.6; one of 32 needs twice as
   many for 1.8.
3. The bound says nothing of what comes later: clocks drift, and CLOCK_MONOTONIC stands still while
   a machine is suspended. `DriftWatch` compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastbench.foundation import units

PATIENCE = 16  # exchanges in a row that do not help
HELPS = 0.05  # by what part a round trip is to be shorter to count as help
MAX_EXCHANGES = 100
MAX_SLEW_PPM = 500.0  # the kernel corrects no clock faster (adjtimex(2); RFC 5905, MAXFREQ)
TOLERANCE_NS = 1_000_000  # what a load does not show: planned instants are kept within 1 ms or so


@dataclass(frozen=True, slots=True)
class Exchange:
    """Hold one question and its answer; raises ValueError if it ends before it began."""

    sent_ns: int
    theirs_ns: int
    received_ns: int

    def __post_init__(self) -> None:
        if self.received_ns < self.sent_ns:
            raise ValueError("an answer was received before its question was sent")

    @property
    def round_trip_ns(self) -> int:
        """How long the answer was away."""
        return self.received_ns - self.sent_ns


@dataclass(frozen=True, slots=True)
class Offset:
    """Hold theirs - ours: true is what lies within `bound_ns` of `offset_ns`."""

    offset_ns: int
    bound_ns: int
    round_trip_ns: int

    def theirs_ns(self, ours_ns: int) -> int:
        """Return what their clock shows when ours shows this."""
        return ours_ns + self.offset_ns

    def ours_ns(self, theirs_ns: int) -> int:
        """Return what our clock shows when theirs shows this."""
        return theirs_ns - self.offset_ns


def estimate(exchanges: Iterable[Exchange]) -> Offset:
    """Return the offset by the least round trip; raises ValueError without an exchange."""
    best = min(exchanges, key=lambda each: each.round_trip_ns)
    middle_ns = (best.sent_ns + best.received_ns) // 2
    bound_ns = best.received_ns - middle_ns  # half, rounded up
    return Offset(best.theirs_ns - middle_ns, bound_ns, best.round_trip_ns)


def enough(exchanges: Sequence[Exchange]) -> bool:
    """Tell whether more exchanges, in the order they were made, would hardly help."""
    if len(exchanges) >= MAX_EXCHANGES:
        return True
    least_ns, helped = float("inf"), 0
    for number, each in enumerate(exchanges):
        if each.round_trip_ns < least_ns * (1 - HELPS):
            least_ns, helped = each.round_trip_ns, number
    return len(exchanges) > helped + PATIENCE


class DriftWatch:
    """Say when the offset that a run goes by is no longer true.

    `frozen` was estimated at `at_ns` of our clock. The offset in use is not changed: a step in the
    middle of a run would tear its series. Response times do not depend on it.
    """

    def __init__(
        self, machine: str, frozen: Offset, at_ns: int, *, tolerance_ns: int = TOLERANCE_NS
    ) -> None:
        self._machine = machine
        self._frozen, self._frozen_at_ns = frozen, at_ns
        self._last, self._last_at_ns = frozen, at_ns
        self._tell_from_ns = tolerance_ns
        self.apart_ns = 0  # the newest offset less the frozen one, 0 within their bounds

    @property
    def ppm(self) -> float:
        """By how much their clock ran faster than ours since then, on average."""
        return 1e6 * self.apart_ns / max(1, self._last_at_ns - self._frozen_at_ns)

    def look(self, newest: Offset, at_ns: int) -> str | None:
        """Take an estimate of later; return a sentence where both disagree for certain.

        For certain: by more than both bounds together, and by more than the tolerance. It is said
        again when it has doubled.
        """
        stepped = self._stepped(newest, at_ns)
        certain_ns = _certain_ns(self._frozen, newest)
        self.apart_ns = newest.offset_ns - self._frozen.offset_ns if certain_ns > 0 else 0
        self._last, self._last_at_ns = newest, at_ns
        if certain_ns <= self._tell_from_ns:
            return None
        self._tell_from_ns = 2 * certain_ns
        return self._sentence(stepped)

    def _stepped(self, newest: Offset, at_ns: int) -> bool:
        """Tell whether the clock went further since the last look than slewing takes it."""
        slewed_ns = abs(at_ns - self._last_at_ns) * MAX_SLEW_PPM / 1e6
        return _certain_ns(self._last, newest) > slewed_ns

    def _sentence(self, stepped: bool) -> str:
        apart = units.format_ns(abs(self.apart_ns))
        when = "early" if self.apart_ns > 0 else "late"
        effect = f"its planned requests start {apart} {when}; response times are not affected"
        if not stepped:
            return f"The clock of {self._machine} drifts ({self.ppm:+.0f} ppm): {effect}."
        if self.apart_ns < 0:
            why = "it was suspended, or its virtual machine was stopped for a while"
        else:
            why = "this machine was suspended, or theirs is a virtual machine that was moved"
        return f"The clock of {self._machine} stepped by {apart}: {why}; {effect}."


def _certain_ns(one: Offset, other: Offset) -> int:
    """Return by how much two offsets differ at least; not above 0 if they may be the same."""
    return abs(one.offset_ns - other.offset_ns) - one.bound_ns - other.bound_ns
