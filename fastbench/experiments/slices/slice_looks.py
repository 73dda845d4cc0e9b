"""The looks of a comparison that may end early: see compare/sequential.py.

They are made where the slices are seen first, in the process of the run, so that it ends at once.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.experiments.compare import decision, sequential
from fastbench.experiments.compare.compare_document import Metric, Pair
from fastbench.experiments.compare.decision import Rules
from fastbench.experiments.compare.sequential import LOOKS, Levels
from fastbench.experiments.slices.slice_terms import SliceTerms
from fastbench.foundation.units import format_s
from fastbench.results import json_codec


class Looks:
    """Take the pairs as they come, `planned` in all, and say when it is enough."""

    def __init__(self, terms: SliceTerms, planned: int) -> None:
        when = terms.stop_when
        self._when = when
        self._rules = Rules(threshold=terms.threshold)
        self._primary = terms.primary
        self._places = [look * planned // LOOKS for look in range(1, LOOKS)] if when else []
        self._pairs: list[Pair] = []
        self._before = self._earlier = 0  # the last look, and the one before it
        self.reached = False

    def take(self, new: Sequence[Pair]) -> list[Pair]:
        """Return those that count: all, up to the look at which it is enough."""
        taken: list[Pair] = []
        for pair in new:
            if self.reached:
                break
            taken.append(pair)
            self._pairs.append(pair)
            self._look()
        return taken

    @property
    def levels(self) -> Levels | None:
        """The levels of the look that is the last; None where there are no looks."""
        if self._when is None:
            return None
        if self.reached:
            return self._levels(self._before, self._earlier)
        return self._levels(LOOKS, self._before)

    def _look(self) -> None:
        if len(self._pairs) not in self._places:
            return
        look = LOOKS - 1 - self._places[::-1].index(len(self._pairs))
        self._earlier, self._before = self._before, look
        rules = self._rules.at(self._levels(look, self._earlier))
        main = decision.measured(self._pairs, self._primary, rules)
        self.reached = main is not None and self._enough(main)

    def _enough(self, main: Metric) -> bool:
        assert self._when is not None
        if self._when.sure and main.verdict != "inconclusive":
            return True
        if self._when.half_width is None or main.interval is None:
            return False
        return (main.interval[1] - main.interval[0]) / 2 <= self._when.half_width

    def _levels(self, look: int, before: int) -> Levels:
        equivalence = decision.EQUIVALENCE_CONFIDENCE
        return sequential.levels(look, before, self._rules.confidence, equivalence)


def read(told: object) -> Levels | None:
    """Read the levels that the process of a run has told."""
    return None if told is None else json_codec.read(Levels, told, "levels")


def ending(terms: SliceTerms, pairs: Sequence[Pair], levels: Levels | None) -> list[str]:
    """Say why it ended when it did; nothing where there were no looks before the end."""
    when, rules = terms.stop_when, Rules(threshold=terms.threshold).at(levels)
    if when is None or levels is None:
        return []
    percent = decision.percent(rules.confidence)
    sure = f"the {percent} hold for all {LOOKS} looks together (alpha spending)"
    if levels.look == LOOKS:
        return [f"--time was over before what --stop-when waits for came true; {sure}"]
    at_s = [each.at_s or 0.0 for each in pairs]
    length_s = at_s[-1] * len(at_s) / max(1, len(at_s) - 1)
    main = decision.measured(pairs, terms.primary, rules)
    decided = when.sure and main is not None and main.verdict != "inconclusive"
    why = "the verdict is sure" if decided else "the interval is narrow enough"
    return [f"stopped after {length_s:.1f} s of {format_s(terms.time_s)}: {why}; {sure}"]
