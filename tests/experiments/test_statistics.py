"""The statistics of pairs, against SciPy, against brute force and against the published table."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from statistics import median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.experiments.compare import statistics

NUDGE = 1e-9
EFFECTS = st.lists(st.floats(-1, 1).map(lambda value: round(value, 3)), min_size=1, max_size=10)


def drawn(pairs: int, seed: int, effect: float = 0.004) -> list[float]:
    """Effects with heavy tails, none like another."""
    generator = np.random.default_rng(seed)
    return [effect + 0.01 * float(each) for each in generator.standard_t(3, pairs)]


def interval(effects: Sequence[float], confidence: float) -> tuple[float, float] | None:
    averages = statistics.walsh_averages(effects)
    found = statistics.signed_rank_interval(averages, len(effects), confidence)
    if len(effects) <= statistics.FEW_PAIRS:
        assert statistics.interval(effects, confidence) == found
    return found


def wilcoxon_p(effects: Sequence[float], shift: float, side: str = "two-sided") -> float:
    from scipy import stats  # by those who need it: its import takes most of a second

    moved = [each - shift for each in effects]
    return float(stats.wilcoxon(moved, alternative=side, method="exact").pvalue)


@pytest.mark.slow
@settings(max_examples=1000 if SLOW else 40)
@given(EFFECTS)
def test_walsh_averages_are_the_means_of_all_pairs(effects: list[float]) -> None:
    pairs = itertools.combinations_with_replacement(effects, 2)
    assert statistics.walsh_averages(effects) == pytest.approx(sorted(sum(p) / 2 for p in pairs))


@pytest.mark.parametrize("pairs", [1, 2, 7, 12, 25])
def test_the_estimate_is_the_median_of_the_walsh_averages(pairs: int) -> None:
    effects = drawn(pairs, seed=pairs)
    grid = np.add.outer(effects, effects)[np.tril_indices(pairs)] / 2
    found = statistics.hodges_lehmann(statistics.walsh_averages(effects))
    assert found == pytest.approx(float(np.median(grid)))


@pytest.mark.parametrize("confidence", [0.90, 0.95, 0.99])
@pytest.mark.parametrize("pairs", [8, 9, 12, 15, 20, 33, 60])
def test_the_interval_holds_exactly_what_the_signed_rank_test_does_not_reject(
    pairs: int, confidence: float
) -> None:
    effects = drawn(pairs, seed=100 + pairs)
    found = interval(effects, confidence)
    assert found is not None
    low, high = found
    for inside, outside in ((low + NUDGE, low - NUDGE), (high - NUDGE, high + NUDGE)):
        assert wilcoxon_p(effects, inside) > 1 - confidence
        assert wilcoxon_p(effects, outside) <= 1 - confidence + 1e-12


@pytest.mark.parametrize("pairs", [101, 150])
def test_the_interval_of_many_pairs_is_within_a_hair_of_the_exact_one(pairs: int) -> None:
    effects = drawn(pairs, seed=pairs)
    found = interval(effects, 0.99)
    assert found is not None
    for end in (found[0] - NUDGE, found[1] + NUDGE):
        assert wilcoxon_p(effects, end) == pytest.approx(0.01, rel=0.05)


@pytest.mark.parametrize(("confidence", "least"), [(0.99, 8), (0.95, 6), (0.90, 5)])
def test_too_few_pairs_have_no_interval(confidence: float, least: int) -> None:
    assert interval(drawn(least - 1, seed=1), confidence) is None
    effects = drawn(least, seed=1)
    assert interval(effects, confidence) == (min(effects), max(effects))


def test_the_interval_within_a_bound_is_two_one_sided_tests() -> None:
    # The 90 % interval lies within the bound when both tests at 5 % reject, and only then.
    bound, agreed = 0.008, []
    for seed in range(60):
        effects = drawn(12, seed, effect=0.0)
        found = interval(effects, 0.90)
        assert found is not None
        above = wilcoxon_p(effects, -bound, "greater") <= 0.05
        below = wilcoxon_p(effects, bound, "less") <= 0.05
        assert (-bound <= found[0] and found[1] <= bound) == (above and below)
        agreed.append(above and below)
    assert 10 < sum(agreed) < 50


@settings(max_examples=30)
@given(EFFECTS)
def test_the_p_of_few_pairs_counts_all_signs(effects: list[float]) -> None:
    least = abs(sum(effects)) - 1e-9
    signs = itertools.product((1, -1), repeat=len(effects))
    sums = [abs(sum(map(math.prod, zip(effects, each, strict=True)))) for each in signs]
    wanted = sum(each >= least for each in sums) / len(sums)
    assert statistics.sign_flip_p(effects) == pytest.approx(wanted)


@pytest.mark.parametrize("pairs", [5, 8, 12, 13])
def test_the_p_is_that_of_scipys_permutation_test(pairs: int) -> None:
    from scipy import stats

    effects = drawn(pairs, seed=pairs, effect=0.01)
    exact = stats.permutation_test(
        (effects,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert statistics.sign_flip_p(effects) == pytest.approx(float(exact.pvalue))


@pytest.mark.parametrize("pairs", [24, 32])
def test_the_p_of_more_pairs_is_that_of_a_drawn_permutation_test(pairs: int) -> None:
    from scipy import stats

    effects = drawn(pairs, seed=pairs, effect=0.003)
    drawn_p = stats.permutation_test(
        (effects,),
        np.mean,
        permutation_type="samples",
        n_resamples=40_000,
        vectorized=True,
        rng=np.random.default_rng(5),
    ).pvalue
    found = statistics.sign_flip_p(effects)
    assert abs(found - float(drawn_p)) < 4 * math.sqrt(found * (1 - found) / 40_000)
    assert 0.001 < found < 0.9


@pytest.mark.parametrize("pairs", [33, 34, 101, 750, 4000])
@pytest.mark.parametrize("confidence", [0.90, 0.99, 1 - 1e-9])
def test_of_many_pairs_it_is_the_median_and_the_sign_test(pairs: int, confidence: float) -> None:
    from scipy import stats

    effects = drawn(pairs, seed=pairs)
    assert statistics.estimate(effects) == pytest.approx(float(np.median(effects)))
    found = statistics.interval(effects, confidence)
    assert found is not None

    def p(shift: float) -> float:
        fewer = min(sum(each <= shift for each in effects), sum(each >= shift for each in effects))
        return float(stats.binomtest(fewer, pairs).pvalue)

    for inside, outside in ((found[0], found[0] - NUDGE), (found[1], found[1] + NUDGE)):
        assert p(inside) > 1 - confidence >= p(outside)
    assert statistics.p_of(effects) == pytest.approx(p(0.0), rel=1e-6)


def test_the_smallest_p_is_that_of_all_signs_alike() -> None:
    for pairs in (2, 8, 12, 32, 33, 100):
        assert statistics.p_of([0.1] * pairs) == pytest.approx(statistics.least_p(pairs))
    assert statistics.least_p(8) == 0.0078125
    assert statistics.interval([0.1] * 33, 1 - 1e-12) is None
    assert statistics.p_of([0.0] * 40) == 1.0
    assert statistics.p_of([0.1] * 20 + [-0.1] * 20) == 1.0


def test_one_burst_of_noise_changes_nothing_of_many_pairs() -> None:
    effects = drawn(200, seed=3)
    burst = [5.0 if 50 <= at < 55 else each for at, each in enumerate(effects)]
    before, after = (statistics.interval(each, 0.99) for each in (effects, burst))
    assert before is not None and after is not None
    assert after == pytest.approx(before, abs=0.001)
    assert statistics.scatter(burst) == pytest.approx(statistics.scatter(effects), rel=0.1)


def test_no_effect_at_all_is_no_difference() -> None:
    nothing = [0.0] * 10
    assert statistics.sign_flip_p(nothing) == 1.0
    assert interval(nothing, 0.99) == (0.0, 0.0)
    assert statistics.scatter(nothing) == 0.0


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0.01, 0.02, 0.03, 0.04], [0.04, 0.06, 0.06, 0.06]),
        ([0.04, 0.01, 0.03, 0.02], [0.06, 0.04, 0.06, 0.06]),
        ([0.6, 0.001], [0.6, 0.002]),
        ([0.9, 0.8], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm_corrects_as_published(values: list[float], wanted: list[float]) -> None:
    assert statistics.holm(values) == pytest.approx(wanted)


@given(st.lists(st.floats(0, 1), max_size=8), st.sampled_from([0.01, 0.05, 0.2]))
def test_holm_rejects_what_the_step_down_procedure_rejects(
    values: list[float], alpha: float
) -> None:
    steps = sorted(range(len(values)), key=values.__getitem__)
    held = itertools.takewhile(
        lambda step: (len(values) - step[0]) * values[step[1]] <= alpha, enumerate(steps)
    )
    rejected = {at for _, at in held}
    assert {at for at, p in enumerate(statistics.holm(values)) if p <= alpha} == rejected


@pytest.mark.parametrize(
    ("noise", "wanted"),
    [(0.01, [18, 8, 8, 8, 8]), (0.02, [97, 18, 10, 8, 10]), (0.05, [588, 149, 68, 18, 79])],
)
def test_the_pairs_needed_are_those_of_the_published_table(noise: float, wanted: list[int]) -> None:
    strict = [
        statistics.pairs_for_difference(noise, effect, 0.99, 0.90)
        for effect in (0.01, 0.02, 0.03, 0.05)
    ]
    assert [*strict, statistics.pairs_for_difference(noise, 0.02, 0.95, 0.80)] == wanted


def power(pairs: int, effect: float, runs: int = 400) -> float:
    chance = random.Random(pairs)
    found = 0
    for _ in range(runs):
        ends = statistics.interval([chance.gauss(effect, 0.02) for _ in range(pairs)], 0.99)
        found += ends is not None and ends[0] > 0
    return found / runs


@pytest.mark.parametrize(("effect", "pairs"), [(0.02, 18), (0.03, 10), (0.015, 30), (0.01, 97)])
def test_that_many_pairs_do_find_the_difference(effect: float, pairs: int) -> None:
    assert statistics.pairs_for_difference(0.02, effect, 0.99, 0.90) == pairs
    assert power(pairs, effect) == pytest.approx(0.90, abs=0.05)


@pytest.mark.parametrize("pairs", [12, 20, 150])
def test_the_smallest_difference_is_found_in_nine_cases_of_ten(pairs: int) -> None:
    least = statistics.smallest_difference(0.02, pairs, 0.99, 0.90)
    assert least is not None
    assert statistics.pairs_for_difference(0.02, least, 0.99, 0.90) == pairs
    assert power(pairs, least) == pytest.approx(0.90, abs=0.05)


def test_among_bursts_the_width_of_the_interval_says_what_is_seen() -> None:
    """Three of five pairs are disturbed: what is seen follows from the others."""
    chance = random.Random(9)

    def noisy(effect: float) -> list[float]:
        sizes = (0.004, 0.004, 0.1, 0.1, 0.1)
        return [effect + chance.gauss(0, chance.choice(sizes)) for _ in range(300)]

    widths = []
    for _ in range(60):
        ends = statistics.interval(noisy(0.0), 0.99)
        assert ends is not None
        widths.append(statistics.difference_of_width(ends, 0.99, 0.90))
    least = median(widths)
    by_scatter = statistics.smallest_difference(
        statistics.scatter(noisy(0.0)) or 0.0, 300, 0.99, 0.90
    )
    assert by_scatter is not None and least < 0.5 * by_scatter
    found = [statistics.interval(noisy(least), 0.99) for _ in range(400)]
    assert sum(ends is not None and ends[0] > 0 for ends in found) / 400 == pytest.approx(
        0.90, abs=0.06
    )


def test_the_noise_of_a_width_is_that_of_normal_effects() -> None:
    chance = random.Random(3)
    found = []
    for _ in range(100):
        ends = statistics.interval([chance.gauss(0, 0.02) for _ in range(300)], 0.99)
        assert ends is not None
        found.append(statistics.noise_of_width(ends, 300, 0.99))
    assert median(found) == pytest.approx(0.02, rel=0.08)


def test_without_an_interval_no_difference_is_seen() -> None:
    assert statistics.smallest_difference(0.02, 7, 0.99, 0.90) is None
    assert statistics.smallest_difference(0.02, 8, 0.99, 0.90) is not None


def test_that_many_pairs_do_show_the_equivalence() -> None:
    bound = 0.02
    pairs = statistics.pairs_for_equivalence(0.02, 0.0, bound, 0.90, 0.90)
    chance, shown = random.Random(4), 0
    for _ in range(400):
        ends = statistics.interval([chance.gauss(0, 0.02) for _ in range(pairs)], 0.90)
        shown += ends is not None and -bound < ends[0] and ends[1] < bound
    assert pairs < statistics.pairs_for_equivalence(0.02, 0.01, bound, 0.90, 0.90)
    assert shown / 400 == pytest.approx(0.90, abs=0.05)


def test_the_noise_needs_two_pairs() -> None:
    assert statistics.scatter([0.1]) is None
    assert statistics.scatter([0.1, 0.3]) == pytest.approx(float(np.std([0.1, 0.3], ddof=1)))
