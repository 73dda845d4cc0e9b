"""10,000 comparisons of a build with itself on a machine that drifts: alarms stay as rare as said.

In `make check` a tenth of them; the bounds follow from the count.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from comparing import judged, noisy_pairs
from running import SLOW

COMPARISONS = 10_000 if SLOW else 1_000
ALPHA = 0.01
MAX_ALARMS = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / COMPARISONS)  # 1.3 % of 10,000
MIN_COVERED = 0.985 if SLOW else 1 - MAX_ALARMS


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [8, 12, 20])
def test_a_build_beside_itself_is_hardly_ever_different(pairs: int) -> None:
    generator = np.random.default_rng(1000 + pairs)
    alarms = covered = different = 0
    for _ in range(COMPARISONS):
        found = judged(noisy_pairs(pairs, generator))
        metric = found.metrics["requests_per_s"]
        assert metric.interval is not None and metric.p is not None
        alarms += metric.p <= ALPHA
        covered += metric.interval[0] <= 1 <= metric.interval[1]
        different += found.verdict == "different"
    assert alarms / COMPARISONS <= MAX_ALARMS
    assert covered / COMPARISONS >= MIN_COVERED
    assert different / COMPARISONS <= MAX_ALARMS
    # A test that never fires would pass the above: one in a thousand at least must.
    assert alarms + COMPARISONS - covered >= COMPARISONS / 1000


def test_on_the_same_noise_blocks_raise_alarms_all_the_time() -> None:
    # What people do by hand: all trials to one side, then all to the other, and an unpaired test.
    from scipy import stats  # here: its import takes most of a second

    generator = np.random.default_rng(3)
    alarms = 0
    for _ in range(300):
        trials = [
            side.requests_per_s
            for pair in noisy_pairs(12, generator)
            for side in ((pair.base, pair.candidate)[:: 1 if pair.order == "base first" else -1])
            if side is not None
        ]
        alarms += stats.mannwhitneyu(trials[:12], trials[12:]).pvalue <= ALPHA
    assert alarms / 300 > 0.15


@pytest.mark.parametrize("effect", [0.15, -0.15])
def test_a_true_difference_is_found_with_its_sign(effect: float) -> None:
    generator = np.random.default_rng(11)
    found = [judged(noisy_pairs(20, generator, effect)) for _ in range(100)]
    different = [each for each in found if each.verdict == "different"]
    assert len(different) >= 80
    assert all(each.ratio and (each.ratio > 1) == (effect > 0) for each in different)
    assert sum(_holds(each.interval, math.exp(effect)) for each in found) >= 95


def _holds(interval: tuple[float, float] | None, ratio: float) -> bool:
    return interval is not None and interval[0] <= ratio <= interval[1]
