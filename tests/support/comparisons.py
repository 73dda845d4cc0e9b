"""Comparisons as they come in life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import samples
from comparing import SUBJECT, failing, judged, limited, scattered
from comparing import sliced as pairs_in_slices

from fastbench.experiments.compare.compare_document import Comparison, Pair
from fastbench.experiments.compare.decision import Rules, judge
from fastbench.experiments.compare.saved_results import judge_stored
from fastbench.results.result import Warning_

ASKED = {"visit_s": 3.0, "warmup_s": 1.0, "connections": 10}
SLICES = {"slice_s": 0.02, "time_s": 15.0, "connections": 10, "rate": None}


def faster() -> Comparison:
    found = judged(scattered(12, 0.042), regression_limit=0.05)
    return replace(found, config=ASKED)


def slower() -> Comparison:
    found = judged(scattered(12, -0.09), regression_limit=0.05)
    return replace(found, config={**ASKED, "rate": 2000.0})


def same() -> Comparison:
    return replace(judged(scattered(12, 0.001, 0.004)), config=ASKED)


def unsettled() -> Comparison:
    found = scattered(12, 0.012, 0.03)
    found[3] = limited(found[3])
    return judged(found, regression_limit=0.05)


def interrupted() -> Comparison:
    subject = replace(SUBJECT, ended="interrupted")
    return judge(scattered(5, -0.08), "requests_per_s", subject, Rules(regression_limit=0.05))


def in_vain() -> Comparison:
    lost = Pair(None, None, "base first", False, ("base: connection refused",))
    return judge([lost], "requests_per_s", replace(SUBJECT, ended="nothing_succeeded"))


def many() -> Comparison:
    return judged(scattered(60, 0.03, 0.02))


def sliced() -> Comparison:
    """3 % slower, in slices, with bursts; a few pairs do not count."""
    pairs = pairs_in_slices(187, -0.03, 0.008, burst=True)
    pairs[40:44] = [replace(limited(each), redone=0) for each in pairs[40:44]]
    return replace(judged(pairs), config=SLICES, pairs_planned=len(pairs))


def sliced_interrupted() -> Comparison:
    subject = replace(SUBJECT, ended="interrupted", config=SLICES)
    return judge(pairs_in_slices(75, -0.03), "requests_per_s", subject)


def restarted() -> Comparison:
    """Eight fresh starts, which differ by more than their slices do."""
    pairs = []
    for number, effect in enumerate((-2.1, -3.4, -2.9, -1.7, -3.1, -2.6, -4.0, -2.4), 1):
        for each in pairs_in_slices(20, effect / 100, 0.004):
            at_s = round((each.at_s or 0.0) + 1.6 * (number - 1), 3)
            pairs.append(replace(each, at_s=at_s, start=number))
    asked = {**SLICES, "time_s": 12.8, "restarts": 8}
    return replace(judged(pairs), config=asked, pairs_planned=len(pairs))


def broken() -> Comparison:
    return judged([failing(each) for each in scattered(12, 0.0)], regression_limit=0.05)


def stored() -> Comparison:
    old = replace(samples.good(), version="0.1.0")
    new = replace(samples.good(), environment=replace(old.environment, kernel="6.9.1", cores=8))
    subject = replace(SUBJECT, base="main", candidate="new.json", pairs_planned=1)
    return judge_stored(old, new, subject, rules=Rules(regression_limit=0.05))


def hostile() -> Comparison:
    found = unsettled()
    bad = replace(found.pairs[3], reasons=(samples.HOSTILE,) * 2)
    return replace(
        found,
        base=samples.HOSTILE,
        candidate=samples.HOSTILE,
        pairs=(*found.pairs[:3], bad, *found.pairs[4:]),
        warnings=(Warning_("x", samples.HOSTILE, samples.HOSTILE),),
        environment=replace(found.environment, cpu=samples.HOSTILE, kernel=samples.HOSTILE),
        config={"script": samples.HOSTILE, "visit_s": "many", "rate": None},
    )


ALL: dict[str, Callable[[], Comparison]] = {
    each.__name__: each
    for each in (
        *(faster, slower, same, unsettled, interrupted, in_vain, stored, broken),
        *(sliced, sliced_interrupted, restarted),
    )
}


MORE = {"many": many, "hostile": hostile}
