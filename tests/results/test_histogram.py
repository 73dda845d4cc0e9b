"""The histogram against an exact sort, against itself merged, and against PyPI's HdrHistogram."""

from __future__ import annotations

import base64
import math
import random
import statistics
import struct
import zlib

import pytest
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.engine.bridge import _core
from fastbench.results.histogram import (
    COUNTERS,
    MAX_VALUE_NS,
    Histogram,
    highest_ns,
    index,
    lowest_ns,
    v2_of,
)

# Latencies cluster on a logarithmic scale: draw the exponent, then the value.
LATENCIES = st.one_of(
    st.integers(0, 4096),
    st.floats(0, 42, exclude_max=True).map(lambda exponent: min(int(2**exponent), MAX_VALUE_NS)),
    st.integers(0, MAX_VALUE_NS),
)
SAMPLES = st.lists(LATENCIES, min_size=1, max_size=200)
PERCENTS = st.one_of(st.sampled_from([0, 50, 90, 99, 99.9, 99.99, 100]), st.floats(0, 100))


def exact(values: list[int], percent: float) -> int:
    """Return the nearest-rank percentile of sorted values."""
    return values[max(1, math.ceil(len(values) * percent / 100 - 1e-9)) - 1]


@given(st.lists(SAMPLES, min_size=1, max_size=5))
def test_merged_workers_are_one_histogram_bit_for_bit(workers: list[list[int]]) -> None:
    merged = Histogram.empty()
    for values in workers:
        merged = merged.merge(Histogram.from_values(values))
    assert merged == Histogram.from_values([value for values in workers for value in values])


@given(SAMPLES, PERCENTS)
def test_a_percentile_is_never_low_and_at_most_a_thousandth_high(
    values: list[int], percent: float
) -> None:
    ours = Histogram.from_values(values).percentile(percent)
    want = exact(sorted(values), percent)
    assert want <= ours <= want * 1.001


@given(SAMPLES, st.lists(PERCENTS, min_size=2, max_size=9))
def test_percentiles_rise_with_the_percent(values: list[int], percents: list[float]) -> None:
    histogram = Histogram.from_values(values)
    found = [histogram.percentile(percent) for percent in sorted(percents)]
    assert found == sorted(found)
    assert histogram.percentile(100) == max(values)


@given(LATENCIES)
def test_a_counter_holds_the_values_between_its_bounds(value: int) -> None:
    at = index(value)
    assert 0 <= at < COUNTERS
    assert lowest_ns(at) <= value <= highest_ns(at)
    assert index(lowest_ns(at)) == index(highest_ns(at)) == at


def test_the_last_counter_holds_what_is_beyond_the_range() -> None:
    assert index(MAX_VALUE_NS) == index(2**60) == COUNTERS - 1
    histogram = Histogram.from_values([2**50])
    assert histogram.max_ns == 2**50
    assert histogram.percentile(100) <= 2**50


@given(SAMPLES)
def test_mean_is_exact_and_stdev_within_a_thousandth(values: list[int]) -> None:
    histogram = Histogram.from_values(values)
    assert histogram.mean_ns == sum(values) / len(values)
    assert histogram.stdev_ns == pytest.approx(
        statistics.pstdev(values), rel=1e-3, abs=max(values) / 1000
    )


@given(SAMPLES, LATENCIES)
def test_samples_below_a_value_are_counted_by_counters(values: list[int], limit: int) -> None:
    histogram = Histogram.from_values(values)
    assert histogram.count_below(limit) == sum(index(value) < index(limit) for value in values)


def test_no_samples_is_zero_everywhere() -> None:
    empty = Histogram.empty()
    assert (empty.count, empty.percentile(99), empty.mean_ns, empty.stdev_ns) == (0, 0, 0.0, 0.0)
    assert Histogram.from_v2(empty.to_v2()) == empty
    assert empty.merge(empty) == empty


@given(SAMPLES)
def test_the_engine_counts_into_the_same_counters(values: list[int]) -> None:
    engine = _core.Histogram()
    for value in values:
        engine.record(value)
    ours = Histogram(engine.counts(), engine.min_ns, engine.max_ns, engine.sum_ns)
    assert ours == Histogram.from_values(values)


