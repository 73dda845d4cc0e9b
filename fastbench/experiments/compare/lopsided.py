"""Are pairs lost because of one side far more often than because of the other? Pure.

What is left then does not stand for all: a server that answers nothing now and then loses just the
slices in which it was at its worst, and looks as good as one that always answers.
Without a difference it is a coin's toss which side a pair is lost for: that is a sign test.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.experiments.compare import statistics
from fastbench.experiments.compare.compare_document import SIDES, Pair
from fastbench.results.result import Warning_


def told(pairs: Sequence[Pair], confidence: float) -> tuple[Warning_, ...]:
    """Warn where one side alone lost more pairs than chance explains at that confidence."""
    base, candidate = (_lost_by(pairs, side) for side in SIDES)
    lost = base + candidate
    fewer = min(base, candidate)
    if not lost or statistics.p_of_signs(lost, fewer) > 1 - confidence:
        return ()
    worse, other = SIDES if base > candidate else SIDES[::-1]
    text = f"{lost - fewer} pairs were lost by the {worse} alone and {fewer} by the {other} alone"
    hint = f"those that are left leave out the worst of the {worse}; fix the cause first"
    return (Warning_("lopsided_loss", text, hint),)


def _lost_by(pairs: Sequence[Pair], side: str) -> int:
    """Count the pairs that do not count because of this side alone."""
    return sum(
        bool(pair.reasons) and all(reason.startswith(f"{side}: ") for reason in pair.reasons)
        for pair in pairs
        if not pair.valid
    )
