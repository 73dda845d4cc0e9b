"""What a comparison says about starts: how much they differ, and two starts of one program."""

from __future__ import annotations

from collections.abc import Sequence

from fastbench.experiments.compare import decision, start_effects
from fastbench.experiments.compare.compare_document import SIDES, Comparison, Metric
from fastbench.experiments.compare.decision import Rules, percent
from fastbench.machine import programs
from fastbench.machine.programs import Program
from fastbench.results.result import Warning_

MAX_NAMES = 5  # of variables


def told(found: Comparison, serving: Sequence[Program | None]) -> tuple[Warning_, ...]:
    """Return what is to be said; `serving` are the programs of the sides."""
    return (*_same_program(found, serving), *_starts(found))


def _starts(found: Comparison) -> list[Warning_]:
    """Say how much the starts of each side differ, where there were several."""
    counted = [pair for pair in found.pairs if pair.valid]
    many = len(start_effects.numbers(counted))
    differing = start_effects.differences(counted, found.primary)
    if not counted or None in differing:
        return []
    base, candidate = (percent(each or 0.0) for each in differing)
    spread = f"starts of the base differ by {base}, of the candidate by {candidate}"
    told = [Warning_("note", f"{spread} (standard deviation over {many} starts)")]
    rules = Rules(found.threshold, found.confidence)
    within = decision.measured(start_effects.as_one(counted), found.primary, rules)
    if found.verdict != "different" and within is not None and within.verdict == "different":
        text = "the slices of these starts say different, the starts do not"
        hint = "servers differ from start to start by as much; take more --restarts to tell"
        told.append(Warning_("starts_differ", text, hint))
    return told


def _same_program(found: Comparison, serving: Sequence[Program | None]) -> list[Warning_]:
    """Warn where two processes of one program are told apart."""
    main = found.metrics.get(found.primary)
    if main is None or len(serving) != len(SIDES) or not (_apart(main) and serving[0]):
        return []
    base, candidate = serving
    if base is None or candidate is None or not programs.same(base, candidate):
        return []
    size = percent(abs(main.ratio - 1))
    text = f"both sides run the same program: two starts of the same build differ by {size}"
    hint = "place in memory, compiled code and caches differ from start to start; see --restarts"
    if start_effects.numbers(found.pairs):
        hint = "if neither its files nor its settings differ, something on this machine does"
    if names := programs.differing(base, candidate):
        more = ", …" if len(names) > MAX_NAMES else ""
        hint = f"their environments differ in {', '.join(names[:MAX_NAMES])}{more}; else {hint}"
    return [Warning_("same_program", text, hint)]


def _apart(metric: Metric) -> bool:
    """Tell whether the sides differ: by the verdict, or by an interval without 1."""
    if metric.verdict == "different":
        return True
    return metric.interval is not None and not metric.interval[0] <= 1 <= metric.interval[1]