@pytest.mark.slow
@settings(max_examples=100 if SLOW else 5)
@given(SAMPLES)
def test_hdrhistogram_reads_our_blob_and_agrees(values: list[int]) -> None:
    ours = Histogram.from_values(values)
    theirs = HdrHistogram.decode(base64.b64encode(ours.to_v2()))
    assert theirs.get_total_count() == ours.count
    for rank in {1, ours.count // 2 + 1, ours.count}:
        percent = 100 * (rank - 0.25) / ours.count  # both ways of rounding give this rank
        assert min(theirs.get_value_at_percentile(percent), ours.max_ns) == ours.percentile(percent)
    assert theirs.get_stddev() == pytest.approx(ours.stdev_ns, rel=1e-6, abs=1)


@pytest.mark.slow
@settings(max_examples=100 if SLOW else 5)
@given(SAMPLES)
def test_we_read_what_hdrhistogram_writes(values: list[int]) -> None:
    theirs = HdrHistogram(1, MAX_VALUE_NS, 3)
    for value in values:
        theirs.record_value(value)
    ours = Histogram.from_v2(base64.b64decode(theirs.encode()))
    assert ours.counts == Histogram.from_values(values).counts


@given(SAMPLES, st.integers(1, 2**60))
def test_the_compressed_form_comes_back_the_same(values: list[int], factor: int) -> None:
    once = Histogram.from_values(values)
    many = Histogram({at: n * factor for at, n in once.counts.items()}, 0, 0, 0)
    assert Histogram.from_v2(many.to_v2()).counts == many.counts
    back = Histogram.from_v2(once.to_v2())
    assert back.min_ns <= once.min_ns <= once.max_ns <= back.max_ns
    assert back.with_exact(once.min_ns, once.max_ns, once.sum_ns) == once


GOOD = Histogram.from_values([1, 5, 900, 10**6])


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (b"", "not a compressed V2"),
        (b"\x00" * 40, "not a compressed V2"),
        (GOOD.to_v2()[:20], "header"),
        (GOOD.to_v2()[:8] + b"not zlib", "decompress"),
    ],
)
def test_a_broken_blob_is_refused(blob: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Histogram.from_v2(blob)


def packed(payload: bytes, digits: int = 3, length: int | None = None) -> bytes:
    size = len(payload) if length is None else length
    head = struct.pack(">iiiiqqd", 0x1C849313, size, 0, digits, 1, MAX_VALUE_NS, 1.0)
    body = zlib.compress(head + payload)
    return struct.pack(">ii", 0x1C849314, len(body)) + body


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        (packed(b"\x02", digits=2), "another layout"),
        (packed(b"\x02", length=99), "cut short"),
        (packed(b"\x80"), "middle of a number"),
        (packed(b"\x02" * (COUNTERS + 1)), "more counters"),
        (packed(b"\xff" * 8 + b"\x7f" + b"\x02"), "more counters"),
    ],
)
def test_a_blob_of_another_shape_is_refused(blob: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Histogram.from_v2(blob)


def test_a_blob_that_unpacks_to_very_much_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        Histogram.from_v2(packed(bytes(50_000_000)))


@given(st.binary(max_size=200))
def test_any_payload_is_read_or_refused(payload: bytes) -> None:
    try:
        histogram = Histogram.from_v2(packed(payload))
    except ValueError:
        return
    assert all(0 <= at < COUNTERS and n > 0 for at, n in histogram.counts.items())


def test_many_samples_agree_with_hdrhistogram() -> None:
    drawn = random.Random(7)
    values = [int(drawn.lognormvariate(13, 1)) for _ in range(20_000)]
    ours = Histogram.from_values(values)
    theirs = HdrHistogram.decode(base64.b64encode(ours.to_v2()))
    for percent in (50.0, 90.0, 99.0, 99.9):
        assert theirs.get_value_at_percentile(percent) == ours.percentile(percent)


@given(SAMPLES)
def test_the_engines_histogram_packs_as_its_twin_does(values: list[int]) -> None:
    counted = _core.Histogram()
    for value in values:
        counted.record(value)
    twin = Histogram.from_values(values)
    assert v2_of(counted.payload()) == twin.to_v2()
    assert Histogram.from_v2(v2_of(counted.payload(), level=1)).counts == twin.counts
