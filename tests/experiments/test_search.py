"""search.py: where it looks next, when it stops, and how it takes runs that disagree."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import SLOW

from fastbench.experiments.find.find_document import Border
from fastbench.experiments.find.search import Next, Range, Try, below, border, bracket, next_try
from fastbench.foundation.usage_error import UsageError

WHERE = Range(first=100.0, least=1.0, most=1e6, precision=0.02)
MANY = 200  # runs: no search needs as many


def searched(holds: Callable[[float], bool], where: Range = WHERE) -> list[Try]:
    """Search to the end, asking `holds` what each run says."""
    history: list[Try] = []
    while (following := next_try(history, where)) is not None:
        history.append(Try(following.rate, holds(following.rate)))
        assert len(history) < MANY
        assert where.least <= following.rate <= where.most
    return history


@pytest.mark.parametrize("capacity", [1.5, 99.0, 100.0, 101.0, 1000.0, 12_345.0, 777_777.0])
def test_a_steady_server_is_bracketed_within_the_precision(capacity: float) -> None:
    history = searched(lambda rate: rate <= capacity)
    ends = bracket(history)
    assert ends.low is not None and ends.high is not None
    assert ends.low <= capacity < ends.high <= ends.low * 1.021
    assert border(history) == ends
    assert len(history) <= 26


def test_both_ends_are_measured_twice_and_so_is_the_end_of_the_stepping() -> None:
    history = searched(lambda rate: rate <= 1000)
    ends = bracket(history)
    tries = [each.rate for each in history]
    assert tries[:6] == [100, 200, 400, 800, 1600, 1600]
    assert tries.count(ends.low or 0) == tries.count(ends.high or 0) == 2
    assert next_try(history[:4], WHERE) == Next(1600, "stepping")
    assert next_try(history[:5], WHERE) == Next(1600, "again")
    assert next_try(history[:6], WHERE) == Next(1131, "bisection")


def test_below_the_first_rate_it_steps_down() -> None:
    tries = [each.rate for each in searched(lambda rate: rate <= 20)]
    assert tries[:6] == [100, 100, 50, 50, 25, 25]


def test_nothing_holds() -> None:
    history = searched(lambda rate: False, Range(100, 50, 1e6, 0.02))
    assert bracket(history) == border(history) == Border(None, 50)
    assert [each.rate for each in history] == [100, 100, 50, 50]


def test_the_most_that_may_be_asked_holds() -> None:
    history = searched(lambda rate: True, Range(100, 1, 300, 0.02))
    assert bracket(history) == border(history) == Border(300, None)
    assert [each.rate for each in history] == [100, 200, 300, 300]


def test_one_unlucky_run_while_stepping_costs_two_runs() -> None:
    unlucky = iter([True, False])
    history = searched(lambda rate: next(unlucky, rate <= 5000))
    assert [each.rate for each in history][:5] == [100, 200, 200, 200, 400]
    ends = bracket(history)
    assert ends.low is not None and 4900 <= ends.low <= 5000
    assert border(history).low == 100  # it is told: not every run above held
    assert border(history).high == ends.high


def test_a_failure_on_a_noisy_machine_is_measured_again_before_it_leads_the_search() -> None:
    history = [Try(400, True), Try(800, False), Try(800, False)]
    assert next_try([*history, Try(565.7, False)], WHERE) == Next(475.7, "bisection")
    history.append(Try(565.7, False, noisy=True))
    assert next_try(history, WHERE) == Next(565.7, "again")
    history.append(Try(565.7, True, noisy=True))
    assert next_try(history, WHERE) == Next(565.7, "again")  # a third decides
    assert next_try([*history, Try(565.7, True)], WHERE) == Next(672.7, "bisection")
    assert next_try([*history, Try(565.7, False)], WHERE) == Next(475.7, "bisection")


def test_an_end_that_a_second_and_third_run_deny_moves() -> None:
    # The failure that ends the bisection at 1014 was bad luck: the search goes on above it.
    seen: list[float] = []

    def holds(rate: float) -> bool:
        seen.append(rate)
        return rate <= 1060 and not (1000 < rate < 1060 and seen.count(rate) == 1)

    ends = bracket(searched(holds))
    assert ends.low is not None and 1035 <= ends.low <= 1060


def test_runs_that_disagree_widen_the_interval() -> None:
    history = [Try(100, True), Try(110, False), Try(110, True), Try(110, True)]
    history += [Try(112, False), Try(112, False), Try(120, True), Try(150, False)]
    assert bracket(history) == Border(110, 112)
    assert border(history) == Border(100, 150)
    assert border([]) == bracket([]) == Border(None, None)


def test_noisy_runs_still_find_the_rate() -> None:
    source = random.Random(5)
    found = []
    for _ in range(200):
        capacity = source.uniform(150, 50_000)

        def holds(rate: float, capacity: float = capacity) -> bool:
            near = abs(rate / capacity - 1) < 0.02
            return (rate <= capacity) != (source.random() < (0.3 if near else 0.05))

        low = bracket(searched(holds)).low or 0.0
        found.append(abs(low / capacity - 1) < 0.05)
    # A failure by chance far below the border is believed only if a second one follows.
    assert sum(found) >= 190


@pytest.mark.slow
@settings(max_examples=1000 if SLOW else 60)
@given(st.lists(st.booleans(), max_size=MANY), st.booleans(), st.sampled_from([0.002, 0.02, 0.5]))
def test_whatever_the_runs_say_it_ends(said: list[bool], then: bool, precision: float) -> None:
    answers = iter(said)
    where = Range(100, 10, 10_000, precision)
    history: list[Try] = []
    while (following := next_try(history, where)) is not None:
        history.append(Try(following.rate, next(answers, then), noisy=len(history) % 3 == 0))
        assert sum(each.rate == following.rate for each in history) <= 3
        assert len(history) < 3 * 10_000
    ends, wide = bracket(history), border(history)
    assert ends.low is not None or ends.high == where.least
    assert ends.high is not None or ends.low == where.most
    if ends.low is not None and ends.high is not None:
        assert ends.low < ends.high <= ends.low * (1 + precision) * 1.001
        assert (wide.low or 0) <= ends.low and (wide.high or 1e9) >= ends.high


def test_below_a_ceiling_it_looks_once_in_the_middle() -> None:
    history = [Try(100, True), Try(200, True)]
    assert below(400, history, WHERE) == Next(282.8, "bisection")
    assert below(203, history, WHERE) is None
    assert below(100, [], WHERE) == Next(10, "bisection")


@pytest.mark.parametrize(
    ("first", "least", "most", "precision"),
    [
        (100, 1, 50, 0.02),
        (1, 2, 50, 0.02),
        (100, 0, 200, 0.02),
        (100, 1, 200, 0.0001),
        (100, 1, 200, 1.5),
    ],
)
def test_a_range_that_is_none_is_refused(
    first: float, least: float, most: float, precision: float
) -> None:
    with pytest.raises(UsageError):
        Range(first, least, most, precision)
