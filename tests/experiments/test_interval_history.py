"""interval_history.py: what the first pairs said, the first few more, and at last all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import samples
from comparing import SUBJECT, judged, limited, scattered
from comparisons import restarted

from fastbench.experiments.compare import interval_history, statistics
from fastbench.experiments.compare.compare_document import Pair
from fastbench.experiments.compare.interval_history import MAX_LOOKS, looks
from fastbench.experiments.compare.saved_results import judge_stored


def test_the_last_look_is_the_comparison() -> None:
    found = judged(scattered(12, 0.05))
    last = looks(found)[-1]
    assert (last.pair, last.counted) == (12, 12)
    assert last.ratio == pytest.approx(found.ratio, rel=1e-12)
    assert last.interval == pytest.approx(found.interval, rel=1e-12)


def test_every_look_is_the_comparison_of_so_many_pairs() -> None:
    pairs = scattered(12, -0.03, 0.02)
    for count, look in enumerate(looks(judged(pairs, "p99")), 1):
        found = judged(pairs[:count], "p99")
        assert look.counted == count
        assert look.ratio == pytest.approx(found.ratio, rel=1e-12)
        assert (look.interval is None) == (found.interval is None) == (count < 8)
        if look.interval is not None:
            assert look.interval == pytest.approx(found.interval, rel=1e-12)


def test_pairs_that_do_not_count_are_numbered_all_the_same() -> None:
    pairs = scattered(11, 0.05)
    pairs[2:2] = [limited(pairs[0]), Pair(None, None, "base first", False, ("refused",))]
    found = looks(judged(pairs))
    assert [look.pair for look in found] == [1, 2, *range(5, 14)]
    assert [look.counted for look in found] == list(range(1, 12))


@pytest.mark.parametrize("count", [40, 41, 300])
def test_of_many_pairs_there_is_a_look_every_few(count: int) -> None:
    found = looks(judged(scattered(count, 0.02, 0.02)))
    assert MAX_LOOKS / 2 < len(found) <= MAX_LOOKS
    assert found[-1].counted == count


def test_a_quick_look_at_many_pairs_is_the_comparison() -> None:
    pairs = scattered(240, 0.02, 0.03)
    pairs[50] = limited(pairs[50])
    found, last = judged(pairs), looks(judged(pairs))[-1]
    assert (last.pair, last.counted) == (240, 239)
    assert last.ratio == pytest.approx(found.ratio, rel=1e-12)
    assert last.interval == pytest.approx(found.interval, rel=1e-12)
    assert interval_history.look(pairs[50:51], "p99", 0.99) is None


def test_thousands_of_pairs_are_judged() -> None:
    assert 0 <= statistics.least_p(5000) <= statistics.least_p(1100) < 1e-4


def test_of_several_starts_there_is_a_look_after_each() -> None:
    found = restarted()
    seen = looks(found)
    assert [each.counted for each in seen] == list(range(1, 9))
    assert [each.pair for each in seen] == list(range(20, 161, 20))
    assert [each.interval is None for each in seen] == [True] * 7 + [False]
    assert seen[-1].interval == pytest.approx(found.interval, rel=1e-12)
    last = interval_history.look(found.pairs, found.primary, found.confidence)
    assert last == seen[-1]


def test_without_pairs_there_is_nothing_to_see() -> None:
    assert looks(judged([])) == []
    assert looks(judged([limited(scattered(1, 0.0)[0])])) == []
    assert looks(judge_stored(samples.good(), samples.good(), SUBJECT)) == []
    assert looks(replace(judged(scattered(12, 0.0)), interleaved=False)) == []
