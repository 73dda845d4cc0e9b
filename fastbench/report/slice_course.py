"""What hundreds of pairs of slices were over time: the same in few rows, and in a picture.

A slice that was disturbed can be ten times as far out as all others. So what is told of some pairs
is their median and quartiles, and a picture ends at the outer fences (Tukey 1977): what lies beyond
is drawn at its edge.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles

from fastbench.experiments.compare import start_effects
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.interval_history import ratio_of

MAX_PARTS = 10
FENCES = 3.0  # quartile distances beyond the quartiles
MIN_QUARTILES = 4  # pairs
MIN_WINDOW = 9  # pairs of a running median
WINDOWS = 20  # side by side: a window is so much of all pairs
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Part:
    """Some pairs in a row, from `begin_s` to `end_s`; ratios are those that count.

    `name` says which: a span of time, or a start of the servers. `low` and `high` are the
    quartiles, None of a few pairs.
    """

    name: str
    begin_s: float
    end_s: float
    pairs: tuple[Pair, ...]
    ratio: float | None
    low: float | None
    high: float | None
    counted: int


def begun_s(found: Comparison) -> list[float]:
    """Return when each pair began, after the first; a count that begins anew goes on behind."""
    places: list[float] = []
    first_s = (found.pairs[0].at_s or 0.0) if found.pairs else 0.0  # of a script, after its pilot
    before_s, offset_s = 0.0, -first_s
    for pair in found.pairs:
        at_s = pair.at_s or 0.0
        if at_s < before_s:
            offset_s = places[-1] + (places[-1] - places[-2] if len(places) > 1 else 0.0)
        before_s = at_s
        places.append(offset_s + at_s)
    return places


def length_s(places: Sequence[float]) -> float:
    """Return where the last pair ended, about; never 0."""
    spans = [after - before for before, after in pairwise(places)]
    return (places[-1] if places else 0.0) + (median(spans) if spans else 0.0) or 1.0


def in_starts(found: Comparison) -> bool:
    """Tell whether the servers were started several times: a part is a start then."""
    return bool(start_effects.numbers(found.pairs))


def parts(found: Comparison) -> list[Part]:
    """Return the pairs by their start, or in parts of the same round length, at most ten."""
    places = begun_s(found)
    if in_starts(found):
        return _starts(found, places)
    whole_s = length_s(places)
    least_s = whole_s / MAX_PARTS
    power = 10.0 ** math.floor(math.log10(least_s))
    step_s = power * next(each for each in STEPS if each * power >= least_s * 0.999)
    inside: dict[int, list[Pair]] = {}
    for place, pair in zip(places, found.pairs, strict=True):
        inside.setdefault(int(place / step_s + 1e-9), []).append(pair)
    parts = []
    for at, pairs in sorted(inside.items()):
        begin_s, end_s = at * step_s, (at + 1) * step_s
        parts.append(_part(found, f"{begin_s:g}-{end_s:g} s", (begin_s, end_s), pairs))
    return parts


def _starts(found: Comparison, places: Sequence[float]) -> list[Part]:
    """Return a part for each start; it ends where the next one begins."""
    of: dict[int | None, list[tuple[float, Pair]]] = {}
    for place, pair in zip(places, found.pairs, strict=True):
        of.setdefault(pair.start, []).append((place, pair))
    begins = [pairs[0][0] for pairs in of.values()]
    ends = [*begins[1:], length_s(places)]
    return [
        _part(found, f"start {number}", span, [pair for _, pair in pairs])
        for (number, pairs), span in zip(of.items(), zip(begins, ends, strict=True), strict=True)
    ]


def _part(found: Comparison, name: str, span: tuple[float, float], pairs: Sequence[Pair]) -> Part:
    ratios = [ratio for each in pairs if (ratio := ratio_of(each, found.primary))]
    low, high = quartiles(ratios) or (None, None)
    ratio = median(ratios) if ratios else None
    return Part(name, *span, tuple(pairs), ratio, low, high, len(ratios))


def quartiles(ratios: Sequence[float]) -> tuple[float, float] | None:
    """Return the ratios that a quarter stay below and above; None of too few."""
    if len(ratios) < MIN_QUARTILES:
        return None
    low, _, high = quantiles(ratios, n=4, method="inclusive")
    return low, high


def shown_range(ratios: Sequence[float]) -> tuple[float, float]:
    """Return from where to where a picture of these shows: all of them but what is far out."""
    low, high = min(ratios), max(ratios)
    if (quarters := quartiles(ratios)) is None:
        return low, high
    room = FENCES * (quarters[1] - quarters[0])
    return max(low, quarters[0] - room), min(high, quarters[1] + room)


def running_median(
    places: Sequence[float], ratios: Sequence[float | None]
) -> list[tuple[float, float]]:
    """Return (place, median of the pairs around it), one for each half window."""
    known = [(at, ratio) for at, ratio in zip(places, ratios, strict=True) if ratio]
    window = max(MIN_WINDOW, len(known) // WINDOWS)
    step = max(1, window // 2)
    found = []
    for first in range(0, len(known) - window + 1, step):
        inside = known[first : first + window]
        found.append((median(at for at, _ in inside), median(ratio for _, ratio in inside)))
    return found
