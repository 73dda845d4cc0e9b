"""The lines of commands that make several runs: a comparison and a search."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from fastbench.cli.output.lines.progress_line import Before, Part, clock, cut, of_run
from fastbench.cli.output.lines.progress_lines import ProgressLines
from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.interval_history import interval_confidence, look
from fastbench.experiments.find.find_document import Step
from fastbench.experiments.trials.pairing import Standing
from fastbench.foundation.units import format_count, plural
from fastbench.report.change import change, name_of, signed_interval
from fastbench.report.page import told_apart
from fastbench.run.sampling import Progress

NAME_COLUMNS = 16  # of a candidate among several


class PairLines:
    """Take how a comparison goes, in the place of its view.

    `judged` tells what all candidates have in common; `names` are theirs where they are several.
    """

    def __init__(
        self,
        lines: ProgressLines,
        judged: Callable[[Sequence[Pair]], Comparison],
        pairs: int,
        time_s: float,
        names: Sequence[str] = (),
    ) -> None:
        self._lines = lines
        self._judged = judged
        self._plan = pairs, time_s
        self._names = names

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""

    def update(self, now: Standing) -> None:
        """Take what a line would tell now."""
        self._lines.show(lambda: self._parts(now))

    def _parts(self, now: Standing) -> list[Part]:
        head = Part(clock(self._lines.elapsed_s()))
        if now.phase == "pilot":
            sought = "a length of slices" if self._plan[1] else "a rate both sides can carry"
            return [head, Part(f"pilot: looking for {sought}")]
        return pair_parts(now, self._judged(()), *self._plan, self._names, head)


def pair_parts(
    now: Standing,
    common: Comparison,
    pairs: int,
    time_s: float,
    names: Sequence[str],
    head: Part,
) -> list[Part]:
    """Return the parts for pairs so far: what they say, and how fast both sides were in the last.

    `pairs` are planned, or as many as there is `time_s` for. Each candidate of several has a part.
    """
    if time_s:
        done_s = measured_s(now.pairs)
        heads = [Part(clock(done_s, time_s)), Part(plural(len(now.pairs), "pair"), 2)]
    else:
        again = f", again ({now.redone}x)" if now.redone else ""
        visit = f"pair {now.pair} of {pairs}: {now.visiting} {now.stage}{again}"
        heads = [head, Part(visit)]
    if names:
        every = zip(names, (now.pairs, *now.others), strict=True)
        said = [
            Part(f"{cut(name, NAME_COLUMNS)} {_said(common, of, short=True)}", rank)
            for rank, (name, of) in enumerate(every, 1)
        ]
        return [*heads, Part(name_of(common, common.primary), 8), *said]
    what = f"{name_of(common, common.primary)} {_said(common, now.pairs)}"
    return [*heads, Part(what), *_rates(now.pairs)]


def _said(common: Comparison, pairs: Sequence[Pair], *, short: bool = False) -> str:
    """Return what pairs say of the metric that decides, as far as they can."""
    seen = look(pairs, common.primary, interval_confidence(common))
    if seen is None:
        return "no pair counts so far"
    found = change(seen.ratio)
    if seen.interval is None or short:
        return found
    return f"{found} ({100 * common.confidence:g} %: {signed_interval(seen.interval)})"


def _rates(pairs: Sequence[Pair]) -> list[Part]:
    last = pairs[-1] if pairs else None
    if last is None or last.base is None or last.candidate is None:
        return []
    rates = [each.of("requests_per_s") or 0.0 for each in (last.base, last.candidate)]
    base, candidate = (format_count(round(rate, 1)) for rate in rates)
    return [Part(f"base {base}, candidate {candidate} req/s", 1)]


def measured_s(pairs: Sequence[Pair]) -> float:
    """Return the time of the slices so far, about."""
    return (pairs[-1].at_s or 0.0) - (pairs[0].at_s or 0.0) if pairs else 0.0


class SearchLines:
    """Take how a search goes, in the place of its view; steps have lines of their own."""

    def __init__(self, lines: ProgressLines) -> None:
        self._lines = lines
        self._steps: list[Step] = []
        self._before = Before()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *raised: object) -> None:
        """End."""

    def step(self, step: Step) -> None:
        """Take a rate that was tried."""
        self._steps.append(step)

    def update(self, now: Progress) -> None:
        """Take what a line would tell now."""
        self._lines.show(lambda: self._parts(now))

    def _parts(self, now: Progress) -> list[Part]:
        before, self._before = self._before, Before(now.elapsed_s, now.requests, now.warming)
        if now.elapsed_s < before.elapsed_s:  # of another run
            before = Before(warming=now.warming)
        return search_parts(now, before, self._steps, self._lines.elapsed_s())


def search_parts(
    now: Progress, before: Before, steps: Sequence[Step], elapsed_s: float
) -> list[Part]:
    """Return the parts for the run of a search that is under way, and between which rates it is."""
    head = f"{clock(elapsed_s)}, run {len(steps) + 1}"
    holds = max((step.rate for step in steps if step.held), default=None)
    fails = min((step.rate for step in steps if not step.held), default=None)
    between = [f"holds {format_count(holds)}"] if holds is not None else []
    between += [f"fails {format_count(fails)}"] if fails is not None else []
    _, *of_trial = of_run(now, before)
    return [
        Part(head + (", warming up" if now.warming else "")),
        *of_trial[:1],
        Part(", ".join(between), 1),
        *of_trial[1:],
    ]


def of_search() -> SearchLines | None:
    """Return who takes how a search goes, None where no lines are written."""
    lines = ProgressLines.current
    return None if lines is None else SearchLines(lines)


def of_pairs(
    judged: Callable[[Sequence[Pair]], Comparison],
    *,
    pairs: int = 0,
    time_s: float = 0.0,
    labels: Sequence[str] = (),
) -> PairLines | None:
    """Return who takes how a comparison goes, None where no lines are written.

    `labels` are of candidates, where they are several.
    """
    lines = ProgressLines.current
    names = [name.replace("…", "~") for name in told_apart(labels, NAME_COLUMNS)]
    return None if lines is None else PairLines(lines, judged, pairs, time_s, names)
