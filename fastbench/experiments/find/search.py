"""Which rate to measure next, and what all measurements together say: pure functions of history.

1. Stepping: the rate doubles while it holds, and halves while not even the first one does.
2. Bisection, in equal ratios, between the highest rate that held and the lowest that failed, until
   they are closer than the precision.
3. Measuring again: one run may be bad luck. A failure that ends the stepping, or that came while
   the machine was noisy, is believed when a second run agrees, and so are both ends at last; where
   two disagree a third decides. What is overturned moves the bracket, and the search goes on from
   there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fastbench.experiments.find.find_document import Border
from fastbench.foundation.usage_error import UsageError

FACTOR = 2.0  # of one step
AGREEING = 2  # runs that settle what happens at a rate
DIGITS = 4  # of a rate: what is measured is what is printed
MIN_PRECISION = 0.002


@dataclass(frozen=True, slots=True)
class Range:
    """Where to look, in requests per second; `precision` is a share of the rate."""

    first: float
    least: float
    most: float
    precision: float

    def __post_init__(self) -> None:
        if not MIN_PRECISION <= self.precision <= 1:
            raise UsageError("--precision must be between 0.2% and 100%, for example 2%.")
        if not 0 < self.least <= self.first <= self.most:
            raise UsageError(
                f"--from {self.first:g} must lie between {self.least:g} and --to {self.most:g}."
            )


@dataclass(frozen=True, slots=True)
class Try:
    """What one run at one rate said; `noisy`: others used the machine meanwhile."""

    rate: float
    held: bool
    noisy: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """The rate to measure next, and what for."""

    rate: float
    phase: str


def next_try(history: Sequence[Try], where: Range) -> Next | None:
    """Return what to measure next; None when the answer is settled."""
    if not history:
        return Next(where.first, "stepping")
    if undecided := [rate for rate in _rates(history) if _held(history, rate) is None]:
        return Next(undecided[0], "again")
    low, high = _ends(history)
    if high is None:
        assert low is not None  # one rate was measured, and it did not fail
        if low >= where.most:
            return _again(history, low)
        return Next(min(_rounded(low * FACTOR), where.most), "stepping")
    if low is None:
        if high <= where.least or not _settled(history, high):
            return _again(history, high)
        return Next(max(_rounded(high / FACTOR), where.least), "stepping")
    doubtful = high >= low * FACTOR * 0.99 or _noisy(history, high)
    if doubtful and not _settled(history, high):
        return Next(high, "again")
    middle = _rounded(math.sqrt(low * high))
    if high > low * (1 + where.precision) and low < middle < high:
        return Next(middle, "bisection")
    return _again(history, low) or _again(history, high)


def below(ceiling: float, history: Sequence[Try], where: Range) -> Next | None:
    """Return what to measure where nothing can be learnt from `ceiling` upward, None if nothing."""
    low = _ends(history)[0] or where.least
    middle = _rounded(math.sqrt(low * ceiling))
    worth = ceiling > low * (1 + where.precision) and low < middle < ceiling
    return Next(middle, "bisection") if worth else None


def bracket(history: Sequence[Try]) -> Border:
    """Return the highest rate that holds and the lowest that fails, as far as is known."""
    return Border(*_ends(history))


def border(history: Sequence[Try]) -> Border:
    """Return the interval: no run failed at or below its low end, none held at or above its high.

    It is as wide as the runs disagree.
    """
    worst = min((each.rate for each in history if not each.held), default=math.inf)
    best = max((each.rate for each in history if each.held), default=0.0)
    low = max((each.rate for each in history if each.rate < worst), default=None)
    high = min((each.rate for each in history if each.rate > best), default=None)
    return Border(low, high)


def _ends(history: Sequence[Try]) -> tuple[float | None, float | None]:
    """Return the lowest rate that fails, and below it the highest that holds."""
    rates = _rates(history)
    high = min((rate for rate in rates if _held(history, rate) is False), default=None)
    below = math.inf if high is None else high
    low = max((rate for rate in rates if _held(history, rate) and rate < below), default=None)
    return low, high


def _rates(history: Sequence[Try]) -> list[float]:
    return sorted({each.rate for each in history})


def _held(history: Sequence[Try], rate: float) -> bool | None:
    """Return what most runs at the rate say; None when as many say this as that."""
    votes = Counter(each.held for each in history if each.rate == rate)
    return None if votes[True] == votes[False] else votes[True] > votes[False]


def _noisy(history: Sequence[Try], rate: float) -> bool:
    return any(each.noisy for each in history if each.rate == rate)


def _settled(history: Sequence[Try], rate: float) -> bool:
    votes = Counter(each.held for each in history if each.rate == rate)
    return max(votes.values()) >= AGREEING


def _again(history: Sequence[Try], rate: float) -> Next | None:
    return None if _settled(history, rate) else Next(rate, "again")


def _rounded(rate: float) -> float:
    return float(f"{rate:.{DIGITS}g}")
