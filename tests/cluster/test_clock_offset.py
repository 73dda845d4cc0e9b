"""The offset of another clock: what its bound holds, and when it is no longer true."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbench.cluster import clock_offset
from fastbench.cluster.clock_offset import DriftWatch, Exchange, Offset

HOUR_NS = 3_600 * 10**9
offsets_ns = st.one_of(
    st.integers(-10, 10),
    st.integers(-3 * HOUR_NS, 3 * HOUR_NS),
    st.sampled_from([-HOUR_NS, HOUR_NS]),
)
delays_ns = st.integers(0, 10**9)  # the two ways, as unequal as they like


def exchange(offset_ns: int, sent_ns: int, out_ns: int, back_ns: int) -> Exchange:
    """Return what is seen of a question that takes so long to get there, and its answer back."""
    return Exchange(sent_ns, sent_ns + out_ns + offset_ns, sent_ns + out_ns + back_ns)


@given(
    offsets_ns,
    st.lists(st.tuples(st.integers(0, 10**15), delays_ns, delays_ns), min_size=1, max_size=30),
)
def test_the_true_offset_lies_within_the_bound(
    offset_ns: int, made: list[tuple[int, int, int]]
) -> None:
    exchanges = [exchange(offset_ns, *each) for each in made]
    found = clock_offset.estimate(exchanges)
    assert abs(found.offset_ns - offset_ns) <= found.bound_ns
    assert found.round_trip_ns == min(each.round_trip_ns for each in exchanges)
    assert found.bound_ns == (found.round_trip_ns + 1) // 2


@given(offsets_ns, delays_ns, st.integers(0, 10**15))
def test_equal_ways_give_the_offset_itself(offset_ns: int, delay_ns: int, sent_ns: int) -> None:
    found = clock_offset.estimate([exchange(offset_ns, sent_ns, delay_ns, delay_ns)])
    assert found.offset_ns == offset_ns


@given(delays_ns)
def test_all_of_the_delay_on_one_way_is_just_within_the_bound(delay_ns: int) -> None:
    for out_ns, back_ns in ((delay_ns, 0), (0, delay_ns)):
        found = clock_offset.estimate([exchange(0, 0, out_ns, back_ns)])
        assert delay_ns // 2 <= abs(found.offset_ns) <= found.bound_ns


def test_instants_are_translated_both_ways() -> None:
    ahead = Offset(HOUR_NS, 5, 10)
    assert ahead.theirs_ns(7) == HOUR_NS + 7
    assert ahead.ours_ns(ahead.theirs_ns(7)) == 7


def test_no_exchange_and_one_that_ends_before_it_began_are_refused() -> None:
    with pytest.raises(ValueError):
        clock_offset.estimate([])
    with pytest.raises(ValueError, match="before its question"):
        Exchange(10, 0, 9)


def _asked(way_ns: Callable[[random.Random], float], chance: random.Random) -> list[Exchange]:
    made: list[Exchange] = []
    while not clock_offset.enough(made):
        made.append(exchange(HOUR_NS, len(made), *(int(way_ns(chance)) for _ in range(2))))
    return made


def test_as_many_are_made_as_help() -> None:
    """What the module says of numbers and bounds: queues, and one answer in ten held up longer."""

    def way_ns(chance: random.Random) -> float:
        held_up = 1e6 * chance.paretovariate(1.5) if chance.random() < 0.1 else 0
        return 150e3 + chance.expovariate(1 / 300e3) + held_up

    chance = random.Random(7)
    runs = sorted((_asked(way_ns, chance) for _ in range(200)), key=len)
    assert 17 <= len(runs[100]) <= 30
    assert len(runs[195]) < 60
    bounds_ns = sorted(clock_offset.estimate(made).bound_ns for made in runs)
    assert bounds_ns[100] < 1.35 * 157e3  # that of 1,000 exchanges in this simulation
    assert bounds_ns[195] < 2.2 * 157e3


def test_equal_round_trips_end_the_exchanges_at_once_and_shrinking_ones_at_their_limit() -> None:
    assert len(_asked(lambda chance: 1e6, random.Random(0))) == 1 + clock_offset.PATIENCE
    lengths_ns = iter(range(10**9, 0, -1))
    shrinking = _asked(lambda chance: 0.9 ** (10**9 - next(lengths_ns)) * 1e9, random.Random(0))
    assert len(shrinking) == clock_offset.MAX_EXCHANGES


def test_estimates_that_may_be_the_same_are_no_drift() -> None:
    watch = DriftWatch("b", Offset(HOUR_NS, 100_000, 200_000), 0, tolerance_ns=0)
    assert watch.look(Offset(HOUR_NS + 300_000, 200_000, 400_000), 10**9) is None
    assert watch.apart_ns == 0
    assert watch.look(Offset(HOUR_NS + 300_001, 200_000, 400_000), 10**9) is not None
    assert watch.apart_ns == 300_001


@given(
    st.integers(-(10**8), 10**8),
    st.lists(st.tuples(delays_ns, delays_ns), min_size=2, max_size=20),
)
def test_clocks_of_one_speed_never_drift(offset_ns: int, ways: list[tuple[int, int]]) -> None:
    frozen, *later = (clock_offset.estimate([exchange(offset_ns, 0, *each)]) for each in ways)
    watch = DriftWatch("b", frozen, 0, tolerance_ns=0)
    assert not any(watch.look(each, 10**9 * (1 + i)) for i, each in enumerate(later))


def test_a_drift_is_said_with_its_speed_and_again_when_it_has_doubled() -> None:
    watch = DriftWatch("10.0.0.7", Offset(5, 100_000, 200_000), 0)
    said = {}
    for second in range(1, 200):
        ahead_ns = second * 20_000  # 20 ppm
        if sentence := watch.look(Offset(5 + ahead_ns, 100_000, 200_000), second * 10**9):
            said[second] = sentence
    assert said == {
        61: "The clock of 10.0.0.7 drifts (+20 ppm): its planned requests start 1.22ms "
        "early; response times are not affected.",
        113: "The clock of 10.0.0.7 drifts (+20 ppm): its planned requests start 2.26ms "
        "early; response times are not affected.",
    }


def test_a_suspended_machine_has_stepped() -> None:
    watch = DriftWatch("b", Offset(0, 100_000, 200_000), 0)
    assert watch.look(Offset(10, 100_000, 200_000), 10**9) is None
    sentence = watch.look(Offset(-4 * 10**9, 100_000, 200_000), 2 * 10**9)
    assert sentence == (
        "The clock of b stepped by 4.00s: it was suspended, or its virtual machine was stopped for "
        "a while; its planned requests start 4.00s late; response times are not affected."
    )
    assert watch.look(Offset(-4 * 10**9, 100_000, 200_000), 3 * 10**9) is None  # it was said


def test_a_clock_that_leaps_ahead_has_stepped_or_ours_stood_still() -> None:
    sentence = DriftWatch("b", Offset(0, 10, 20), 0).look(Offset(HOUR_NS, 10, 20), 10**9)
    assert sentence is not None
    assert sentence.startswith("The clock of b stepped by 1h: this machine was suspended, or ")


@pytest.mark.parametrize(("ppm", "word"), [(499, "drifts"), (-499, "drifts"), (510, "stepped")])
def test_what_the_kernel_slews_is_drift(ppm: int, word: str) -> None:
    sentence = DriftWatch("b", Offset(0, 0, 0), 0).look(Offset(ppm * 10_000, 0, 0), 10**10)
    assert sentence is not None and word in sentence
