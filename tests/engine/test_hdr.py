"""The engine's histogram against its plain-Python twin."""

from __future__ import annotations

import naive
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.engine.bridge._core import HISTOGRAM_COUNTERS, Histogram

MAX_NS = 2**42 - 1
values_ns = st.one_of(
    st.integers(0, 5000),
    st.integers(0, MAX_NS),
    st.integers(0, 41).flatmap(lambda bits: st.integers(max(0, 2**bits - 2), 2**bits + 2)),
)
samples = st.lists(values_ns, min_size=1, max_size=60)
percents = st.one_of(st.floats(0, 100), st.sampled_from([0.0, 50.0, 75.0, 90.0, 99.0, 99.9, 100.0]))


def histogram_of(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(samples)
def test_each_value_lands_in_its_counter(values: list[int]) -> None:
    counts: dict[int, int] = {}
    for value in values:
        counts[naive.bucket(value)] = counts.get(naive.bucket(value), 0) + 1
    histogram = histogram_of(values)
    assert histogram.counts() == counts
    assert (histogram.count, histogram.sum_ns) == (len(values), sum(values))
    assert (histogram.min_ns, histogram.max_ns) == (min(values), max(values))


@given(samples, percents)
def test_a_percentile_is_the_sorted_sample_rounded_up_within_its_counter(
    values: list[int], percent: float
) -> None:
    exact = naive.percentile(values, percent)
    seen = histogram_of(values).percentile(percent)
    assert seen == min(naive.highest_equivalent(exact), max(values))
    assert exact <= seen <= exact * 1.001 + 1


@given(samples, percents, percents)
def test_percentiles_rise(values: list[int], one: float, other: float) -> None:
    histogram = histogram_of(values)
    low, high = sorted((one, other))
    assert histogram.percentile(low) <= histogram.percentile(high) <= histogram.max_ns


@given(st.lists(samples, min_size=1, max_size=5))
def test_merged_histograms_are_the_single_one_bit_for_bit(workers: list[list[int]]) -> None:
    merged = Histogram()
    for values in workers:
        merged.add(histogram_of(values))
    single = histogram_of([value for values in workers for value in values])
    assert merged.counts() == single.counts()
    assert (merged.count, merged.sum_ns) == (single.count, single.sum_ns)
    assert (merged.min_ns, merged.max_ns) == (single.min_ns, single.max_ns)


@given(st.lists(values_ns, max_size=40), samples)
def test_what_was_recorded_since_is_the_difference(before: list[int], after: list[int]) -> None:
    histogram = histogram_of(before)
    earlier = Histogram()
    earlier.add(histogram)
    for value in after:
        histogram.record(value)
    since = histogram.since(earlier)
    assert since.counts() == histogram_of(after).counts()
    assert (since.count, since.sum_ns) == (len(after), sum(after))


def test_the_layout_ends_at_2_to_the_42() -> None:
    assert naive.bucket(MAX_NS) == HISTOGRAM_COUNTERS - 1
    histogram = histogram_of([MAX_NS, MAX_NS + 1, 2**60])
    assert histogram.counts() == {HISTOGRAM_COUNTERS - 1: 3}
    assert histogram.max_ns == 2**60


def test_an_empty_histogram_answers_with_nought() -> None:
    histogram = Histogram()
    assert (histogram.count, histogram.sum_ns, histogram.max_ns) == (0, 0, 0)
    assert histogram.min_ns == 0
    assert histogram.percentile(99) == 0


@pytest.mark.parametrize("value", [0, 1, 2047, 2048, 2049, 4095, 4096, 10**6, 10**9, MAX_NS])
def test_one_value_is_reported_exactly(value: int) -> None:
    assert histogram_of([value] * 3).percentile(50) == value
