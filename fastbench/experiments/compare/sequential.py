"""When a comparison may end before its time: looks that are fixed beforehand. Pure; the rules:

1. There is a look at every tenth of the slices in the plan, whatever they show, and one at the end.
2. Of the error that the comparison may make, so much is spent up to the share t of the plan as
   O'Brien and Fleming's boundary allows in the form of Lan and DeMets (Biometrika 70, 1983):
   2 - 2 F(z / sqrt(t)), F being the normal distribution and z its quantile for the whole error. A
   look gets what was not spent before; the one at the end gets all that is left. Early looks are
   strict, and the last interval is some 14 % wider than that of a comparison without looks.
3. Each look is a test at its own share, and the shares add up to the whole (Bonferroni): the level
   of all looks together holds however they depend on each other, and so does the coverage of the
   interval that is reported, whichever look it is of.
4. Both errors are spent like that: that of the interval, and that of the 90 % interval which shows
   equivalence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

LOOKS = 10


@dataclass(frozen=True, slots=True)
class StopWhen:
    """What ends a comparison: a sure verdict, or an interval of the ratio that is narrow enough.

    `half_width` is a share, 0.005 for 0.5 %; None where no width ends it.
    """

    sure: bool = False
    half_width: float | None = None


@dataclass(frozen=True, slots=True)
class Levels:
    """The confidence of the intervals at one look. `look` counts from 1; LOOKS is the end."""

    look: int
    interval: float
    equivalence: float


def levels(look: int, before: int, confidence: float, equivalence: float) -> Levels:
    """Return the levels of a look, `before` being the one before it, 0 for none."""
    return Levels(look, *(_level(look, before, each) for each in (confidence, equivalence)))


def spent(share: float, error: float) -> float:
    """Return the part of the error that is spent up to a share of the plan."""
    if share <= 0:
        return 0.0
    return 2 * NormalDist().cdf(NormalDist().inv_cdf(error / 2) / math.sqrt(share))


def _level(look: int, before: int, confidence: float) -> float:
    error = 1 - confidence
    return 1 - (spent(look / LOOKS, error) - spent(before / LOOKS, error))
